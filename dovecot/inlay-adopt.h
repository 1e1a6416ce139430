/* SPDX-License-Identifier: Apache-2.0 */
/* A message is in the mailbox from Dovecot's commit on, and is known as ours only when
 * who put it in has noted it in ledger and index, which may be late or never. Whoever
 * sees it in between knows it by the ledger's record from before the commit. */
#ifndef INLAY_ADOPT_H
#define INLAY_ADOPT_H

#include "inlay-session.h"

/* Adds to the session's own messages, at the end, those in this handle's view that the
 * ledger holds as prepared: their GUID says that it is they. True: there are some. */
bool inlay_adopt(struct inlay_session *session, struct mailbox *box,
		 struct inlay_ledger *ledger);

#endif
