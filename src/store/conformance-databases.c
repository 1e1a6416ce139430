/* SPDX-License-Identifier: Apache-2.0 */
/* Databases, their owners, and what outlives a store. */
#include "store/conformance.h"

static struct store_db *open_db(struct fixture *f, const char *keyspace,
				const char *owner, bool create, struct error *err)
{
	struct store_db *db = NULL;
	error_clear(err);
	bool ok = (create ? store_db_create : store_db_open)(f->store, str_of(keyspace),
							     str_of(owner), &db, err);
	assert_true(ok == (db != NULL));
	return db;
}

static void a_keyspace_belongs_to_the_tenant_that_made_it(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_db *db = open_db(f, "mine", "a", true, &err), *again;
	assert_non_null(db);
	assert_null(open_db(f, "mine", "b", true, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_null(open_db(f, "mine", "b", false, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	again = open_db(f, "mine", "a", false, &err);
	assert_ptr_equal(again, db); /* one handle, counted */
	store_db_close(again);
	store_db_close(db);
	assert_null(open_db(f, "mine", "b", true, &err)); /* closed is not gone */
	assert_int_equal(err.kind, ERROR_CONFLICT);
	db = open_db(f, "mine", "a", true, &err);
	assert_non_null(db);
	store_db_close(db);
}

static void a_keyspace_that_was_not_made_is_not_found(void **state)
{
	struct error err;
	assert_null(open_db(*state, "nowhere", "a", false, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_null(open_db(*state, "nowhere", "a", false, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_keyspace_has_a_name_that_can_be_a_directorys(void **state)
{
	static const char *const bad[] = {
		"system", "../up", "a/b",
		"A",      "1a",    "_a",
		"a.b",    "a-b",   "a23456789012345678901234567890123456789012345678x"};
	struct error err;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(open_db(*state, bad[i], "a", true, &err));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
	}
}

static void the_system_database_is_one_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_db *tests = f->db, *system = open_db(f, "", "", true, &err);
	assert_non_null(system);
	f->db = system;
	assert_true(put(f, STORE_TOKEN, "t", "x", STORE_ABSENT, NULL, NULL));
	f->db = tests;
	assert_int_equal(get(f, STORE_TOKEN, "t").revision, 0);
	store_db_close(system);
}

/* Everything that can be looked up by name in one is not in the other. */
static void two_tenants_never_see_each_other(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_db *first = f->db, *second = open_db(f, "other", "o", true, &err);
	struct user_profile p = {.user = STR("u"), .user_id = STR("id")};
	struct assignment a = assignment_of(1, "spring");
	struct store_event e = event_of(1, "spring", STATISTIC_READ, T0);
	struct store_due d = {T0, a.instance};
	struct store_outbox_row o = {.event_id = id_of(1),
				     .point = STR("p"),
				     .event_type = STR("read"),
				     .campaign = STR("spring"),
				     .at_ms = T0};
	struct store_user_change c = {.profile = &p,
				      .assignments = &a,
				      .n_assignments = 1,
				      .events = &e,
				      .n_events = 1,
				      .outbox = &o,
				      .n_outbox = 1,
				      .due = &d,
				      .n_due = 1};
	struct str value = STR("v");
	struct store_row row = row_of("u", &value, 1);
	size_t n;
	must_commit(f, "u", &c);
	assert_true(write_rows(f, 7, &row, 1, NULL, &err));
	f->db = second;
	assert_int_equal(read_user(f, "u").revision, 0);
	assert_int_equal(read_user(f, "u").n_rows, 0);
	assert_null(resolve(f, "id").p);
	assert_null(instance_of(f, a.instance).user_key.p);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 0);
	assert_int_equal(store_outbox_count(f->db), 0);
	due(f, INT64_MAX, 10, &n);
	assert_int_equal(n, 0);
	must_commit(f, "u", &c); /* the same ids are nothing known here */
	assert_int_equal(total(f, "spring", STATISTIC_READ), 1);
	assert_int_equal(sweep(f, NULL, 0), 0);
	f->db = first;
	assert_int_equal(read_user(f, "u").n_rows, 1);
	assert_int_equal(read_user(f, "u").revision, 1);
	store_db_close(second);
}

static void what_was_done_is_there_when_the_store_is_opened_again(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = {.user = STR("u"), .user_id = STR("id")};
	struct assignment a = assignment_of(1, "spring");
	struct store_event e = event_of(1, "spring", STATISTIC_READ, T0);
	struct store_user_change c = {.profile = &p,
				      .assignments = &a,
				      .n_assignments = 1,
				      .events = &e,
				      .n_events = 1};
	if (!f->kind->persists)
		skip();
	must_commit(f, "u", &c);
	assert_true(put(f, STORE_SETTING, "s", "body", STORE_ABSENT, NULL, NULL));
	fixture_reopen(f);
	assert_int_equal(read_user(f, "u").n_assignments, 1);
	assert_str(resolve(f, "id"), "u");
	assert_int_equal(total(f, "spring", STATISTIC_READ), 1);
	assert_str(get(f, STORE_SETTING, "s").body, "body");
	must_commit(f, "u", &c);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 1);
	struct error err;
	assert_null(open_db(f, "tests", "other", true, &err));
}

static void calls_and_failures_are_counted(void **state)
{
	struct fixture *f = *state;
	struct store_usage before, after;
	struct error err;
	store_usage(f->store, &before);
	assert_true(put(f, STORE_SETTING, "s", "body", STORE_ABSENT, NULL, NULL));
	assert_false(put(f, STORE_SETTING, "s", "body", STORE_ABSENT, NULL, &err));
	store_usage(f->store, &after);
	assert_int_equal(after.calls - before.calls, 2);
	assert_int_equal(after.failures, before.failures); /* a conflict is none */
	assert_true(after.bytes_used > 0);
	assert_false(after.full);
}

struct many {
	_Atomic unsigned done;
};

static void count_done(void *ctx, const struct error *err)
{
	struct many *m = ctx;
	assert_null(err);
	m->done++;
}

static void closing_waits_for_calls_under_way(void **state)
{
	struct fixture *f = *state;
	struct many m = {0};
	struct error err;
	struct store_db *db = open_db(f, "busy", "b", true, &err);
	assert_non_null(db);
	for (unsigned i = 0; i < 200; i++)
		store_document_put(db, STORE_SETTING, text(f, "%u", i), STR("x"),
				   STORE_ANY, NULL, count_done, &m);
	store_db_close(db);
	assert_int_equal(m.done, 200);
}

static const struct CMUnitTest tests[] = {
	TEST(a_keyspace_belongs_to_the_tenant_that_made_it),
	TEST(a_keyspace_that_was_not_made_is_not_found),
	TEST(a_keyspace_has_a_name_that_can_be_a_directorys),
	TEST(the_system_database_is_one_of_its_own),
	TEST(two_tenants_never_see_each_other),
	TEST(what_was_done_is_there_when_the_store_is_opened_again),
	TEST(calls_and_failures_are_counted),
	TEST(closing_waits_for_calls_under_way),
};
SUBJECT(databases, tests);
