/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "cli/table.h"
#include "cli/view.h"

static const struct view_field fields[] = {
	{"ID", "id", VIEW_TEXT},       {"READ", "counts.read.count", VIEW_NUMBER},
	{"ON", "on", VIEW_TEXT},       {"PARTS", "parts", VIEW_LIST},
	{"FACTS", "facts", VIEW_KEYS},
};
#define N_FIELDS (sizeof fields / sizeof *fields)

static const char document[] =
	"[{\"id\":\"a\",\"counts\":{\"read\":{\"count\":12}},\"on\":true,"
	"\"parts\":[{\"id\":\"x\"},{\"id\":\"y\"}],\"facts\":{\"n\":1,\"m\":[\"p\"]}},"
	"{\"id\":\"b\",\"counts\":{},\"on\":null,\"parts\":[],\"facts\":\"none\"}]";

static void a_list_becomes_a_table(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	struct buf b;
	json_t *doc = json_loads(document, 0, NULL);
	assert_non_null(doc);
	buf_init(&b, 1 << 16);
	assert_true(view_list(&b, a, fields, N_FIELDS, doc, TABLE_ANY_WIDTH));
	assert_str(buf_str(&b), "ID  READ  ON   PARTS  FACTS\n"
				"a     12  yes  x, y   n=1, m=p\n"
				"b      -  -    -      -\n");
	buf_clear(&b);
	json_t *empty = json_array();
	assert_true(view_list(&b, a, fields, N_FIELDS, empty, TABLE_ANY_WIDTH));
	assert_str(buf_str(&b), "ID  READ  ON  PARTS  FACTS\n");
	json_decref(empty);
	json_decref(doc);
	buf_free(&b);
	arena_free(a);
}

static void an_object_shows_only_what_it_has(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	struct buf b;
	json_t *doc = json_loads(document, 0, NULL);
	buf_init(&b, 1 << 16);
	assert_true(view_object(&b, a, fields, N_FIELDS, json_array_get(doc, 1),
				TABLE_ANY_WIDTH));
	assert_str(buf_str(&b), "ID  b\n");
	json_decref(doc);
	buf_free(&b);
	arena_free(a);
}

static void very_long_values_are_cut_not_lost(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	json_t *list = json_array(), *doc = json_object();
	for (int i = 0; i < 2000; i++)
		json_array_append_new(list, json_string("abcdef"));
	json_object_set_new(doc, "list", list);
	struct str text = view_text(a, doc, "list", VIEW_LIST);
	assert_true(text.n > 1900 && text.n <= 2000);
	assert_true(str_starts(text, STR("abcdef, abcdef")));
	assert_true(str_ends(text, STR("...")));
	json_decref(doc);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_becomes_a_table),
		cmocka_unit_test(an_object_shows_only_what_it_has),
		cmocka_unit_test(very_long_values_are_cut_not_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
