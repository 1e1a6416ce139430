/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "model/csv-table.h"

struct seen {
	char text[512]; /* "a|b;1|2@2;..." */
	size_t bad_rows, bad_fields;
	uint64_t bad_line;
	bool stop_at_row;
};

static void add_text(struct seen *s, struct str t, char end)
{
	size_t n = strlen(s->text);
	assert_true(n + t.n + 2 < sizeof s->text);
	memcpy(s->text + n, t.p, t.n);
	s->text[n + t.n] = end;
	s->text[n + t.n + 1] = '\0';
}

static size_t columns;

static bool header(void *ctx, const struct str *names, size_t n, struct error *err)
{
	(void)err;
	columns = n;
	for (size_t i = 0; i < n; i++)
		add_text(ctx, names[i], i + 1 < n ? '|' : ';');
	return true;
}

static bool row(void *ctx, const struct str *fields, uint64_t line, struct error *err)
{
	struct seen *s = ctx;
	for (size_t i = 0; i < columns; i++)
		add_text(s, fields[i], i + 1 < columns ? '|' : '@');
	add_text(s, STR(""), (char)('0' + line));
	return !s->stop_at_row || error_set(err, ERROR_BUSY, "here", "stopped");
}

static bool bad_row(void *ctx, uint64_t line, size_t fields, size_t n,
		    struct error *err)
{
	struct seen *s = ctx;
	(void)err;
	assert_int_equal(n, columns);
	s->bad_rows++;
	s->bad_line = line;
	s->bad_fields = fields;
	return true;
}

static bool read_in(struct seen *s, struct str text, size_t piece, struct error *err)
{
	const struct csv_limits limits = {
		.max_fields = 4, .max_field = 200, .max_record = 400};
	const struct csv_table_handler handler = {s, header, row, bad_row};
	struct csv_table *t = csv_table_new(STR("user"), &limits, &handler);
	assert_non_null(t);
	bool ok = true;
	for (size_t at = 0; ok && at < text.n; at += piece)
		ok = csv_table_feed(t, str_slice(text, at, at + piece), err);
	ok = ok && csv_table_end(t, err);
	csv_table_free(t);
	return ok;
}

static void rows_come_with_their_lines_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		struct seen s = {.text = ""};
		struct error err = {0};
		if (!read_in(&s, STR("user,x\r\na,\"1\n2\"\nb,\n"), piece, &err))
			fail_msg("%s: %s", err.where, err.message);
		assert_string_equal(s.text, "user|x;a|1\n2@2b|@4");
	}
}

static void a_row_of_another_length_is_bad_and_reading_goes_on(void **state)
{
	(void)state;
	struct seen s = {.text = ""};
	struct error err = {0};
	assert_true(read_in(&s, STR("user,x\na,1,2\nb,1\n"), 100, &err));
	assert_string_equal(s.text, "user|x;b|1@3");
	assert_int_equal(s.bad_rows, 1);
	assert_int_equal(s.bad_line, 2);
	assert_int_equal(s.bad_fields, 3);
}

static void refuses(const char *text, const char *where)
{
	struct seen s = {.text = ""};
	struct error err = {0};
	if (read_in(&s, str_of(text), 100, &err))
		fail_msg("taken: %s", text);
	assert_string_equal(err.where, where);
}

static void a_header_is_held_to_its_rules(void **state)
{
	(void)state;
	refuses("", "line 1");
	refuses("\n\n", "line 1");
	refuses("name,user\n", "line 1");
	refuses("User\n", "line 1");
	refuses("user,x,x\n", "line 1");
	refuses("user,\n", "line 1");
	refuses("user,a b\n", "line 1");
	refuses("user,user\n", "line 1");
}

static void what_is_not_utf8_ends_it(void **state)
{
	(void)state;
	refuses("user,x\na,1\nb,\xff\n", "line 3");
	refuses("user,x\na,1\n\xff,2\n", "line 3");
	refuses("user,\xc3\n", "line 1");
}

static void csv_errors_have_their_line(void **state)
{
	(void)state;
	refuses("user,x\na,\"1\n", "line 2");
	refuses("user,x\na,1\nb\"c,1\n", "line 3");
}

static void a_handler_can_stop_it(void **state)
{
	(void)state;
	struct seen s = {.text = "", .stop_at_row = true};
	struct error err = {0};
	assert_false(read_in(&s, STR("user\na\nb\n"), 100, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_string_equal(err.where, "here");
	assert_string_equal(s.text, "user;a@2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_with_their_lines_however_they_are_cut),
		cmocka_unit_test(a_row_of_another_length_is_bad_and_reading_goes_on),
		cmocka_unit_test(a_header_is_held_to_its_rules),
		cmocka_unit_test(what_is_not_utf8_ends_it),
		cmocka_unit_test(csv_errors_have_their_line),
		cmocka_unit_test(a_handler_can_stop_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
