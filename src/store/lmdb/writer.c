/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread that writes to an environment. It puts what waits into one
 * transaction, makes it durable, and only then tells the callers: many decisions
 * cost one sync. Whose turn it is stands in turns.h.
 *
 * An operation that is refused has written nothing and the others go on. One that
 * fails half-way spoils the transaction: it is given up, and the others are done
 * again without it. */
#include "store/lmdb/lmdb-internal.h"
#include "store/lmdb/turns.h"

#include <sched.h>
#include <stdlib.h>

/* So long a transaction takes in more. */
#define GATHER_US 5000
/* When the last transaction was shared, others are about to ask, too: the next begins
 * so much later. Who is alone never waits. A transaction costs as much as ten
 * decisions, and on a disk that is fast they would be shared by two or three only. */
#define COMPANY_US 1000
/* Between two tries to open anew what is broken. */
#define MEND_US 1000000

struct writer {
	struct environment *env;
	struct lmdb_tables tables;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct turns turns;
	bool gathering; /* nobody needs to wake it */
	bool stop;
	size_t company; /* who waited for the last transaction; the thread's own */
};

/* One round of the writer: what is still to do in it, what is done in the open
 * transaction, what is on the disk, and what is refused. */
struct round {
	struct queue again, done, finished, refused;
	struct round_turns turns;
	size_t n_done;
	/* 0, or so many to a transaction: each copies the pages that it changes, so
	 * that a nearly full map takes many small ones, but not a large one */
	size_t limit;
	struct item *too_large; /* did not fit the map */
};

static struct item *take(struct writer *w, struct round *r)
{
	size_t n_patient = r->turns.n_patient;
	if (r->limit != 0 && r->n_done >= r->limit)
		return NULL;
	struct item *item = queue_pop(&r->again);
	if (item != NULL)
		return item;
	int64_t now = clock_mono_us();
	if (now - r->turns.begin_us > GATHER_US && r->n_done > 0)
		return NULL;
	pthread_mutex_lock(&w->lock);
	item = turns_take(&w->turns, &r->turns, now);
	pthread_mutex_unlock(&w->lock);
	/* a kernel that preempts lazily lets who has just woken wait for a tick else */
	if (n_patient > 0 && r->turns.n_patient > n_patient)
		sched_yield();
	return item;
}

static void add_done(struct round *r, struct item *item)
{
	queue_push(&r->done, item);
	r->n_done++;
}

/* The transaction is given up: all of it once more. */
static void redo(struct round *r)
{
	queue_prepend(&r->again, &r->done);
	r->n_done = 0;
}

static void refuse(struct round *r, struct item *item)
{
	item->ok = false;
	queue_push(&r->refused, item);
}

static bool is_import(const struct item *item)
{
	return store_op_class(item->op.kind) == STORE_CLASS_BULK;
}

/* A sweep makes room; and what is moved to a queue, or was sent and leaves it, takes
 * none: an event that is not marked as sent would be sent again. */
static bool takes_room(const struct item *item)
{
	return is_import(item) && item->op.kind != STORE_OP_ROWS_SWEEP &&
	       item->op.kind != STORE_OP_OUTBOX_SORT &&
	       item->op.kind != STORE_OP_QUEUE_SETTLE;
}

static bool has_room(struct writer *w, struct item *item)
{
	return !takes_room(item) || environment_has_room(w->env, &item->err);
}

/* False: the transaction is spoilt, and the item is refused or to be tried again. */
static bool run_one(struct writer *w, struct round *r, struct item *item)
{
	w->tables.code = 0;
	item->ok = ordered_run(&w->tables.t, &item->op, &item->err);
	if (item->ok) {
		add_done(r, item);
		return true;
	}
	if (!w->tables.t.dirty && w->tables.code == 0) {
		refuse(r, item);
		return true;
	}
	if (w->tables.code == MDB_MAP_FULL)
		r->too_large = item;
	else
		refuse(r, item);
	return false;
}

/* No transaction is open. True if what did not fit may do so now, in a larger map
 * or in a smaller transaction. */
static bool make_fit(struct writer *w, struct round *r, size_t n, struct error *err)
{
	if (environment_grow(w->env, true, err))
		return true;
	if (n <= 1)
		return false;
	r->limit = n / 2;
	return true;
}

/* What may be done in steps must not fail for want of room. */
static bool do_less(struct item *item)
{
	size_t *most = NULL;
	if (item->op.kind == STORE_OP_ROWS_SWEEP)
		most = &item->op.rows_sweep.most;
	else if (item->op.kind == STORE_OP_OUTBOX_SORT)
		most = &item->op.outbox_sort.limit;
	if (most == NULL || *most <= 1)
		return false;
	*most /= 2;
	return true;
}

/* No transaction is open now. */
static void spoilt(struct writer *w, struct round *r)
{
	struct item *item = r->too_large;
	r->too_large = NULL;
	if (item != NULL &&
	    (make_fit(w, r, r->n_done + 1, &item->err) || do_less(item)))
		queue_push(&r->done, item);
	else if (item != NULL)
		refuse(r, item);
	redo(r);
}

