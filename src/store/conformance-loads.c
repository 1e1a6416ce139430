/* SPDX-License-Identifier: Apache-2.0 */
/* Recipient rows. */
#include "store/conformance.h"

static struct user_record read_loads(struct fixture *f, const char *user,
				     const uint64_t *loads, size_t n)
{
	struct user_record r;
	store_user_read(f->db, str_of(user), loads, n, f->arena, &r, store_wait_done,
			f->wait);
	assert_true(store_wait(f->wait, NULL));
	return r;
}

static void one_row(struct fixture *f, const char *user, uint64_t load,
		    const char *value)
{
	struct str v = str_of(value);
	struct store_row row = row_of(user, &v, 1);
	struct error err;
	if (!write_rows(f, load, &row, 1, NULL, &err))
		fail_msg("%s", err.message);
}

static void a_row_comes_back_with_its_values(void **state)
{
	struct fixture *f = *state;
	struct str values[] = {STR("Anna"), STR(""), {NULL, 0}, STR("a\0b")};
	struct store_row row = row_of("u", values, 4);
	assert_true(write_rows(f, UINT64_MAX, &row, 1, NULL, NULL));
	struct user_record r = read_user(f, "u");
	assert_int_equal(r.revision, 0);
	assert_int_equal(r.n_rows, 1);
	assert_true(r.rows[0].load == UINT64_MAX);
	assert_int_equal(r.rows[0].n_values, 4);
	assert_str(r.rows[0].values[0], "Anna");
	assert_non_null(r.rows[0].values[1].p);
	assert_null(r.rows[0].values[2].p);
	assert_true(str_eq(r.rows[0].values[3], STR("a\0b")));
	row = row_of("v", NULL, 0);
	assert_true(write_rows(f, 1, &row, 1, NULL, NULL));
	assert_int_equal(read_user(f, "v").rows[0].n_values, 0);
}

static void only_rows_of_the_loads_asked_for_are_read(void **state)
{
	struct fixture *f = *state;
	const uint64_t some[] = {2, 5, 9}, four[] = {4};
	for (uint64_t load = 1; load <= 5; load++)
		one_row(f, "u", load, "x");
	assert_int_equal(read_loads(f, "u", NULL, SIZE_MAX).n_rows, 5);
	assert_int_equal(read_loads(f, "u", NULL, 0).n_rows, 0);
	assert_int_equal(read_loads(f, "u", four, 1).n_rows, 1);
	struct user_record r = read_loads(f, "u", some, 3);
	assert_int_equal(r.n_rows, 2);
	assert_true(r.rows[0].load == 2 && r.rows[1].load == 5);
}

static void a_row_of_the_same_load_is_replaced(void **state)
{
	struct fixture *f = *state;
	one_row(f, "u", 1, "old");
	one_row(f, "u", 1, "new");
	struct user_record r = read_user(f, "u");
	assert_int_equal(r.n_rows, 1);
	assert_str(r.rows[0].values[0], "new");
}

static void rows_and_progress_are_written_together(void **state)
{
	struct fixture *f = *state;
	struct str v = STR("x");
	struct store_row row = row_of("u", &v, 1);
	struct store_document progress = {.id = STR("i1"), .body = STR("{\"rows\":1}")};
	assert_true(write_rows(f, 1, &row, 1, &progress, NULL));
	assert_str(get(f, STORE_IMPORT, "i1").body, "{\"rows\":1}");
	progress.body = STR("{\"rows\":2}");
	assert_true(write_rows(f, 1, &row, 1, &progress, NULL));
	assert_int_equal(get(f, STORE_IMPORT, "i1").revision, 2);
	assert_true(write_rows(f, 1, NULL, 0, &progress, NULL));
	assert_int_equal(get(f, STORE_IMPORT, "i1").revision, 3);
}

