/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/requests.h"

#include "base/unit-malloc.h"
#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define G32 "fedcba9876543210fedcba9876543210"
#define WITHDRAW                                                                       \
	"{\"op\":\"withdraw\",\"guid\":\"" G32 "\",\"cause\":\"recall\",\"lazy\":"     \
	"true}"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
	return arena != NULL ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void the_path_is_one_of_http_whatever_the_cursor(void **state)
{
	(void)state;
	char longest[REQUESTS_CURSOR_MAX];
	struct buf path;
	buf_init(&path, REQUESTS_RECALLS_PATH_MAX);
	assert_true(requests_recalls_path(&path, STR(""), 20));
	assert_str(buf_str(&path), "recalls");
	buf_clear(&path);
	assert_true(requests_recalls_path(&path, STR("aZ09-_.b"), 20));
	assert_str(buf_str(&path), "recalls?since=aZ09-_.b&wait=20");
	buf_clear(&path);
	assert_true(requests_recalls_path(&path, STR("a/+ &\r\n\xff%"), 7));
	assert_str(buf_str(&path), "recalls?since=a%2F%2B%20%26%0D%0A%FF%25&wait=7");
	buf_clear(&path);
	memset(longest, 0xff, sizeof longest);
	assert_true(requests_recalls_path(&path, (struct str){longest, sizeof longest},
					  4294967295u));
	assert_true(str_ends(buf_str(&path), STR("%FF&wait=4294967295")));
	buf_free(&path);
}

static void asks_for_users(void **state)
{
	(void)state;
	const struct str users[] = {STR("a\"b"), STR("anna")};
	struct buf b;
	buf_init(&b, 1000);
	assert_true(requests_write_withdrawals(&b, users, 2));
	assert_str(buf_str(&b), "{\"users\":[\"a\\\"b\",\"anna\"]}");
	buf_free(&b);
	buf_init(&b, 10);
	assert_false(requests_write_withdrawals(&b, users, 2));
	buf_free(&b);
}

static void news_concern_whom_they_name(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool anna, bert, anyone;
	} news[] = {
		{"{\"cursor\":\"1\",\"entries\":[]}", false, false, false},
		{"{\"cursor\":\"1\",\"reset\":true,\"entries\":[]}", true, true, true},
		{"{\"cursor\":\"1\",\"reset\":false,\"entries\":[{\"campaign\":\"c\"}]"
		 "}",
		 true, true, true},
		{"{\"entries\":[{\"user\":\"z\"},{\"user\":\"anna\"},{\"user\":\"b\"}],"
		 "\"cursor\":\"1\",\"more\":[1]}",
		 true, false, true},
		{"{\"cursor\":\"1\",\"entries\":[{\"user\":\"bert\",\"x\":{}}]}", false,
		 true, true},
		/* of a kind that is not known, and one that says nothing */
		{"{\"cursor\":\"1\",\"entries\":[{\"purpose\":\"p\"}]}", true, true,
		 true},
		{"{\"cursor\":\"1\",\"entries\":[{}]}", true, true, true},
		{"{\"cursor\":\"1\",\"entries\":[{\"user\":\"\"}]}", true, true, true},
		/* both: the wider one counts */
		{"{\"cursor\":\"1\",\"entries\":[{\"user\":\"z\",\"campaign\":\"c\"}]}",
		 true, true, true},
	};
	for (size_t i = 0; i < COUNT(news); i++) {
		struct answer_recalls a;
		struct error err = {0};
		if (!requests_read_recalls(str_of(news[i].json), arena, &a, &err))
			fail_msg("%s: %s: %s", news[i].json, err.where, err.message);
		assert_str(a.cursor, "1");
		if (requests_recalls_concern(&a, STR("anna")) != news[i].anna ||
		    requests_recalls_concern(&a, STR("bert")) != news[i].bert ||
		    /* a session whose key is not known */
		    requests_recalls_concern(&a, (struct str){0}) != news[i].anyone)
			fail_msg("%s concerns others", news[i].json);
	}
}