/* All of `done` failed together. */
static void refuse_all(struct round *r, const struct error *err)
{
	struct item *item;
	while ((item = queue_pop(&r->done)) != NULL) {
		item->err = *err;
		refuse(r, item);
	}
	r->n_done = 0;
}

/* Whoever else waits must not wait for this, too: only one that is alone is told. */
static void tell_applied(const struct round *r)
{
	if (r->turns.n_urgent != 1)
		return;
	for (const struct item *item = r->done.first; item != NULL; item = item->next)
		store_op_applied(&item->op);
}

static void commit(struct writer *w, struct round *r, MDB_txn *txn)
{
	struct error err;
	tell_applied(r);
	int code = mdb_txn_commit(txn);
	if (code == 0) {
		queue_append(&r->finished, &r->done);
		r->n_done = 0;
		return;
	}
	lmdb_error(w->env, code, "cannot commit", &err);
	if (code == MDB_MAP_FULL && make_fit(w, r, r->n_done, &err)) {
		redo(r);
		return;
	}
	log_error(w->env->log, "store", "commit failed  error=%s", err.message);
	environment_mend(w->env);
	refuse_all(r, &err);
}

/* One transaction; r->again is what must be done in another one. */
static void transaction(struct writer *w, struct round *r)
{
	MDB_txn *txn;
	struct item *item;
	struct error err;
	int code = w->env->is_broken ? MDB_PANIC
				     : mdb_txn_begin(w->env->env, NULL, 0, &txn);
	if (code != 0) {
		lmdb_error(w->env, code, "cannot write", &err);
		while ((item = take(w, r)) != NULL)
			add_done(r, item);
		refuse_all(r, &err);
		return;
	}
	lmdb_tables_begin(&w->tables, txn);
	while ((item = take(w, r)) != NULL) {
		if (!has_room(w, item)) {
			refuse(r, item);
		} else if (!run_one(w, r, item)) {
			mdb_txn_abort(txn);
			spoilt(w, r);
			return;
		}
	}
	if (r->done.first == NULL)
		mdb_txn_abort(txn);
	else
		commit(w, r, txn);
}

static void tell(struct queue *q)
{
	struct item *item;
	while ((item = queue_pop(q)) != NULL) {
		store_op_done(&item->op, item->ok ? NULL : &item->err);
		free(item);
	}
}

static void one_round(struct writer *w)
{
	struct round r = {.turns.begin_us = clock_mono_us()};
	struct error err;
	queue_init(&r.again);
	queue_init(&r.done);
	queue_init(&r.finished);
	queue_init(&r.refused);
	/* at its greatest size it goes on until it is full */
	environment_grow(w->env, false, &err);
	/* each time round one is refused, some are done, the map has grown or the
	 * limit has shrunk */
	do {
		transaction(w, &r);
	} while (r.again.first != NULL);
	environment_measure(w->env);
	w->turns.had_import = r.turns.has_import;
	w->company = r.turns.n_urgent + r.turns.n_patient;
	tell(&r.finished);
	tell(&r.refused);
}

/* Under the lock. */
static void gather(struct writer *w)
{
	const struct timespec until = clock_mono_after(COMPANY_US);
	w->gathering = true;
	while (!w->stop && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
		continue;
	w->gathering = false;
}

/* Under the lock. What is broken is mended, though nobody asks for anything. */
static void wait_for_work(struct writer *w)
{
	const struct timespec until = clock_mono_after(MEND_US);
	if (!w->env->is_broken) {
		pthread_cond_wait(&w->changed, &w->lock);
	} else if (pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0) {
		pthread_mutex_unlock(&w->lock);
		environment_mend(w->env);
		pthread_mutex_lock(&w->lock);
	}
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		bool has_work = !turns_empty(&w->turns);
		if (!has_work && w->stop)
			break;
		if (!has_work) {
			wait_for_work(w);
			continue;
		}
		if (w->company > 1)
			gather(w);
		pthread_mutex_unlock(&w->lock);
		if (w->env->is_broken)
			environment_mend(w->env);
		one_round(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static bool condition_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0)
		return false;
	bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
		  pthread_cond_init(cond, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

struct writer *writer_new(struct environment *e)
{
	struct writer *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	w->env = e;
	turns_init(&w->turns);
	if (pthread_mutex_init(&w->lock, NULL) != 0)
		goto no_lock;
	if (!condition_init(&w->changed))
		goto no_condition;
	if (!lmdb_tables_init(&w->tables, e, false))
		goto no_tables;
	if (pthread_create(&w->thread, NULL, writer_main, w) != 0)
		goto no_thread;
	return w;
no_thread:
	lmdb_tables_free(&w->tables);
no_tables:
	pthread_cond_destroy(&w->changed);
no_condition:
	pthread_mutex_destroy(&w->lock);
no_lock:
	free(w);
	return NULL;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	lmdb_tables_free(&w->tables);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void writer_submit(struct writer *w, const struct store_op *op)
{
	struct item *item = malloc(sizeof *item);
	if (item == NULL) {
		struct error err;
		error_set(&err, ERROR_MEMORY, "", "no memory for a call of the store");
		store_op_done(op, &err);
		return;
	}
	item->op = *op;
	item->ok = false;
	pthread_mutex_lock(&w->lock);
	turns_add(&w->turns, item);
	if (!w->gathering)
		pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}
