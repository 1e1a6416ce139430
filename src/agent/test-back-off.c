/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/back-off.h"

#include "base/crypto.h"
#include "base/unit.h"

static void waits_longer_each_time_up_to_half_a_minute(void **state)
{
	(void)state;
	static const double want[] = {1, 2, 4, 8, 16, 30, 30};
	for (unsigned i = 0; i < 7; i++)
		assert_true(back_off_delay(i + 1) == want[i]);
	assert_true(back_off_delay(4000000000u) == 30.0);
}

static void is_drawn_and_never_sooner_than_was_asked_for(void **state)
{
	(void)state;
	double least = 1000, most = 0, last = 0;
	int same = 0;
	for (int i = 0; i < 1000; i++) {
		double d = back_off(3, 0);
		assert_true(d >= 2 && d <= 4);
		least = d < least ? d : least;
		most = d > most ? d : most;
		d = back_off(3, 3);
		assert_true(d >= 3 && d <= 4);
		d = back_off(1, 1);
		assert_true(d >= 1 && d <= 1.1);
		same += d == last;
		last = d;
		d = back_off(1, 60);
		assert_true(d >= 60 && d <= 66);
	}
	assert_true(most - least > 1);
	assert_true(same < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_longer_each_time_up_to_half_a_minute),
		cmocka_unit_test(is_drawn_and_never_sooner_than_was_asked_for),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
