/* SPDX-License-Identifier: Apache-2.0 */
/* Events reach us repeated, late and out of order, from several nodes. So the state
 * is the strongest thing that is known of the instance, never the last one heard:
 * each event leads to a state of some strength, the strongest wins, times are the
 * earliest, causes get surer. Two tables say all of it. */
#include "model/assignment.h"

#include <assert.h>

/* X(STATE, strength) */
#define STRENGTHS(X)                                                                   \
	X(PENDING, 0)                                                                  \
	X(LAPSED, 0)                                                                   \
	X(REFUSED, 1)                                                                  \
	X(UNCERTAIN, 2)                                                                \
	X(UNREAD, 3)                                                                   \
	X(READ, 4)                                                                     \
	X(GONE, 5)                                                                     \
	X(RECALLED, 5)                                                                 \
	X(EXPIRED, 5)
static const int strength[ASSIGNMENT_STATES_COUNT] = {
#define X(name, value) [ASSIGNMENT_##name] = (value),
	STRENGTHS(X)
#undef X
};
#define STRENGTH_GONE 5

/* X(EVENT, shows that the message was in the mailbox, state it leads to) */
#define TRANSITIONS(X)                                                                 \
	X(INJECTED, true, UNREAD)                                                      \
	X(REINJECTED, true, UNREAD)                                                    \
	X(READ, true, READ)                                                            \
	X(GONE, true, GONE)                                                            \
	X(REFUSED, false, REFUSED)                                                     \
	X(UNCERTAIN, false, UNCERTAIN)
static const struct transition {
	bool known, was_there;
	enum assignment_state to;
} transitions[] = {
#define X(name, shows, state) [WIRE_EVENT_##name] = {true, shows, ASSIGNMENT_##state},
	TRANSITIONS(X)
#undef X
};

/* How sure a cause of `gone` is (contracts.md §3): X(CAUSE, sureness, state) */
#define GONE_CAUSES(X)                                                                 \
	X(UNKNOWN, 1, GONE)                                                            \
	X(EXPUNGED, 2, GONE)                                                           \
	X(MOVED, 3, GONE)                                                              \
	X(REPLACED, 4, GONE)                                                           \
	X(WITHDRAWN, 5, RECALLED)
static const struct gone_cause {
	int sureness;
	enum assignment_state state;
} gone_causes[] = {
#define X(name, sureness, state) [WIRE_CAUSE_##name] = {sureness, ASSIGNMENT_##state},
	GONE_CAUSES(X)
#undef X
};

static const struct {
	const char *name;
	bool live;
} states[] = {
#define X(name, text, live) {text, live},
	ASSIGNMENT_STATES(X)
#undef X
};

const char *assignment_state_name(enum assignment_state s)
{
	assert((size_t)s < ASSIGNMENT_STATES_COUNT);
	return states[s].name;
}

enum assignment_state assignment_state_at(const struct assignment *a, int64_t now_ms)
{
	if (a->state == ASSIGNMENT_PENDING &&
	    now_ms - a->assigned_ms >= ASSIGNMENT_LAPSE_MS)
		return ASSIGNMENT_LAPSED;
	return a->state;
}

bool assignment_is_live(const struct assignment *a, int64_t now_ms)
{
	return states[assignment_state_at(a, now_ms)].live;
}

static unsigned bit(enum wire_event_type type)
{
	return 1u << type;
}

bool assignment_counts_in_n(const struct assignment *a)
{
	return a->injected_ms != 0 || (a->reported & (bit(WIRE_EVENT_INJECTED) |
						      bit(WIRE_EVENT_UNCERTAIN))) != 0;
}

/* Ended by assignment_miss() or assignment_lose(), and no event has told of it: such an
 * end counts as nothing. */
static bool is_lost(const struct assignment *a)
{
	return a->state == ASSIGNMENT_GONE && a->cause == WIRE_CAUSE_UNKNOWN &&
	       (a->reported & bit(WIRE_EVENT_GONE)) == 0;
}

