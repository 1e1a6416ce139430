/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"

static void grows_up_to_its_maximum(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		assert_true(buf_add_char(&b, 'x'));
	assert_int_equal(b.n, 1000);
	assert_false(buf_add_char(&b, 'x'));
	assert_int_equal(b.state, BUF_FULL);
	assert_int_equal(b.n, 1000);
	buf_free(&b);
}

static void a_refused_write_is_sticky_and_changes_nothing(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4);
	assert_true(buf_add_str(&b, STR("abc")));
	assert_false(buf_add_str(&b, STR("de")));
	assert_false(buf_add_str(&b, STR("d")));
	assert_str(buf_str(&b), "abc");
	buf_clear(&b);
	assert_true(buf_add_str(&b, STR("wxyz")));
	assert_str(buf_str(&b), "wxyz");
	buf_free(&b);
}

static void printf_fills_to_the_last_byte(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 5);
	assert_true(buf_printf(&b, "%d", 12345));
	assert_str(buf_str(&b), "12345");
	assert_string_equal(buf_cstr(&b), "12345");
	assert_false(buf_printf(&b, "%d", 6));
	/* what is cut is not taken for the whole */
	assert_null(buf_cstr(&b));
	buf_free(&b);
}

static void numbers_and_dropping(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	assert_true(buf_add_u64(&b, 0) && buf_add_u64(&b, UINT64_MAX));
	assert_str(buf_str(&b), "018446744073709551615");
	buf_drop(&b, 2);
	assert_str(buf_str(&b), "8446744073709551615");
	buf_drop(&b, b.n);
	assert_str(buf_str(&b), "");
	char *p = buf_reserve(&b, 3);
	assert_non_null(p);
	memcpy(p, "abc", 3);
	buf_commit(&b, 2);
	assert_str(buf_str(&b), "ab");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_maximum),
		cmocka_unit_test(a_refused_write_is_sticky_and_changes_nothing),
		cmocka_unit_test(printf_fills_to_the_last_byte),
		cmocka_unit_test(numbers_and_dropping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
