/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		s.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		s.ss_family = AF_INET6;
	else
		fail_msg("%s", text);
	return s;
}

static bool is_public(const char *text)
{
	struct sockaddr_storage s = address(text);
	return address_is_public((struct sockaddr *)&s);
}

static void what_is_not_of_the_public_internet_is_not_public(void **state)
{
	static const char *const not_public[] = {
		"0.0.0.0",
		"10.1.2.3",
		"100.64.0.1",
		"127.0.0.1",
		"127.255.255.255",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.1",
		"192.168.1.1",
		"198.18.0.1",
		"198.19.255.255",
		"224.0.0.1",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"fe80::1",
		"fc00::1",
		"fd12::1",
		"ff02::1",
		"2001:db8::1",
		"::ffff:127.0.0.1",
		"::ffff:10.0.0.1",
		"64:ff9b::a00:1",
		"2002:7f00:1::1",
		"100::1",
		"2001::1",
		"::127.0.0.1",
		"3fff::1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++)
		if (is_public(not_public[i]))
			fail_msg("%s", not_public[i]);
}

static void what_is_public_is(void **state)
{
	static const char *const all[] = {
		"1.1.1.1",         "9.255.255.255",   "11.0.0.0",
		"100.128.0.0",     "172.32.0.0",      "192.169.0.0",
		"198.17.255.255",  "223.255.255.255", "2600::1",
		"2a00::1",         "::ffff:8.8.8.8",  "64:ff9b::808:808",
		"2002:808:808::1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!is_public(all[i]))
			fail_msg("%s", all[i]);
}

static void a_socket_of_the_machine_is_not_public(void **state)
{
	struct sockaddr_storage s = {.ss_family = AF_UNIX};
	(void)state;
	assert_false(address_is_public((struct sockaddr *)&s));
}

static bool is_in(const char *network, const char *text)
{
	struct address_networks all = {.n = 1};
	struct sockaddr_storage s = address(text);
	struct error err;
	if (!address_network_parse(str_of(network), &all.items[0], &err))
		fail_msg("%s", err.message);
	return address_is_in(&all, (struct sockaddr *)&s);
}

static void networks_hold_their_addresses(void **state)
{
	(void)state;
	assert_true(is_in("10.0.0.0/8", "10.255.0.1"));
	assert_false(is_in("10.0.0.0/8", "11.0.0.1"));
	assert_true(is_in("10.0.0.0/8", "::ffff:10.0.0.1"));
	assert_true(is_in("172.16.0.0/12", "172.31.0.1"));
	assert_false(is_in("172.16.0.0/12", "172.32.0.1"));
	assert_true(is_in("127.0.0.1", "127.0.0.1"));
	assert_false(is_in("127.0.0.1", "127.0.0.2"));
	assert_true(is_in("fd00::/8", "fdff::1"));
	assert_false(is_in("fd00::/8", "fc00::1"));
	assert_true(is_in("0.0.0.0/0", "1.2.3.4"));
	assert_false(is_in("0.0.0.0/0", "::1"));
	assert_true(is_in("::/0", "1.2.3.4"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "10.0.0.1/8",
					  "10.0.0.0/33",
					  "10.0.0/8",
					  "10.0.0.0/",
					  "/8",
					  "fd00::1/8",
					  "::/129",
					  "example.org",
					  "10.0.0.0/8 ",
					  "10.0.0.0/-1",
					  "1.2.3.4/0x8"};
	struct address_network n;
	struct error err;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (address_network_parse(str_of(bad[i]), &n, &err))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_of_the_public_internet_is_not_public),
		cmocka_unit_test(what_is_public_is),
		cmocka_unit_test(a_socket_of_the_machine_is_not_public),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(what_is_no_network_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
