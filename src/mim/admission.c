/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/admission.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Of so many requests one is sampled while all is well. */
#define SAMPLE_EACH 8
/* It is no overload before so many in a row lay for too long, over such a time: one
 * hiccup of the machine makes all that came meanwhile late, and then it is over. */
#define LATE_IN_A_ROW 32
#define LATE_FOR_US 100000
/* The same again, when it was so within this time. */
#define LATE_AGAIN_US 10000
#define AGAIN_US 5000000
/* Who asks seldom is taken while it waits for less than so many times max_wait. */
#define QUIET_MAY_WAIT 4
/* While answers take longer than twice max_wait, this share of `most` is enough. It is
 * so while most of the last ones do, not for one that waited for the disk. Each counts
 * an eighth less with each that follows: six in a row begin it, or end it. */
#define SLOW_SHARE 8
#define MOSTLY_SLOW 512
#define ALL_SLOW 1024
#define FORGET 8

struct counts {
	atomic_size_t under_way;
	_Atomic uint64_t refused;
};

struct admission {
	struct admission_limits limits;
	struct counts kinds[ADMISSION_KINDS];
	_Atomic uint32_t asked, late, pauses;
	_Atomic uint32_t late_in_a_row;
	_Atomic int64_t late_since_us, late_last_us;
	_Atomic int64_t overloaded_us; /* when it last was */
	_Atomic int32_t slow;          /* of the last decisions: 0 to ALL_SLOW */
};

struct admission *admission_new(const struct admission_limits *limits)
{
	struct admission *a = calloc(1, sizeof *a);
	if (a != NULL) {
		a->limits = *limits;
		a->overloaded_us = -AGAIN_US;
	}
	return a;
}

void admission_free(struct admission *a)
{
	free(a);
}

bool admission_samples(struct admission *a)
{
	return a->late_in_a_row > 0 ||
	       atomic_fetch_add_explicit(&a->asked, 1, memory_order_relaxed) %
			       SAMPLE_EACH ==
		       0;
}

static bool is_overloaded(struct admission *a, int64_t waited_ms, int64_t now_us)
{
	if (waited_ms < 0)
		return false;
	if (waited_ms <= a->limits.max_wait_ms) {
		if (a->late_in_a_row > 0)
			a->late_in_a_row = 0;
		return false;
	}
	/* those of an earlier time say nothing */
	if (now_us - a->late_last_us > LATE_FOR_US)
		a->late_in_a_row = 0;
	a->late_last_us = now_us;
	uint32_t row = atomic_fetch_add(&a->late_in_a_row, 1);
	if (row == 0)
		a->late_since_us = now_us;
	bool again = now_us - a->overloaded_us < AGAIN_US;
	if (row < LATE_IN_A_ROW ||
	    now_us - a->late_since_us < (again ? LATE_AGAIN_US : LATE_FOR_US))
		return false;
	a->overloaded_us = now_us;
	return true;
}

/* The store is slow now: of many that wait for it none would be in time. */
static size_t most_of(const struct admission *a, enum admission_kind kind)
{
	size_t most = a->limits.most[kind];
	if (kind == ADMISSION_DECISION && a->slow > MOSTLY_SLOW)
		return most > SLOW_SHARE ? most / SLOW_SHARE : 1;
	return most;
}

/* The golden ratio spreads the turns evenly over 2^32. */
static uint32_t place_of(uint32_t turn)
{
	return turn * UINT32_C(2654435769);
}

/* Of requests that wait twice as long as they may, every other one is too much: without
 * them the rest would wait just as long as they may. */
static bool is_too_much(struct admission *a, int64_t waited_ms)
{
	uint32_t turn = atomic_fetch_add_explicit(&a->late, 1, memory_order_relaxed);
	uint64_t keep = ((uint64_t)a->limits.max_wait_ms << 32) / (uint64_t)waited_ms;
	return place_of(turn) >= keep;
}

int64_t admission_pause_ms(struct admission *a)
{
	const int64_t half = ADMISSION_RETRY_MS / 2;
	uint32_t turn = atomic_fetch_add_explicit(&a->pauses, 1, memory_order_relaxed);
	return half + (half * (int64_t)place_of(turn) >> 32);
}

/* It waits longer than it lets pass after an answer, so it is one of those that are too
 * many. The time since its last answer is both together. */
static bool asks_at_once(const struct admission_request *q)
{
	return q->quiet_ms < 2 * q->waited_ms;
}

enum admission_verdict admission_ask(struct admission *a,
				     const struct admission_request *q)
{
	if (q->kind == ADMISSION_OTHER)
		return ADMISSION_TAKE;
	enum admission_verdict verdict = ADMISSION_TAKE;
	if (q->kind == ADMISSION_DECISION &&
	    is_overloaded(a, q->waited_ms, q->now_us)) {
		if (asks_at_once(q) && is_too_much(a, q->waited_ms))
			verdict = ADMISSION_PAUSE;
		else if (q->waited_ms > QUIET_MAY_WAIT * a->limits.max_wait_ms)
			verdict = ADMISSION_REFUSE;
	}
	if (verdict == ADMISSION_TAKE &&
	    a->kinds[q->kind].under_way >= most_of(a, q->kind))
		verdict = q->kind == ADMISSION_DECISION &&
					  q->quiet_ms < a->limits.max_wait_ms
				  ? ADMISSION_PAUSE
				  : ADMISSION_REFUSE;
	if (verdict != ADMISSION_TAKE)
		a->kinds[q->kind].refused++;
	return verdict;
}

void admission_enter(struct admission *a, enum admission_kind kind)
{
	a->kinds[kind].under_way++;
}

/* Another thread's that comes between is forgotten. */
static void note_took(struct admission *a, int64_t took_us)
{
	int32_t slow = atomic_load_explicit(&a->slow, memory_order_relaxed);
	int32_t to = took_us > 2 * a->limits.max_wait_ms * 1000 ? ALL_SLOW : 0;
	int32_t change = (to - slow) / FORGET;
	if (change != 0)
		atomic_store_explicit(&a->slow, slow + change, memory_order_relaxed);
}

void admission_leave(struct admission *a, enum admission_kind kind, int64_t took_us)
{
	a->kinds[kind].under_way--;
	if (kind == ADMISSION_DECISION)
		note_took(a, took_us);
}

size_t admission_under_way(const struct admission *a, enum admission_kind kind)
{
	return a->kinds[kind].under_way;
}

uint64_t admission_refused(const struct admission *a, enum admission_kind kind)
{
	return a->kinds[kind].refused;
}
