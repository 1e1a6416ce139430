/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "mim/admission.h"

#define WAIT_MS 25
#define MOST 16
#define MS 1000

static const struct admission_limits limits = {
	.max_wait_ms = WAIT_MS,
	.most = {[ADMISSION_DECISION] = MOST, [ADMISSION_EVENTS] = 2},
};

static struct admission *made(void)
{
	struct admission *a = admission_new(&limits);
	assert_non_null(a);
	return a;
}

/* It came after_ms after the connection's last answer. */
static enum admission_verdict ask(struct admission *a, int64_t waited_ms,
				  int64_t after_ms, int64_t now_us)
{
	const struct admission_request q = {.kind = ADMISSION_DECISION,
					    .waited_ms = waited_ms,
					    .quiet_ms = after_ms +
							(waited_ms > 0 ? waited_ms : 0),
					    .now_us = now_us};
	return admission_ask(a, &q);
}

/* One a millisecond; how many were not taken. */
static unsigned ask_many(struct admission *a, unsigned n, int64_t waited_ms,
			 int64_t from_us)
{
	unsigned refused = 0;
	for (unsigned i = 0; i < n; i++)
		refused += ask(a, waited_ms, 0, from_us + i * MS) != ADMISSION_TAKE;
	return refused;
}

static void who_waits_for_a_moment_is_taken(void **state)
{
	(void)state;
	struct admission *a = made();
	assert_int_equal(ask_many(a, 1000, WAIT_MS, 0), 0);
	/* the machine stood still: all of a moment are late */
	assert_int_equal(ask_many(a, 90, 300, 2000 * MS), 0);
	assert_int_equal(ask(a, 1, 0, 2091 * MS), ADMISSION_TAKE);
	assert_int_equal(ask_many(a, 90, 300, 2100 * MS), 0);
	/* a few, over a long time */
	assert_int_equal(ask(a, 1, 0, 3000 * MS), ADMISSION_TAKE);
	assert_int_equal(ask(a, 300, 0, 4000 * MS), ADMISSION_TAKE);
	assert_int_equal(ask(a, 300, 0, 9000 * MS), ADMISSION_TAKE);
	admission_free(a);
}

static void what_lasts_is_refused(void **state)
{
	(void)state;
	struct admission *a = made();
	int64_t ms = 0;
	assert_int_equal(ask_many(a, 100, 4 * WAIT_MS, 0), 0);
	/* a quarter of them could be in time */
	for (ms = 100; ms < 500; ms++)
		ask(a, 4 * WAIT_MS, 0, ms * MS);
	/* it is not known how long this one waited */
	assert_int_equal(ask(a, -1, 0, ms * MS), ADMISSION_TAKE);
	/* it is over */
	assert_int_equal(ask(a, 3, 0, ms * MS), ADMISSION_TAKE);
	assert_int_equal(ask(a, 4 * WAIT_MS, 0, ms * MS), ADMISSION_TAKE);
	/* and back, which is noticed sooner */
	assert_in_range(ask_many(a, 100, 4 * WAIT_MS, ms * MS), 1, 69);
	admission_free(a);
}

static void an_old_overload_is_over(void **state)
{
	(void)state;
	struct admission *a = made();
	ask_many(a, 300, 4 * WAIT_MS, 0);
	assert_int_not_equal(admission_refused(a, ADMISSION_DECISION), 0);
	/* nobody has asked since */
	assert_int_equal(ask(a, 4 * WAIT_MS, 0, 1000 * MS), ADMISSION_TAKE);
	admission_free(a);
}

static void as_many_are_refused_as_are_too_many(void **state)
{
	(void)state;
	struct admission *a = made();
	unsigned paused = 0, late = 0;
	ask_many(a, 200, WAIT_MS + 1, 0);
	for (unsigned i = 0; i < 1000; i++)
		paused += ask(a, 4 * WAIT_MS / 3, 0, (200 + i) * MS) == ADMISSION_PAUSE;
	assert_in_range(paused, 240, 260);
	for (unsigned i = 0; i < 1000; i++) {
		/* another millisecond to send it is at once, too */
		enum admission_verdict v = ask(a, 8 * WAIT_MS, 1, (1200 + i) * MS);
		paused += v == ADMISSION_PAUSE;
		late += v == ADMISSION_REFUSE;
	}
	/* for the others an answer would come too late */
	assert_in_range(paused, 240 + 865, 260 + 885);
	assert_in_range(late, 115, 135);
	/* who asks seldom is not one of those that are too many */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask(a, 4 * WAIT_MS, 1000, (2200 + i) * MS),
				 ADMISSION_TAKE);
	assert_int_equal(ask(a, 4 * WAIT_MS + 1, 1000, 2300 * MS), ADMISSION_REFUSE);
	admission_free(a);
}

