/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/event-batch.h"

#include "mim/user-update.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define USER_ARENA_MAX (4u << 20)

struct entry {
	struct str user_key;
	const struct instance_event *event;
	size_t place; /* in the request: keeps the order of a user's events */
};

struct batch;

/* One user after the other. A completion may come inline or from another thread; who
 * comes second of it and the loop that started it goes on, so that the stack does not
 * grow with the number of users. */
struct lane {
	struct batch *batch;
	struct arena *arena;
	struct partition partition;
	struct user_update update;
	size_t first, end; /* entries of the present user */
	uint64_t dropped;
	atomic_bool half_done;
};

struct batch {
	struct store_db *db;
	const struct snapshot *snapshot;
	int64_t now_ms;
	struct workers *workers; /* or NULL */
	event_batch_done *done;
	void *ctx;
	struct entry *entries; /* by user, then place */
	size_t n;
	size_t *users; /* index of each user's first entry, and n at the end */
	size_t n_users;
	atomic_size_t next_user;
	atomic_size_t running; /* lanes */
	atomic_uint_fast64_t dropped;
	atomic_bool failed;
	struct error err; /* of the one that set `failed` */
	struct lane lanes[EVENT_BATCH_LANES];
};

static int by_user(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = str_cmp(x->user_key, y->user_key);
	if (d != 0)
		return d;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void free_batch(struct batch *b)
{
	for (size_t i = 0; i < EVENT_BATCH_LANES; i++)
		arena_free(b->lanes[i].arena);
	free(b->entries);
	free(b->users);
	free(b);
}

static void lane_ends(struct batch *b)
{
	if (atomic_fetch_sub(&b->running, 1) != 1)
		return;
	struct event_batch_result result = {.dropped = b->dropped};
	result.stored = b->n - result.dropped;
	b->done(b->ctx, &result, b->failed ? &b->err : NULL);
	free_batch(b);
}

static void fails(struct batch *b, const struct error *err)
{
	if (!atomic_exchange(&b->failed, true))
		b->err = *err;
}

static bool work(struct user_update *u, bool *write, struct error *err)
{
	struct lane *lane = u->ctx;
	struct batch *b = lane->batch;
	bool known;
	lane->dropped = 0;
	if (!partition_open(&lane->partition, b->snapshot, &u->record, lane->arena))
		return error_set(err, ERROR_MEMORY, "", "no memory for events");
	for (size_t i = lane->first; i < lane->end; i++) {
		if (!partition_event(&lane->partition, b->entries[i].event, b->now_ms,
				     &known))
			return error_set(err, ERROR_MEMORY, "", "no memory for events");
		lane->dropped += !known;
	}
	if (!partition_change(&lane->partition, NULL, 0, &u->change, write))
		return error_set(err, ERROR_MEMORY, "", "no memory for events");
	u->change.patient = true; /* the agent has it, and the user does not wait */
	return true;
}

static void lane_goes_on(void *ctx);

static void user_done(struct user_update *u, const struct error *err)
{
	struct lane *lane = u->ctx;
	if (err != NULL)
		fails(lane->batch, err);
	else
		atomic_fetch_add(&lane->batch->dropped, lane->dropped);
	struct workers *workers = lane->batch->workers;
	if (atomic_exchange(&lane->half_done, true) &&
	    (workers == NULL || !workers_run(workers, lane_goes_on, lane)))
		lane_goes_on(lane);
}

static bool lane_takes_user(struct lane *lane)
{
	struct batch *b = lane->batch;
	size_t user = atomic_fetch_add(&b->next_user, 1);
	if (user >= b->n_users || b->failed)
		return false;
	lane->first = b->users[user];
	lane->end = b->users[user + 1];
	arena_reset(lane->arena);
	atomic_store(&lane->half_done, false);
	lane->update =
		(struct user_update){.db = b->db,
				     .user_key = b->entries[lane->first].user_key,
				     .arena = lane->arena,
				     .max_tries = EVENT_BATCH_TRIES,
				     .work = work,
				     .done = user_done,
				     .ctx = lane};
	return true;
}

static void lane_goes_on(void *ctx)
{
	struct lane *lane = ctx;
	struct batch *b = lane->batch;
	while (lane_takes_user(lane)) {
		/* a kernel that preempts lazily lets who has just woken wait else */
		if (b->workers != NULL)
			sched_yield();
		user_update_start(&lane->update);
		if (!atomic_exchange(&lane->half_done, true))
			return; /* user_done will come and go on */
	}
	lane_ends(b);
}

static bool sort_users(struct batch *b, const struct keyed_event *events)
{
	b->entries = calloc(b->n + 1, sizeof *b->entries);
	b->users = calloc(b->n + 1, sizeof *b->users);
	if (b->entries == NULL || b->users == NULL)
		return false;
	for (size_t i = 0; i < b->n; i++)
		b->entries[i] = (struct entry){events[i].user_key, events[i].event, i};
	qsort(b->entries, b->n, sizeof *b->entries, by_user);
	for (size_t i = 0; i < b->n; i++)
		if (i == 0 ||
		    !str_eq(b->entries[i].user_key, b->entries[i - 1].user_key))
			b->users[b->n_users++] = i;
	b->users[b->n_users] = b->n;
	return true;
}

static bool open_lanes(struct batch *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		b->lanes[i].batch = b;
		b->lanes[i].arena = arena_new(USER_ARENA_MAX);
		if (b->lanes[i].arena == NULL)
			return false;
	}
	return true;
}

void event_batch_start(struct store_db *db, const struct snapshot *s,
		       const struct keyed_event *events, size_t n, int64_t now_ms,
		       struct workers *workers, event_batch_done *done, void *ctx)
{
	static const struct error no_memory = {.kind = ERROR_MEMORY,
					       .message = "no memory for events"};
	const struct event_batch_result nothing = {.stored = 0};
	struct batch *b = calloc(1, sizeof *b);
	if (b == NULL) {
		done(ctx, &nothing, &no_memory);
		return;
	}
	b->db = db;
	b->snapshot = s;
	b->now_ms = now_ms;
	b->workers = workers;
	b->done = done;
	b->ctx = ctx;
	b->n = n;
	bool ok = sort_users(b, events);
	size_t lanes = b->n_users < EVENT_BATCH_LANES ? b->n_users : EVENT_BATCH_LANES;
	if (!ok || !open_lanes(b, lanes)) {
		free_batch(b);
		done(ctx, &nothing, &no_memory);
		return;
	}
	atomic_store(&b->running, lanes + 1);
	for (size_t i = 0; i < lanes; i++)
		lane_goes_on(&b->lanes[i]);
	lane_ends(b); /* its own reference: no lane frees it while they are started */
}
