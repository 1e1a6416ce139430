/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

static void folding_is_ascii_only(void **state)
{
	(void)state;
	assert_true(str_ieq(STR("INBOX"), STR("inbox")));
	assert_false(str_ieq(STR("\xc3\x84"), STR("\xc3\xa4"))); /* Ä, ä */
	assert_false(str_ieq(STR("ab"), STR("abc")));
}

static void a_prefix_sorts_first(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR(""), (struct str){NULL, 0}), 0);
}

static void parts_keep_empty_ones(void **state)
{
	(void)state;
	struct str rest = STR("a,,b,"), part;
	const char *want[] = {"a", "", "b", ""};
	for (size_t i = 0; i < 4; i++) {
		assert_true(str_next_part(&rest, ',', &part));
		assert_str(part, want[i]);
	}
	assert_false(str_next_part(&rest, ',', &part));
}

static void numbers_are_strict(void **state)
{
	(void)state;
	uint64_t v = 0;
	assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &v));
	assert_true(str_to_u64(STR("255"), 255, &v));
	assert_false(str_to_u64(STR("256"), 255, &v));
	assert_false(str_to_u64(STR("9"), 5, &v));
	assert_false(str_to_u64(STR(""), 5, &v));
	assert_false(str_to_u64(STR("+1"), 5, &v));
	assert_false(str_to_u64(STR("1 "), 5, &v));
}

static void utf8_refuses_what_rfc3629_refuses(void **state)
{
	(void)state;
	static const char *const good[] = {"",
					   "abc",
					   "\xc3\xa4",
					   "\xe2\x82\xac",
					   "\xf0\x9f\x93\xac",
					   "\xef\xbf\xbf",
					   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xe2\x82",
					  "a\xff"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(str_is_utf8(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(str_is_utf8(str_of(bad[i])));
	assert_false(str_is_utf8(STR("a\0b")));
}

static void ids_are_short_and_plain(void **state)
{
	(void)state;
	assert_true(str_is_id(STR("spring-2026_a")));
	assert_false(str_is_id(STR("")));
	assert_false(str_is_id(STR("-a")));
	assert_false(str_is_id(STR("a/b")));
	assert_false(str_is_id(STR("a.b")));
	assert_true(
		str_is_id(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      "aaaaaaaa")));
	assert_false(
		str_is_id(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      "aaaaaaaaaa")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folding_is_ascii_only),
		cmocka_unit_test(a_prefix_sorts_first),
		cmocka_unit_test(parts_keep_empty_ones),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(utf8_refuses_what_rfc3629_refuses),
		cmocka_unit_test(ids_are_short_and_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