static void pauses_are_spread(void **state)
{
	(void)state;
	struct admission *a = made();
	int64_t sum = 0;
	for (unsigned i = 0; i < 1000; i++) {
		int64_t ms = admission_pause_ms(a);
		assert_in_range(ms, ADMISSION_RETRY_MS / 2, ADMISSION_RETRY_MS - 1);
		sum += ms;
	}
	assert_in_range(sum, 745000, 755000);
	admission_free(a);
}

static void so_many_are_under_way_and_no_more(void **state)
{
	(void)state;
	struct admission *a = made();
	const struct admission_request events = {ADMISSION_EVENTS, -1, 0, 0},
				       other = {ADMISSION_OTHER, -1, 0, 0};
	for (unsigned i = 0; i < MOST; i++) {
		assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
		admission_enter(a, ADMISSION_DECISION);
		admission_enter(a, ADMISSION_OTHER);
	}
	assert_int_equal(admission_under_way(a, ADMISSION_DECISION), MOST);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_PAUSE);
	assert_int_equal(ask(a, -1, 1000, 0), ADMISSION_REFUSE);
	/* each kind for itself */
	assert_int_equal(admission_ask(a, &events), ADMISSION_TAKE);
	assert_int_equal(admission_ask(a, &other), ADMISSION_TAKE);
	/* nobody waits behind events */
	admission_enter(a, ADMISSION_EVENTS);
	admission_enter(a, ADMISSION_EVENTS);
	assert_int_equal(admission_ask(a, &events), ADMISSION_REFUSE);
	admission_leave(a, ADMISSION_DECISION, 1000);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	assert_int_equal(admission_refused(a, ADMISSION_DECISION), 2);
	assert_int_equal(admission_refused(a, ADMISSION_EVENTS), 1);
	admission_free(a);
}

#define SLOW_US ((2 * WAIT_MS + 1) * MS)

static void answer(struct admission *a, unsigned n, int64_t took_us)
{
	for (unsigned i = 0; i < n; i++) {
		admission_enter(a, ADMISSION_DECISION);
		admission_leave(a, ADMISSION_DECISION, took_us);
	}
}

static void fewer_while_the_store_is_slow(void **state)
{
	(void)state;
	struct admission *a = made();
	answer(a, 100, MS);
	for (unsigned i = 0; i < MOST / 2; i++)
		admission_enter(a, ADMISSION_DECISION);
	/* one that is slow, however slow, says nothing; nor do a few */
	answer(a, 1, 1000 * SLOW_US);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	answer(a, 4, SLOW_US);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	answer(a, 1, SLOW_US);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_PAUSE);
	answer(a, 100, SLOW_US);
	/* nor is it over with the first that is not */
	answer(a, 1, WAIT_MS * MS);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_PAUSE);
	answer(a, 5, WAIT_MS * MS);
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	/* every third */
	for (unsigned i = 0; i < 100; i++) {
		answer(a, 1, SLOW_US);
		answer(a, 2, WAIT_MS * MS);
		assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	}
	/* events are no measure */
	for (unsigned i = 0; i < 100; i++) {
		admission_enter(a, ADMISSION_EVENTS);
		admission_leave(a, ADMISSION_EVENTS, SLOW_US);
	}
	assert_int_equal(ask(a, -1, 0, 0), ADMISSION_TAKE);
	admission_free(a);
}

static void one_in_eight_is_sampled_while_all_is_well(void **state)
{
	(void)state;
	struct admission *a = made();
	unsigned n = 0;
	for (unsigned i = 0; i < 800; i++)
		n += admission_samples(a);
	assert_int_equal(n, 100);
	ask(a, WAIT_MS + 1, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		assert_true(admission_samples(a));
	admission_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_a_moment_is_taken),
		cmocka_unit_test(what_lasts_is_refused),
		cmocka_unit_test(as_many_are_refused_as_are_too_many),
		cmocka_unit_test(an_old_overload_is_over),
		cmocka_unit_test(pauses_are_spread),
		cmocka_unit_test(so_many_are_under_way_and_no_more),
		cmocka_unit_test(fewer_while_the_store_is_slow),
		cmocka_unit_test(one_in_eight_is_sampled_while_all_is_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
