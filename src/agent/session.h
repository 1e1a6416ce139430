/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a mail process: HELLO binds it to a tenant and a user, OPEN is
 * answered by what MIM decides, EVENTs go into the spool. Without an answer nothing
 * is sent. */
#ifndef INLAY_AGENT_SESSION_H
#define INLAY_AGENT_SESSION_H

#include "agent/agent.h"

/* Takes the descriptor over (also when it fails). The connection must have been
 * counted by limits_connect, which this undoes in the end. */
void session_start(struct agent *a, int fd, uid_t uid);
void sessions_close_all(struct agent *a);
/* Of recalls: gives what is taken back to the session, and closes it if that fails. */
void sessions_push(struct recalls_member *m, const struct answer_withdrawal *what);
/* The spool's `synced`: events are confirmed to those who sent them. ctx: the
 * agent. */
void sessions_synced(void *ctx, uint64_t sequence, bool ok);
/* Nothing is being answered, nothing is left to be written. */
bool sessions_are_idle(const struct agent *a);

#endif
