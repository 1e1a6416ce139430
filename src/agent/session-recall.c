/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken back while a session is open. */
#include "agent/session-internal.h"

#include "agent/compose.h"

#include <stddef.h>

static struct session *session_of(struct recalls_member *m)
{
	return (struct session *)(void *)((char *)m - offsetof(struct session, recall));
}

static bool push_all(struct session *s, const struct answer_withdrawal *what)
{
	struct wire_frame *f = &s->agent->frame;
	for (size_t i = 0; i < what->n; i++) {
		compose_withdraw(&what->withdraw[i], f);
		if (!session_send(s, f))
			return false;
	}
	if (!what->more)
		return true;
	/* the answer to an OPEN brings the rest */
	f->type = WIRE_OPEN_AGAIN;
	return session_send(s, f);
}

void sessions_push(struct recalls_member *m, const struct answer_withdrawal *what)
{
	struct session *s = session_of(m);
	if (!push_all(s, what))
		session_close(s);
}
