/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer.h"

#include "base/unit.h"

static bool uid_of(struct str name, uid_t *uid)
{
	if (!str_eq(name, STR("anna")))
		return false;
	*uid = 1001;
	return true;
}

static const uid_t trusted[] = {500, 501};
static const struct peer_grant grants[] = {
	{.uid = 1002, .user = STR_INIT("bert@example.org")}};
static const struct peer_policy policy = {.trusted = trusted,
					  .n_trusted = 2,
					  .grants = grants,
					  .n_grants = 1,
					  .uid_of = uid_of};

static void a_trusted_uid_speaks_for_everybody(void **state)
{
	(void)state;
	assert_true(peer_is_trusted(&policy, 501));
	assert_true(peer_may_speak_for(&policy, 500, STR("anna")));
	assert_true(peer_may_speak_for(&policy, 501, STR("who@ever.example")));
	assert_false(peer_may_speak_for(&policy, 501, STR("")));
}

static void another_uid_speaks_for_itself(void **state)
{
	(void)state;
	assert_false(peer_is_trusted(&policy, 1001));
	assert_true(peer_may_speak_for(&policy, 1001, STR("anna")));
	assert_false(peer_may_speak_for(&policy, 1001, STR("anna@example.org")));
	assert_false(peer_may_speak_for(&policy, 1002, STR("anna")));
	assert_false(peer_may_speak_for(&policy, 0, STR("anna")));
}

static void another_uid_speaks_for_whom_the_map_says(void **state)
{
	(void)state;
	assert_true(peer_may_speak_for(&policy, 1002, STR("bert@example.org")));
	assert_false(peer_may_speak_for(&policy, 1001, STR("bert@example.org")));
}

static void the_system_knows_root(void **state)
{
	(void)state;
	uid_t uid = 77;
	assert_true(peer_system_uid(STR("root"), &uid));
	assert_int_equal(uid, 0);
	assert_false(peer_system_uid(STR(""), &uid));
	assert_false(peer_system_uid(STR("root\0x"), &uid));
	char longer[300];
	memset(longer, 'a', sizeof longer);
	assert_false(peer_system_uid((struct str){longer, sizeof longer}, &uid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trusted_uid_speaks_for_everybody),
		cmocka_unit_test(another_uid_speaks_for_itself),
		cmocka_unit_test(another_uid_speaks_for_whom_the_map_says),
		cmocka_unit_test(the_system_knows_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
