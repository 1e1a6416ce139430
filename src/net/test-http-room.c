/* SPDX-License-Identifier: Apache-2.0 */
/* Who has to go, on a list of connections that are none: what the threads of a real
 * server do in a moment is made to happen here. */
#include "base/clock.h"
#include "base/unit.h"
#include "net/http-internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_MS 10000
#define IDLE_MS 75000
#define SEND_MS 1000

static struct http_stats stats;

/* A full server: all are known and answered just now. */
static struct http_server full(struct connection *all, unsigned n)
{
	stats = (struct http_stats){0};
	struct http_server s = {.o = http_options_default, .stats = &stats};
	s.o.max_connections = n;
	s.o.header_ms = HEADER_MS;
	s.o.idle_ms = IDLE_MS;
	for (unsigned i = 0; i < n; i++) {
		all[i].fd = -1;
		all[i].known = true;
		connection_enter(&all[i], PHASE_IDLE, IDLE_MS);
		all[i].prev = i + 1 < n ? &all[i + 1] : NULL;
		all[i].next = i > 0 ? &all[i - 1] : NULL;
	}
	s.oldest = &all[0];
	s.connections = &all[n - 1];
	s.n_connections = n;
	return s;
}

/* Another one comes, and goes. */
static void come(struct http_server *s)
{
	struct connection one = {.fd = -1, .next = s->connections};
	connection_enter(&one, PHASE_IDLE, HEADER_MS);
	one.next->prev = &one;
	s->connections = &one;
	s->n_connections++;
	room_make(s, &one);
	s->connections = one.next;
	s->connections->prev = NULL;
	s->n_connections--;
}

static atomic_bool enough;

static void *answer_it_for_ever(void *connection)
{
	struct connection *c = connection;
	while (!enough) {
		connection_enter(c, PHASE_BUSY, SEND_MS);
		connection_enter(c, PHASE_IDLE, IDLE_MS);
	}
	return NULL;
}

/* With the deadline of its answer's sending it would be idle since 74 s. */
static void who_is_answered_now_is_not_idle_for_long(void **state)
{
	(void)state;
	struct connection one = {0};
	struct http_server s = full(&one, 1);
	pthread_t t;
	enough = false;
	assert_int_equal(pthread_create(&t, NULL, answer_it_for_ever, &one), 0);
	for (unsigned i = 0; i < 1000000 && !one.shut; i++)
		come(&s);
	enough = true;
	pthread_join(t, NULL);
	assert_false(one.shut);
	assert_int_equal(stats.shed, 0);
}

#define MANY 10000

/* All of them are needed, and then one is not: that is found later. Until then who
 * comes costs nothing but its refusal. */
static void all_are_looked_at_seldom(void **state)
{
	(void)state;
	struct connection *all = calloc(MANY, sizeof *all);
	int ends[2];
	assert_non_null(all);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	struct http_server s = full(all, MANY);
	int64_t from = clock_mono_us(), until = from + 10 * CLOCK_SECOND * 1000;
	come(&s);
	assert_int_equal(stats.excess, 1);
	all[MANY - 1].known = false;
	all[MANY - 1].fd = ends[0];
	while (stats.shed == 0 && clock_mono_us() < until)
		come(&s);
	assert_int_equal(stats.shed, 1);
	assert_true(all[MANY - 1].shut);
	assert_true(clock_mono_us() - from >= MANY / 2);
	/* and the place that it left is free */
	uint64_t excess = stats.excess;
	come(&s);
	assert_int_equal(stats.excess, excess);
	close(ends[0]);
	close(ends[1]);
	free(all);
}

/* As many of those that nobody will miss as come in the time between two looks. */
static void those_that_idle_go_several_at_a_time(void **state)
{
	(void)state;
	struct connection *all = calloc(MANY, sizeof *all);
	int ends[2];
	assert_non_null(all);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	struct http_server s = full(all, MANY);
	for (unsigned i = 0; i < MANY; i += 2) {
		all[i].known = false;
		all[i].fd = ends[0];
	}
	come(&s);
	assert_int_equal(stats.shed, 1 + MANY / 64);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(all[i].shut, i % 2 == 0 && i / 2 <= MANY / 64);
	close(ends[0]);
	close(ends[1]);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_answered_now_is_not_idle_for_long),
		cmocka_unit_test(all_are_looked_at_seldom),
		cmocka_unit_test(those_that_idle_go_several_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
