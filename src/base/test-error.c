/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/unit.h"

#include <errno.h>

static void a_full_disk_is_its_own_kind(void **state)
{
	(void)state;
	struct error err;
	assert_false(error_set_errno(&err, "/x", ENOSPC, "cannot write %s", "spool"));
	assert_int_equal(err.kind, ERROR_FULL);
	assert_string_equal(err.message, "cannot write spool: No space left on device");
	assert_string_equal(err.where, "/x");
	error_set_errno(&err, NULL, EACCES, "x");
	assert_int_equal(err.kind, ERROR_IO);
}

static void a_cut_sentence_stays_utf8(void **state)
{
	(void)state;
	struct error err;
	char text[600];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof text);
		for (size_t i = shift; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[sizeof text - 1] = '\0';
		error_set(&err, ERROR_USAGE, "", "%s", text);
		assert_true(str_is_utf8(str_of(err.message)));
		assert_true(strlen(err.message) > sizeof err.message - 5);
	}
}

static void a_list_counts_what_it_cannot_keep(void **state)
{
	(void)state;
	struct error_list l;
	error_list_init(&l, 3);
	assert_true(error_list_empty(&l));
	for (int i = 0; i < 5; i++)
		assert_false(error_list_add(&l, ERROR_BAD_VALUE, "/a", "number %d", i));
	assert_int_equal(l.n, 3);
	assert_int_equal(l.dropped, 2);
	assert_string_equal(l.items[2].message, "number 2");
	assert_false(error_list_empty(&l));
	error_list_free(&l);
}

static void every_kind_has_a_slug_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < ERROR_KINDS_COUNT; i++) {
		const struct error_kind_info *a = error_kind_info((enum error_kind)i);
		assert_true(a->http_status >= 200 && a->http_status < 600);
		assert_true((a->exit_code == 0) == (i == ERROR_NONE));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				a->slug, error_kind_info((enum error_kind)k)->slug);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_is_its_own_kind),
		cmocka_unit_test(a_cut_sentence_stays_utf8),
		cmocka_unit_test(a_list_counts_what_it_cannot_keep),
		cmocka_unit_test(every_kind_has_a_slug_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
