/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to our messages and nobody has told: it is written into the ledger,
 * under the lock, and told to the agent. */
#ifndef INLAY_NEWS_H
#define INLAY_NEWS_H

#include "inlay-session.h"

bool inlay_news_was_read(const struct inlay_own *own);
/* Something of what was found, when it was measured last, is news. */
bool inlay_news_has(const struct inlay_session *session, const struct inlay_own *own);
/* Who has the lock tells what is news. False: *error_r. */
bool inlay_news_tell(struct inlay_session *session, struct inlay_desk *desk,
		     const char **error_r);
/* Takes the lock and tells it; without the lock it is kept to be told. */
void inlay_news_report(struct inlay_session *session);
/* Tells what was kept. */
void inlay_news_again(struct inlay_session *session);
/* The same at the end of the session: waits for the lock until the deadline (monotonic
 * ms), and then tells the agent what no ledger says. */
void inlay_news_last(struct inlay_session *session, int64_t deadline);

#endif
