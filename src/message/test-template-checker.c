/* SPDX-License-Identifier: Apache-2.0 */
#include "message/template-checker.h"

#include "base/crypto.h"
#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define VALUES_MAX 64

static struct template *parse(struct str json)
{
	struct error_list errors;
	error_list_init(&errors, 20);
	struct template *t = template_parse(json, &errors);
	error_list_free(&errors);
	return t;
}

/* HTML (and subject) of plain text: no quotes of JSON but escaped ones. */
static struct template *make(const char *subject, const char *html, const char *more)
{
	struct buf json;
	buf_init(&json, 1 << 20);
	buf_printf(&json,
		   "{\"from\":{\"address\":\"a@b.example\"},\"subject\":\"%s\","
		   "\"html\":\"",
		   subject);
	for (const char *p = html; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_char(&json, '\\');
		if (*p == '\n')
			buf_add_str(&json, STR("\\n"));
		else
			buf_add_char(&json, *p);
	}
	buf_printf(&json, "\"%s}", more);
	struct template *t = parse(buf_str(&json));
	buf_free(&json);
	return t;
}

struct fixture {
	struct template *t;
	struct template_checker *c;
	struct template_parts scratch;
	const struct str *names;
	size_t n;
};

static void open_fixture(struct fixture *f, struct template *t)
{
	assert_non_null(t);
	f->t = t;
	f->c = template_checker_new(t);
	assert_non_null(f->c);
	template_parts_init(&f->scratch);
	f->n = template_checker_names(f->c, &f->names);
	assert_true(f->n <= VALUES_MAX);
}

static void close_fixture(struct fixture *f)
{
	template_checker_free(f->c);
	template_parts_free(&f->scratch);
	template_free(f->t);
}

/* Both answers must be the same, with the same words. */
static bool check(struct fixture *f, const struct str *values)
{
	struct mustache_pair pairs[VALUES_MAX];
	struct mustache_table table = {pairs, f->n};
	struct mustache_values source = mustache_table_values(&table);
	struct error want = {0}, got = {0};
	for (size_t i = 0; i < f->n; i++)
		pairs[i] =
			(struct mustache_pair){f->names[i], {MUSTACHE_TEXT, values[i]}};
	bool ok = template_check_row(f->t, &source, &f->scratch, NULL, &want);
	bool said = template_checker_row(f->c, values, &f->scratch, &got);
	if (ok != said || (!ok && strcmp(want.message, got.message) != 0)) {
		for (size_t i = 0; i < f->n; i++)
			print_message("%.*s = \"%.*s\"\n", STR_ARG(f->names[i]),
				      STR_ARG(values[i]));
		fail_msg("rendered: %d %s %s; checked: %d %s %s", ok, want.where,
			 want.message, said, got.where, got.message);
	}
	return ok;
}

static void rows_of_a_known_shape_are_not_rendered(void **state)
{
	(void)state;
	struct fixture f;
	open_fixture(&f,
		     make("Hello {{a}}",
			  "<p>{{a}} {{#b}}<a href=\"{{b}}\">see</a>{{/b}} {{c}}</p>",
			  ",\"defaults\":{\"c\":\"standard\"}"));
	static const struct str full[] = {STR_INIT("Ann"),
					  STR_INIT("https://x.example"), STR_INIT("c")};
	static const struct str no_link[] = {STR_INIT("Bo"), STR_INIT(""),
					     STR_INIT("")};
	for (int i = 0; i < 10; i++) {
		assert_true(check(&f, full));
		assert_true(check(&f, no_link));
	}
	assert_int_equal(template_checker_rendered(f.c), 2);
	close_fixture(&f);
}

static void a_row_that_may_be_bad_is_rendered(void **state)
{
	(void)state;
	struct fixture f;
	open_fixture(&f, make("Hello {{a}}", "<a href=\"{{b}}\">{{a}}</a>", ""));
	char line[TEMPLATE_MAX_LINE];
	memset(line, 'x', sizeof line);
	struct str good[] = {STR("Ann"), STR("HTTPS://x.example")};
	struct str bad[][2] = {{STR("Ann"), STR("javascript:alert(1)")},
			       {STR("Ann"), STR("")},
			       {STR(""), STR("https://x.example")},
			       {STR("\xff"), STR("https://x.example")},
			       {{"A\0nn", 4}, STR("https://x.example")},
			       {{line, sizeof line}, STR("https://x.example")}};
	assert_true(check(&f, good));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(check(&f, bad[i]));
	/* just short enough, though the bound does not say so */
	assert_true(check(&f, (struct str[]){{line, sizeof line - 6}, good[1]}));
	close_fixture(&f);
}

static void a_text_that_tags_make_too_long_is_found(void **state)
{
	(void)state;
	struct fixture f;
	struct buf html;
	buf_init(&html, 1 << 20);
	buf_add_str(&html, STR("<ul>{{a}}"));
	while (html.n < 60000)
		buf_add_str(&html, STR("<hr>"));
	open_fixture(&f, make("Hello", buf_cstr(&html), ""));
	struct str value = STR("x");
	assert_false(check(&f, &value));
	assert_false(check(&f, &value));
	buf_free(&html);
	close_fixture(&f);
}

