/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENT_NICE 10

struct job {
	workers_fn *fn;
	void *ctx;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *ring;
	size_t size, first, n;
	size_t running;
	bool closed;
	enum workers_urgency urgency;
	unsigned n_threads;
	pthread_t threads[];
};

static void *serve(void *arg)
{
	struct workers *w = arg;
	/* on Linux the nice value is each thread's own; refused at worst */
	if (w->urgency == WORKERS_PATIENT)
		setpriority(PRIO_PROCESS, (id_t)gettid(), PATIENT_NICE);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->n == 0 && !w->closed)
			pthread_cond_wait(&w->work, &w->lock);
		if (w->n == 0)
			break;
		struct job job = w->ring[w->first];
		w->first = (w->first + 1) % w->size;
		w->n--;
		w->running++;
		pthread_mutex_unlock(&w->lock);
		job.fn(job.ctx);
		pthread_mutex_lock(&w->lock);
		w->running--;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct workers *workers_new(const char *name, unsigned threads, size_t max_queued,
			    enum workers_urgency urgency, struct error *err)
{
	struct workers *w =
		calloc(1, sizeof *w + (size_t)threads * sizeof w->threads[0]);
	struct job *ring = calloc(max_queued, sizeof *ring);
	if (w == NULL || ring == NULL) {
		free(w);
		free(ring);
		error_set(err, ERROR_MEMORY, "", "no memory for worker threads");
		return NULL;
	}
	w->ring = ring;
	w->size = max_queued;
	w->urgency = urgency;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	for (; w->n_threads < threads; w->n_threads++) {
		pthread_t *t = &w->threads[w->n_threads];
		int rc = pthread_create(t, NULL, serve, w);
		if (rc != 0) {
			error_set_errno(err, "", rc, "cannot start a worker thread");
			workers_free(w);
			return NULL;
		}
		pthread_setname_np(*t, name);
	}
	return w;
}

bool workers_run(struct workers *w, workers_fn *fn, void *ctx)
{
	pthread_mutex_lock(&w->lock);
	bool taken = !w->closed && w->n < w->size;
	if (taken) {
		w->ring[(w->first + w->n) % w->size] = (struct job){fn, ctx};
		w->n++;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

size_t workers_depth(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	size_t depth = w->n + w->running;
	pthread_mutex_unlock(&w->lock);
	return depth;
}

void workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w->ring);
	free(w);
}
