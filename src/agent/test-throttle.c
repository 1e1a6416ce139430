/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/throttle.h"

#include "base/unit.h"

static void allows_so_many_in_a_second_and_says_how_many_were_left_out(void **state)
{
	(void)state;
	struct throttle t = {0};
	size_t left_out;
	const int64_t second = 5000000;
	for (int i = 0; i < THROTTLE_PER_SECOND; i++) {
		assert_true(throttle_allows(&t, second + i, &left_out));
		assert_int_equal(left_out, 0);
	}
	for (int i = 0; i < 7; i++)
		assert_false(throttle_allows(&t, second + 999999, &left_out));
	assert_true(throttle_allows(&t, second + 1000000, &left_out));
	assert_int_equal(left_out, 7);
	assert_true(throttle_allows(&t, second + 1000000, &left_out));
	assert_int_equal(left_out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			allows_so_many_in_a_second_and_says_how_many_were_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
