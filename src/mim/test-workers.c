/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/workers.h"

#include "base/unit.h"

#include <pthread.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	unsigned started, done;
};

static void wait_at_gate(void *ctx)
{
	struct gate *g = ctx;
	pthread_mutex_lock(&g->lock);
	g->started++;
	pthread_cond_broadcast(&g->changed);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->lock);
	g->done++;
	pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void a_full_queue_refuses_and_what_was_taken_is_done(void **state)
{
	(void)state;
	struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER,
			 .changed = PTHREAD_COND_INITIALIZER};
	struct error err;
	struct workers *w = workers_new("test", 2, 3, WORKERS_PROMPT, &err);
	assert_non_null(w);
	assert_true(workers_run(w, wait_at_gate, &g));
	assert_true(workers_run(w, wait_at_gate, &g));
	pthread_mutex_lock(&g.lock);
	while (g.started < 2)
		pthread_cond_wait(&g.changed, &g.lock);
	pthread_mutex_unlock(&g.lock);
	for (int i = 0; i < 3; i++)
		assert_true(workers_run(w, wait_at_gate, &g));
	assert_false(workers_run(w, wait_at_gate, &g));
	assert_int_equal(workers_depth(w), 5);
	open_gate(&g);
	workers_free(w);
	assert_int_equal(g.done, 5);
}

static void freeing_an_idle_pool_ends_its_threads(void **state)
{
	(void)state;
	struct error err;
	struct workers *w = workers_new("test", 8, 1, WORKERS_PATIENT, &err);
	assert_non_null(w);
	assert_int_equal(workers_depth(w), 0);
	workers_free(w);
	workers_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_refuses_and_what_was_taken_is_done),
		cmocka_unit_test(freeing_an_idle_pool_ends_its_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
