/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/public-page.h"

#include "base/unit.h"

static struct buf page;

static const char *write(enum public_page kind, const struct public_names *names)
{
	buf_clear(&page);
	assert_true(public_page_write(&page, kind, names));
	return buf_cstr(&page);
}

static void names_are_escaped(void **state)
{
	(void)state;
	const struct public_names names = {STR("<b>\"A\" & B"), STR("</p>")};
	const char *text = write(PUBLIC_ASK, &names);
	assert_non_null(strstr(text, "&lt;b&gt;&quot;A&quot; &amp; B"));
	assert_null(strstr(text, "<b>"));
	assert_non_null(strstr(text, "<strong>&lt;/p&gt;</strong>"));
}

static void only_the_question_has_a_button(void **state)
{
	(void)state;
	const struct public_names names = {STR("A"), STR("B")};
	assert_non_null(strstr(write(PUBLIC_ASK, &names), "value=\"One-Click\""));
	assert_null(strstr(write(PUBLIC_DONE, &names), "<form"));
	assert_null(strstr(write(PUBLIC_NOT_FOUND, NULL), "<form"));
}

static void nothing_is_loaded_from_elsewhere(void **state)
{
	(void)state;
	const struct public_names names = {STR("A"), STR("B")};
	for (int i = PUBLIC_ASK; i <= PUBLIC_LATER; i++) {
		const char *text = write((enum public_page)i, &names);
		assert_null(strstr(text, "http"));
		assert_null(strstr(text, "src="));
		assert_null(strstr(text, "<script"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(only_the_question_has_a_button),
		cmocka_unit_test(nothing_is_loaded_from_elsewhere),
	};
	buf_init(&page, PUBLIC_PAGE_MAX);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&page);
	return failed;
}
