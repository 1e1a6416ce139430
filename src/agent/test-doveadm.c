/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doveadm.h"

#include "base/unit-malloc.h"
#include "base/unit.h"

#define A32 "0123456789abcdef0123456789abcdef"
#define B32 "fedcba9876543210fedcba9876543210"

static bool reads(const char *json, size_t *n_failed)
{
	struct arena *arena = arena_new(65536);
	struct error err = {0};
	assert_non_null(arena);
	bool ok = doveadm_read(str_of(json), arena, n_failed, &err);
	assert_int_equal(ok, err.kind == ERROR_NONE);
	arena_free(arena);
	return ok;
}

static void a_keyword_goes_and_comes_and_a_guid_names_the_message(void **state)
{
	(void)state;
	const struct doveadm_user user = {
		.name = STR("a\"b@example.org"), .guids = {STR(A32), STR(B32)}, .n = 2};
#define ARGUMENTS                                                                      \
	"{\"user\":\"a\\\"b@example.org\",\"flag\":[\"$Inlay\"],\"query\":["           \
	"\"mailbox\",\"INBOX\",\"(\",\"GUID\",\"" A32 "\",\"OR\",\"GUID\",\"" B32      \
	"\",\")\"]},\"inlay\"]"
	struct buf b;
	buf_init(&b, 4096);
	assert_true(doveadm_write(&b, &user, 1));
	assert_str(buf_str(&b),
		   "[[\"flagsRemove\"," ARGUMENTS ",[\"flagsAdd\"," ARGUMENTS "]");
	buf_free(&b);
	buf_init(&b, 100);
	assert_false(doveadm_write(&b, &user, 1));
	buf_free(&b);
}

static void users_who_failed_are_counted(void **state)
{
	(void)state;
	size_t n = 7;
	assert_true(reads("[]", &n));
	assert_int_equal(n, 0);
	assert_true(
		reads("[[\"doveadmResponse\",[],\"inlay\"],"
		      "[\"doveadmResponse\",[],\"inlay\"],"
		      "[\"error\",{\"type\":\"exitCode\",\"exitCode\":67},\"inlay\"],"
		      "[\"error\",{\"type\":\"exitCode\",\"exitCode\":67},\"inlay\"]]",
		      &n));
	assert_int_equal(n, 1);
}

static void what_is_no_answer_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "{}",
					  "[[",
					  "[1]",
					  "[[\"error\"]]",
					  "[[\"error\",{},\"inlay\",1]]",
					  "[[1,{},\"inlay\"]]",
					  "[] []"};
	size_t n;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (reads(bad[i], &n))
			fail_msg("%s", bad[i]);
}

static void a_name_that_means_many_is_never_said(void **state)
{
	(void)state;
	assert_true(doveadm_may_name(STR("anna@example.org")));
	assert_false(doveadm_may_name(STR("*@example.org")));
	assert_false(doveadm_may_name(STR("ann?")));
	assert_false(doveadm_may_name(STR("")));
}

static bool asks(struct error *err)
{
	const struct doveadm_user user = {
		.name = STR("anna"), .guids = {STR(A32)}, .n = 1};
	struct buf b;
	buf_init(&b, 65536);
	bool ok = doveadm_write(&b, &user, 1);
	if (!ok)
		err->kind = ERROR_MEMORY;
	buf_free(&b);
	return ok;
}

static void it_is_written_whole_or_not_at_all(void **state)
{
	(void)state;
	unit_malloc_torture("doveadm", asks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_keyword_goes_and_comes_and_a_guid_names_the_message),
		cmocka_unit_test(users_who_failed_are_counted),
		cmocka_unit_test(what_is_no_answer_is_none),
		cmocka_unit_test(a_name_that_means_many_is_never_said),
		cmocka_unit_test(it_is_written_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
