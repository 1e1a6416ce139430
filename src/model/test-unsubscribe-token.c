/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unsubscribe-token.h"

#include "base/unit.h"

static struct arena *arena;
static struct buf text;
static const struct tenant_key key = {{1, 2, 3}}, other_key = {{1, 2, 4}};
static const struct unsubscribe anna = {STR_INIT("anna@example.org"),
					STR_INIT("newsletter"), STR_INIT("spring")};

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	buf_init(&text, UNSUBSCRIBE_TOKEN_MAX);
	return arena == NULL || !crypto_init();
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	buf_free(&text);
	return 0;
}

static void a_token_tells_its_tenant_and_opens_under_its_key(void **state)
{
	(void)state;
	struct unsubscribe_token t;
	struct unsubscribe u;
	assert_true(unsubscribe_token_make(&key, STR("acme"), &anna, &text));
	assert_true(unsubscribe_token_parse(buf_str(&text), arena, &t, NULL));
	assert_str(t.tenant, "acme");
	assert_true(unsubscribe_token_open(&t, &key, arena, &u, NULL));
	assert_str(u.user_key, "anna@example.org");
	assert_str(u.purpose, "newsletter");
	assert_str(u.campaign, "spring");
}

static void another_key_or_another_tenant_does_not_open_it(void **state)
{
	(void)state;
	struct unsubscribe_token t;
	struct unsubscribe u;
	assert_true(unsubscribe_token_make(&key, STR("acme"), &anna, &text));
	assert_true(unsubscribe_token_parse(buf_str(&text), arena, &t, NULL));
	assert_false(unsubscribe_token_open(&t, &other_key, arena, &u, NULL));
	t.tenant = STR("acmf");
	assert_false(unsubscribe_token_open(&t, &key, arena, &u, NULL));
}

static void no_changed_character_goes_unnoticed(void **state)
{
	(void)state;
	assert_true(unsubscribe_token_make(&key, STR("acme"), &anna, &text));
	for (size_t i = 0; i < text.n; i++) {
		struct unsubscribe_token t;
		struct unsubscribe u;
		char was = text.p[i];
		text.p[i] = was == 'A' ? 'B' : 'A';
		assert_false(unsubscribe_token_parse(buf_str(&text), arena, &t, NULL) &&
			     unsubscribe_token_open(&t, &key, arena, &u, NULL));
		text.p[i] = was;
	}
}

static void the_users_name_does_not_show(void **state)
{
	(void)state;
	struct unsubscribe_token t;
	assert_true(unsubscribe_token_make(&key, STR("acme"), &anna, &text));
	assert_true(unsubscribe_token_parse(buf_str(&text), arena, &t, NULL));
	assert_null(memmem(t.sealed.p, t.sealed.n, "anna", 4));
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const bad[] = {"",        "A",    "AQ",          "AQQ",
					  "AQRhY20", "!!!!", "AgRhY21lAAAA"};
	(void)state;
	struct unsubscribe_token t;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(unsubscribe_token_parse(str_of(bad[i]), arena, &t, NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_token_tells_its_tenant_and_opens_under_its_key),
		T(another_key_or_another_tenant_does_not_open_it),
		T(no_changed_character_goes_unnoticed),
		T(the_users_name_does_not_show),
		T(what_is_no_token_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
