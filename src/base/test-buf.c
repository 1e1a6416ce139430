/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"

#include <stdio.h>

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

static void all_but_unreserved_characters_are_percent_encoded(void **state)
{
	(void)state;
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	struct buf b;
	buf_init(&b, 1000);
	assert_true(buf_add_percent(&b, STR("a/b?c=\xc3\xa4 +%\r\n\0\xff")));
	assert_str(buf_str(&b), "a%2Fb%3Fc%3D%C3%A4%20%2B%25%0D%0A%00%FF");
	for (unsigned c = 0; c < 256; c++) {
		char byte = (char)c, want[16] = {byte};
		if (c == 0 || strchr(plain, byte) == NULL)
			snprintf(want, sizeof want, "%%%02X", c);
		buf_clear(&b);
		assert_true(buf_add_percent(&b, (struct str){&byte, 1}));
		assert_str(buf_str(&b), want);
	}
	buf_clear(&b);
	assert_true(buf_add_percent(&b, (struct str){NULL, 0}));
	assert_str(buf_str(&b), "");
	buf_free(&b);
	/* to the last byte, or not at all */
	buf_init(&b, 5);
	assert_false(buf_add_percent(&b, STR("abc/")));
	assert_str(buf_str(&b), "");
	buf_clear(&b);
	assert_true(buf_add_percent(&b, STR("ab/")));
	assert_str(buf_str(&b), "ab%2F");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_maximum),
		cmocka_unit_test(a_refused_write_is_sticky_and_changes_nothing),
		cmocka_unit_test(printf_fills_to_the_last_byte),
		cmocka_unit_test(numbers_and_dropping),
		cmocka_unit_test(all_but_unreserved_characters_are_percent_encoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
