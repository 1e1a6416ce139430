/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json-tree.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <stdlib.h>

static void is_syntax(const char *text, const char *begin)
{
	struct error err = {0};
	json_t *v = json_tree_read(str_of(text), &err);
	assert_null(v);
	assert_int_equal(err.kind, ERROR_SYNTAX);
	if (!str_starts(str_of(err.message), str_of(begin)))
		fail_msg("got \"%s\", want \"%s...\"", err.message, begin);
}

static void what_is_no_json_is_said_with_its_place(void **state)
{
	(void)state;
	is_syntax("", "line 1, column 1: ");
	is_syntax("{\"a\":1", "line 1, column 7: ");
	is_syntax("[\n1,,2]", "line 2, column ");
	is_syntax("{\"a\":\"\xff\"}", "line 1, column ");
	is_syntax("{\"a\":1} x", "line 1, column ");
	is_syntax("7", "line 1, column ");
	is_syntax("{\"a\":1,\"a\":2}", "line 1, column ");
}

static void the_tree_is_as_janssons_own(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", " [ 1 , -2, 0.5, 1e3, 9223372036854775807 ] ",
		"{\"a\":{\"b\":[[[\"c\"]]],\"d\":null},\"e\":true,\"f\":false}",
		"{\"\\u00e4\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\xc3\xa4\"}"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct error err = {0};
		json_t *got = json_tree_read(str_of(texts[i]), &err);
		json_t *want = json_loads(texts[i], 0, NULL);
		assert_non_null(want);
		if (!json_equal(got, want))
			fail_msg("%s: another tree; %s", texts[i], err.message);
		json_decref(got);
		json_decref(want);
	}
}

static bool reads(struct error *err)
{
	json_t *v = json_tree_read(
		STR("{\"a\":[\"b\",\"\\u00e4\\n\",1,2.5,true,null,{\"c\":{}}]}"), err);
	bool ok = v != NULL;
	if (ok)
		assert_int_equal(json_array_size(json_object_get(v, "a")), 7);
	json_decref(v);
	return ok;
}

static void a_lack_of_memory_is_not_taken_for_bad_json(void **state)
{
	(void)state;
	unit_malloc_torture("json_tree_read", reads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_json_is_said_with_its_place),
		cmocka_unit_test(the_tree_is_as_janssons_own),
		cmocka_unit_test(a_lack_of_memory_is_not_taken_for_bad_json),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
