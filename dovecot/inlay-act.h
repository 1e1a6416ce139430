/* SPDX-License-Identifier: Apache-2.0 */
/* One action on our handle of INBOX, under the lock. */
#ifndef INLAY_ACT_H
#define INLAY_ACT_H

#include "inlay-session.h"

/* The lock and the ledger, and our own synchronised handle of INBOX. */
struct inlay_work {
	struct inlay_session *session;
	struct inlay_desk desk;
	struct mailbox *box;
};

/* Carries it out and tells the agent what became of it. */
void inlay_act(struct inlay_work *work, struct inlay_action *action);
/* A message that came, and behind it the word that it is taken back. */
bool inlay_act_is_withdrawn(const struct inlay_action *action);
bool inlay_act_is_late(const struct inlay_action *action);
/* A reinjection is in the mailbox, and the copy that it replaces as well: that one
 * goes, unless it was read. */
void inlay_act_replace(struct inlay_work *work, uint32_t uid);
/* The message is not in INBOX any more: ledger and agent learn of it. */
void inlay_act_gone(struct inlay_work *work, struct inlay_record *record,
		    uint8_t cause);
/* Tells that nothing was saved; frees the assignment in MIM. */
void inlay_act_refuse(struct inlay_session *session, const struct inlay_action *action,
		      uint8_t cause);

#endif
