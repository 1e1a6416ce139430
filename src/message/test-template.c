/* SPDX-License-Identifier: Apache-2.0 */
#include "message/template.h"

#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char document[] =
	"{\"from\":{\"name\":\"Shop of {{city}}\",\"address\":\"news@example.org\"},"
	"\"replyTo\":\"reply@example.org\",\"subject\":\"Hello {{name}}\","
	"\"preheader\":\"Only {{price}} & more\","
	"\"html\":\"<html><body><p>Hello {{name}}, {{#link}}<a href=\\\"{{link}}\\\">"
	"see</a>{{/link}}</p>{{{banner}}}</body></html>\","
	"\"headers\":{\"X-Campaign\":\"c {{city}}\",\"Precedence\":\"bulk\"},"
	"\"defaults\":{\"city\":\"Bonn\",\"price\":9.5,\"banner\":\"\"},"
	"\"rawHtml\":[\"banner\"]}";

static struct template *parse(const char *json, struct error_list *errors)
{
	error_list_init(errors, 20);
	return template_parse(str_of(json), errors);
}

static struct template *parse_good(const char *json)
{
	struct error_list errors;
	struct template *t = parse(json, &errors);
	if (t == NULL)
		fail_msg("%s: %s", errors.items[0].where, errors.items[0].message);
	error_list_free(&errors);
	return t;
}

static void renders_all_parts(void **state)
{
	(void)state;
	struct template *t = parse_good(document);
	static const struct mustache_pair row[] = {
		{STR_INIT("banner"), {MUSTACHE_TEXT, STR_INIT("<hr>")}},
		{STR_INIT("city"), {MUSTACHE_TEXT, STR_INIT("")}}, /* -> default */
		{STR_INIT("link"), {MUSTACHE_TEXT, STR_INIT("https://x.example/")}},
		{STR_INIT("name"), {MUSTACHE_TEXT, STR_INIT("Ann\r\nBcc: <x>")}},
	};
	struct mustache_table table = {row, COUNT(row)};
	struct mustache_values values = mustache_table_values(&table);
	struct template_parts p;
	struct error err = {0};
	template_parts_init(&p);
	for (int again = 0; again < 2; again++) {
		if (!template_render(t, &values, &p, &err))
			fail_msg("%s: %s", err.where, err.message);
		assert_str(buf_str(&p.from_name), "Shop of Bonn");
		assert_str(buf_str(&p.subject), "Hello Ann Bcc: <x>");
		assert_str(buf_str(&p.text),
			   "Hello Ann Bcc: <x>, see <https://x.example/>\n\n"
			   "----------------------------------------\n");
		assert_non_null(strstr(buf_cstr(&p.html), "<body><div style=\"display:"
							  "none"));
		assert_non_null(strstr(buf_cstr(&p.html), ">Only 9.5 &amp; more"));
		assert_non_null(strstr(buf_cstr(&p.html), "<p>Hello Ann\r\nBcc: "
							  "&lt;x&gt;, "));
	}
	template_parts_free(&p);
	template_free(t);
}

struct seen {
	int n;
	char names[2][20], values[2][20];
};

static void take_header(void *ctx, struct str name, struct str value)
{
	struct seen *s = ctx;
	memcpy(s->names[s->n], name.p, name.n);
	memcpy(s->values[s->n++], value.p, value.n);
}

static void gives_its_headers_in_order(void **state)
{
	(void)state;
	struct template *t = parse_good(document);
	static const struct mustache_pair row[] = {
		{STR_INIT("name"), {MUSTACHE_TEXT, STR_INIT("Ann")}}};
	struct mustache_table table = {row, 1};
	struct mustache_values values = mustache_table_values(&table);
	struct template_parts p;
	struct seen seen = {0};
	template_parts_init(&p);
	assert_true(template_render(t, &values, &p, NULL));
	template_each_header(&p, take_header, &seen);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.names[0], "X-Campaign");
	assert_string_equal(seen.values[0], "c Bonn");
	assert_string_equal(seen.names[1], "Precedence");
	assert_string_equal(seen.values[1], "bulk");
	template_parts_free(&p);
	template_free(t);
}

static void check_row_names_what_is_missing(void **state)
{
	(void)state;
	struct template *t = parse_good(document);
	struct mustache_table table = {NULL, 0};
	struct mustache_values values = mustache_table_values(&table);
	struct template_parts p;
	struct str missing;
	struct error err = {0};
	template_parts_init(&p);
	assert_false(template_check_row(t, &values, &p, &missing, &err));
	assert_str(missing, "name");
	assert_string_equal(err.where, "/subject");
	assert_int_equal(err.kind, ERROR_UNPROCESSABLE);
	template_parts_free(&p);
	template_free(t);
}

static void check_row_refuses_a_link_that_is_none(void **state)
{
	(void)state;
	struct template *t = parse_good(document);
	static const struct mustache_pair row[] = {
		{STR_INIT("link"), {MUSTACHE_TEXT, STR_INIT("javascript:alert(1)")}},
		{STR_INIT("name"), {MUSTACHE_TEXT, STR_INIT("Ann")}},
	};
	struct mustache_table table = {row, 2};
	struct mustache_values values = mustache_table_values(&table);
	struct template_parts p;
	struct str missing;
	struct error err = {0};
	template_parts_init(&p);
	assert_false(template_check_row(t, &values, &p, &missing, &err));
	assert_null(missing.p);
	assert_string_equal(err.message,
			    "variable \"link\" stands at the start of a link and must "
			    "begin with https://, http://, mailto: or tel:");
	/* and a render writes "#" */
	assert_true(template_render(t, &values, &p, &err));
	assert_non_null(strstr(buf_cstr(&p.html), "href=\"#\""));
	template_parts_free(&p);
	template_free(t);
}

