/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rows and of their point, without a network: calls that "ended". */
#include "base/clock.h"
#include "mim/deliver-unit.h"

/* A call of one row that was under way in this round. */
static struct deliver_call call_of(unsigned round, uint64_t sequence)
{
	struct deliver_call c = {
		.queue = q, .n_rows = 1, .round = round, .retry_after_ms = -1};
	c.rows[0] = (struct deliver_row){
		.sequence = sequence, .due_ms = 1000, .queued_ms = 1000};
	return c;
}

static void fails(unsigned round)
{
	struct deliver_call c = call_of(round, 1);
	deliver_failed(&c, "HTTP 500");
}

static void succeeds(void)
{
	struct deliver_call c = call_of(q->round, 1);
	deliver_sent(&c);
}

/* From the last failure on. */
static int64_t held_ms(void)
{
	return q->state.next_ms - q->state.error_ms;
}

static void a_failure_that_stands_alone_holds_nothing_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++) {
		fails(q->round);
		assert_true(held_ms() <= 0);
		assert_int_equal(q->state.failures, 1);
		assert_true(q->state.failing_since_ms > 0);
		succeeds();
		assert_int_equal(q->state.failures, 0);
		assert_int_equal(q->state.failing_since_ms, 0);
	}
	assert_str(q->state.error, "HTTP 500"); /* the last one stays to be seen */
}

static void failures_in_a_row_hold_the_point_longer_and_longer(void **state)
{
	(void)state;
	fails(q->round);
	int64_t since_ms = q->state.failing_since_ms;
	fails(q->round);
	assert_true(held_ms() >= 500 && held_ms() <= 1000);
	fails(q->round);
	assert_true(held_ms() >= 1000 && held_ms() <= 2000);
	for (size_t i = 0; i < 30; i++)
		fails(q->round);
	assert_true(held_ms() >= CLOCK_HOUR / 2 && held_ms() <= CLOCK_HOUR);
	assert_int_equal(q->state.failing_since_ms, since_ms);
	succeeds();
	assert_int_equal(q->state.next_ms, 0);
}

static void calls_that_fail_together_count_as_one(void **state)
{
	unsigned round = q->round;
	(void)state;
	for (size_t i = 0; i < 4; i++)
		fails(round);
	assert_int_equal(q->state.failures, 1);
	assert_true(held_ms() <= 0);
	assert_int_equal(q->n_finished, 4);
}

static void what_the_point_asks_for_holds_if_it_is_longer(void **state)
{
	struct deliver_call c = call_of(q->round, 1);
	(void)state;
	c.retry_after_ms = 50 * CLOCK_SECOND;
	deliver_failed(&c, "HTTP 429");
	int64_t until_ms = q->state.next_ms;
	assert_int_equal(held_ms(), 50000);
	assert_int_equal(q->finished[0].next_ms, until_ms);
	c = call_of(q->round, 2);
	c.retry_after_ms = 0;
	deliver_failed(&c, "HTTP 429"); /* does not take it back */
	assert_int_equal(q->state.next_ms, until_ms);
}

static void a_row_that_failed_for_a_week_is_given_up(void **state)
{
	struct deliver_call c = call_of(q->round, 1);
	(void)state;
	c.n_rows = 2;
	c.rows[1] = c.rows[0];
	c.rows[0].first_ms = clock_real_ms() - 7 * CLOCK_DAY;
	c.rows[1].first_ms = clock_real_ms() - 7 * CLOCK_DAY + CLOCK_MINUTE;
	deliver_failed(&c, "HTTP 500");
	assert_int_equal(q->finished[0].fate, STORE_FATE_DEAD);
	assert_int_equal(q->finished[1].fate, STORE_FATE_LATER);
}

