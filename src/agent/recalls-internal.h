/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of recalls: recalls.c has the members and the requests that wait,
 * recalls-ask.c what is asked for thereupon. */
#ifndef INLAY_AGENT_RECALLS_INTERNAL_H
#define INLAY_AGENT_RECALLS_INTERNAL_H

#include "agent/recalls.h"

/* One tenant. */
struct recalls_lane {
	struct recalls *r;
	struct recalls_lane *next;
	char tenant[SPOOL_TENANT_MAX + 1];
	struct recalls_member *members;

	struct uplink_call *poll; /* NULL: none is under way */
	ev_timer poll_timer;      /* until the next one */
	char cursor[REQUESTS_CURSOR_MAX + 1];
	int64_t polled_us; /* when the last one began */
	unsigned failures; /* in a row */
	unsigned resets;   /* likewise */
	bool absent;       /* MIM has no such call: said once */

	struct uplink_call *ask;
	ev_timer ask_timer;
	unsigned ask_failures;
	size_t n_asked;  /* users in the request under way */
	size_t ask_most; /* users; fewer after a refusal, to find what is refused */
};

struct recalls {
	struct recalls_config config;
	struct recalls_lane *lanes;
	bool stopped;
};

#define RECALLS_AREA "recalls"
#define RECALLS_ABSENT_S 300 /* until a MIM without such a call is asked again */

void recalls_start_timer(struct recalls_lane *l, ev_timer *timer, double seconds);

/* Members have `ask` set: asks for them soon. */
void recalls_ask_soon(struct recalls_lane *l);
void recalls_ask_timer(struct ev_loop *loop, ev_timer *w, int revents);
void recalls_ask_cancel(struct recalls_lane *l);

#endif
