/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload.h"

#include "base/unit.h"

static void waits_longer_after_each_failure_up_to_a_bound(void **state)
{
	(void)state;
	double last = 0;
	assert_true(upload_delay(1) <= 1);
	for (unsigned n = 1; n < 7; n++) {
		assert_true(upload_delay(n) > last);
		last = upload_delay(n);
	}
	assert_true(upload_delay(7) <= 30);
	assert_true(upload_delay(4000000000u) <= 30);
}

static void only_200_is_a_delivery_and_only_the_body_is_at_fault_at_4xx(void **state)
{
	(void)state;
	static const struct {
		int status;
		enum upload_verdict want;
	} e[] = {
		{200, UPLOAD_DELIVERED}, {0, UPLOAD_LATER},     {202, UPLOAD_LATER},
		{301, UPLOAD_LATER},     {401, UPLOAD_LATER},   {403, UPLOAD_LATER},
		{404, UPLOAD_LATER},     {429, UPLOAD_LATER},   {500, UPLOAD_LATER},
		{503, UPLOAD_LATER},     {400, UPLOAD_REFUSED}, {413, UPLOAD_REFUSED},
		{415, UPLOAD_REFUSED},   {422, UPLOAD_REFUSED},
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++)
		if (upload_judge(e[i].status) != e[i].want)
			fail_msg("%d", e[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_longer_after_each_failure_up_to_a_bound),
		cmocka_unit_test(
			only_200_is_a_delivery_and_only_the_body_is_at_fault_at_4xx),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
