/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/due.h"

#include "base/clock.h"
#include "mim/feed.h"
#include "mim/partition.h"
#include "mim/sync.h"
#include "mim/user-update.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define ARENA_MAX (16u << 20)
#define USER_TRIES 16
#define INTERVAL_S 1

/* One user's marks of a page. */
struct due_user {
	const struct snapshot *snapshot;
	int64_t now_ms;
	struct arena *arena;
	struct store_due_entry *marks;
	size_t n;
	struct partition partition;
	struct user_update update;
	struct store_wait *wait;
};

static bool work(struct user_update *u, bool *write, struct error *err)
{
	struct due_user *d = u->ctx;
	return (partition_open(&d->partition, d->snapshot, &u->record, d->arena) &&
		partition_finalize(&d->partition, d->marks, d->n, d->now_ms) &&
		partition_change(&d->partition, NULL, 0, &u->change, write)) ||
	       error_set(err, ERROR_MEMORY, "", "no memory for what is due");
}

static void user_done(struct user_update *u, const struct error *err)
{
	struct due_user *d = u->ctx;
	store_wait_done(d->wait, err);
}

static bool run_user(struct store_db *db, struct due_user *d, struct error *err)
{
	d->update = (struct user_update){.db = db,
					 .user_key = d->marks[0].user_key,
					 .arena = d->arena,
					 .max_tries = USER_TRIES,
					 .work = work,
					 .done = user_done,
					 .ctx = d};
	user_update_start(&d->update);
	return store_wait(d->wait, err);
}

static int by_user(const void *a, const void *b)
{
	const struct store_due_entry *x = a, *y = b;
	return str_cmp(x->user_key, y->user_key);
}

/* The marks are of one page, sorted by user. One that fails does not hold up those
 * behind it; *err is of the first. */
static bool run_users(struct store_db *db, struct due_user *d,
		      struct store_due_entry *all, size_t n, struct error *err)
{
	bool ok = true;
	struct error later;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && str_eq(all[end].user_key, all[i].user_key);
		     end++)
			;
		arena_reset(d->arena);
		d->marks = all + i;
		d->n = end - i;
		if (!run_user(db, d, ok ? err : &later))
			ok = false;
	}
	return ok;
}

bool due_run(struct store_db *db, const struct snapshot *s, int64_t now_ms,
	     size_t *done, struct error *err)
{
	struct due_user d = {.snapshot = s, .now_ms = now_ms};
	struct arena *page = arena_new(ARENA_MAX);
	struct store_due_entry *all = NULL;
	d.arena = arena_new(ARENA_MAX);
	d.wait = store_wait_new();
	*done = 0;
	bool ok = (page != NULL && d.arena != NULL && d.wait != NULL) ||
		  error_set(err, ERROR_MEMORY, "", "no memory for what is due");
	ok = ok && sync_due_list(db, now_ms, DUE_PAGE, page, &all, done, err);
	if (ok && *done > 1)
		qsort(all, *done, sizeof *all, by_user);
	ok = ok && run_users(db, &d, all, *done, err);
	if (d.wait != NULL)
		store_wait_free(d.wait);
	arena_free(d.arena);
	arena_free(page);
	return ok;
}

/* The thread ---------------------------------------------------------------------*/

struct due_worker {
	struct mim *mim;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
};

static bool is_stopping(struct due_worker *w)
{
	pthread_mutex_lock(&w->lock);
	bool stopping = w->stopping;
	pthread_mutex_unlock(&w->lock);
	return stopping;
}

/* A kill switch that was written but not heard of must not wait for the next change. */
static void refresh(struct due_worker *w, struct tenant_runtime *t)
{
	struct error err;
	bool was_stale = t->stale;
	if (!tenant_runtime_refresh(t, &err))
		log_warn(w->mim->log, "due",
			 "campaigns cannot be read again  tenant=%s reason=%s", t->id,
			 err.message);
	else if (was_stale && !t->stale) {
		/* it may have been a recall */
		feed_all(t->feed);
		log_info(w->mim->log, "due", "campaigns read again  tenant=%s", t->id);
	}
}

/* Pages until one is not full, so that a burst does not wait for many seconds. */
static void run_tenant(struct due_worker *w, struct tenant_runtime *t)
{
	struct snapshot *s = t->open ? tenant_runtime_snapshot(t) : NULL;
	struct error err;
	size_t done = DUE_PAGE;
	while (s != NULL && done == DUE_PAGE && !is_stopping(w)) {
		if (due_run(t->db, s, clock_real_ms(), &done, &err))
			continue;
		log_warn(w->mim->log, "due", "try again later  tenant=%s reason=%s",
			 t->id, err.message);
		break;
	}
	snapshot_release(s);
}

static void run_all(struct due_worker *w)
{
	size_t n = 0;
	struct arena *arena = arena_new(ARENA_MAX);
	struct tenant_runtime **all =
		arena != NULL ? tenants_all(w->mim->tenants, arena, &n) : NULL;
	for (size_t i = 0; all != NULL && i < n; i++) {
		feed_tick(all[i]->feed, clock_mono_us());
		refresh(w, all[i]);
		run_tenant(w, all[i]);
		tenant_runtime_release(all[i]);
	}
	arena_free(arena);
	tenants_collect(w->mim->tenants);
}

static void *run(void *ctx)
{
	struct due_worker *w = ctx;
	while (!is_stopping(w)) {
		run_all(w);
		const struct timespec until =
			clock_mono_after(INTERVAL_S * INT64_C(1000000));
		pthread_mutex_lock(&w->lock);
		while (!w->stopping &&
		       pthread_cond_timedwait(&w->wake, &w->lock, &until) != ETIMEDOUT)
			;
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

struct due_worker *due_worker_start(struct mim *mim, struct error *err)
{
	pthread_condattr_t monotonic;
	struct due_worker *w = calloc(1, sizeof *w);
	if (w == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for a thread");
		return NULL;
	}
	w->mim = mim;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int failed = pthread_create(&w->thread, NULL, run, w);
	if (failed == 0)
		return w;
	error_set_errno(err, "", failed, "cannot start a thread");
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void due_worker_stop(struct due_worker *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