static void a_value_that_stands_by_no_name_is_measured(void **state)
{
	(void)state;
	struct fixture f;
	char line[TEMPLATE_MAX_LINE + 1];
	memset(line, 'x', sizeof line);
	struct str value = STR("x");
	open_fixture(&f, make("{{#a}}{{.}}{{/a}}", "<p>Hello</p>", ""));
	assert_true(check(&f, &value));
	value = (struct str){line, sizeof line};
	assert_false(check(&f, &value));
	close_fixture(&f);
}

/* Each is indented as deep as the list that it stands in. */
static void lines_that_become_long_in_the_text_are_measured(void **state)
{
	(void)state;
	struct fixture f;
	struct buf html;
	char lines[40000];
	for (size_t i = 0; i < sizeof lines; i++)
		lines[i] = i % 2 == 0 ? 'x' : '\n';
	struct str value = STR("x");
	buf_init(&html, 1000);
	for (int i = 0; i < 20; i++)
		buf_add_str(&html, STR("<ul><li>"));
	buf_add_str(&html, STR("<pre>{{a}}y</pre>"));
	open_fixture(&f, make("Hello", buf_cstr(&html), ""));
	assert_true(check(&f, &value));
	value = (struct str){lines, sizeof lines};
	assert_false(check(&f, &value));
	buf_free(&html);
	close_fixture(&f);
}

/* What templates and values are drawn from. */
static const char *const pieces[] = {"<p>",
				     "</p>",
				     "text ",
				     "<a href=\"",
				     "<img src='",
				     "\">",
				     "'>",
				     "href=",
				     "{{a}}",
				     "{{b}}",
				     "{{c}}",
				     "{{#a}}",
				     "{{/a}}",
				     "{{^b}}",
				     "{{/b}}",
				     "{{#c}}",
				     "{{/c}}",
				     "{{.}}",
				     "{{{r}}}",
				     "=",
				     "\"",
				     "java",
				     ":",
				     "/",
				     " ",
				     "https://",
				     "#",
				     "<ul><li>",
				     "<br>",
				     "<pre>",
				     "\n",
				     "data-",
				     "&amp;",
				     "?",
				     "</a>",
				     "<a href={{a}}>",
				     "<a href=\"{{b}}\">",
				     "<a {{c}}=\"",
				     "&#106;"};
static const char *const texts[] = {"",
				    "x",
				    "https://x.example/a?b=c",
				    "http://",
				    "javascript:x",
				    " ",
				    ":",
				    "foo:",
				    "a/b",
				    "#",
				    "?q",
				    "\"'>",
				    "=",
				    "href",
				    "tel:1",
				    "mailto:x",
				    "script:y",
				    "href=\"",
				    "a\nb",
				    "\n",
				    "\xC3\xA4",
				    "&",
				    "0",
				    "false"};

static uint64_t draw(uint64_t *seed, uint64_t n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*seed >> 33) % n;
}

static void random_rows(struct fixture *f, uint64_t *seed)
{
	struct str values[VALUES_MAX] = {{NULL, 0}};
	for (int row = 0; row < 30; row++) {
		for (size_t i = 0; i < f->n; i++)
			values[i] = str_of(texts[draw(seed, COUNT(texts))]);
		check(f, values);
	}
}

static void it_says_what_rendering_says(void **state)
{
	(void)state;
	uint64_t seed = 1, rows = 0, rendered = 0;
	for (int round = 0; round < 40000; round++) {
		struct buf html;
		buf_init(&html, 512);
		uint64_t n = 1 + draw(&seed, 8);
		for (uint64_t i = 0; i < n; i++)
			buf_add_str(&html, str_of(pieces[draw(&seed, COUNT(pieces))]));
		bool standard = draw(&seed, 3) == 0;
		struct template *t = make(
			"{{a}}", buf_cstr(&html),
			standard ? ",\"rawHtml\":[\"r\"],\"defaults\":{\"c\":\"d:e\"}"
				 : ",\"rawHtml\":[\"r\"]");
		buf_free(&html);
		if (t == NULL)
			continue;
		struct fixture f;
		open_fixture(&f, t);
		random_rows(&f, &seed);
		rows += 30;
		rendered += template_checker_rendered(f.c);
		close_fixture(&f);
	}
	/* else the test would say nothing about either way */
	assert_true(rows > 100000);
	assert_in_range(rendered, rows / 10, rows * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_known_shape_are_not_rendered),
		cmocka_unit_test(a_row_that_may_be_bad_is_rendered),
		cmocka_unit_test(a_text_that_tags_make_too_long_is_found),
		cmocka_unit_test(a_value_that_stands_by_no_name_is_measured),
		cmocka_unit_test(lines_that_become_long_in_the_text_are_measured),
		cmocka_unit_test(it_says_what_rendering_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
