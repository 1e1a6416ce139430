/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text-width.h"

static struct str table_text(struct buf *b, const struct table_column *columns,
			     size_t n_columns, const struct str *cells, size_t n_rows,
			     size_t width)
{
	buf_clear(b);
	assert_true(table_write(b, columns, n_columns, cells, n_rows, width));
	return buf_str(b);
}

static void text_takes_the_columns_that_a_terminal_gives_it(void **state)
{
	(void)state;
	assert_int_equal(text_width(STR("")), 0);
	assert_int_equal(text_width(STR("spring")), 6);
	assert_int_equal(text_width(STR("Frühling")), 8);
	assert_int_equal(text_width(STR("e\xcc\x81")), 1); /* e + combining acute */
	assert_int_equal(text_width(STR("春のセール")), 10);
	assert_int_equal(text_width(STR("\xff\xfe")), 2);
	assert_int_equal(text_width((struct str){NULL, 0}), 0);
}

static void a_cut_never_splits_a_character(void **state)
{
	(void)state;
	assert_str(text_fit(STR("Frühling"), 3), "Frü");
	assert_str(text_fit(STR("春のセール"), 3), "春");
	assert_str(text_fit(STR("e\xcc\x81x"), 1), "e\xcc\x81");
	assert_str(text_fit(STR("abc"), 0), "");
	assert_str(text_fit(STR("abc"), 9), "abc");
}

static void foreign_text_cannot_steer_the_terminal(void **state)
{
	(void)state;
	/* ESC, LF, DEL, C1's CSI, RIGHT-TO-LEFT OVERRIDE, a stray byte, NUL */
	static const char evil[] = {'a',    '\x1b', '[',  '3',    '1',    'm',
				    'r',    'e',    'd',  '\n',   'b',    '\x7f',
				    '\xc2', '\x9b', 'c',  '\xe2', '\x80', '\xae',
				    'd',    '\xff', '\0', 'e'};
	struct buf b;
	buf_init(&b, 200);
	text_clean(&b, (struct str){evil, sizeof evil});
	assert_str(buf_str(&b), "a?[31mred?b??c?d\xef\xbf\xbd?e");
	buf_free(&b);
}

static void columns_are_aligned_by_width_not_by_bytes(void **state)
{
	(void)state;
	static const struct table_column columns[] = {
		{.title = "ID"}, {.title = "READ", .right = true}, {.title = "NAME"}};
	const struct str cells[] = {STR("春"),     STR("7"),     STR("Frühling"),
				    STR("autumn"), STR("12345"), {NULL, 0}};
	struct buf b;
	buf_init(&b, 4096);
	assert_str(table_text(&b, columns, 3, cells, 2, TABLE_ANY_WIDTH),
		   "ID       READ  NAME\n"
		   "春          7  Frühling\n"
		   "autumn  12345  -\n");
	buf_free(&b);
}

static void a_wide_table_is_cut_where_it_may_be(void **state)
{
	(void)state;
	static const struct table_column columns[] = {
		{.title = "ID"}, {.title = "NAME", .shrink = true}};
	const struct str cells[] = {STR("spring"), STR("The offer of the spring")};
	struct buf b;
	buf_init(&b, 4096);
	assert_str(table_text(&b, columns, 2, cells, 1, 20),
		   "ID      NAME\n"
		   "spring  The offer o\xe2\x80\xa6\n");
	/* never below what still says something */
	assert_str(table_text(&b, columns, 2, cells, 1, 3),
		   "ID      NAME\n"
		   "spring  The off\xe2\x80\xa6\n");
	buf_free(&b);
}

static void a_table_without_room_says_so(void **state)
{
	(void)state;
	static const struct table_column columns[] = {{.title = "ID"}};
	const struct str cells[] = {STR("spring")};
	struct buf b;
	buf_init(&b, 5);
	assert_false(table_write(&b, columns, 1, cells, 1, TABLE_ANY_WIDTH));
	buf_free(&b);
}

static struct progress at(const char *phase, uint64_t read, uint64_t loaded,
			  uint64_t total, int64_t seconds)
{
	return (struct progress){
		.now = {.phase = str_of(phase),
			.rows_read = read,
			.rows_accepted = read,
			.rows_loaded = loaded,
			.rows_total = total,
			.left_ms = -1},
		.started_us = 5000000,
		.now_us = 5000000 + seconds * 1000000,
	};
}