/* What its end counts as; STATISTICS_COUNT while it has none. */
static enum statistic gone_statistic(const struct assignment *a)
{
	if (strength[a->state] < STRENGTH_GONE || is_lost(a))
		return STATISTICS_COUNT;
	switch (a->cause) {
	case WIRE_CAUSE_WITHDRAWN:
		return a->state == ASSIGNMENT_EXPIRED ? STATISTIC_EXPIRED
						      : STATISTIC_RECALLED;
	case WIRE_CAUSE_REPLACED:
		return STATISTIC_REPLACED;
	case WIRE_CAUSE_MOVED:
		return STATISTIC_MOVED;
	case WIRE_CAUSE_UNKNOWN:
		if (!a->gone_final)
			return STATISTIC_GONE_PENDING;
		break;
	default:
		break;
	}
	return a->was_read ? STATISTIC_EXPUNGED_READ : STATISTIC_EXPUNGED_UNREAD;
}

/* It lies in the inbox no longer, and had been read: such a copy is not kept by its
 * user any more. */
static bool has_ended_read(const struct assignment *a)
{
	return strength[a->state] >= STRENGTH_GONE && a->was_read && !is_lost(a);
}

static void count(struct event_effect *e, const struct assignment *a, enum statistic s,
		  const char *event, int64_t at_ms)
{
	assert(e->n < sizeof e->statistic / sizeof e->statistic[0]);
	e->statistic[e->n] = s;
	e->event_id[e->n] = id_event(a->instance, str_of(event));
	e->at_ms[e->n] = at_ms;
	e->n++;
}

static void count_once(struct event_effect *e, struct assignment *a,
		       enum wire_event_type type, enum statistic s, const char *event,
		       int64_t at_ms)
{
	if ((a->reported & bit(type)) != 0)
		return;
	a->reported |= bit(type);
	count(e, a, s, event, at_ms);
}

static void earlier(int64_t *time, int64_t at_ms)
{
	if (*time == 0 || at_ms < *time)
		*time = at_ms;
}

static bool same(const struct assignment *a, const struct assignment *b)
{
	return a->state == b->state && a->reported == b->reported &&
	       a->was_read == b->was_read && a->gone_final == b->gone_final &&
	       a->cause == b->cause && a->injected_ms == b->injected_ms &&
	       a->read_ms == b->read_ms && a->ended_ms == b->ended_ms &&
	       a->uidvalidity == b->uidvalidity && a->uid == b->uid;
}

static enum wire_cause sure_cause(enum wire_cause cause)
{
	size_t n = sizeof gone_causes / sizeof gone_causes[0];
	return (size_t)cause < n && gone_causes[cause].sureness > 0
		       ? cause
		       : WIRE_CAUSE_UNKNOWN;
}

/* Moves to a stronger state, or makes what is known of this one better. */
static void strengthen(struct assignment *a, enum assignment_state to,
		       enum wire_cause cause, int64_t at_ms)
{
	bool ends = to == ASSIGNMENT_GONE || to == ASSIGNMENT_REFUSED ||
		    to == ASSIGNMENT_UNCERTAIN;
	if (strength[to] < strength[a->state])
		return;
	if (strength[to] > strength[a->state]) {
		a->state = to;
		a->cause = WIRE_CAUSE_NONE;
		a->ended_ms = 0;
	}
	if (ends)
		earlier(&a->ended_ms, at_ms);
	if (to == ASSIGNMENT_GONE) {
		cause = sure_cause(cause);
		if (a->cause == WIRE_CAUSE_NONE ||
		    gone_causes[cause].sureness > gone_causes[a->cause].sureness) {
			a->cause = cause;
			a->state = gone_causes[cause].state;
		}
	} else if (to == ASSIGNMENT_REFUSED && cause > a->cause) {
		a->cause = cause;
	}
}

/* A refusal of an earlier handing out of the same instance, heard again, must not
 * free the present one. */
static bool stale_refusal(const struct assignment *a, const struct instance_event *e)
{
	return e->type == WIRE_EVENT_REFUSED &&
	       (a->reported & bit(WIRE_EVENT_REFUSED)) != 0 &&
	       e->at_ms < a->assigned_ms;
}

