/* SPDX-License-Identifier: Apache-2.0 */
/* Is this synchronisation of INBOX one that the user asked for? `sync_init` also runs
 * while quota is counted, at autoexpunge, for virtual mailboxes and in many more
 * places; only a visible trigger counts. */
#ifndef INLAY_TRIGGER_H
#define INLAY_TRIGGER_H

#include "inlay-settings.h"

/* The trigger in progress for this handle of INBOX, or NONE. */
enum inlay_trigger inlay_trigger_now(struct mailbox *box,
				     enum mailbox_sync_flags flags);
/* Is that a trigger by the settings? What is done to a mailbox that was opened by
 * EXAMINE is one only if EXAMINE is. */
bool inlay_trigger_is_wanted(const struct inlay_settings *set,
			     const struct mailbox *box, enum inlay_trigger trigger);
/* Is any transaction of this user open, on whatever mailbox? */
bool inlay_trigger_is_blocked(struct mail_user *user);

#endif
