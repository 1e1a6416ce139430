/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "mim/known.h"

#include <stdio.h>
#include <stdlib.h>

/* The n-th MAC of one set. */
static void mac_of(unsigned n, uint8_t mac[CRYPTO_AGAIN_LEN])
{
	memset(mac, 0, CRYPTO_AGAIN_LEN);
	mac[0] = 7 + KNOWN_SETS;
	mac[CRYPTO_AGAIN_LEN - 1] = (uint8_t)n;
}

static void put(struct known *k, unsigned n)
{
	uint8_t mac[CRYPTO_AGAIN_LEN];
	struct identity who = {.scope = TOKEN_DOVECOT};
	snprintf(who.tenant, sizeof who.tenant, "t%u", n);
	mac_of(n, mac);
	known_put(k, mac, &who);
}

static bool is_known(const struct known *k, unsigned n)
{
	uint8_t mac[CRYPTO_AGAIN_LEN];
	char tenant[16];
	snprintf(tenant, sizeof tenant, "t%u", n);
	mac_of(n, mac);
	const struct identity *who = known_find(k, mac);
	if (who != NULL)
		assert_string_equal(who->tenant, tenant);
	return who != NULL;
}

static struct known *made(void)
{
	struct known *k = malloc(sizeof *k);
	assert_non_null(k);
	known_init(k);
	return k;
}

static void the_macs_of_two_processes_differ(void **state)
{
	struct known *one = made(), *other = made();
	uint8_t a[CRYPTO_AGAIN_LEN], b[CRYPTO_AGAIN_LEN], c[CRYPTO_AGAIN_LEN];
	(void)state;
	known_mac(one, STR("inlay_abc"), a);
	known_mac(one, STR("inlay_abc"), b);
	known_mac(other, STR("inlay_abc"), c);
	assert_memory_equal(a, b, sizeof a);
	assert_memory_not_equal(a, c, sizeof a);
	known_mac(one, STR("inlay_abd"), b);
	assert_memory_not_equal(a, b, sizeof a);
	free(one);
	free(other);
}

static void an_empty_place_knows_nobody(void **state)
{
	struct known *k = made();
	uint8_t zeros[CRYPTO_AGAIN_LEN] = {0};
	(void)state;
	assert_null(known_find(k, zeros));
	free(k);
}

static void tokens_alike_do_not_push_each_other_out(void **state)
{
	struct known *k = made();
	(void)state;
	for (unsigned n = 0; n < KNOWN_WAYS; n++)
		put(k, n);
	put(k, 2); /* by another thread */
	for (unsigned n = 0; n < KNOWN_WAYS; n++)
		assert_true(is_known(k, n));
	assert_false(is_known(k, KNOWN_WAYS));
	put(k, KNOWN_WAYS);
	assert_false(is_known(k, 0));
	for (unsigned n = 1; n <= KNOWN_WAYS; n++)
		assert_true(is_known(k, n));
	free(k);
}

static void who_is_forgotten_is_not_known(void **state)
{
	struct known *k = made();
	uint8_t before[CRYPTO_AGAIN_LEN], after[CRYPTO_AGAIN_LEN];
	(void)state;
	known_mac(k, STR("inlay_abc"), before);
	put(k, 1);
	known_forget(k);
	assert_false(is_known(k, 1));
	known_mac(k, STR("inlay_abc"), after);
	assert_memory_equal(before, after, sizeof before);
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_macs_of_two_processes_differ),
		cmocka_unit_test(an_empty_place_knows_nobody),
		cmocka_unit_test(tokens_alike_do_not_push_each_other_out),
		cmocka_unit_test(who_is_forgotten_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
