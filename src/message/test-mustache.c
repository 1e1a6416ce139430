/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mustache.h"

#include "base/unit.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct str raw_names[] = {STR_INIT("raw"), STR_INIT("name")};

static const struct mustache_options html = {
	.escape = MUSTACHE_HTML, .raw = raw_names, .n_raw = 2};
static const struct mustache_options plain = {.escape = MUSTACHE_PLAIN};

static const struct mustache_pair pairs[] = {
	{STR_INIT("a.b"), {MUSTACHE_TEXT, STR_INIT("dotted")}},
	{STR_INIT("empty"), {MUSTACHE_TEXT, STR_INIT("")}},
	{STR_INIT("evil"), {MUSTACHE_TEXT, STR_INIT("JavaScript:alert(1)")}},
	{STR_INIT("false"), {MUSTACHE_BOOL, STR_INIT("false")}},
	{STR_INIT("lines"),
	 {MUSTACHE_TEXT, STR_INIT("a\r\nBcc: b\nc\rd\te\x01\x7F"
				  "f")}},
	{STR_INIT("name"), {MUSTACHE_TEXT, STR_INIT("Ann")}},
	{STR_INIT("number"), {MUSTACHE_NUMBER, STR_INIT("1.50")}},
	{STR_INIT("raw"), {MUSTACHE_TEXT, STR_INIT("<b>&</b>")}},
	{STR_INIT("special"), {MUSTACHE_TEXT, STR_INIT("&<>\"'/`=x")}},
	{STR_INIT("tags"), {MUSTACHE_TEXT, STR_INIT("{{name}}")}},
	{STR_INIT("text false"), {MUSTACHE_TEXT, STR_INIT("false")}},
	{STR_INIT("true"), {MUSTACHE_BOOL, STR_INIT("true")}},
	{STR_INIT("url"), {MUSTACHE_TEXT, STR_INIT("https://x.example/?q")}},
	{STR_INIT("zero"), {MUSTACHE_NUMBER, STR_INIT("0")}},
	{STR_INIT("zeroText"), {MUSTACHE_TEXT, STR_INIT("0")}},
};

static struct mustache_table table = {pairs, COUNT(pairs)};

static bool run(const struct mustache_options *options, struct str source,
		struct buf *out, struct mustache_report *report, struct error *err)
{
	struct mustache_values values = mustache_table_values(&table);
	struct mustache *m = mustache_compile(source, options, err);
	if (m == NULL)
		return false;
	bool ok = mustache_render(m, &values, out, report, err);
	mustache_free(m);
	return ok;
}

struct example {
	const char *source, *want;
};

static void check(const struct mustache_options *options, const struct example *e,
		  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out;
		struct error err = {0};
		buf_init(&out, MUSTACHE_MAX_OUTPUT);
		if (!run(options, str_of(e[i].source), &out, NULL, &err))
			fail_msg("%s: %s: %s", e[i].source, err.where, err.message);
		assert_str(buf_str(&out), e[i].want);
		buf_free(&out);
	}
}

static void writes_text_and_variables(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"", ""},
		{"no tags { } }} {", "no tags { } }} {"},
		{"Hello, {{name}}!", "Hello, Ann!"},
		{"{{ name }}{{name}}", "AnnAnn"},
		{"  {{name}}  \n", "  Ann  \n"},
		{"{{number}} {{true}} {{false}} {{zero}}", "1.50 true false 0"},
		{"{{a.b}}", "dotted"},
		{"[{{empty}}]", "[]"},
		{"{{tags}}", "{{name}}"}, /* a value is never parsed */
		{"{{special}}", "&amp;&lt;&gt;&quot;&#39;&#x2F;&#x60;&#x3D;x"},
		{"{{{raw}}} {{&raw}} {{& raw }} {{raw}}",
		 "<b>&</b> <b>&</b> <b>&</b> &lt;b&gt;&amp;&lt;&#x2F;b&gt;"},
	};
	check(&html, e, COUNT(e));
}

