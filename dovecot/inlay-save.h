/* SPDX-License-Identifier: Apache-2.0 */
/* Saves a message into our handle of INBOX and takes one out of it. */
#ifndef INLAY_SAVE_H
#define INLAY_SAVE_H

#include "inlay-compat.h"

/* Can a storage keep the GUID that is given to a message? Where it cannot (mbox, imapc)
 * a message would not be known again. */
bool inlay_can_keep(const struct mailbox *box);
/* Saves with the GUID, the date and our keyword, but for the commit. NULL: it failed;
 * the mailbox has the error set. What is not committed is to be given to
 * mailbox_transaction_rollback(). */
struct mailbox_transaction_context *inlay_save(struct mailbox *box, const char *guid,
					       const unsigned char *message,
					       size_t size, time_t date, bool notify);
/* 0: committed; *uid_r may still be 0 when the storage gives UIDs at the next
 * synchronisation only. -1: the commit is known to have failed; the mailbox has the
 * error set. */
int inlay_save_commit(struct mailbox_transaction_context **t, uint32_t *uid_r);
/* Expunges one message. 0: done, or it was gone already. */
int inlay_expunge(struct mailbox *box, uint32_t uid, bool notify);
/* Expunges what has this GUID in the mailbox that lazy_expunge moves to, if that
 * plugin is in use. True: it may still be there, where the user can find it. */
bool inlay_expunge_lazy(struct mailbox *inbox, const char *guid);
/* Is this the mailbox (or in the namespace) that lazy_expunge moves to? */
bool inlay_is_lazy_mailbox(struct mailbox *box);

#endif