static void of_too_many_users_all_are_concerned(void **state)
{
	(void)state;
	for (unsigned n = REQUESTS_RECALLS_MAX; n <= REQUESTS_RECALLS_MAX + 1; n++) {
		struct answer_recalls a;
		struct buf b;
		buf_init(&b, 1 << 20);
		buf_add_str(&b, STR("{\"cursor\":\"1\",\"entries\":["));
		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "%s{\"user\":\"u%u\"}", i > 0 ? "," : "", i);
		buf_add_str(&b, STR("]}"));
		assert_true(requests_read_recalls(buf_str(&b), arena, &a, NULL));
		assert_true(requests_recalls_concern(&a, STR("u0")));
		assert_true(requests_recalls_concern(&a, STR("u8191")));
		assert_int_equal(requests_recalls_concern(&a, STR("other")),
				 n > REQUESTS_RECALLS_MAX);
		buf_free(&b);
	}
}

static void refuses_news_that_are_none(void **state)
{
	(void)state;
#define C65 "1234567890123456789012345678901234567890123456789012345678901234x"
	static const struct {
		const char *json, *where;
	} bad[] = {
		{"", "byte"},
		{"[]", ""},
		{"{}", "/cursor"},
		{"{\"cursor\":\"1\"}", "/entries"},
		{"{\"entries\":[]}", "/cursor"},
		{"{\"cursor\":\"\",\"entries\":[]}", "/cursor"},
		{"{\"cursor\":\"" C65 "\",\"entries\":[]}", "/cursor"},
		{"{\"cursor\":1,\"entries\":[]}", "/cursor"},
		{"{\"cursor\":\"1\",\"entries\":[],\"reset\":0}", "/reset"},
		{"{\"cursor\":\"1\",\"entries\":[],\"entries\":[]}", "/entries"},
		{"{\"cursor\":\"1\",\"entries\":[1]}", "/entries"},
		{"{\"cursor\":\"1\",\"entries\":{}}", "/entries"},
		{"{\"cursor\":\"1\",\"entries\":[{\"user\":1}]}", "/entries/user"},
		{"{\"cursor\":\"1\",\"entries\":[{\"campaign\":null}]}",
		 "/entries/campaign"},
		{"{\"cursor\":\"1\",\"entries\":[]}x", ""},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct answer_recalls a;
		struct error err = {0};
		if (requests_read_recalls(str_of(bad[i].json), arena, &a, &err))
			fail_msg("taken: %s", bad[i].json);
		if (!str_starts(str_of(err.where), str_of(bad[i].where)))
			fail_msg("%s: at \"%s\", want \"%s\"", bad[i].json, err.where,
				 bad[i].where);
	}
}

static void reads_what_is_to_be_taken_back(void **state)
{
	(void)state;
	struct answer_withdrawals a;
	struct error err = {0};
	if (!requests_read_withdrawals(
		    STR("{\"users\":[{\"user\":\"bert\",\"actions\":[" WITHDRAW
			",{\"op\":\"dance\"}]},{\"actions\":[{\"op\":\"withdraw\","
			"\"guid\":\"" G32
			"\",\"cause\":\"expired\"}],\"user\":\"anna\","
			"\"more\":1}],\"more\":1}"),
		    2, arena, &a, &err))
		fail_msg("%s: %s", err.where, err.message);
	assert_int_equal(a.n, 2);
	const struct answer_withdrawal *u = requests_withdrawals_of(&a, STR("bert"));
	assert_non_null(u);
	assert_int_equal(u->n, 1);
	assert_str(u->withdraw[0].guid, G32);
	assert_int_equal(u->withdraw[0].cause, WIRE_WITHDRAW_RECALL);
	assert_true(u->withdraw[0].lazy);
	assert_false(u->more);
	u = requests_withdrawals_of(&a, STR("anna"));
	assert_non_null(u);
	assert_int_equal(u->withdraw[0].cause, WIRE_WITHDRAW_EXPIRED);
	assert_false(u->withdraw[0].lazy);
	assert_null(requests_withdrawals_of(&a, STR("carla")));
	assert_true(
		requests_read_withdrawals(STR("{\"users\":[]}"), 2, arena, &a, &err));
	assert_null(requests_withdrawals_of(&a, STR("anna")));
}

