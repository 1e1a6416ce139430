/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include "base/unit.h"

#include <pthread.h>
#include <sys/resource.h>

static void *look(void *seen)
{
	*(int64_t *)seen = slice_us();
	return NULL;
}

static int64_t slice_of_a_new_thread(void)
{
	pthread_t t;
	int64_t seen = -1;
	assert_int_equal(pthread_create(&t, NULL, look, &seen), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	return seen;
}

static void a_thread_and_those_that_it_starts_have_the_slice_that_is_set(void **state)
{
	(void)state;
	int64_t before = slice_us();
	if (before == 0)
		skip(); /* Linux before 6.12 */
	assert_int_not_equal(before, SLICE_SHORT_US);
	assert_true(slice_set(SLICE_SHORT_US));
	assert_int_equal(slice_us(), SLICE_SHORT_US);
	assert_int_equal(slice_of_a_new_thread(), SLICE_SHORT_US);
	assert_true(slice_set(SLICE_DEFAULT_US));
	assert_int_equal(slice_us(), before);
	assert_int_equal(slice_of_a_new_thread(), before);
}

static void the_nice_value_stays(void **state)
{
	(void)state;
	int nice = getpriority(PRIO_PROCESS, 0) + 1;
	if (nice > 19)
		nice = 19;
	assert_int_equal(setpriority(PRIO_PROCESS, 0, nice), 0);
	slice_set(SLICE_SHORT_US);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
	slice_set(SLICE_DEFAULT_US);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_thread_and_those_that_it_starts_have_the_slice_that_is_set),
		cmocka_unit_test(the_nice_value_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
