/* SPDX-License-Identifier: Apache-2.0 */
/* Templates and messages without memory, at every allocation in turn. (What GMime
 * allocates does not fail: GLib ends the process then.) */
#include "message/mime.h"

#include "base/arena.h"
#include "base/json-tree.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <stdlib.h>

static const char document[] =
	"{\"from\":{\"name\":\"Shop of {{city}}\",\"address\":\"news@example.org\"},"
	"\"replyTo\":\"reply@example.org\",\"subject\":\"Hello {{name}}\","
	"\"preheader\":\"Only {{price}} & more\",\"html\":\"<html><body><p>Hello "
	"{{name}}, {{#link}}<a href=\\\"{{link}}\\\">see</a>{{/link}}{{^link}}none"
	"{{/link}}</p>{{{banner}}}{{! a comment}}</body></html>\",\"headers\":{"
	"\"X-Campaign\":\"c {{city}}\",\"Precedence\":\"bulk\"},\"defaults\":{\"city\":"
	"\"Bonn\",\"price\":9.5,\"banner\":\"\"},\"rawHtml\":[\"banner\"]}";

static const struct mime_envelope envelope = {
	.to = STR_INIT("ann@example.net"),
	.instance = STR_INIT("0123456789abcdef0123456789abcdef"),
	.proof = STR_INIT("aabbcc"),
	.domain = STR_INIT("mail.example.org"),
	.node = STR_INIT("imap1.example.org"),
	.label = STR_INIT("Anzeige"),
	.unsubscribe = STR_INIT("https://u.example.org/u/token"),
	.date_ms = INT64_C(1777622400000),
};

static struct template *parse(struct error *err)
{
	struct error_list errors;
	error_list_init(&errors, 5);
	struct template *t = template_parse(str_of(document), &errors);
	if (t == NULL && errors.n > 0)
		*err = errors.items[0];
	else if (t == NULL) /* not even for the error */
		err->kind = ERROR_MEMORY;
	error_list_free(&errors);
	return t;
}

static bool parses(struct error *err)
{
	struct template *t = parse(err);
	template_free(t);
	return t != NULL;
}

static struct template *template;

static bool names_variables(struct error *err)
{
	struct template_need *needs;
	size_t n;
	struct arena *arena = arena_new(1 << 20);
	bool ok = arena != NULL && template_variables(template, arena, &needs, &n);
	if (!ok)
		err->kind = ERROR_MEMORY;
	arena_free(arena);
	return ok;
}

static bool builds(struct error *err)
{
	static const struct mustache_pair row[] = {
		{STR_INIT("link"), {MUSTACHE_TEXT, STR_INIT("https://x.example/")}},
		{STR_INIT("name"), {MUSTACHE_TEXT, STR_INIT("Ann")}},
	};
	const struct mustache_table table = {row, 2};
	const struct mustache_values values = mustache_table_values(&table);
	struct template_parts parts;
	struct buf out;
	size_t dates[MIME_N_DATES];
	template_parts_init(&parts);
	buf_init(&out, MIME_MAX_MESSAGE);
	bool ok = mime_build(template, &values, &envelope, &parts, &out, dates, err);
	if (ok && strstr(buf_cstr(&out), "Subject: [Anzeige] Hello Ann") == NULL)
		fail_msg("%s", buf_cstr(&out));
	template_parts_free(&parts);
	buf_free(&out);
	return ok;
}

static void a_template_is_whole_or_not_there(void **state)
{
	(void)state;
	unit_malloc_torture("template_parse", parses);
}

static void a_message_is_whole_or_not_there(void **state)
{
	(void)state;
	struct error err = {.kind = ERROR_NONE};
	template = parse(&err);
	assert_non_null(template);
	unit_malloc_torture("template_variables", names_variables);
	unit_malloc_torture("mime_build", builds);
	template_free(template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_template_is_whole_or_not_there),
		cmocka_unit_test(a_message_is_whole_or_not_there),
	};
	mime_init();
	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
