/* SPDX-License-Identifier: Apache-2.0 */
#include "message/address.h"

#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void knows_an_address(void **state)
{
	(void)state;
	static const char *const good[] = {"a@b", "a.b+c@example.org", "o'neil@x-y.z1",
					   "!#$%&'*+-/=?^_`{|}~@example.org"};
	static const char *const bad[] = {"",           "a",          "@b",
					  "a@",         "a@@b",       "a..b@c",
					  ".a@c",       "a.@c",       "a b@c",
					  "a@b c",      "a@-b",       "a@b-.c",
					  "a@b..c",     "a@b.",       "a@b_c",
					  "\xC3\xA4@b", "a@\xC3\xA4", "a@b\r\nBcc: c@d",
					  "a\n@b",      "<a@b>",      "a@b,c@d",
					  "\"a\"@b"};
	for (size_t i = 0; i < COUNT(good); i++)
		if (!address_is_valid(str_of(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (address_is_valid(str_of(bad[i])))
			fail_msg("%s", bad[i]);
}

static void makes_an_address_of_a_user_name(void **state)
{
	(void)state;
	static const struct {
		const char *user, *domain, *want;
	} e[] = {
		{"ann", "example.org", "ann@example.org"},
		{"ann@x.org", "example.org", "ann@x.org"},
		{"ann@x.org", NULL, "ann@x.org"},
		{"ann lee", "example.org", "\"ann lee\"@example.org"},
		{"a\"b\\c@x.org", NULL, "\"a\\\"b\\\\c\"@x.org"},
		{"a@b@x.org", NULL, "\"a@b\"@x.org"},
		{"=?utf-8?q?x?=@x.org", NULL, "\"=?utf-8?q?x?=\"@x.org"},
		{"ann", NULL, NULL},
		{"ann@", "example.org", NULL},
		{"", "example.org", NULL},
		{"ann@x.org\r\nBcc: b@c", NULL, NULL},
		{"a\r\nBcc: b@c.org", NULL, NULL},
		{"j\xC3\xB6rg", "example.org", NULL},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct buf out;
		struct error err = {0};
		buf_init(&out, 400);
		bool ok = address_of_user(str_of(e[i].user), str_of(e[i].domain), &out,
					  &err);
		if (ok != (e[i].want != NULL))
			fail_msg("%s: %s", e[i].user, err.message);
		if (ok)
			assert_str(buf_str(&out), e[i].want);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_an_address),
		cmocka_unit_test(makes_an_address_of_a_user_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
