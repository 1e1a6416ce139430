/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of recalls: recalls.c has the members and the requests that wait,
 * recalls-ask.c what is asked for thereupon, recalls-away.c who has no connection. */
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

#define RECALLS_AWAY_MAX 50000   /* users who are remembered, the latest */
#define RECALLS_AWAY_TABLE 16384 /* a power of two */
#define RECALLS_AWAY_TRIES 3     /* to wake one for the same news */
#define RECALLS_AWAY_AGAIN_S 5   /* seconds: then MIM is asked whether it went */

struct away;

/* A session that is to be woken, is being woken, or was. */
struct wake {
	struct wake *next;
	struct away *of;  /* NULL: it has come back */
	int64_t again_us; /* when it was woken: when to ask again */
	size_t n;
	char guids[WIRE_ACTIONS_MAX][32];
};

struct wakes {
	struct wake *first, *last;
};

struct recalls_away {
	struct recalls *r;
	struct away *table[RECALLS_AWAY_TABLE];
	struct away *oldest, *newest;
	size_t n;
	struct wakes waiting, woken;
	struct wake *sent[DOVEADM_USERS_MAX]; /* in the request under way */
	size_t n_sent, most;
	unsigned failures; /* in a row */
	ev_timer send_timer, again_timer;
};

struct recalls {
	struct recalls_config config;
	struct recalls_lane *lanes;
	struct recalls_away *away; /* NULL: without doveadm */
	bool stopped;
};

#define RECALLS_AREA "recalls"
#define RECALLS_ABSENT_S 300 /* until a MIM without such a call is asked again */

void recalls_start_timer(struct recalls_lane *l, ev_timer *timer, double seconds);

/* Members have `ask` set: asks for them soon. */
void recalls_ask_soon(struct recalls_lane *l);
void recalls_ask_timer(struct ev_loop *loop, ev_timer *w, int revents);
void recalls_ask_cancel(struct recalls_lane *l);

void recalls_link(struct recalls_lane *l, struct recalls_member *m);
void recalls_unlink(struct recalls_member *m);

bool recalls_away_new(struct recalls *r); /* false without memory */
void recalls_away_free(struct recalls *r);
void recalls_away_stop(struct recalls *r);
/* A session of this user goes, or comes. */
void recalls_away_add(struct recalls *r, struct recalls_member *m);
void recalls_away_back(struct recalls *r, struct recalls_member *m);
/* What is to be taken back from a user who is away; NULL: nothing. */
void recalls_away_push(struct recalls_member *m, const struct answer_withdrawal *what);

#endif
