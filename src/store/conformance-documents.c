/* SPDX-License-Identifier: Apache-2.0 */
#include "store/conformance.h"

static void a_document_that_is_not_there_has_revision_0(void **state)
{
	struct fixture *f = *state;
	struct store_document doc = get(f, STORE_SETTING, "attributes");
	assert_int_equal(doc.revision, 0);
	assert_null(doc.body.p);
}

static void a_document_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	uint64_t revision = 0;
	assert_true(put(f, STORE_CAMPAIGN, "spring", "{\"a\":1}", STORE_ABSENT,
			&revision, NULL));
	assert_int_equal(revision, 1);
	struct store_document doc = get(f, STORE_CAMPAIGN, "spring");
	assert_str(doc.id, "spring");
	assert_str(doc.body, "{\"a\":1}");
	assert_int_equal(doc.revision, 1);
	assert_int_equal(get(f, STORE_VERSION, "spring").revision, 0);
	assert_int_equal(get(f, STORE_CAMPAIGN, "sprin").revision, 0);
}

static void a_document_may_be_empty_and_hold_any_byte(void **state)
{
	struct fixture *f = *state;
	struct str odd = STR("a\0b\xff\n");
	assert_true(put(f, STORE_TEMPLATE, "x", "", STORE_ANY, NULL, NULL));
	assert_non_null(get(f, STORE_TEMPLATE, "x").body.p);
	assert_int_equal(get(f, STORE_TEMPLATE, "x").body.n, 0);
	store_document_put(f->db, STORE_TEMPLATE, STR("y"), odd, STORE_ANY, NULL,
			   store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	assert_true(str_eq(get(f, STORE_TEMPLATE, "y").body, odd));
}

static void a_write_on_another_revision_is_a_conflict_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct error err;
	uint64_t revision = 77;
	assert_true(put(f, STORE_SETTING, "s", "one", STORE_ABSENT, NULL, NULL));
	assert_false(put(f, STORE_SETTING, "s", "two", STORE_ABSENT, &revision, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_false(put(f, STORE_SETTING, "s", "two", 2, &revision, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_false(put(f, STORE_SETTING, "none", "two", 1, &revision, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_int_equal(revision, 77);
	assert_str(get(f, STORE_SETTING, "s").body, "one");
	assert_true(put(f, STORE_SETTING, "s", "two", 1, &revision, NULL));
	assert_int_equal(revision, 2);
	assert_true(put(f, STORE_SETTING, "s", "three", STORE_ANY, &revision, NULL));
	assert_int_equal(revision, 3);
	assert_int_equal(get(f, STORE_SETTING, "s").revision, 3);
}

static void a_document_without_a_body_is_deleted_if_the_condition_holds(void **state)
{
	struct fixture *f = *state;
	struct error err;
	assert_true(put(f, STORE_TOKEN, "t", "x", STORE_ANY, NULL, NULL));
	assert_false(put(f, STORE_TOKEN, "t", NULL, 9, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_true(put(f, STORE_TOKEN, "t", NULL, 1, NULL, NULL));
	assert_int_equal(get(f, STORE_TOKEN, "t").revision, 0);
	assert_true(put(f, STORE_TOKEN, "t", NULL, STORE_ANY, NULL, NULL));
}

static void who_read_a_document_cannot_write_over_one_made_anew(void **state)
{
	struct fixture *f = *state;
	struct error err;
	assert_true(put(f, STORE_TENANT, "t", "old", STORE_ABSENT, NULL, NULL));
	assert_true(put(f, STORE_TENANT, "t", NULL, 1, NULL, NULL));
	assert_true(put(f, STORE_TENANT, "t", "new", STORE_ABSENT, NULL, NULL));
	assert_false(put(f, STORE_TENANT, "t", "late", 1, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_str(get(f, STORE_TENANT, "t").body, "new");
}

static void documents_are_listed_by_id_in_pages(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = {"b/2", "a", "b/1", "c", "b/3", "b"};
	for (size_t i = 0; i < 6; i++)
		assert_true(
			put(f, STORE_VERSION, ids[i], ids[i], STORE_ANY, NULL, NULL));
	assert_true(put(f, STORE_LOAD, "b/1", "other", STORE_ANY, NULL, NULL));
	struct store_document_list l = list(f, STORE_VERSION, "b/", NULL, 2, true);
	assert_int_equal(l.n, 2);
	assert_true(l.more);
	assert_str(l.items[0].id, "b/1");
	assert_str(l.items[1].id, "b/2");
	assert_str(l.items[1].body, "b/2");
	l = list(f, STORE_VERSION, "b/", "b/2", 2, true);
	assert_int_equal(l.n, 1);
	assert_false(l.more);
	assert_str(l.items[0].id, "b/3");
	l = list(f, STORE_VERSION, "", NULL, 100, false);
	assert_int_equal(l.n, 6);
	assert_null(l.items[0].body.p);
	assert_int_equal(l.items[0].revision, 1);
	l = list(f, STORE_VERSION, "b", "a", 100, false);
	assert_int_equal(l.n, 4);
	l = list(f, STORE_VERSION, "b", "bz", 100, false);
	assert_int_equal(l.n, 0);
	l = list(f, STORE_VERSION, "a", NULL, 1, false);
	assert_int_equal(l.n, 1);
	assert_false(l.more);
}

static void what_is_too_large_or_nameless_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *large = calloc(1, STORE_DOCUMENT_MAX + 1);
	char id[STORE_ID_MAX + 2];
	assert_non_null(large);
	memset(id, 'i', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	struct str body = {large, STORE_DOCUMENT_MAX + 1};
	store_document_put(f->db, STORE_TEMPLATE, STR("t"), body, STORE_ANY, NULL,
			   store_wait_done, f->wait);
	assert_false(store_wait(f->wait, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	body.n--;
	store_document_put(f->db, STORE_TEMPLATE, STR("t"), body, STORE_ANY, NULL,
			   store_wait_done, f->wait);
	assert_true(store_wait(f->wait, &err));
	assert_int_equal(get(f, STORE_TEMPLATE, "t").body.n, STORE_DOCUMENT_MAX);
	free(large);
	assert_false(put(f, STORE_SETTING, id, "x", STORE_ANY, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	assert_false(put(f, STORE_SETTING, "", "x", STORE_ANY, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	id[STORE_ID_MAX] = '\0';
	assert_true(put(f, STORE_SETTING, id, "x", STORE_ANY, NULL, &err));
	assert_str(get(f, STORE_SETTING, id).id, id);
}

static const struct CMUnitTest tests[] = {
	TEST(a_document_that_is_not_there_has_revision_0),
	TEST(a_document_comes_back_as_it_was_put),
	TEST(a_document_may_be_empty_and_hold_any_byte),
	TEST(a_write_on_another_revision_is_a_conflict_and_writes_nothing),
	TEST(a_document_without_a_body_is_deleted_if_the_condition_holds),
	TEST(who_read_a_document_cannot_write_over_one_made_anew),
	TEST(documents_are_listed_by_id_in_pages),
	TEST(what_is_too_large_or_nameless_is_refused),
};
SUBJECT(documents, tests);
