/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/test-world.h"

#include <stdio.h>

#define USERS 100

static char names[USERS][16];
static struct id16 instances[USERS];

/* Every user has one instance of c0 on its way. */
static struct world *given_to_all(unsigned delay_ms)
{
	struct world *w = world_new(delay_ms);
	world_campaigns(w, 1);
	for (int i = 0; i < USERS; i++) {
		snprintf(names[i], sizeof names[i], "user%d", i);
		world_consents(w, names[i]);
		struct opening o = world_decides(w, names[i], WORLD_NOW);
		assert_int_equal(o.decision.n, 1);
		instances[i] = o.decision.actions[0].assignment.instance;
	}
	return w;
}

static struct instance_event events[3 * USERS];
static struct keyed_event keyed[3 * USERS];

/* For each user: read, then injected (late), then gone; users are mixed. */
static size_t make_events(void)
{
	static const enum wire_event_type types[] = {
		WIRE_EVENT_READ, WIRE_EVENT_INJECTED, WIRE_EVENT_GONE};
	size_t n = 0;
	for (size_t t = 0; t < 3; t++)
		for (size_t i = 0; i < USERS; i++, n++) {
			size_t user = (i * 37 + t) % USERS;
			events[n] = (struct instance_event){
				.instance = instances[user],
				.type = types[t],
				.cause = types[t] == WIRE_EVENT_GONE
						 ? WIRE_CAUSE_EXPUNGED
						 : WIRE_CAUSE_NONE,
				.at_ms = WORLD_NOW + 1000 + (int64_t)t};
			keyed[n] =
				(struct keyed_event){str_of(names[user]), &events[n]};
		}
	return n;
}

static void assert_all_counted_once(struct world *w)
{
	assert_int_equal(world_count(w, "c0", STATISTIC_INJECTED), USERS);
	assert_int_equal(world_count(w, "c0", STATISTIC_READ), USERS);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_READ), USERS);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), 0);
	assert_int_equal(store_outbox_count(w->db), 3 * USERS);
}

static void a_batch_of_many_users_is_counted_once_however_often_it_comes(void **state)
{
	(void)state;
	for (unsigned delay_ms = 0; delay_ms < 3; delay_ms += 2) {
		struct world *w = given_to_all(delay_ms);
		struct event_batch_result r;
		size_t n = make_events();
		for (int i = 0; i < 3; i++) {
			assert_true(world_events(w, keyed, n, WORLD_NOW + 5000, &r));
			assert_int_equal(r.stored, n);
			assert_int_equal(r.dropped, 0);
		}
		assert_all_counted_once(w);
		world_free(w);
	}
}

/* Where there is no room for what goes on, it goes on where it is. */
static void it_goes_on_on_a_thread_of_its_own(void **state)
{
	(void)state;
	static const size_t room[] = {1, 1000};
	for (size_t i = 0; i < 2; i++) {
		struct error err;
		struct world *w = given_to_all(1);
		struct event_batch_result r;
		size_t n = make_events();
		w->workers = workers_new("test", 2, room[i], WORKERS_PATIENT, &err);
		assert_non_null(w->workers);
		assert_true(world_events(w, keyed, n, WORLD_NOW + 5000, &r));
		assert_int_equal(r.stored, n);
		assert_all_counted_once(w);
		workers_free(w->workers);
		world_free(w);
	}
}

static void a_batch_that_fails_can_be_sent_again(void **state)
{
	(void)state;
	struct world *w = given_to_all(0);
	struct event_batch_result r;
	size_t n = make_events();
	for (uint64_t nth = 1; nth < USERS; nth += 9) {
		store_faulty_arm(w->store, nth, nth % 2 ? 'a' : 'b');
		if (nth == 1)
			assert_false(world_events(w, keyed, n, WORLD_NOW + 5000, &r));
		else
			world_events(w, keyed, n, WORLD_NOW + 5000, &r);
	}
	store_faulty_arm(w->store, 0, 'b');
	assert_true(world_events(w, keyed, n, WORLD_NOW + 5000, &r));
	assert_int_equal(r.stored, n);
	assert_all_counted_once(w);
	world_free(w);
}

static void events_of_nobody_are_dropped_and_leave_nothing(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	struct instance_event e = {
		.instance = {{1}}, .type = WIRE_EVENT_READ, .at_ms = WORLD_NOW};
	struct keyed_event k = {STR("ada"), &e};
	struct event_batch_result r;
	store_faulty_arm(w->store, 0, 'b');
	assert_true(world_events(w, &k, 1, WORLD_NOW, &r));
	assert_int_equal(r.stored, 0);
	assert_int_equal(r.dropped, 1);
	assert_int_equal(store_faulty_arm(w->store, 0, 'b'), 0);
	assert_int_equal(world_user(w, "ada").revision, 0);
	assert_true(world_events(w, NULL, 0, WORLD_NOW, &r));
	assert_int_equal(r.stored + r.dropped, 0);
	world_free(w);
}

static void an_event_does_not_reach_another_users_instance(void **state)
{
	(void)state;
	struct world *w = given_to_all(0);
	struct instance_event e = {
		.instance = instances[1], .type = WIRE_EVENT_READ, .at_ms = WORLD_NOW};
	struct keyed_event k = {str_of(names[0]), &e};
	struct event_batch_result r;
	assert_true(world_events(w, &k, 1, WORLD_NOW, &r));
	assert_int_equal(r.dropped, 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_READ), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_batch_of_many_users_is_counted_once_however_often_it_comes),
		cmocka_unit_test(it_goes_on_on_a_thread_of_its_own),
		cmocka_unit_test(a_batch_that_fails_can_be_sent_again),
		cmocka_unit_test(events_of_nobody_are_dropped_and_leave_nothing),
		cmocka_unit_test(an_event_does_not_reach_another_users_instance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
