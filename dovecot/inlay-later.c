/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-later.h"

#include "inlay-ask.h"

#define FIRST_MS 100u
#define LAST_MS 5000u
#define TRIES_MAX 120 /* some ten minutes; then the next trigger tries */

static void on_again(struct inlay_session *session)
{
	timeout_remove(&session->later);
	inlay_session_work(session);
}

void inlay_later(struct inlay_session *session)
{
	if (session->later != NULL || session->later_tries >= TRIES_MAX)
		return;
	unsigned int doublings = I_MIN(session->later_tries, 10);
	unsigned int ms = I_MIN(FIRST_MS << doublings, LAST_MS);
	session->later_tries++;
	session->later = timeout_add_to(io_loop_get_root(), ms, on_again, session);
}

void inlay_later_done(struct inlay_session *session)
{
	timeout_remove(&session->later);
	session->later_tries = 0;
}

static void on_connect(struct inlay_session *session)
{
	timeout_remove(&session->reconnect);
	if (session->link != NULL || session->user->deinitializing)
		return;
	inlay_ask_hello(session); /* which comes back here if nobody is there */
}

void inlay_later_connect(struct inlay_session *session)
{
	if (session->reconnect != NULL || session->user->deinitializing ||
	    strcmp(session->user->service, "imap") != 0)
		return;
	session->reconnect = timeout_add_to(
		io_loop_get_root(), INLAY_QUIET_MS + i_rand_limit(INLAY_QUIET_MS / 2),
		on_connect, session);
}

void inlay_later_free(struct inlay_session *session)
{
	timeout_remove(&session->later);
	timeout_remove(&session->reconnect);
}
