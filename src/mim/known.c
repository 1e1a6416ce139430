/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/known.h"

void known_init(struct known *k)
{
	*k = (struct known){0};
	crypto_random(k->key, sizeof k->key);
}

void known_mac(const struct known *k, struct str text, uint8_t mac[CRYPTO_AGAIN_LEN])
{
	crypto_again(k->key, text, mac);
}

static size_t set_of(const uint8_t mac[CRYPTO_AGAIN_LEN])
{
	return mac[0] % KNOWN_SETS;
}

static bool is_it(const struct known_token *t, const uint8_t mac[CRYPTO_AGAIN_LEN])
{
	return t->is_set && crypto_equal(t->mac, mac, CRYPTO_AGAIN_LEN);
}

const struct identity *known_find(const struct known *k,
				  const uint8_t mac[CRYPTO_AGAIN_LEN])
{
	const struct known_set *set = &k->sets[set_of(mac)];
	for (unsigned i = 0; i < KNOWN_WAYS; i++)
		if (is_it(&set->ways[i], mac))
			return &set->ways[i].who;
	return NULL;
}

void known_put(struct known *k, const uint8_t mac[CRYPTO_AGAIN_LEN],
	       const struct identity *who)
{
	struct known_set *set = &k->sets[set_of(mac)];
	unsigned at = 0;
	/* two threads may have found at once that it was not known */
	while (at < KNOWN_WAYS && !is_it(&set->ways[at], mac))
		at++;
	if (at == KNOWN_WAYS) {
		at = set->next;
		set->next = (at + 1) % KNOWN_WAYS;
	}
	set->ways[at] = (struct known_token){.who = *who, .is_set = true};
	memcpy(set->ways[at].mac, mac, CRYPTO_AGAIN_LEN);
}

void known_forget(struct known *k)
{
	memset(k->sets, 0, sizeof k->sets);
}
