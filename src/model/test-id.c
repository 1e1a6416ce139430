/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "model/event.h"
#include "model/id.h"
#include "model/snapshot.h"

static const struct tenant_key key = {{1, 2, 3}};

static void each_part_of_an_instance_makes_another_id(void **state)
{
	(void)state;
	const struct id16 ids[] = {
		id_instance(&key, STR("spring"), STR("ada"), 1, 0),
		id_instance(&key, STR("autumn"), STR("ada"), 1, 0),
		id_instance(&key, STR("spring"), STR("bob"), 1, 0),
		id_instance(&key, STR("spring"), STR("ada"), 2, 0),
		id_instance(&key, STR("spring"), STR("ada"), 1, 1),
		id_instance(&key, STR("springa"), STR("da"), 1, 0),
		id_guid(&key, STR("ada"),
			id_instance(&key, STR("spring"), STR("ada"), 1, 0)),
	};
	size_t n = sizeof ids / sizeof ids[0];
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(id16_eq(ids[i], ids[j]));
	assert_true(
		id16_eq(ids[0], id_instance(&key, STR("spring"), STR("ada"), 1, 0)));
}

static void an_id_survives_its_text(void **state)
{
	(void)state;
	struct id16 id = id_event((struct id16){{9}}, STR("read")), back;
	char text[ID_TEXT_LEN + 1];
	id16_text(id, text);
	assert_true(id16_parse(str_of(text), &back));
	assert_true(id16_eq(id, back));
	assert_false(id16_parse(STR("abc"), &back));
	text[3] = 'x';
	assert_false(id16_parse(str_of(text), &back));
}

static void a_hashed_user_key_is_hex_of_the_folded_name(void **state)
{
	(void)state;
	struct arena *a = arena_new(4096);
	/* HMAC-SHA256("key", "what do ya want for nothing?") has an own vector in
	 * RFC 4231; here the key is "Jefe" of test case 2 */
	struct str got = user_key_from_name(a, STR("What do ya WANT for nothing?"),
					    true, STR("Jefe"));
	assert_str(got, "5bdcc146bf60754e6a042426089575c7"
			"5a003f089d2739839dec58b964ec3843");
	assert_true(user_key_is_hash(got));
	assert_str(user_key_from_name(a, STR("Ada@Example.ORG"), false, STR("")),
		   "ada@example.org");
	assert_false(user_key_is_hash(STR("ada@example.org")));
	arena_free(a);
}

static void a_choice_lies_between_nought_and_one_and_is_spread(void **state)
{
	(void)state;
	int low = 0;
	for (uint64_t i = 0; i < 4000; i++) {
		double u = id_choice(&key, STR("ada"), STR(""), i, STR("spring"));
		assert_true(u >= 0 && u < 1);
		low += u < 0.25;
	}
	assert_in_range(low, 850, 1150);
}

static void the_snapshot_finds_its_campaigns_by_id(void **state)
{
	(void)state;
	static const char *ids[] = {"a", "b", "ba", "c", "zz"};
	struct campaign definitions[5];
	struct running_campaign running[5];
	memset(running, 0, sizeof running);
	memset(definitions, 0, sizeof definitions);
	for (size_t i = 0; i < 5; i++) {
		definitions[i].id = str_of(ids[i]);
		running[i].definition = &definitions[i];
	}
	for (size_t n = 0; n <= 5; n++) {
		struct snapshot s = {.campaigns = running, .n_campaigns = n};
		for (size_t i = 0; i < 5; i++)
			assert_ptr_equal(snapshot_campaign(&s, str_of(ids[i])),
					 i < n ? &running[i] : NULL);
		assert_null(snapshot_campaign(&s, STR("bb")));
	}
}

static void every_statistic_has_a_name_and_knows_its_points(void **state)
{
	(void)state;
	for (int i = 0; i < STATISTICS_COUNT; i++)
		assert_true(strlen(statistic_name((enum statistic)i)) > 0);
	assert_string_equal(statistic_point_event(STATISTIC_EXPUNGED_READ), "expunged");
	assert_string_equal(statistic_point_event(STATISTIC_MOVED), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_of_an_instance_makes_another_id),
		cmocka_unit_test(an_id_survives_its_text),
		cmocka_unit_test(a_hashed_user_key_is_hex_of_the_folded_name),
		cmocka_unit_test(a_choice_lies_between_nought_and_one_and_is_spread),
		cmocka_unit_test(the_snapshot_finds_its_campaigns_by_id),
		cmocka_unit_test(every_statistic_has_a_name_and_knows_its_points),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
