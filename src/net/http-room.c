/* SPDX-License-Identifier: Apache-2.0 */
/* Whose connection goes when there are too many. One that waits for its turn would
 * hang, so nobody waits: the new one gets the place of one that is idle, or it is told
 * that there is none. Who has shown a token keeps its place longest, and gets one of a
 * few that are spare: any number of connections from whoever can reach the port does
 * not shut out an agent. */
#include "net/http-internal.h"

#include "base/clock.h"

#include <sys/ioctl.h>

/* A client that means it has sent its request by then. */
#define SLOW_US (1 * CLOCK_SECOND * 1000)
/* A connection without a place that asks nothing. */
#define EXCESS_MS CLOCK_SECOND
/* A client that is known keeps its connection for so long after its last request. */
#define KEEP_US (5 * CLOCK_SECOND * 1000)
/* To look at one connection of thousands takes so long: none is in a cache. */
#define LOOK_NS 70
/* Of a thread's time, one part in so many is enough for it, however many come and
 * whether or not there is one that can go. */
#define LOOK_SELDOM 8

unsigned room_headroom(const struct http_options *o)
{
	return o->max_connections / 8 + 16 * o->threads;
}

/* The lower, the sooner it goes; what is not listed stays. */
enum rank {
	RANK_IDLE,
	RANK_SLOW,
	RANK_KNOWN_IDLE,
	RANK_KNOWN_SLOW,
	RANK_NEEDED,
};

static enum rank rank_of(const struct http_server *s, const struct connection *c,
			 int64_t now)
{
	const struct stage is = connection_stage(c);
	int64_t began = is.deadline_us;
	bool known = c->known;
	switch (is.phase) {
	case PHASE_IDLE:
		if (!known)
			return RANK_IDLE;
		began -= s->o.idle_ms * 1000;
		return now - began < KEEP_US ? RANK_NEEDED : RANK_KNOWN_IDLE;
	case PHASE_HEAD:
		began -= s->o.header_ms * 1000;
		break;
	case PHASE_BODY:
		began -= s->o.body_ms * 1000;
		break;
	default:
		return RANK_NEEDED;
	}
	if (now - began < SLOW_US)
		return RANK_NEEDED;
	return known ? RANK_KNOWN_SLOW : RANK_SLOW;
}

/* Its request lies unread. */
static bool has_asked(const struct connection *c)
{
	int n = 0;
	return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0;
}

static bool is_sooner(enum rank rank, const struct connection *c, enum rank than,
		      const struct connection *other)
{
	if (rank != than)
		return rank < than;
	return other != NULL &&
	       connection_stage(c).deadline_us < connection_stage(other).deadline_us;
}

/* Of those that nobody will miss, several go at a time. If there are none, the one of
 * the lowest rank, and of these whose deadline is next. How many went. */
static size_t shed(struct http_server *s, const struct connection *but, int64_t now)
{
	size_t most = 1 + s->o.max_connections / 64, n = 0, calls = 4 * most, looks = 0;
	struct connection *one = NULL;
	enum rank lowest = RANK_NEEDED;
	for (struct connection *c = s->oldest; c != NULL && n < most; c = c->prev) {
		enum rank rank = c == but || c->shut ? RANK_NEEDED : rank_of(s, c, now);
		looks++;
		if (rank != RANK_IDLE) {
			if (is_sooner(rank, c, lowest, one)) {
				one = c;
				lowest = rank;
			}
		} else if (calls > 0) {
			calls--;
			if (has_asked(c))
				continue;
			connection_shut(s, c);
			n++;
		}
	}
	s->next_look_us = now + (int64_t)looks * LOOK_NS * LOOK_SELDOM / 1000;
	if (n > 0 || one == NULL || has_asked(one))
		return n;
	connection_shut(s, one);
	return 1;
}

void room_make(struct http_server *s, struct connection *conn)
{
	if (s->n_connections - s->n_shut <= s->o.max_connections)
		return;
	int64_t now = clock_mono_us();
	size_t n = now >= s->next_look_us ? shed(s, conn, now) : 0;
	s->stats->shed += n;
	if (n > 0)
		return;
	size_t spare = s->o.max_connections + room_headroom(&s->o) / 2;
	conn->place = s->n_connections - s->n_shut <= spare ? PLACE_SPARE : PLACE_NONE;
	s->stats->excess++;
	connection_enter(conn, PHASE_IDLE, EXCESS_MS);
}
