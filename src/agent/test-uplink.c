/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink.h"

#include "base/unit.h"

static void only_200_is_an_answer_and_only_the_body_is_at_fault_at_4xx(void **state)
{
	(void)state;
	static const struct {
		int status;
		enum uplink_verdict want;
	} e[] = {
		{200, UPLINK_DONE},    {0, UPLINK_LATER},     {202, UPLINK_LATER},
		{301, UPLINK_LATER},   {401, UPLINK_LATER},   {403, UPLINK_LATER},
		{404, UPLINK_LATER},   {429, UPLINK_LATER},   {500, UPLINK_LATER},
		{503, UPLINK_LATER},   {400, UPLINK_REFUSED}, {413, UPLINK_REFUSED},
		{415, UPLINK_REFUSED}, {422, UPLINK_REFUSED},
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++)
		if (uplink_judge(e[i].status) != e[i].want)
			fail_msg("%d", e[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			only_200_is_an_answer_and_only_the_body_is_at_fault_at_4xx),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
