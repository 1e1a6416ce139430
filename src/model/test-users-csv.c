/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/unit.h"
#include "model/users-csv.h"

#define NOON INT64_C(1777636800000) /* 2026-05-01T12:00:00Z */

static const struct attribute_schema attributes[] = {
	{.name = STR_INIT("points"), .type = ATTRIBUTE_NUMBER},
	{.name = STR_INIT("city"), .type = ATTRIBUTE_STRING},
};
static const struct purpose purposes[] = {{.id = STR_INIT("news")},
					  {.id = STR_INIT("ads")}};
static const struct user_schema schema = {attributes, 2, purposes, 2};

static const struct str all_columns[] = {
	STR_INIT("userId"),      STR_INIT("email"),        STR_INIT("alias"),
	STR_INIT("attr.points"), STR_INIT("consent.news"), STR_INIT("consent.ads"),
	STR_INIT("optOut"),
};
#define ALL (sizeof all_columns / sizeof *all_columns)

struct fixture {
	struct arena *arena;
	struct users_csv csv;
	struct error_list errors;
	struct user_change change;
	struct error err;
};

static bool columns(struct fixture *f, const struct str *names, size_t n, bool hashed)
{
	const struct users_csv_rules rules = {
		.schema = &schema,
		.hashed = hashed,
		.latest_ms = NOON,
		.source = STR("i1"),
	};
	error_list_free(&f->errors);
	error_list_init(&f->errors, 10);
	return users_csv_columns(names, n, &rules, f->arena, &f->csv, &f->errors);
}

static int setup(void **state)
{
	static struct fixture f;
	f.arena = arena_new(1 << 20);
	error_list_init(&f.errors, 10);
	*state = &f;
	return columns(&f, all_columns, ALL, false) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	error_list_free(&f->errors);
	return 0;
}

static bool read_row(struct fixture *f, const char *const values[ALL])
{
	struct str v[ALL];
	for (size_t i = 0; i < ALL; i++)
		v[i] = str_of(values[i]);
	error_clear(&f->err);
	return users_csv_row(&f->csv, v, f->arena, &f->change, &f->err);
}

static void a_full_row_changes_everything(void **state)
{
	struct fixture *f = *state;
	const char *const row[ALL] = {"c1",
				      "a@example.org",
				      "b@example.org",
				      "12",
				      "2026-05-01T10:00:00Z",
				      "revoked:2026-05-01T11:00:00Z",
				      "2026-05-01T12:00:00Z"};
	if (!read_row(f, row))
		fail_msg("%s", f->err.message);
	const struct user_change *c = &f->change;
	assert_true(c->set_user_id && c->set_email && c->set_aliases);
	assert_str(c->user_id, "c1");
	assert_str(c->email, "a@example.org");
	assert_int_equal(c->n_aliases, 1);
	assert_str(c->aliases[0], "b@example.org");
	assert_false(c->clear_attributes);
	assert_int_equal(c->n_attributes, 1);
	assert_str(c->attributes[0].name, "points");
	assert_str(c->attributes[0].value, "12");
	assert_int_equal(c->n_consents, 2);
	assert_str(c->consents[0].purpose, "news");
	assert_true(c->consents[0].granted);
	assert_true(c->consents[0].at_ms == NOON - 2 * CLOCK_HOUR);
	assert_str(c->consents[0].source, "i1");
	assert_false(c->consents[1].granted);
	assert_true(c->consents[1].at_ms == NOON - CLOCK_HOUR);
	assert_int_equal(c->n_opt_outs, 1);
	assert_null(c->opt_outs[0].purpose.p);
	assert_true(c->opt_outs[0].at_ms == NOON);
}

static void empty_cells_say_nothing(void **state)
{
	struct fixture *f = *state;
	const char *const row[ALL] = {"", "", "", "", "", "", ""};
	assert_true(read_row(f, row));
	const struct user_change *c = &f->change;
	assert_false(c->set_user_id || c->set_email || c->set_aliases ||
		     c->clear_attributes);
	assert_int_equal(c->n_attributes + c->n_consents + c->n_opt_outs, 0);
}

static void values_are_checked(void **state)
{
	struct fixture *f = *state;
	static const struct {
		size_t column;
		const char *value;
	} bad[] = {
		{0, "a b"},
		{1, "nobody"},
		{2, "x\ny"},
		{3, "many"},
		{4, "yesterday"},
		{4, "2026-05-01T12:00:00.001Z"}, /* later than the import */
		{5, "revoked:"},
		{5, "revoked:2027-01-01T00:00:00Z"},
		{5, "revoked 2026-01-01T00:00:00Z"},
		{6, "true"},
		{6, "2027-01-01T00:00:00Z"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *row[ALL] = {"", "", "", "", "", "", ""};
		row[bad[i].column] = bad[i].value;
		if (read_row(f, row))
			fail_msg("\"%s\" was taken", bad[i].value);
		assert_int_equal(f->err.kind, ERROR_BAD_VALUE);
	}
}

static void undeclared_and_unknown_columns_are_all_named(void **state)
{
	struct fixture *f = *state;
	static const struct str bad[] = {
		STR_INIT("userId"),      STR_INIT("attr.size"), STR_INIT("consent.x"),
		STR_INIT("attr.points"), STR_INIT("e-mail"),    STR_INIT("consent."),
	};
	assert_false(columns(f, bad, 6, false));
	assert_int_equal(f->errors.n, 4);
	assert_int_equal(f->errors.items[2].kind, ERROR_UNKNOWN_FIELD);
}

static void a_hashed_tenant_takes_no_addresses(void **state)
{
	struct fixture *f = *state;
	assert_false(columns(f, all_columns, ALL, true));
	assert_int_equal(f->errors.n, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_full_row_changes_everything),
		T(empty_cells_say_nothing),
		T(values_are_checked),
		T(undeclared_and_unknown_columns_are_all_named),
		T(a_hashed_tenant_takes_no_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