static void apply(struct assignment *a, const struct instance_event *e, int64_t at_ms,
		  struct event_effect *effect)
{
	const struct transition *t = &transitions[e->type];
	if (t->was_there) {
		earlier(&a->injected_ms, at_ms);
		count_once(effect, a, WIRE_EVENT_INJECTED,
			   a->k > 0 ? STATISTIC_REINJECTED : STATISTIC_INJECTED,
			   a->k > 0 ? "reinjected" : "injected", at_ms);
	}
	if (e->uid != 0) {
		a->uidvalidity = e->uidvalidity;
		a->uid = e->uid;
	}
	if (e->type == WIRE_EVENT_READ || (e->type == WIRE_EVENT_GONE && e->seen))
		a->was_read = true;
	if (e->type == WIRE_EVENT_READ) {
		earlier(&a->read_ms, at_ms);
		count_once(effect, a, e->type, STATISTIC_READ, "read", at_ms);
	}
	if (e->type == WIRE_EVENT_REFUSED)
		count_once(effect, a, e->type, STATISTIC_REFUSED, "refused", at_ms);
	if (e->type == WIRE_EVENT_UNCERTAIN)
		count_once(effect, a, e->type, STATISTIC_UNCERTAIN, "uncertain", at_ms);
	strengthen(a, t->to, e->cause, at_ms);
}

struct event_effect assignment_apply(struct assignment *a,
				     const struct instance_event *e, int64_t now_ms)
{
	struct event_effect effect = {.changed = false};
	struct assignment before = *a;
	enum statistic gone = gone_statistic(a);
	bool ended_read = has_ended_read(a);
	if (!id16_eq(a->instance, e->instance) ||
	    (size_t)e->type >= sizeof transitions / sizeof transitions[0] ||
	    !transitions[e->type].known || stale_refusal(a, e) ||
	    (e->type == WIRE_EVENT_GONE && a->gone_final))
		return effect;
	int64_t at_ms = e->at_ms > now_ms ? now_ms : e->at_ms;
	if (at_ms < a->assigned_ms)
		at_ms = a->assigned_ms;
	apply(a, e, at_ms, &effect);
	if (strength[a->state] == STRENGTH_GONE && e->type == WIRE_EVENT_GONE)
		a->reported |= bit(WIRE_EVENT_GONE);
	if (gone_statistic(a) != gone) {
		count(&effect, a, gone_statistic(a), "gone", a->ended_ms);
		if (gone_statistic(a) == STATISTIC_GONE_PENDING)
			effect.due_ms = now_ms + GONE_FINAL_MS;
	}
	if (has_ended_read(a) && !ended_read)
		count(&effect, a, STATISTIC_ENDED_READ, "endedRead", a->ended_ms);
	effect.changed = effect.n > 0 || !same(&before, a);
	return effect;
}

struct event_effect assignment_revive(struct assignment *a)
{
	struct event_effect effect = {.changed = true};
	assert(strength[a->state] >= STRENGTH_GONE);
	if (gone_statistic(a) == STATISTIC_GONE_PENDING)
		count(&effect, a, STATISTIC_UNDONE, "gone", a->ended_ms);
	if (has_ended_read(a))
		count(&effect, a, STATISTIC_UNDONE, "endedRead", a->ended_ms);
	a->state = a->was_read ? ASSIGNMENT_READ : ASSIGNMENT_UNREAD;
	a->cause = WIRE_CAUSE_NONE;
	a->ended_ms = 0;
	a->gone_final = false;
	a->reported &= ~bit(WIRE_EVENT_GONE);
	return effect;
}

void assignment_miss(struct assignment *a, int64_t now_ms)
{
	a->state = ASSIGNMENT_GONE;
	a->cause = WIRE_CAUSE_UNKNOWN;
	a->ended_ms = now_ms;
}

void assignment_lose(struct assignment *a, int64_t now_ms)
{
	assignment_miss(a, now_ms);
	a->gone_final = true;
}

struct event_effect assignment_finalize(struct assignment *a, int64_t now_ms)
{
	struct event_effect effect = {.changed = false};
	if (gone_statistic(a) != STATISTIC_GONE_PENDING ||
	    now_ms - a->ended_ms < GONE_FINAL_MS)
		return effect;
	a->gone_final = true;
	effect.changed = true;
	count(&effect, a, gone_statistic(a), "gone", a->ended_ms);
	return effect;
}
