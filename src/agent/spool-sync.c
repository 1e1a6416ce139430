/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool-sync.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum state { IDLE, GIVEN, FINISHED, STOP };

struct spool_sync {
	struct ev_loop *loop;
	ev_async finished;
	spool_sync_done *done;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum state state;
	struct spool_sync_job job;
	int errnum;
};

static int sync_file(int fd)
{
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static int run(const struct spool_sync_job *job)
{
	int first = 0;
	for (size_t i = 0; i < job->n_files; i++) {
		int e = sync_file(job->files[i]);
		first = first != 0 ? first : e;
	}
	/* a new file's name must survive, too */
	if (job->directory >= 0 && fsync(job->directory) != 0 && first == 0)
		first = errno;
	return first;
}

static void *work(void *arg)
{
	struct spool_sync *s = arg;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->state != GIVEN && s->state != STOP)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->state == STOP)
			break;
		struct spool_sync_job job = s->job;
		pthread_mutex_unlock(&s->lock);
		int errnum = run(&job);
		pthread_mutex_lock(&s->lock);
		s->errnum = errnum;
		s->state = FINISHED;
		pthread_cond_broadcast(&s->changed);
		ev_async_send(s->loop, &s->finished);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Hands a finished job back, if there is one. */
static void deliver(struct spool_sync *s)
{
	pthread_mutex_lock(&s->lock);
	bool finished = s->state == FINISHED;
	uint64_t sequence = s->job.sequence;
	int errnum = s->errnum;
	if (finished)
		s->state = IDLE;
	pthread_mutex_unlock(&s->lock);
	if (finished)
		s->done(s->ctx, sequence, errnum);
}

static void on_finished(struct ev_loop *loop, ev_async *w, int revents)
{
	(void)loop;
	(void)revents;
	deliver(w->data);
}

struct spool_sync *spool_sync_start(struct ev_loop *loop, spool_sync_done *done,
				    void *ctx, struct error *err)
{
	struct spool_sync *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->done = done;
	s->ctx = ctx;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	ev_async_init(&s->finished, on_finished);
	s->finished.data = s;
	ev_async_start(loop, &s->finished);
	int e = pthread_create(&s->thread, NULL, work, s);
	if (e != 0) {
		error_set_errno(err, "", e, "cannot start a thread");
		ev_async_stop(loop, &s->finished);
		pthread_cond_destroy(&s->changed);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return NULL;
	}
	return s;
}

void spool_sync_submit(struct spool_sync *s, const struct spool_sync_job *job)
{
	pthread_mutex_lock(&s->lock);
	assert(s->state == IDLE);
	s->job = *job;
	s->state = GIVEN;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void spool_sync_stop(struct spool_sync *s)
{
	if (s == NULL)
		return;
	/* what is handed back may give the next job */
	for (bool idle = false; !idle;) {
		pthread_mutex_lock(&s->lock);
		while (s->state == GIVEN)
			pthread_cond_wait(&s->changed, &s->lock);
		idle = s->state == IDLE;
		if (idle)
			s->state = STOP;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		if (!idle)
			deliver(s);
	}
	pthread_join(s->thread, NULL);
	ev_async_stop(s->loop, &s->finished);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
