/* SPDX-License-Identifier: Apache-2.0 */
/* Notices what happened to our messages: read, gone, moved. */
#ifndef INLAY_SEE_H
#define INLAY_SEE_H

#include "inlay-session.h"

/* First look through a handle that was just opened: what index and ledger say of
 * ours, what happened since (by whomever), and what is still to be acknowledged. */
void inlay_see_load(struct inlay_session *session, struct mailbox *box);
/* Adds what index and ledger say of ours to the session's own messages, and measures
 * all of them in this handle. True: the index had its extension. */
bool inlay_see_take_in(struct inlay_session *session, struct mailbox *box,
		       struct inlay_ledger *ledger);
/* After a synchronisation: compares with before. */
void inlay_see_changes(struct inlay_session *session, struct mailbox *box);

#endif
