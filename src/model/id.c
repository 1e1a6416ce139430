/* SPDX-License-Identifier: Apache-2.0 */
#include "model/id.h"

void id16_text(struct id16 id, char out[ID_TEXT_LEN + 1])
{
	crypto_hex(out, id.b, ID_LEN);
}

bool id16_parse(struct str text, struct id16 *out)
{
	return text.n == ID_TEXT_LEN && crypto_unhex(text, out->b, ID_LEN);
}

bool user_key_is_hash(struct str s)
{
	if (s.n != 2 * (size_t)CRYPTO_SHA256_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

struct str user_key_from_name(struct arena *a, struct str user_name, bool hashed,
			      struct str secret)
{
	const struct str absent = {NULL, 0};
	char *folded = arena_alloc(a, user_name.n + 1);
	if (folded == NULL)
		return absent;
	for (size_t i = 0; i < user_name.n; i++)
		folded[i] = str_lower_char(user_name.p[i]);
	if (!hashed)
		return (struct str){folded, user_name.n};
	uint8_t mac[CRYPTO_SHA256_LEN];
	char *text = arena_alloc(a, 2 * sizeof mac + 1);
	if (text == NULL)
		return absent;
	crypto_hmac_sha256(secret, (struct str){folded, user_name.n}, mac);
	crypto_hex(text, mac, sizeof mac);
	return (struct str){text, 2 * sizeof mac};
}

static struct str key_str(const struct tenant_key *key)
{
	return (struct str){(const char *)key->b, sizeof key->b};
}

static struct str id_str(const struct id16 *id)
{
	return (struct str){(const char *)id->b, sizeof id->b};
}

static struct str big_endian(uint64_t v, size_t width, uint8_t out[8])
{
	for (size_t i = 0; i < width; i++)
		out[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
	return (struct str){(const char *)out, width};
}

static struct id16 mac_id(struct str key, const struct str *parts, size_t n)
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	struct id16 id;
	crypto_mac_parts(key, parts, n, mac);
	memcpy(id.b, mac, sizeof id.b);
	return id;
}

struct id16 id_instance(const struct tenant_key *key, struct str campaign,
			struct str user_key, uint32_t n, uint32_t k)
{
	uint8_t n_bytes[8], k_bytes[8];
	const struct str parts[] = {STR("instance"), campaign, user_key,
				    big_endian(n, 4, n_bytes),
				    big_endian(k, 4, k_bytes)};
	return mac_id(key_str(key), parts, 5);
}

struct id16 id_guid(const struct tenant_key *key, struct str user_key,
		    struct id16 instance)
{
	const struct str parts[] = {STR("guid"), user_key, id_str(&instance)};
	return mac_id(key_str(key), parts, 3);
}

void id_proof(const struct tenant_key *key, struct str user_key, struct id16 instance,
	      uint8_t out[CRYPTO_SHA256_LEN])
{
	const struct str parts[] = {STR("proof"), user_key, id_str(&instance)};
	crypto_mac_parts(key_str(key), parts, 3, out);
}

struct id16 id_event(struct id16 instance, struct str type)
{
	const struct str parts[] = {STR("event"), type};
	return mac_id(id_str(&instance), parts, 2);
}

struct id16 id_delivery(const struct tenant_key *key, struct str point,
			struct id16 event)
{
	const struct str parts[] = {STR("delivery"), point, id_str(&event)};
	return mac_id(key_str(key), parts, 3);
}

struct id16 id_pseudonym(const struct tenant_key *key, struct str point,
			 struct str user_key)
{
	const struct str parts[] = {STR("pseudonym"), point, user_key};
	return mac_id(key_str(key), parts, 3);
}

void id_suppress(const struct tenant_key *key, struct str user_key,
		 uint8_t out[CRYPTO_SHA256_LEN])
{
	const struct str parts[] = {STR("suppress"), user_key};
	crypto_mac_parts(key_str(key), parts, 2, out);
}

double id_choice(const struct tenant_key *key, struct str user_key, struct str slot,
		 uint64_t count, struct str campaign)
{
	uint8_t count_bytes[8], drawn[16];
	const struct str parts[] = {STR("choice"), user_key, slot,
				    big_endian(count, 8, count_bytes), campaign};
	uint64_t v = 0;
	crypto_draw_parts(key->b, parts, 5, drawn);
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | drawn[i];
	/* 53 bits: what a double holds exactly */
	return (double)(v >> 11) * 0x1p-53;
}
