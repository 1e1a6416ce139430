/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/limits.h"

#include "base/unit.h"

static const struct limits_config config = {
	.connections = 5, .connections_per_uid = 2, .requests_per_minute = 3};

static void connections_are_counted_per_uid_and_together(void **state)
{
	(void)state;
	struct limits *l = limits_new(&config);
	assert_true(limits_connect(l, 1000, false));
	assert_true(limits_connect(l, 1000, false));
	assert_false(limits_connect(l, 1000, false));
	assert_true(limits_connect(l, 1256, false)); /* same bucket */
	for (int i = 0; i < 2; i++)
		assert_true(limits_connect(l, 500, true));
	assert_false(limits_connect(l, 500, true)); /* all together */
	assert_int_equal(limits_connections(l), 5);
	limits_disconnect(l, 1000);
	assert_true(limits_connect(l, 1000, false));
	limits_free(l);
}

static void a_trusted_uid_is_held_to_the_total_only(void **state)
{
	(void)state;
	struct limits *l = limits_new(&config);
	for (int i = 0; i < 5; i++)
		assert_true(limits_connect(l, 500, true));
	for (int i = 0; i < 100; i++)
		assert_true(limits_request(l, 500, true, 1000));
	limits_free(l);
}

static void requests_come_back_with_time(void **state)
{
	(void)state;
	struct limits *l = limits_new(&config);
	assert_true(limits_connect(l, 1000, false));
	for (int i = 0; i < 3; i++)
		assert_true(limits_request(l, 1000, false, 1000));
	assert_false(limits_request(l, 1000, false, 1000));
	assert_false(limits_request(l, 1000, false, 20000)); /* 19 of 20 seconds */
	assert_true(limits_request(l, 1000, false, 21100));
	assert_false(limits_request(l, 1000, false, 21100));
	/* an hour fills no more than a minute's worth; time going back is no time */
	for (int i = 0; i < 3; i++)
		assert_true(limits_request(l, 1000, false, 3600000));
	assert_false(limits_request(l, 1000, false, 0));
	limits_free(l);
}

static void a_reconnect_gives_no_new_requests(void **state)
{
	(void)state;
	struct limits *l = limits_new(&config);
	assert_true(limits_connect(l, 1000, false));
	for (int i = 0; i < 3; i++)
		assert_true(limits_request(l, 1000, false, 1000));
	limits_disconnect(l, 1000);
	assert_true(limits_connect(l, 1000, false));
	assert_false(limits_request(l, 1000, false, 1000));
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_counted_per_uid_and_together),
		cmocka_unit_test(a_trusted_uid_is_held_to_the_total_only),
		cmocka_unit_test(requests_come_back_with_time),
		cmocka_unit_test(a_reconnect_gives_no_new_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
