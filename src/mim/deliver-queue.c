/* SPDX-License-Identifier: Apache-2.0 */
/* One point's queue: reads ahead, starts calls, settles what came of them. */
#include "base/clock.h"
#include "mim/deliver-internal.h"
#include "mim/sync.h"
#include "model/retry.h"
#include "model/tenant-json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)4 << 20)
#define USER_ARENA_MAX ((size_t)4 << 20)
#define PASS_US INT64_C(10000000)
/* Between two tries to settle. */
#define WAIT_MIN_US INT64_C(1000000)
#define WAIT_MAX_US INT64_C(30000000)

static void settled(struct deliver_reply *r);

struct deliver_queue *deliver_queue_new(struct deliver_post *p, struct str id)
{
	struct deliver_queue *q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	q->deliver = p->deliver;
	q->post = p;
	q->settle_most = DELIVER_FINISHED_MAX;
	q->arena = arena_new(ARENA_MAX);
	q->finished = calloc(DELIVER_FINISHED_MAX, sizeof *q->finished);
	q->settling = calloc(DELIVER_FINISHED_MAX, sizeof *q->settling);
	q->reply =
		(struct deliver_reply){.deliver = p->deliver, .take = settled, .of = q};
	assert(id.n < sizeof q->id);
	memcpy(q->id, id.p, id.n);
	if (q->arena != NULL && q->finished != NULL && q->settling != NULL)
		return q;
	deliver_queue_free(q);
	return NULL;
}

void deliver_queue_free(struct deliver_queue *q)
{
	assert(q->n_calls == 0 && !q->is_settling);
	arena_free(q->arena);
	free(q->finished);
	free(q->settling);
	free(q);
}

bool deliver_queue_is_idle(const struct deliver_queue *q)
{
	return q->n_calls == 0 && q->n_finished == 0 && !q->is_settling &&
	       !q->state_changed;
}

void deliver_queue_take_state(struct deliver_queue *q, const struct store_point *p)
{
	q->waiting = p->waiting;
	q->look = q->sweep = true;
	if (!deliver_queue_is_idle(q))
		return;
	q->state = p->state;
	/* see read_list() */
	if (q->state.next_ms - clock_onward_ms(&q->deliver->clock) > RETRY_AFTER_MOST)
		q->state.next_ms = 0;
	memcpy(q->error, p->state.error.p != NULL ? p->state.error.p : "",
	       p->state.error.n);
	q->error[p->state.error.n] = '\0';
	q->state.error = str_of(q->error);
}

/* Settling -----------------------------------------------------------------------*/

void deliver_queue_settle(struct deliver_queue *q)
{
	if (q->is_settling || (q->n_finished == 0 && !q->state_changed) ||
	    clock_mono_us() < q->settle_not_before_us)
		return;
	struct store_outcome *finished = q->finished;
	q->finished = q->settling;
	q->settling = finished;
	q->n_settling = q->n_finished < q->settle_most ? q->n_finished : q->settle_most;
	q->n_finished -= q->n_settling;
	memcpy(q->finished, q->settling + q->n_settling,
	       q->n_finished * sizeof *q->finished);
	q->is_settling = true;
	q->state_changed = false;
	q->settling_state = q->state;
	memcpy(q->settling_error, q->error, sizeof q->error);
	q->settling_state.error = str_of(q->settling_error);
	for (size_t i = 0; i < q->n_settling; i++)
		if (q->settling[i].fate == STORE_FATE_DEAD)
			q->settling[i].error = q->settling_state.error;
	store_queue_settle(q->post->tenant->db, str_of(q->id), q->settling,
			   q->n_settling, &q->settling_state,
			   clock_onward_ms(&q->deliver->clock), deliver_replied,
			   &q->reply);
}

static void store_takes(struct deliver_queue *q)
{
	if (q->settle_wait_us != 0)
		log_info(q->deliver->mim->log, "points",
			 "the store takes what was sent again  tenant=%s point=%s",
			 q->post->tenant->id, q->id);
	q->settle_not_before_us = q->settle_wait_us = 0;
	if (q->settle_most < DELIVER_FINISHED_MAX)
		q->settle_most *= 2;
}

/* Longer and longer; at the end there is little time. */
static void store_refuses(struct deliver_queue *q, const struct error *err)
{
	int64_t wait_us = 2 * q->settle_wait_us;
	/* each row copies pages: fewer may fit */
	if (err->kind == ERROR_FULL && q->n_settling > 1) {
		q->settle_most = q->n_settling / 2;
		return;
	}
	if (q->settle_wait_us == 0)
		log_warn(q->deliver->mim->log, "points",
			 "try again later  tenant=%s point=%s reason=%s",
			 q->post->tenant->id, q->id, err->message);
	if (wait_us < WAIT_MIN_US)
		wait_us = WAIT_MIN_US;
	q->settle_wait_us = wait_us < WAIT_MAX_US ? wait_us : WAIT_MAX_US;
	wait_us = q->deliver->stopping ? DELIVER_LOOK_MS * INT64_C(1000)
				       : q->settle_wait_us;
	q->settle_not_before_us = clock_mono_us() + wait_us;
}