static void shows_sections_of_what_is_true_in_json(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"{{#true}}yes{{/true}}{{^true}}no{{/true}}", "yes"},
		{"{{#false}}yes{{/false}}{{^false}}no{{/false}}", "no"},
		{"{{#gone}}{{x}}{{/gone}}{{^gone}}no{{/gone}}", "no"},
		{"{{#empty}}yes{{/empty}}{{^empty}}no{{/empty}}", "no"},
		{"{{#zero}}yes{{/zero}}{{^zero}}no{{/zero}}", "no"},
		{"{{#zeroText}}yes{{/zeroText}}", "yes"},
		{"{{#name}}<{{.}}>{{/name}}", "<Ann>"},
		{"{{#name}}{{^gone}}{{.}}{{/gone}}{{/name}}", "Ann"},
		{"{{#name}}{{#number}}{{.}}{{/number}}{{.}}{{/name}}", "1.50Ann"},
		{"{{#true}}{{#false}}{{#true}}x{{/true}}{{/false}}y{{/true}}", "y"},
		{"{{#true}}{{/true}}", ""},
	};
	check(&html, e, COUNT(e));
}

static void drops_lines_that_hold_tags_only(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"a\n{{#true}}\nb\n{{/true}}\nc\n", "a\nb\nc\n"},
		{"a\r\n  {{#true}}  \r\nb\r\n\t{{/true}}\r\nc", "a\r\nb\r\nc"},
		{"a\n{{! word }}\nb", "a\nb"},
		{"a\n  {{! two\n lines }}\nb", "a\nb"},
		{"a {{! word }}\nb", "a \nb"},
		{"{{#true}}\nb\n{{/true}}", "b\n"},
		{"  {{#true}}x\n  {{/true}}", "  x\n"},
		{"a\n{{name}}\nb", "a\nAnn\nb"},
		{"a\n {{#true}} {{name}} {{/true}} \nb", "a\n  Ann  \nb"},
		{"a\n {{#false}} {{/false}} \nb", "a\nb"},
		{"a\n{{=| |=}}\n|name|", "a\nAnn"},
		{"a{{^gone}}\nb{{/gone}}\n", "a\nb\n"},
		{"\n\n{{!c}}\n\n", "\n\n\n"},
	};
	check(&html, e, COUNT(e));
}

static void comments_and_delimiters(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"12{{! c {{ # }}34", "1234"},
		{"{{=<% %>=}}<%name%>{{name}}", "Ann{{name}}"},
		{"{{= | | =}}|name||={{ }}=|{{name}}", "AnnAnn"},
		{"{{=<% %>=}}<%{name}%><%#true%>x<%/true%>", "Annx"},
		{"{{=[ ]=}}[name]", "Ann"},
		{"{{=@   @=}}@name@", "Ann"},
	};
	check(&html, e, COUNT(e));
}

static void plain_text_cannot_leave_its_line(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"X: {{lines}}", "X: a Bcc: b c d ef"},
		{"{{special}}", "&<>\"'/`=x"},
		{"a\nb {{name}}\n", "a\nb Ann\n"},
	};
	check(&plain, e, COUNT(e));
}

static void unicode_line_breaks_become_blanks_in_plain_text(void **state)
{
	(void)state;
	static const struct mustache_pair one[] = {
		{STR_INIT("v"),
		 {MUSTACHE_TEXT, STR_INIT("\xC3\xA9\xC2\x85"
					  "b\xE2\x80\xA8"
					  "c\xE2\x82\xAC")}}};
	struct mustache_table t = {one, 1};
	struct mustache_values values = mustache_table_values(&t);
	struct mustache *m = mustache_compile(STR("{{v}}"), &plain, NULL);
	struct buf out;
	buf_init(&out, 100);
	assert_true(mustache_render(m, &values, &out, NULL, NULL));
	assert_str(buf_str(&out), "\xC3\xA9 b c\xE2\x82\xAC");
	buf_free(&out);
	mustache_free(m);
}

