/* SPDX-License-Identifier: Apache-2.0 */
/* The front's own refusals, and the faults that can be asked for. */
#include "store/conformance.h"

static const struct kind kind = {"faulty", "memory", 0, true, false};

static void an_unknown_store_is_refused_by_name(void **state)
{
	struct store_options o = {.backend = "paper"};
	struct store *s;
	struct error err;
	(void)state;
	assert_false(store_open(&o, &s, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.message, "paper"));
	assert_false(store_open(&(struct store_options){0}, &s, &err));
	assert_false(
		store_open(&(struct store_options){.backend = "faulty"}, &s, &err));
	assert_false(store_open(&(struct store_options){.backend = "lmdb"}, &s, &err));
}

static void a_fault_before_the_write_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct error err;
	store_faulty_arm(f->store, 2, 'b');
	assert_true(put(f, STORE_SETTING, "1", "x", STORE_ANY, NULL, &err));
	assert_false(put(f, STORE_SETTING, "2", "x", STORE_ANY, NULL, &err));
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(get(f, STORE_SETTING, "2").revision, 0);
	assert_true(put(f, STORE_SETTING, "3", "x", STORE_ANY, NULL, &err));
	assert_int_equal(store_faulty_arm(f->store, 0, 'b'), 3);
}

static void a_fault_after_the_write_leaves_it_done(void **state)
{
	struct fixture *f = *state;
	struct store_user_change nothing = {0};
	struct error err;
	store_faulty_arm(f->store, 1, 'a');
	assert_false(commit(f, "u", 0, &nothing, NULL, &err));
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(read_user(f, "u").revision, 1);
	assert_true(commit(f, "u", 1, &nothing, NULL, &err));
}

static void reads_neither_fail_nor_count(void **state)
{
	struct fixture *f = *state;
	struct error err;
	store_faulty_arm(f->store, 1, 'b');
	read_user(f, "u");
	get(f, STORE_SETTING, "s");
	assert_false(put(f, STORE_SETTING, "s", "x", STORE_ANY, NULL, &err));
	assert_int_equal(store_faulty_arm(f->store, 0, 'b'), 1);
	struct store_usage usage;
	store_usage(f->store, &usage);
	assert_int_equal(usage.failures, 1);
}

static void any_call_may_fail(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_document d;
	store_faulty_arm(f->store, 2, 'c');
	assert_true(put(f, STORE_SETTING, "s", "x", STORE_ANY, NULL, &err));
	store_document_get(f->db, STORE_SETTING, STR("s"), f->arena, &d,
			   store_wait_done, f->wait);
	assert_false(store_wait(f->wait, &err));
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(get(f, STORE_SETTING, "s").revision, 1);
	assert_int_equal(store_faulty_arm(f->store, 0, 'b'), 3);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(an_unknown_store_is_refused_by_name),
		TEST(a_fault_before_the_write_leaves_nothing),
		TEST(a_fault_after_the_write_leaves_it_done),
		TEST(reads_neither_fail_nor_count),
		TEST(any_call_may_fail),
	};
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tests[i].initial_state = (void *)(uintptr_t)&kind;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