/* What could not be written is written with what comes next. There is room: no call is
 * started that could end without. */
static void settled(struct deliver_reply *r)
{
	struct deliver_queue *q = r->of;
	q->is_settling = false;
	q->look = q->sweep = true;
	if (r->err.kind == ERROR_NONE) {
		q->n_settling = 0;
		store_takes(q);
		return;
	}
	store_refuses(q, &r->err);
	memcpy(q->finished + q->n_finished, q->settling,
	       q->n_settling * sizeof *q->settling);
	q->n_finished += q->n_settling;
	q->n_settling = 0;
	q->state_changed = true;
}

static size_t room(const struct deliver_queue *q)
{
	return DELIVER_FINISHED_MAX - q->n_finished - q->n_settling - q->n_rows;
}

/* Reading ------------------------------------------------------------------------*/

static struct deliver_row row_of(const struct store_queue_row *r)
{
	return (struct deliver_row){.sequence = r->sequence,
				    .due_ms = r->due_ms,
				    .queued_ms = r->queued_ms,
				    .first_ms = r->first_ms,
				    .attempts = r->attempts};
}

/* Nothing is put off for longer than a server may ask for: what seems to be was put off
 * before the last start, by a clock that was ahead, and is due. */
static bool read_list(struct deliver_queue *q, int64_t now_ms,
		      struct store_queue_list *list, struct error *err)
{
	struct store_db *db = q->post->tenant->db;
	bool from_start = q->cursor_due_ms == 0;
	if (!sync_queue_list(db, str_of(q->id), q->cursor_due_ms, q->cursor_sequence,
			     now_ms, DELIVER_PAGE, q->arena, list, err))
		return false;
	return list->n > 0 || !from_start ||
	       sync_queue_list(db, str_of(q->id), now_ms + RETRY_AFTER_MOST, 0,
			       CLOCK_MAX_MS, DELIVER_PAGE, q->arena, list, err);
}

/* The page is used up. False: nothing is due. */
static bool read_page(struct deliver_queue *q, int64_t now_ms)
{
	struct store_queue_list list;
	struct error err;
	if (!q->look)
		return false;
	/* What was written late, or after a step back of the clock, may lie before the
	 * place: from the start whenever none of what lies there is under way, and that
	 * is waited for now and then. */
	if (deliver_queue_is_idle(q)) {
		q->cursor_due_ms = 0;
		q->cursor_sequence = 0;
		q->pass_us = clock_mono_us();
	} else if (clock_mono_us() - q->pass_us > PASS_US) {
		return false;
	}
	arena_reset(q->arena);
	q->page_n = q->page_at = 0;
	if (!read_list(q, now_ms, &list, &err)) {
		deliver_post_answered(q->post, &err);
		list.n = 0;
	}
	q->look = list.n > 0;
	if (list.n == 0)
		return false;
	q->page = list.items;
	q->page_n = list.n;
	q->cursor_due_ms = list.items[list.n - 1].due_ms;
	q->cursor_sequence = list.items[list.n - 1].sequence;
	return true;
}

/* A point that has failed for so long: what has lain here all the time is given up
 * without a turn of its own. */
static void expire(struct deliver_queue *q, int64_t now_ms)
{
	int64_t retry_for_ms = q->deliver->settings.retry_for_ms;
	if (q->state.failing_since_ms == 0 || !q->sweep || !deliver_queue_is_idle(q) ||
	    now_ms - q->state.failing_since_ms < retry_for_ms)
		return;
	q->sweep = false;
	if (!read_page(q, now_ms))
		return;
	for (size_t i = 0; i < q->page_n; i++) {
		const struct store_queue_row *r = &q->page[i];
		struct deliver_row row = row_of(r);
		if (retry_is_over(r->queued_ms, r->first_ms, q->state.failing_since_ms,
				  now_ms, retry_for_ms))
			deliver_finish(q, &row, STORE_FATE_DEAD, 0);
	}
	if (q->n_finished > 0)
		q->page_at = q->page_n; /* read again what is left */
}

/* Starting -----------------------------------------------------------------------*/

/* How many rows one call takes. What failed goes in smaller companies, so that one that
 * is not taken does not keep the others. */