static void links_must_begin_with_a_known_scheme(void **state)
{
	(void)state;
	static const struct example e[] = {
		{"<a href=\"{{url}}\">",
		 "<a href=\"https:&#x2F;&#x2F;x.example&#x2F;?q\">"},
		{"<a href=\"{{evil}}\">", "<a href=\"#\">"},
		{"<a HREF = ' {{evil}}'>", "<a HREF = ' #'>"},
		{"<img src={{evil}}>", "<img src=#>"},
		{"<a href=\"{{name}}\">", "<a href=\"#\">"},
		{"<a href=\"{{#true}}{{evil}}{{/true}}\">", "<a href=\"#\">"},
		{"<a href=\"{{empty}}{{evil}}\">",
		 "<a href=\"#JavaScript:alert(1)\">"}, /* a fragment by now */
		{"<a href=\"java{{evil}}\">", "<a href=\"java#\">"},
		{"<a href=\"https://x/{{evil}}\">",
		 "<a href=\"https://x/JavaScript:alert(1)\">"},
		{"<a href=\"?q={{evil}}\">", "<a href=\"?q=JavaScript:alert(1)\">"},
		{"<p title=\"{{evil}}\">", "<p title=\"JavaScript:alert(1)\">"},
		{"<p>{{evil}}</p>", "<p>JavaScript:alert(1)</p>"},
		{"<a href=\"&#106;{{evil}}\">", "<a href=\"&#106;#\">"},
	};
	check(&html, e, COUNT(e));

	struct buf out;
	struct mustache_report report;
	struct mustache_values values = mustache_table_values(&table);
	struct mustache *m = mustache_compile(STR("<a href='{{evil}}'>"), &html, NULL);
	buf_init(&out, 1000);
	assert_true(mustache_render(m, &values, &out, &report, NULL));
	assert_str(report.bad_url, "evil");
	buf_free(&out);
	mustache_free(m);
}

static void a_missing_variable_is_an_error_with_its_name(void **state)
{
	(void)state;
	struct buf out;
	struct mustache_report report;
	struct error err = {0};
	struct mustache_values values = mustache_table_values(&table);
	struct mustache *m = mustache_compile(STR("a {{gone}}"), &html, NULL);
	buf_init(&out, 1000);
	assert_false(mustache_render(m, &values, &out, &report, &err));
	assert_int_equal(err.kind, ERROR_UNPROCESSABLE);
	assert_str(str_of(err.message),
		   "variable \"gone\" has no value and no default");
	assert_str(report.missing, "gone");
	buf_free(&out);
	mustache_free(m);
}

static void a_value_that_is_no_text_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"\xff", "a\xC3", "\xED\xA0\x80"};
	struct mustache *m = mustache_compile(STR("{{v}}"), &html, NULL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct mustache_pair p = {STR("v"), {MUSTACHE_TEXT, str_of(bad[i])}};
		struct mustache_table t = {&p, 1};
		struct mustache_values values = mustache_table_values(&t);
		struct error err = {0};
		struct buf out;
		buf_init(&out, 100);
		assert_false(mustache_render(m, &values, &out, NULL, &err));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
		buf_free(&out);
	}
	mustache_free(m);
}

static void says_where_a_template_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *source, *where, *message;
	} e[] = {
		{"a\n  {{>p}}", "line 2, column 3",
		 "partials ({{>name}}) are not supported"},
		{"{{<p}}{{/p}}", "line 1, column 1",
		 "parents ({{<name}}) are not supported"},
		{"{{$b}}{{/b}}", "line 1, column 1",
		 "blocks ({{$name}}) are not supported"},
		{"\xC3\xA4\xC3\xB6 {{x", "line 1, column 4",
		 "a tag that is not closed by \"}}\""},
		{"{{{x}}", "line 1, column 1", "a tag that is not closed by \"}}\""},
		{"{{}}", "line 1, column 1", "a tag without a name"},
		{"{{a b}}", "line 1, column 1", "a name holds no blanks"},
		{"{{{x}}}", "line 1, column 1",
		 "\"x\" without escaping, but rawHtml does not list it"},
		{"{{&x}}", "line 1, column 1",
		 "\"x\" without escaping, but rawHtml does not list it"},
		{"x{{#a}}", "line 1, column 2", "the section \"a\" is not closed"},
		{"{{/a}}", "line 1, column 1", "{{/a}} closes no section"},
		{"{{#a}}{{#b}}{{/a}}{{/b}}", "line 1, column 13",
		 "{{/a}} where {{/b}} is due"},
		{"{{.}}", "line 1, column 1", "{{.}} outside every section"},
		{"{{^a}}{{.}}{{/a}}", "line 1, column 7",
		 "{{.}} outside every section"},
		{"{{#.}}{{/.}}", "line 1, column 1",
		 "a section of {{.}}: there are no lists"},
		{"{{=x=}}", "line 1, column 1", "a delimiter has 1 to 16 bytes"},
		{"{{=a b c=}}", "line 1, column 1",
		 "a delimiter holds no blank and no \"=\""},
		{"{{= | |}}", "line 1, column 1", "a tag that is not closed by \"}}\""},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct error err = {0};
		struct mustache *m = mustache_compile(str_of(e[i].source), &html, &err);
		if (m != NULL)
			fail_msg("%s compiled", e[i].source);
		assert_string_equal(err.message, e[i].message);
		assert_string_equal(err.where, e[i].where);
	}
}

