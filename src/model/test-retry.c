/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/unit.h"
#include "model/retry.h"

#define NOW INT64_C(784111777000) /* 1994-11-06T08:49:37Z */

static void waits_double_up_to_an_hour(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(1, 0), 1000);
	assert_int_equal(retry_delay_ms(2, 0), 2000);
	assert_int_equal(retry_delay_ms(5, 0), 16000);
	assert_int_equal(retry_delay_ms(12, 0), 2048000);
	assert_int_equal(retry_delay_ms(13, 0), RETRY_MOST_MS);
	assert_int_equal(retry_delay_ms(UINT32_MAX, 0), RETRY_MOST_MS);
	assert_int_equal(retry_delay_ms(0, 0), 1000);
}

static void chance_takes_off_up_to_a_half(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(1, UINT32_MAX), 500);
	assert_int_equal(retry_delay_ms(20, UINT32_MAX), RETRY_MOST_MS / 2);
	int64_t middle = retry_delay_ms(3, UINT32_MAX / 2);
	assert_true(middle > 2900 && middle < 3100);
}

/* How often a point that is gone is asked in a week. */
static void a_week_is_some_two_hundred_attempts(void **state)
{
	int64_t t = 0;
	unsigned n = 0;
	(void)state;
	for (uint32_t failures = 1; t < 7 * CLOCK_DAY; failures++, n++)
		t += retry_delay_ms(failures, UINT32_MAX / 2);
	assert_true(n > 170 && n < 260);
}

static int64_t after(const char *value)
{
	int64_t wait_ms;
	return retry_after_parse(str_of(value), NOW, &wait_ms) ? wait_ms : -1;
}

static void seconds_are_taken_within_a_day(void **state)
{
	(void)state;
	assert_int_equal(after("0"), 0);
	assert_int_equal(after("120"), 120000);
	assert_int_equal(after("  7 "), 7000);
	assert_int_equal(after("999999999999999999"), RETRY_AFTER_MOST);
	assert_int_equal(after("86400"), RETRY_AFTER_MOST);
}

static void dates_are_taken_in_all_three_forms(void **state)
{
	(void)state;
	assert_int_equal(after("Sun, 06 Nov 1994 08:50:37 GMT"), 60000);
	assert_int_equal(after("Sunday, 06-Nov-94 08:50:37 GMT"), 60000);
	assert_int_equal(after("Sun Nov  6 08:50:37 1994"), 60000);
	assert_int_equal(after("Sun Nov 06 08:50:37 1994"), 60000);
	assert_int_equal(after("Sun, 06 Nov 1994 08:49:00 GMT"), 0); /* past */
	assert_int_equal(after("Mon, 07 Nov 2094 08:49:00 GMT"), RETRY_AFTER_MOST);
}

static void a_year_of_two_digits_is_the_nearest(void **state)
{
	int64_t wait_ms;
	(void)state;
	/* 2026-11-26: 77 would be over fifty years ahead */
	assert_true(retry_after_parse(STR("Friday, 26-Nov-77 00:00:00 GMT"),
				      INT64_C(1795651200000), &wait_ms));
	assert_int_equal(wait_ms, 0);
	assert_true(retry_after_parse(STR("Friday, 27-Nov-26 00:00:00 GMT"),
				      INT64_C(1795651200000), &wait_ms));
	assert_int_equal(wait_ms, CLOCK_DAY);
}

static void anything_else_says_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"-1",
		"1.5",
		"soon",
		"0x10",
		"9999999999999999999999",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 06 Nov 1994 08:49:37 GMT x",
		"Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 25:49:37 GMT",
		"Sun, 06 Nov 19940 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun Nov  6 08:49:37",
		",",
		" , ",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (after(bad[i]) != -1)
			fail_msg("%s", bad[i]);
}

static void a_week_counts_from_the_first_failure(void **state)
{
	const int64_t week = 7 * CLOCK_DAY;
	(void)state;
	/* tried in vain since its own first failure */
	assert_false(retry_is_over(NOW, NOW + 5, NOW, NOW + week, week));
	assert_true(retry_is_over(NOW, NOW + 5, NOW, NOW + 5 + week, week));
	/* never had a turn: since it lay there while the point failed */
	assert_false(retry_is_over(NOW, 0, NOW - week, NOW + week - 1, week));
	assert_true(retry_is_over(NOW, 0, NOW - week, NOW + week, week));
	assert_false(retry_is_over(NOW - week, 0, NOW, NOW + 5, week));
	assert_true(retry_is_over(NOW - week, 0, NOW, NOW + week, week));
	/* the point works: a new row is never too old for its first attempt */
	assert_false(retry_is_over(NOW - 9 * week, 0, 0, NOW, week));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_an_hour),
		cmocka_unit_test(chance_takes_off_up_to_a_half),
		cmocka_unit_test(a_week_is_some_two_hundred_attempts),
		cmocka_unit_test(seconds_are_taken_within_a_day),
		cmocka_unit_test(dates_are_taken_in_all_three_forms),
		cmocka_unit_test(a_year_of_two_digits_is_the_nearest),
		cmocka_unit_test(anything_else_says_nothing),
		cmocka_unit_test(a_week_counts_from_the_first_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
