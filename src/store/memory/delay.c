/* SPDX-License-Identifier: Apache-2.0 */
/* Completions as a network gives them: late, on another thread, in any order; the
 * effect comes sometimes at once and sometimes only then. */
#include "store/memory/memory-internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct waiting {
	struct waiting *next; /* by time */
	int64_t end_us;
	void *db;
	struct store_op op;
	bool is_run, ok; /* carried out when it was given, and how it went */
	struct error err;
};

struct delay {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiting *first;
	delay_run_fn *run;
	uint64_t random;
	unsigned max_ms;
	bool stop;
};

static uint64_t draw(struct delay *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random >> 16;
}

static void end(struct delay *d, struct waiting *w)
{
	if (!w->is_run)
		w->ok = d->run(w->db, &w->op, &w->err);
	store_op_done(&w->op, w->ok ? NULL : &w->err);
	free(w);
}

/* Under the lock: until it is time for the first, or something changed. */
static void wait_for(struct delay *d)
{
	struct timespec until;
	if (d->first == NULL) {
		pthread_cond_wait(&d->changed, &d->lock);
		return;
	}
	until.tv_sec = (time_t)(d->first->end_us / 1000000);
	until.tv_nsec = (long)(d->first->end_us % 1000000) * 1000;
	pthread_cond_timedwait(&d->changed, &d->lock, &until);
}

static void *delay_main(void *arg)
{
	struct delay *d = arg;
	pthread_mutex_lock(&d->lock);
	while (!d->stop || d->first != NULL) {
		struct waiting *w = d->first;
		if (w == NULL || w->end_us > clock_mono_us()) {
			wait_for(d);
			continue;
		}
		d->first = w->next;
		pthread_mutex_unlock(&d->lock);
		end(d, w);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static bool init_condition(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0)
		return false;
	bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
		  pthread_cond_init(c, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

struct delay *delay_new(unsigned max_ms, delay_run_fn *run)
{
	struct delay *d = calloc(1, sizeof *d);
	if (d == NULL)
		return NULL;
	d->run = run;
	d->max_ms = max_ms;
	d->random = UINT64_C(0x2545f4914f6cdd1d);
	if (pthread_mutex_init(&d->lock, NULL) != 0)
		goto no_lock;
	if (!init_condition(&d->changed))
		goto no_condition;
	if (pthread_create(&d->thread, NULL, delay_main, d) != 0)
		goto no_thread;
	return d;
no_thread:
	pthread_cond_destroy(&d->changed);
no_condition:
	pthread_mutex_destroy(&d->lock);
no_lock:
	free(d);
	return NULL;
}

void delay_free(struct delay *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void delay_submit(struct delay *d, void *db, const struct store_op *op)
{
	struct waiting *w = calloc(1, sizeof *w);
	if (w == NULL) {
		struct error err;
		error_set(&err, ERROR_MEMORY, "", "no memory for a call of the store");
		store_op_done(op, &err);
		return;
	}
	w->db = db;
	w->op = *op;
	pthread_mutex_lock(&d->lock);
	uint64_t r = draw(d);
	pthread_mutex_unlock(&d->lock);
	w->is_run = (r & 1) != 0;
	if (w->is_run)
		w->ok = d->run(db, op, &w->err);
	w->end_us = clock_mono_us() + (int64_t)((r >> 1) % (d->max_ms * 1000ULL + 1));
	pthread_mutex_lock(&d->lock);
	struct waiting **at = &d->first;
	while (*at != NULL && (*at)->end_us <= w->end_us)
		at = &(*at)->next;
	w->next = *at;
	*at = w;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
}