static void lists_the_variables_it_needs(void **state)
{
	(void)state;
	struct template *t = parse_good(document);
	struct arena *arena = arena_new(10000);
	struct template_need *v;
	size_t n;
	assert_true(template_variables(t, arena, &v, &n));
	static const struct {
		const char *name;
		bool always, has_default;
	} want[] = {{"banner", true, true},
		    {"city", true, true},
		    {"link", false, false},
		    {"name", true, false},
		    {"price", true, true}};
	assert_int_equal(n, COUNT(want));
	for (size_t i = 0; i < n; i++) {
		assert_str(v[i].name, want[i].name);
		assert_int_equal(v[i].always, want[i].always);
		assert_int_equal(v[i].has_default, want[i].has_default);
	}
	assert_true(template_memory(t) > 500);
	arena_free(arena);
	template_free(t);
}

static void says_everything_that_is_wrong_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *json, *where;
		enum error_kind kind;
	} e[] = {
		{"", "", ERROR_SYNTAX},
		{"[]", "", ERROR_BAD_VALUE},
		{"{\"subject\":\"\",\"subject\":\"\"}", "", ERROR_SYNTAX},
		{"{\"parts\":[]}", "/parts", ERROR_NOT_BUILT},
		{"{\"a/b~\":1}", "/a~1b~0", ERROR_UNKNOWN_FIELD},
		{"{}", "/from", ERROR_BAD_VALUE},
		{"{}", "/subject", ERROR_BAD_VALUE},
		{"{}", "/html", ERROR_BAD_VALUE},
		{"{\"from\":{}}", "/from/address", ERROR_BAD_VALUE},
		{"{\"from\":{\"address\":\"a b@c\"}}", "/from/address",
		 ERROR_BAD_VALUE},
		{"{\"from\":{\"x\":1}}", "/from/x", ERROR_UNKNOWN_FIELD},
		{"{\"from\":{\"name\":\"a\\nb\"}}", "/from/name", ERROR_BAD_VALUE},
		{"{\"replyTo\":5}", "/replyTo", ERROR_BAD_VALUE},
		{"{\"replyTo\":\"x\"}", "/replyTo", ERROR_BAD_VALUE},
		{"{\"replyTo\":{\"address\":\"x\"}}", "/replyTo/address",
		 ERROR_BAD_VALUE},
		{"{\"subject\":\"a\\r\\nBcc: x\"}", "/subject", ERROR_BAD_VALUE},
		{"{\"subject\":\"{{#a}}\"}", "/subject", ERROR_UNPROCESSABLE},
		{"{\"html\":\"{{{a}}}\"}", "/html", ERROR_UNPROCESSABLE},
		{"{\"text\":\"{{>a}}\"}", "/text", ERROR_UNPROCESSABLE},
		{"{\"preheader\":[]}", "/preheader", ERROR_BAD_VALUE},
		{"{\"headers\":[]}", "/headers", ERROR_BAD_VALUE},
		{"{\"headers\":{\"Bcc\":\"x\"}}", "/headers/Bcc", ERROR_UNPROCESSABLE},
		{"{\"headers\":{\"x-inlay-a\":\"x\"}}", "/headers/x-inlay-a",
		 ERROR_UNPROCESSABLE},
		{"{\"headers\":{\"X-A\\r\\nBcc\":\"x\"}}", "/headers/X-A\r\nBcc",
		 ERROR_UNPROCESSABLE},
		{"{\"headers\":{\"X-\":\"x\"}}", "/headers/X-", ERROR_UNPROCESSABLE},
		{"{\"headers\":{\"X-A\":\"x\",\"x-a\":\"y\"}}", "/headers/x-a",
		 ERROR_UNPROCESSABLE},
		{"{\"headers\":{\"X-A\":\"x\\ny\"}}", "/headers/X-A", ERROR_BAD_VALUE},
		{"{\"defaults\":{\"a\":null}}", "/defaults/a", ERROR_BAD_VALUE},
		{"{\"defaults\":7}", "/defaults", ERROR_BAD_VALUE},
		{"{\"rawHtml\":{}}", "/rawHtml", ERROR_BAD_VALUE},
		{"{\"rawHtml\":[1]}", "/rawHtml", ERROR_BAD_VALUE},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct error_list errors;
		assert_null(parse(e[i].json, &errors));
		bool found = false;
		for (size_t k = 0; k < errors.n; k++)
			found = found ||
				(strcmp(errors.items[k].where, e[i].where) == 0 &&
				 errors.items[k].kind == e[i].kind);
		if (!found)
			fail_msg("%s: no error at \"%s\", first is \"%s\": %s",
				 e[i].json, e[i].where, errors.items[0].where,
				 errors.items[0].message);
		error_list_free(&errors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_all_parts),
		cmocka_unit_test(gives_its_headers_in_order),
		cmocka_unit_test(check_row_names_what_is_missing),
		cmocka_unit_test(check_row_refuses_a_link_that_is_none),
		cmocka_unit_test(lists_the_variables_it_needs),
		cmocka_unit_test(says_everything_that_is_wrong_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