static size_t batch_of(const struct conversion_point *point, uint32_t attempts)
{
	if (point->type == CONVERSION_POINT_ONGAGE || attempts > 1)
		return 1;
	return attempts == 1 ? DELIVER_BATCH / 10 : DELIVER_BATCH;
}

struct batch {
	struct delivery events[DELIVER_BATCH];
	struct deliver_row rows[DELIVER_BATCH];
	size_t n;
	struct arena *arena, *scratch;
};

static struct batch *batch_new(void)
{
	struct batch *b = malloc(sizeof *b);
	if (b == NULL)
		return NULL;
	b->n = 0;
	b->arena = arena_new(ARENA_MAX);
	b->scratch = arena_new(USER_ARENA_MAX);
	return b;
}

static void batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	arena_free(b->arena);
	arena_free(b->scratch);
	free(b);
}

/* The next rows of the page that may go together. False: the store does not say to
 * whom the first belongs, and none is taken. */
static bool take_batch(struct deliver_queue *q, const struct tenant *t,
		       const struct conversion_point *point, struct batch *b,
		       struct error *err)
{
	const struct store_queue_row *first = &q->page[q->page_at];
	size_t most = batch_of(point, first->attempts);
	for (; q->page_at < q->page_n && b->n < most; q->page_at++) {
		const struct store_queue_row *r = &q->page[q->page_at];
		struct deliver_row row = row_of(r);
		bool gone;
		if (batch_of(point, r->attempts) != most ||
		    !str_eq(r->event.event_type, first->event.event_type))
			break;
		if (!deliver_event(q->post, t, r, b->scratch, b->arena,
				   &b->events[b->n], &gone, err))
			return b->n > 0;
		if (gone)
			deliver_finish(q, &row, STORE_FATE_ERASED, 0);
		else
			b->rows[b->n++] = row;
	}
	return true;
}

/* The next row cannot be made an event. It does not keep those behind it. */
static void skip(struct deliver_queue *q, const struct error *err)
{
	struct deliver_row row = row_of(&q->page[q->page_at++]);
	snprintf(q->error, sizeof q->error, "%.*s", STORE_ERROR_MAX, err->message);
	q->state.error = str_of(q->error);
	q->state.error_ms = clock_onward_ms(&q->deliver->clock);
	deliver_put_off(q, &row, q->state.error_ms, 0);
}

/* One call. False: not now. */
static bool start(struct deliver_queue *q, const struct tenant *t,
		  const struct conversion_point *point)
{
	struct error err;
	struct batch *b = batch_new();
	size_t from = q->page_at, finished = q->n_finished;
	bool has_memory = b != NULL && b->arena != NULL && b->scratch != NULL;
	bool taken = has_memory && take_batch(q, t, point, b, &err);
	bool ok = taken && (b->n == 0 || deliver_call_start(q, point, b->events, b->n,
							    b->rows, &err) != NULL);
	if (!has_memory)
		error_set(&err, ERROR_MEMORY, "", "no memory for a call");
	if (taken && !ok) {
		q->page_at = from;
		q->n_finished = finished;
	}
	metrics_add(q->deliver->mim->metrics, METRIC_DELIVERIES_ERASED,
		    q->n_finished - finished);
	if (has_memory && !taken)
		skip(q, &err);
	if (!ok) {
		q->look = false; /* at the next look */
		log_warn(q->deliver->mim->log, "points",
			 "try again later  tenant=%s point=%s reason=%s",
			 q->post->tenant->id, q->id, err.message);
	}
	batch_free(b);
	return ok;
}

/* Each point has its first call as long as there is any left; only half of them are
 * for the further ones. */
static bool may_start(const struct deliver_queue *q)
{
	const struct deliver *d = q->deliver;
	size_t most = q->state.failures > 0 ? 1 : d->settings.calls_per_point;
	return q->n_calls < most && room(q) >= DELIVER_BATCH + DELIVER_PAGE &&
	       d->n_calls <
		       (q->n_calls == 0 ? DELIVER_CALLS_MAX : DELIVER_CALLS_MAX / 2);
}

void deliver_queue_work(struct deliver_queue *q, const struct tenant_config *c)
{
	int64_t now_ms = clock_onward_ms(&q->deliver->clock);
	const struct conversion_point *point =
		c != NULL ? tenant_conversion_point(c->tenant, str_of(q->id)) : NULL;
	if (point != NULL) {
		expire(q, now_ms);
		while (q->state.next_ms <= now_ms && may_start(q) &&
		       (q->page_at < q->page_n || read_page(q, now_ms)))
			if (!start(q, c->tenant, point))
				break;
	}
	deliver_queue_settle(q);
}
