/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "cli/follow.h"
#include "cli/reply.h"

static struct error_list errors_of(long status, const char *type, const char *body)
{
	struct error_list l;
	struct reply r;
	error_list_init(&l, 10);
	reply_init(&r);
	r.status = status;
	memcpy(r.type, type, strlen(type) + 1);
	r.json = json_loads(body, 0, NULL);
	reply_errors(&r, "http://127.0.0.1:8080", "/etc/token", &l);
	reply_free(&r);
	return l;
}

static void every_error_of_a_problem_is_told_with_its_place(void **state)
{
	(void)state;
	struct error_list l = errors_of(
		400, "application/problem+json",
		"{\"type\":\"urn:inlay:problem:bad-value\",\"title\":\"t\","
		"\"status\":400,\"detail\":\"2 errors\",\"errors\":["
		"{\"pointer\":\"/id\",\"message\":\"too long\"},"
		"{\"pointer\":\"/dataSources/0\",\"message\":\"no default\"}]}");
	assert_int_equal(l.n, 2);
	assert_int_equal(l.items[0].kind, ERROR_BAD_VALUE);
	assert_string_equal(l.items[0].where, "/id");
	assert_string_equal(l.items[0].message, "too long");
	assert_string_equal(l.items[1].where, "/dataSources/0");
	error_list_free(&l);
}

static void a_problem_without_a_list_tells_its_detail(void **state)
{
	(void)state;
	struct error_list l =
		errors_of(404, "application/problem+json",
			  "{\"type\":\"urn:inlay:problem:not-found\",\"title\":\"t\","
			  "\"status\":404,\"detail\":\"there is no campaign x\","
			  "\"errors\":[]}");
	assert_int_equal(l.n, 1);
	assert_int_equal(l.items[0].kind, ERROR_NOT_FOUND);
	assert_string_equal(l.items[0].message, "there is no campaign x");
	error_list_free(&l);
}

static void an_unknown_kind_goes_by_its_status(void **state)
{
	(void)state;
	struct error_list l = errors_of(409, "application/problem+json",
					"{\"type\":\"about:blank\",\"status\":409}");
	assert_int_equal(l.items[0].kind, ERROR_CONFLICT);
	error_list_free(&l);
	l = errors_of(502, "text/html", "");
	assert_int_equal(l.items[0].kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(l.items[0].message, "is it mimd"));
	error_list_free(&l);
}

static void an_unknown_token_says_where_it_came_from(void **state)
{
	(void)state;
	struct error_list l = errors_of(401, "application/problem+json", "{}");
	assert_int_equal(l.items[0].kind, ERROR_UNAUTHORIZED);
	assert_non_null(strstr(l.items[0].message, "/etc/token"));
	error_list_free(&l);
	l = errors_of(403, "application/problem+json",
		      "{\"type\":\"urn:inlay:problem:forbidden\",\"status\":403,"
		      "\"detail\":\"needs admin\"}");
	assert_int_equal(l.n, 2);
	assert_string_equal(l.items[0].message, "needs admin");
	assert_non_null(strstr(l.items[1].message, "/etc/token"));
	error_list_free(&l);
}

static void an_import_is_read_as_far_as_it_tells(void **state)
{
	(void)state;
	json_t *doc = json_loads(
		"{\"phase\":\"loading\",\"rows\":{\"read\":1000,\"accepted\":998,"
		"\"rejected\":2,\"loaded\":500},\"bytes\":{\"read\":77},"
		"\"rowsPerSecond\":250.5,\"timeLeft\":\"PT1M2S\"}",
		0, NULL);
	struct progress_sample p = follow_sample(doc);
	assert_str(p.phase, "loading");
	assert_int_equal(p.rows_read, 1000);
	assert_int_equal(p.rows_accepted, 998);
	assert_int_equal(p.rows_rejected, 2);
	assert_int_equal(p.rows_loaded, 500);
	assert_int_equal(p.rows_total, 0);
	assert_int_equal(p.bytes_read, 77);
	assert_true(p.rows_per_second == 250.5);
	assert_int_equal(p.left_ms, 62000);
	json_decref(doc);
	doc = json_loads("{\"rows\":{\"read\":-5},\"timeLeft\":\"soon\"}", 0, NULL);
	p = follow_sample(doc);
	assert_null(p.phase.p);
	assert_int_equal(p.rows_read, 0);
	assert_int_equal(p.left_ms, -1);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_of_a_problem_is_told_with_its_place),
		cmocka_unit_test(a_problem_without_a_list_tells_its_detail),
		cmocka_unit_test(an_unknown_kind_goes_by_its_status),
		cmocka_unit_test(an_unknown_token_says_where_it_came_from),
		cmocka_unit_test(an_import_is_read_as_far_as_it_tells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