static void what_could_not_be_written_is_written_with_what_comes_next(void **state)
{
	(void)state;
	arrive(3);
	struct deliver_call one = call_of(0, 1), two = call_of(0, 2);
	for (int when = 'a'; when <= 'b'; when++) {
		deliver_sent(when == 'a' ? &one : &two);
		store_faulty_arm(store, 1, (char)when);
		deliver_queue_settle(q);
		assert_true(q->is_settling);
		deliver_queue_settle(q); /* one at a time */
		take_reply();
		assert_int_equal(q->n_finished, 1);
		q->settle_not_before_us = 0; /* the time has come */
		deliver_queue_settle(q);
		take_reply();
		assert_true(deliver_queue_is_idle(q));
	}
	assert_int_equal(stored().sent, 2);
	assert_int_equal(stored().waiting, 1);
}

/* From now on. */
static int64_t settle_wait_us(void)
{
	return q->settle_not_before_us - clock_mono_us();
}

static void a_store_that_refuses_is_asked_again_later_and_later(void **state)
{
	static const int64_t want_s[] = {1, 2, 4, 8, 16, 30, 30};
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(1);
	deliver_sent(&c);
	for (size_t i = 0; i < sizeof want_s / sizeof *want_s; i++) {
		store_faulty_arm(store, 1, 'b');
		deliver_queue_settle(q);
		take_reply();
		assert_true(settle_wait_us() > (want_s[i] - 1) * 1000000);
		assert_true(settle_wait_us() <= want_s[i] * 1000000);
		deliver_queue_settle(q);
		deliver_queue_work(q, NULL);
		assert_false(q->is_settling);
		assert_null(d.replies);
		assert_int_equal(q->n_finished, 1);
		q->settle_not_before_us = clock_mono_us(); /* the time has come */
	}
	deliver_queue_settle(q);
	take_reply();
	assert_int_equal(stored().sent, 1);
	/* and the next failure is the first one again */
	succeeds();
	store_faulty_arm(store, 1, 'b');
	deliver_queue_settle(q);
	take_reply();
	assert_true(settle_wait_us() > 0 && settle_wait_us() <= 1000000);
}

static void at_the_end_a_store_that_refuses_is_asked_more_often(void **state)
{
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(1);
	deliver_sent(&c);
	d.stopping = true;
	store_faulty_arm(store, 1, 'b');
	deliver_queue_settle(q);
	take_reply();
	assert_true(settle_wait_us() > 0);
	assert_true(settle_wait_us() <= DELIVER_LOOK_MS * INT64_C(1000));
}

/* Each row copies pages of the store: few fit where many do not. */
static void a_full_store_is_asked_for_less_at_once(void **state)
{
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(4);
	c.n_rows = 4;
	for (uint64_t i = 0; i < 4; i++)
		c.rows[i] = (struct deliver_row){.sequence = i + 1, .due_ms = 1000};
	deliver_sent(&c);
	for (size_t n = 4; n >= 1; n /= 2) {
		store_faulty_arm(store, 1, 'b');
		deliver_queue_settle(q);
		assert_int_equal(q->n_settling, n);
		d.replies->err.kind = ERROR_FULL;
		take_reply();
		assert_int_equal(q->n_finished, 4);
		assert_int_equal(settle_wait_us() > 0, n == 1); /* not even one */
	}
	q->settle_not_before_us = 0; /* the time has come */
	for (size_t sent = 1; sent <= 4; sent = sent == 1 ? 3 : sent + 1) {
		deliver_queue_settle(q);
		take_reply();
		assert_int_equal(stored().sent, sent);
	}
	assert_true(deliver_queue_is_idle(q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failure_that_stands_alone_holds_nothing_up),
		T(failures_in_a_row_hold_the_point_longer_and_longer),
		T(calls_that_fail_together_count_as_one),
		T(what_the_point_asks_for_holds_if_it_is_longer),
		T(a_row_that_failed_for_a_week_is_given_up),
		T(what_could_not_be_written_is_written_with_what_comes_next),
		T(a_store_that_refuses_is_asked_again_later_and_later),
		T(at_the_end_a_store_that_refuses_is_asked_more_often),
		T(a_full_store_is_asked_for_less_at_once),
	};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