static void rows_out_of_order_or_too_many_are_refused(void **state)
{
	struct fixture *f = *state;
	struct str v = STR("x");
	struct store_row rows[2] = {row_of("u", &v, 1), row_of("v", &v, 1)}, swap;
	struct error err;
	sort_rows(rows, 2);
	swap = rows[0];
	rows[0] = rows[1];
	rows[1] = swap;
	assert_false(write_rows(f, 1, rows, 2, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	rows[1] = rows[0];
	assert_false(write_rows(f, 1, rows, 2, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	assert_false(write_rows(f, 1, rows, STORE_ROWS_MAX + 1, NULL, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_int_equal(read_user(f, "u").n_rows + read_user(f, "v").n_rows, 0);
}

enum { MANY = 3000 };

/* All at once, as an import does it, each slice with what comes behind it. */
static void load_many(struct fixture *f, uint64_t load, struct str *values)
{
	struct store_row *rows = calloc(MANY, sizeof *rows);
	assert_non_null(rows);
	for (unsigned i = 0; i < MANY; i++) {
		values[i] = text(f, "%u of %llu", i, (unsigned long long)load);
		rows[i] = row_of(text(f, "user%u", i).p, &values[i], 1);
	}
	sort_rows(rows, MANY);
	for (size_t at = 0; at < MANY; at += 1000)
		assert_true(write_rows(f, load, rows + at, 1000, NULL, NULL));
	free(rows);
}

static void check_many(struct fixture *f, size_t n_rows)
{
	for (unsigned i = 0; i < MANY; i += 7) {
		struct user_record r = read_user(f, text(f, "user%u", i).p);
		assert_int_equal(r.n_rows, n_rows);
		for (size_t j = 0; j < n_rows; j++)
			assert_true(str_eq(r.rows[j].values[0],
					   text(f, "%u of %llu", i,
						(unsigned long long)r.rows[j].load)));
	}
}

static void loads_into_an_empty_and_into_a_filled_store_keep_every_row(void **state)
{
	struct fixture *f = *state;
	struct str *values = calloc(MANY, sizeof *values);
	assert_non_null(values);
	load_many(f, 10, values); /* appended */
	check_many(f, 1);
	struct store_user_change nothing = {0};
	for (unsigned i = 0; i < 100; i++)
		must_commit(f, text(f, "user%u", i * 30).p, &nothing);
	load_many(f, 5, values); /* in between */
	load_many(f, 20, values);
	check_many(f, 3);
	free(values);
}

static void a_sweep_removes_dead_loads_only(void **state)
{
	struct fixture *f = *state;
	struct str *values = calloc(MANY, sizeof *values);
	const uint64_t live[] = {2, 9};
	struct assignment a = assignment_of(1, "spring");
	struct store_event e = event_of(1, "spring", STATISTIC_READ, T0);
	struct store_user_change c = {
		.assignments = &a, .n_assignments = 1, .events = &e, .n_events = 1};
	assert_non_null(values);
	must_commit(f, "user0", &c);
	for (uint64_t load = 1; load <= 3; load++)
		load_many(f, load, values);
	assert_int_equal(sweep(f, live, 2), 2 * MANY);
	check_many(f, 1);
	struct user_record r = read_user(f, "user0");
	assert_int_equal(r.rows[0].load, 2);
	assert_int_equal(r.n_assignments, 1);
	assert_int_equal(sweep(f, live, 2), 0);
	assert_int_equal(sweep(f, NULL, 0), MANY);
	assert_int_equal(read_user(f, "user0").n_rows, 0);
	assert_int_equal(read_user(f, "user0").n_assignments, 1);
	free(values);
}

static const struct CMUnitTest tests[] = {
	TEST(a_row_comes_back_with_its_values),
	TEST(only_rows_of_the_loads_asked_for_are_read),
	TEST(a_row_of_the_same_load_is_replaced),
	TEST(rows_and_progress_are_written_together),
	TEST(rows_out_of_order_or_too_many_are_refused),
	TEST(loads_into_an_empty_and_into_a_filled_store_keep_every_row),
	TEST(a_sweep_removes_dead_loads_only),
};
SUBJECT(loads, tests);
