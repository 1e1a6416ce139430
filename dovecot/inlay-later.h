/* SPDX-License-Identifier: Apache-2.0 */
/* What could not be done when it came and must not wait for a command that may never
 * come (a client in IDLE): tries again by a clock of the session. */
#ifndef INLAY_LATER_H
#define INLAY_LATER_H

#include "inlay-session.h"

/* Has inlay_session_work() called in a while: soon at first, then every few seconds,
 * and not for ever. */
void inlay_later(struct inlay_session *session);
/* It was done. */
void inlay_later_done(struct inlay_session *session);

/* There is no agent: looks for one when the process may ask again. Not all sessions
 * come at once then. */
void inlay_later_connect(struct inlay_session *session);

void inlay_later_free(struct inlay_session *session);

#endif
