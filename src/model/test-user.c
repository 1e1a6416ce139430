/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "model/user.h"

#define NEWS STR("newsletter")
#define ADS STR("ads")

static struct arena *arena;
static struct user_profile profile;

static int start(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	memset(&profile, 0, sizeof profile);
	return arena == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void consents(struct str purpose, bool granted, int64_t at_ms)
{
	struct consent c = {.purpose = purpose, .granted = granted, .at_ms = at_ms};
	assert_true(user_consent_add(arena, &profile, &c));
}

static void opts_out(struct str purpose, int64_t at_ms)
{
	struct opt_out o = {.purpose = purpose, .at_ms = at_ms};
	assert_true(user_opt_out_add(arena, &profile, &o));
}

static bool has(struct str purpose, int64_t now_ms)
{
	return user_has_consent(&profile, purpose, now_ms, NULL);
}

static bool out(struct str purpose, int64_t now_ms)
{
	return user_is_opted_out(&profile, purpose, now_ms, NULL);
}

static void without_a_word_there_is_no_consent(void **state)
{
	(void)state;
	const struct consent *by = (const struct consent *)&profile;
	assert_false(user_has_consent(&profile, NEWS, 1000, &by));
	assert_null(by);
	assert_false(out(NEWS, 1000));
}

static void the_newest_word_wins(void **state)
{
	(void)state;
	const struct consent *by;
	consents(NEWS, true, 300);
	consents(NEWS, false, 200);
	consents(NEWS, true, 100);
	assert_true(user_has_consent(&profile, NEWS, 1000, &by));
	assert_int_equal(by->at_ms, 300);
	consents(NEWS, false, 400);
	assert_false(user_has_consent(&profile, NEWS, 1000, &by));
	assert_int_equal(by->at_ms, 400);
	assert_false(has(ADS, 1000));
}

static void a_no_wins_a_tie(void **state)
{
	(void)state;
	consents(NEWS, true, 300);
	consents(NEWS, false, 300);
	assert_false(has(NEWS, 1000));
	consents(ADS, true, 300);
	opts_out(ADS, 300);
	assert_true(out(ADS, 1000));
}

static void a_grant_counts_from_its_time_and_a_revocation_at_once(void **state)
{
	(void)state;
	consents(NEWS, true, 300);
	assert_false(has(NEWS, 299));
	assert_true(has(NEWS, 300));
	consents(NEWS, false, 5000);
	assert_false(has(NEWS, 300));
}

static void an_opt_out_is_lifted_only_by_a_later_consent_of_that_purpose(void **state)
{
	(void)state;
	const struct opt_out *by;
	const struct str all = {NULL, 0};
	consents(NEWS, true, 100);
	consents(ADS, true, 100);
	opts_out(all, 200);
	assert_true(user_is_opted_out(&profile, NEWS, 1000, &by));
	assert_null(by->purpose.p);
	consents(NEWS, true, 300);
	assert_false(user_is_opted_out(&profile, NEWS, 1000, &by));
	assert_null(by);
	assert_true(out(ADS, 1000));
	opts_out(NEWS, 400);
	assert_true(out(NEWS, 1000));
	consents(NEWS, false, 500);
	assert_true(out(NEWS, 1000));
	consents(NEWS, true, 2000); /* not yet */
	assert_true(out(NEWS, 1000));
	assert_false(out(NEWS, 2000));
}

static void what_was_said_already_is_not_added_twice(void **state)
{
	(void)state;
	consents(NEWS, true, 100);
	consents(NEWS, true, 100);
	assert_int_equal(profile.n_consents, 1);
	opts_out(NEWS, 100);
	opts_out(NEWS, 100);
	assert_int_equal(profile.n_opt_outs, 1);
	opts_out((struct str){NULL, 0}, 100);
	assert_int_equal(profile.n_opt_outs, 2);
}

static void a_full_list_loses_the_oldest_that_decides_nothing(void **state)
{
	(void)state;
	consents(ADS, true, 1); /* oldest, but decides */
	for (int i = 0; i < USER_MAX_CONSENTS + 10; i++)
		consents(NEWS, i % 2 == 0, 100 + i);
	assert_int_equal(profile.n_consents, USER_MAX_CONSENTS);
	assert_true(has(ADS, 1000));
	assert_false(has(NEWS, 1000));
	for (int i = 0; i < USER_MAX_CONSENTS + 10; i++)
		opts_out(NEWS, 100 + i);
	assert_int_equal(profile.n_opt_outs, USER_MAX_CONSENTS);
}

static void attributes_are_found_by_name(void **state)
{
	(void)state;
	static const struct attribute attributes[] = {
		{STR_INIT("city"), STR_INIT("Bonn")},
		{STR_INIT("plan"), STR_INIT("free")},
		{STR_INIT("plan2"), STR_INIT("x")},
	};
	profile.attributes = attributes;
	profile.n_attributes = 3;
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(user_attribute(&profile, attributes[i].name),
				 &attributes[i]);
	assert_null(user_attribute(&profile, STR("pla")));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		TEST(without_a_word_there_is_no_consent),
		TEST(the_newest_word_wins),
		TEST(a_no_wins_a_tie),
		TEST(a_grant_counts_from_its_time_and_a_revocation_at_once),
		TEST(an_opt_out_is_lifted_only_by_a_later_consent_of_that_purpose),
		TEST(what_was_said_already_is_not_added_twice),
		TEST(a_full_list_loses_the_oldest_that_decides_nothing),
		TEST(attributes_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