static void sections_nest_to_depth_16(void **state)
{
	(void)state;
	struct buf source;
	buf_init(&source, 10000);
	for (int depth = 16; depth <= 17; depth++) {
		struct error err = {0};
		buf_clear(&source);
		for (int i = 0; i < depth; i++)
			buf_add_str(&source, STR("{{#true}}"));
		buf_add_str(&source, STR("x"));
		for (int i = 0; i < depth; i++)
			buf_add_str(&source, STR("{{/true}}"));
		struct mustache *m = mustache_compile(buf_str(&source), &html, &err);
		assert_int_equal(m != NULL, depth == 16);
		mustache_free(m);
	}
	buf_free(&source);
}

static void output_has_a_bound(void **state)
{
	(void)state;
	struct buf out;
	struct error err = {0};
	buf_init(&out, 5);
	assert_true(run(&html, STR("{{name}}xy"), &out, NULL, &err));
	buf_clear(&out);
	assert_false(run(&html, STR("{{name}}xyz"), &out, NULL, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	buf_free(&out);
}

static void lists_its_names_once_and_says_which_are_always_needed(void **state)
{
	(void)state;
	const struct mustache_name *names;
	struct mustache *m = mustache_compile(
		STR("{{a}}{{#b}}{{c}}{{a}}{{/b}}{{^d}}{{.b}}{{/d}}{{c}}"), &html, NULL);
	assert_non_null(m);
	assert_int_equal(mustache_names(m, &names), 5);
	static const struct {
		const char *name;
		bool always;
	} want[] = {
		{"a", true}, {"b", false}, {"c", true}, {"d", false}, {".b", false}};
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_str(names[i].name, want[i].name);
		assert_int_equal(names[i].always, want[i].always);
	}
	assert_true(mustache_memory(m) > sizeof(void *));
	mustache_free(m);
}

static void a_table_with_a_name_twice_is_noticed(void **state)
{
	(void)state;
	struct mustache_pair p[] = {{STR_INIT("b"), {0}}, {STR_INIT("a"), {0}}};
	assert_true(mustache_pairs_sort(p, 2));
	assert_str(p[0].name, "a");
	p[0].name = STR("b");
	assert_false(mustache_pairs_sort(p, 2));
}

static void truth_of_numbers_is_their_value(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool want;
	} e[] = {{"0", false},   {"-0", false}, {"0.0", false}, {"0e5", false},
		 {"0.01", true}, {"-1", true},  {"10", true},   {"1e0", true}};
	for (size_t i = 0; i < COUNT(e); i++)
		assert_int_equal(mustache_is_true((struct mustache_value){
					 MUSTACHE_NUMBER, str_of(e[i].text)}),
				 e[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_text_and_variables),
		cmocka_unit_test(shows_sections_of_what_is_true_in_json),
		cmocka_unit_test(drops_lines_that_hold_tags_only),
		cmocka_unit_test(comments_and_delimiters),
		cmocka_unit_test(plain_text_cannot_leave_its_line),
		cmocka_unit_test(unicode_line_breaks_become_blanks_in_plain_text),
		cmocka_unit_test(links_must_begin_with_a_known_scheme),
		cmocka_unit_test(a_missing_variable_is_an_error_with_its_name),
		cmocka_unit_test(a_value_that_is_no_text_is_refused),
		cmocka_unit_test(says_where_a_template_is_wrong),
		cmocka_unit_test(sections_nest_to_depth_16),
		cmocka_unit_test(output_has_a_bound),
		cmocka_unit_test(lists_its_names_once_and_says_which_are_always_needed),
		cmocka_unit_test(a_table_with_a_name_twice_is_noticed),
		cmocka_unit_test(truth_of_numbers_is_their_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
