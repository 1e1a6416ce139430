/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a completion, for threads that may block. */
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>

struct store_wait {
	pthread_mutex_t lock;
	pthread_cond_t happened;
	bool done;
	struct error err;
};

struct store_wait *store_wait_new(void)
{
	struct store_wait *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	if (pthread_mutex_init(&w->lock, NULL) != 0) {
		free(w);
		return NULL;
	}
	if (pthread_cond_init(&w->happened, NULL) != 0) {
		pthread_mutex_destroy(&w->lock);
		free(w);
		return NULL;
	}
	return w;
}

void store_wait_free(struct store_wait *w)
{
	if (w == NULL)
		return;
	pthread_cond_destroy(&w->happened);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void store_wait_done(void *ctx, const struct error *err)
{
	struct store_wait *w = ctx;
	pthread_mutex_lock(&w->lock);
	if (err != NULL)
		w->err = *err;
	else
		error_clear(&w->err);
	w->done = true;
	pthread_cond_signal(&w->happened);
	pthread_mutex_unlock(&w->lock);
}

bool store_wait(struct store_wait *w, struct error *err)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->happened, &w->lock);
	w->done = false;
	bool ok = w->err.kind == ERROR_NONE;
	if (!ok && err != NULL)
		*err = w->err;
	pthread_mutex_unlock(&w->lock);
	return ok;
}
