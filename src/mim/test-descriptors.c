/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "mim/descriptors.h"

static void enough_is_what_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(descriptors_share(UINT64_MAX, 1, 4096), 4096);
	assert_int_equal(descriptors_share(UINT64_MAX, 2, 1000000), 1000000);
	assert_int_equal(descriptors_share(256 + 5120, 1, 4096), 4096);
}

static void what_there_is_is_shared(void **state)
{
	(void)state;
	/* Debian's soft limit, if the hard one is no higher */
	unsigned one = descriptors_share(1024, 1, 4096);
	unsigned two = descriptors_share(1024, 2, 4096);
	assert_int_equal(one, 614);
	assert_int_equal(two, 307);
	assert_true(256 + 2 * (two + two / 8) <= 1024);
}

static void there_are_always_some(void **state)
{
	(void)state;
	assert_int_equal(descriptors_share(0, 2, 4096), 16);
	assert_int_equal(descriptors_share(130, 1, 4096), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enough_is_what_is_wanted),
		cmocka_unit_test(what_there_is_is_shared),
		cmocka_unit_test(there_are_always_some),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
