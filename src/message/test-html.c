/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html.h"

#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void resolves_character_references(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} e[] = {
		{"a &amp;&lt;&gt;&quot;&apos; b", "a &<>\"' b"},
		{"&auml;&Auml;&szlig;&euro;", "\xC3\xA4\xC3\x84\xC3\x9F\xE2\x82\xAC"},
		{"&#65;&#x42;&#x1F600;", "AB\xF0\x9F\x98\x80"},
		{"&AElig;&yuml;&zwj;&zwnj;",
		 "\xC3\x86\xC3\xBF\xE2\x80\x8D\xE2\x80\x8C"},
		{"&unknown; &; & &#; &#x; &amp", "&unknown; &; & &#; &#x; &amp"},
		{"&#0;&#xD800;&#x110000;&#99999999999;&#13;",
		 "&#0;&#xD800;&#x110000;&#99999999999;&#13;"},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct buf out;
		buf_init(&out, 1000);
		assert_true(html_unescape(&out, str_of(e[i].in)));
		assert_str(buf_str(&out), e[i].want);
		buf_free(&out);
	}
}

static void finds_tags_and_their_attributes(void **state)
{
	(void)state;
	struct html_scanner s = {
		.in = STR("a < b<A Href = 'x>y' title=t hidden/><!-- <i> --><style>"
			  "p > a {}</STYLE>c</a >")};
	struct html_token t;
	assert_int_equal(html_next(&s, &t), HTML_TEXT);
	assert_str(t.text, "a < b");
	assert_int_equal(html_next(&s, &t), HTML_OPEN);
	assert_str(t.name, "A");
	assert_str(html_attribute(t.attributes, "href"), "x>y");
	assert_str(html_attribute(t.attributes, "TITLE"), "t");
	assert_non_null(html_attribute(t.attributes, "hidden").p);
	assert_null(html_attribute(t.attributes, "class").p);
	assert_int_equal(html_next(&s, &t), HTML_OTHER);
	assert_int_equal(html_next(&s, &t), HTML_OPEN);
	assert_str(t.name, "style");
	assert_int_equal(html_next(&s, &t), HTML_OTHER);
	assert_int_equal(html_next(&s, &t), HTML_CLOSE);
	assert_str(t.name, "STYLE");
	assert_int_equal(html_next(&s, &t), HTML_TEXT);
	assert_int_equal(html_next(&s, &t), HTML_CLOSE);
	assert_str(t.name, "a");
	assert_int_equal(html_next(&s, &t), HTML_END);
}

static void ends_with_a_document_that_is_cut_off_anywhere(void **state)
{
	(void)state;
	const struct str doc = STR("<p a=\"b\">x<!-- y --><script>z</script>&amp;</p>");
	for (size_t n = 0; n <= doc.n; n++) {
		struct html_scanner s = {.in = str_slice(doc, 0, n)};
		struct html_token t;
		int steps = 0;
		while (html_next(&s, &t) != HTML_END)
			assert_true(++steps < 20);
	}
}

static void finds_where_the_body_begins(void **state)
{
	(void)state;
	struct str doc = STR("<html><!-- <body> --><BODY class=\"a>b\">x");
	assert_str(str_slice(doc, html_body_start(doc), doc.n), "x");
	assert_int_equal(html_body_start(STR("<p>no body</p>")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves_character_references),
		cmocka_unit_test(finds_tags_and_their_attributes),
		cmocka_unit_test(ends_with_a_document_that_is_cut_off_anywhere),
		cmocka_unit_test(finds_where_the_body_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