static void reading_is_one_half_and_loading_the_other(void **state)
{
	(void)state;
	struct progress p = at("reading", 500, 0, 1000, 1);
	assert_true(progress_fraction(&p.now) == 0.25);
	p.now.bytes_total = 100; /* bytes know better than rows */
	p.now.bytes_read = 80;
	assert_true(progress_fraction(&p.now) == 0.40);
	p = at("loading", 1000, 250, 1000, 1);
	assert_true(progress_fraction(&p.now) == 0.625);
	p.now.rows_loaded = 2000; /* more than there are is not more than all */
	assert_true(progress_fraction(&p.now) == 1.0);
	p = at("reading", 500, 0, 0, 1);
	assert_true(progress_fraction(&p.now) < 0);
	p = at("done", 0, 0, 0, 1);
	assert_true(progress_fraction(&p.now) == 1.0);
}

static void time_left_comes_from_the_middleware_or_from_what_is_done(void **state)
{
	(void)state;
	struct progress p = at("reading", 500, 0, 1000, 10);
	assert_int_equal(progress_left_s(&p), 30); /* a quarter took 10 s */
	p.now.left_ms = 4200;
	assert_int_equal(progress_left_s(&p), 5);
	p = at("reading", 1, 0, 1000, 10);
	assert_int_equal(progress_left_s(&p), -1);
	p = at("reading", 500, 0, 1000, 0);
	assert_int_equal(progress_left_s(&p), -1);
}

static void figures_are_short_and_right(void **state)
{
	(void)state;
	static const struct {
		double n;
		const char *want;
	} counts[] = {{0, "0"},          {999, "999"},    {999.96, "1.0k"},
		      {12345, "12.3k"},  {99960, "100k"}, {123456, "123k"},
		      {1250000, "1.2M"}, {3e9, "3.0G"},   {1e308, "999T"}};
	static const struct {
		int64_t s;
		const char *want;
	} times[] = {{0, "0:00"}, {7, "0:07"}, {750, "12:30"}, {3723, "1:02:03"}};
	struct buf b;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		buf_clear(&b);
		progress_format_count(&b, counts[i].n);
		assert_str(buf_str(&b), counts[i].want);
	}
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		buf_clear(&b);
		progress_format_time(&b, times[i].s);
		assert_str(buf_str(&b), times[i].want);
	}
	buf_free(&b);
}

static void the_line_fits_every_width(void **state)
{
	(void)state;
	struct progress p = at("loading", 1000, 500, 1000, 2);
	p.now.rows_rejected = 3;
	struct buf b;
	buf_init(&b, 512);
	assert_true(progress_line(&b, &p, 80));
	assert_str(buf_str(&b), "loading    [#########...]  75 %  1000 of 1000 rows, "
				"3 rejected  500/s  0:01 left");
	for (size_t width = 0; width < 120; width++) {
		buf_clear(&b);
		assert_true(progress_line(&b, &p, width));
		assert_true(text_width(buf_str(&b)) <= width);
	}
	buf_free(&b);
}

static void the_line_holds_whatever_an_answer_says(void **state)
{
	(void)state;
	static char name[5000];
	struct progress p = at("loading", UINT64_MAX, UINT64_MAX, UINT64_MAX, 1);
	struct buf b;
	memset(name, 'x', sizeof name);
	p.now.phase = (struct str){name, sizeof name};
	p.now.rows_rejected = UINT64_MAX;
	p.now.rows_per_second = 1e308;
	buf_init(&b, 512);
	assert_true(progress_line(&b, &p, 200));
	assert_true(text_width(buf_str(&b)) <= 200);
	assert_true(str_starts(buf_str(&b), STR("xxx")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_takes_the_columns_that_a_terminal_gives_it),
		cmocka_unit_test(a_cut_never_splits_a_character),
		cmocka_unit_test(foreign_text_cannot_steer_the_terminal),
		cmocka_unit_test(columns_are_aligned_by_width_not_by_bytes),
		cmocka_unit_test(a_wide_table_is_cut_where_it_may_be),
		cmocka_unit_test(a_table_without_room_says_so),
		cmocka_unit_test(reading_is_one_half_and_loading_the_other),
		cmocka_unit_test(
			time_left_comes_from_the_middleware_or_from_what_is_done),
		cmocka_unit_test(figures_are_short_and_right),
		cmocka_unit_test(the_line_fits_every_width),
		cmocka_unit_test(the_line_holds_whatever_an_answer_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
