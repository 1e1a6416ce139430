/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the agent: when to ask, for how long to wait, what its
 * frames mean. */
#ifndef INLAY_ASK_H
#define INLAY_ASK_H

#include "inlay-session.h"

#define INLAY_QUIET_MS 30000 /* after a miss the process asks nobody so long */

/* Connects and says HELLO, unless this process had a miss not long ago. */
void inlay_ask_hello(struct inlay_session *session);
/* Sends OPEN if something could be done, and waits for the answer within what is
 * left of the session's deadline. The session's own messages are loaded. */
void inlay_ask(struct inlay_session *session, struct mailbox *box);
/* What was asked is not answered any more; it may be asked again. */
void inlay_ask_refused(struct inlay_session *session);
/* The link has ended. */
void inlay_ask_lost(struct inlay_session *session);
void inlay_ask_send_event(struct inlay_session *session,
			  const struct inlay_event *event);
/* At logout: waits for acknowledgements until the deadline (monotonic ms). */
void inlay_ask_last_acks(struct inlay_session *session, int64_t deadline);

/* In inlay-session.c: what the event loop calls. */
void inlay_session_wake(void *context);
/* In inlay-answer.c: takes in one frame. */
bool inlay_answer_frame(const struct wire_frame *frame, void *context);

#endif
