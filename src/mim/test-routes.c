/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/routes.h"

#include "base/unit.h"

#include <stdlib.h>

static struct arena *arena;
static struct router *router;
static struct str params[REQUEST_MAX_PARAMS];
static struct error err;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 16);
	router = router_new();
	return arena == NULL || router == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	router_free(router);
	arena_free(arena);
	return 0;
}

static const char *match(const char *method, const char *path)
{
	const struct route *r =
		router_match(router, str_of(method), str_of(path), arena, params, &err);
	return r != NULL ? r->path : NULL;
}

static void a_path_is_found_with_and_without_a_final_slash(void **state)
{
	(void)state;
	assert_string_equal(match("GET", "/api/tenants"), "/api/tenants");
	assert_string_equal(match("GET", "/api/tenants/"), "/api/tenants");
	assert_null(match("GET", "/api/tenants//"));
	assert_null(match("GET", "//api/tenants"));
	assert_null(match("GET", "api/tenants"));
	assert_null(match("GET", ""));
}

static void parameters_are_decoded(void **state)
{
	(void)state;
	assert_string_equal(match("GET", "/api/tenants/a/users/x%2Fy%20z+%C3%BC"),
			    "/api/tenants/{tenantId}/users/{user}");
	assert_str(params[0], "a");
	assert_str(params[1], "x/y z+\xc3\xbc");
}

static void a_bad_encoding_is_an_error(void **state)
{
	(void)state;
	static const char *const bad[] = {"%", "%4", "%zz", "%00", "%ff", "a%c3"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct str path =
			arena_printf(arena, "/api/tenants/a/users/%s", bad[i]);
		assert_null(match("GET", path.p));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
	}
}

static void a_wrong_method_names_those_that_are_allowed(void **state)
{
	(void)state;
	assert_null(match("PATCH", "/api/tokens"));
	assert_int_equal(err.kind, ERROR_METHOD);
	assert_string_equal(err.message, "GET, POST");
	assert_null(match("GET", "/api/nothing"));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_literal_path_is_taken_before_one_with_a_parameter(void **state)
{
	(void)state;
	assert_string_equal(match("POST", "/api/tenants/a/users/import"),
			    "/api/tenants/{tenantId}/users/import");
	assert_string_equal(match("GET", "/api/tenants/a/users/import"),
			    "/api/tenants/{tenantId}/users/{user}");
	assert_str(params[1], "import");
}

static void every_route_is_found_by_its_own_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		assert_string_equal(match(r->method, r->path), r->path);
	}
}

static void a_path_of_very_many_parts_is_not_found(void **state)
{
	(void)state;
	assert_null(match("GET", "/a/b/c/d/e/f/g/h/i/j/k/l"));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_null(match("GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m"));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void head_is_served_as_get(void **state)
{
	(void)state;
	assert_string_equal(match("HEAD", "/health/live"), "/health/live");
}

static void dovecots_short_paths_mean_the_tenant_default(void **state)
{
	(void)state;
	assert_string_equal(match("POST", "/api/dovecot/hello"),
			    "/api/tenants/{tenantId}/dovecot/hello");
	assert_str(params[0], "default");
	assert_string_equal(match("GET", "/api/dovecot/templates/ab"),
			    "/api/tenants/{tenantId}/dovecot/templates/{sha256}");
	assert_str(params[1], "ab");
}

static void every_route_has_an_index_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count(); i++)
		assert_int_equal(routes_index(routes_at(i)), i);
	assert_null(routes_at(routes_count()));
}

static void what_is_below_a_tenant_names_it_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		if (r->scope == ROUTE_TENANT || r->scope == ROUTE_READ ||
		    r->scope == ROUTE_DOVECOT)
			assert_true(str_starts(str_of(r->path),
					       STR("/api/tenants/{tenantId}")));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_path_is_found_with_and_without_a_final_slash),
		T(parameters_are_decoded),
		T(a_bad_encoding_is_an_error),
		T(a_wrong_method_names_those_that_are_allowed),
		T(a_literal_path_is_taken_before_one_with_a_parameter),
		T(every_route_is_found_by_its_own_path),
		T(a_path_of_very_many_parts_is_not_found),
		T(head_is_served_as_get),
		T(dovecots_short_paths_mean_the_tenant_default),
		T(every_route_has_an_index_of_its_own),
		T(what_is_below_a_tenant_names_it_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