static void of_more_than_eight_it_says_so(void **state)
{
	(void)state;
	for (int n = 8; n <= 9; n++) {
		struct answer_withdrawals a;
		struct buf b;
		buf_init(&b, 100000);
		buf_add_str(&b, STR("{\"users\":[{\"user\":\"anna\",\"actions\":["));
		for (int i = 0; i < n; i++)
			buf_printf(&b, "%s" WITHDRAW, i > 0 ? "," : "");
		buf_add_str(&b, STR("]}]}"));
		assert_true(requests_read_withdrawals(buf_str(&b), 1, arena, &a, NULL));
		assert_int_equal(a.users[0].n, 8);
		assert_int_equal(a.users[0].more, n > 8);
		buf_free(&b);
	}
}

static void refuses_withdrawals_that_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *json, *where;
	} bad[] = {
		{"", "byte"},
		{"{}", "/users"},
		{"{\"users\":{}}", "/users"},
		{"{\"users\":[],\"users\":[]}", "/users"},
		{"{\"users\":[1]}", "/users"},
		{"{\"users\":[{}]}", "/users/user"},
		{"{\"users\":[{\"user\":\"\",\"actions\":[]}]}", "/users/user"},
		{"{\"users\":[{\"user\":\"a\",\"actions\":{}}]}", "/users/actions"},
		{"{\"users\":[{\"user\":\"a\",\"actions\":[1]}]}", "/users/actions"},
		{"{\"users\":[{\"user\":\"a\",\"actions\":[{}]}]}", "/actions/op"},
		{"{\"users\":[{\"user\":\"a\",\"actions\":[" WITHDRAW
		 "],\"actions\":[]}]}",
		 "/users/actions"},
		{"{\"users\":[{\"user\":\"a\",\"actions\":[{\"op\":\"withdraw\","
		 "\"guid\":\"x\",\"cause\":\"recall\"}]}]}",
		 "/actions/guid"},
		/* more than were asked for */
		{"{\"users\":[{\"user\":\"a\"},{\"user\":\"b\"},{\"user\":\"c\"}]}",
		 "/users"},
		{"{\"users\":[]} 1", ""},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct answer_withdrawals a;
		struct error err = {0};
		if (requests_read_withdrawals(str_of(bad[i].json), 2, arena, &a, &err))
			fail_msg("taken: %s", bad[i].json);
		if (!str_starts(str_of(err.where), str_of(bad[i].where)))
			fail_msg("%s: at \"%s\", want \"%s\"", bad[i].json, err.where,
				 bad[i].where);
	}
}

static bool reads_both(struct error *err)
{
	struct answer_recalls news;
	struct answer_withdrawals back;
	const struct str user = STR("anna");
	struct arena *a = arena_new(1 << 20);
	struct buf b;
	buf_init(&b, 1000);
	bool ok = a != NULL && requests_write_withdrawals(&b, &user, 1) &&
		  requests_read_recalls(STR("{\"cursor\":\"\\u0041\",\"entries\":[{"
					    "\"user\":\"\\u0061nna\"}]}"),
					a, &news, err) &&
		  requests_read_withdrawals(
			  STR("{\"users\":[{\"user\":\"\\u0061nna\",\"actions\":"
			      "[" WITHDRAW "]}]}"),
			  1, a, &back, err);
	if (ok) {
		assert_true(requests_recalls_concern(&news, user));
		assert_non_null(requests_withdrawals_of(&back, user));
	} else if (a == NULL || arena_failed(a) || b.state != BUF_OK) {
		err->kind = ERROR_MEMORY;
	}
	buf_free(&b);
	arena_free(a);
	return ok;
}

static void without_memory_nothing_is_read_in_half(void **state)
{
	(void)state;
	unit_malloc_torture("recalls", reads_both);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_path_is_one_of_http_whatever_the_cursor),
		TEST(asks_for_users),
		TEST(news_concern_whom_they_name),
		TEST(of_too_many_users_all_are_concerned),
		TEST(refuses_news_that_are_none),
		TEST(reads_what_is_to_be_taken_back),
		TEST(of_more_than_eight_it_says_so),
		TEST(refuses_withdrawals_that_are_none),
		TEST(without_memory_nothing_is_read_in_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
