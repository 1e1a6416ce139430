/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "net/problem.h"

static void one_error_is_the_detail(void **state)
{
	(void)state;
	struct error e;
	struct buf out;
	buf_init(&out, 1000);
	error_set(&e, ERROR_BAD_VALUE, "/schedule/end", "must be \"later\"");
	problem_write(&out, 400, &e, 1, 0);
	assert_str(buf_str(&out),
		   "{\"type\":\"urn:inlay:problem:bad-value\","
		   "\"title\":\"a value is not allowed\",\"status\":400,"
		   "\"detail\":\"must be \\\"later\\\"\",\"errors\":[{\"pointer\":"
		   "\"/schedule/end\",\"message\":\"must be \\\"later\\\"\"}]}");
	buf_free(&out);
}

static void several_errors_are_counted(void **state)
{
	(void)state;
	struct error e[2];
	struct buf out;
	buf_init(&out, 1000);
	error_set(&e[0], ERROR_SYNTAX, "line 12", "no comma");
	error_set(&e[1], ERROR_BAD_VALUE, "/id", "bad");
	problem_write(&out, 422, e, 2, 3);
	assert_str(buf_str(&out),
		   "{\"type\":\"urn:inlay:problem:syntax\","
		   "\"title\":\"a document cannot be read\",\"status\":422,"
		   "\"detail\":\"5 errors\",\"errors\":[{\"pointer\":\"\","
		   "\"message\":\"line 12: no comma\"},{\"pointer\":\"/id\","
		   "\"message\":\"bad\"}]}");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_error_is_the_detail),
		cmocka_unit_test(several_errors_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
