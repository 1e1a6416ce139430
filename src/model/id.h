/* SPDX-License-Identifier: Apache-2.0 */
/* Ids are computed, not drawn, so that every write can be repeated on any node:
 * keyed hashes under the tenant key (storage.md "Secrets"), each with a domain
 * string of its own, the first 16 bytes of HMAC-SHA256 (crypto_mac_parts). */
#ifndef INLAY_MODEL_ID_H
#define INLAY_MODEL_ID_H

#include "base/arena.h"
#include "base/crypto.h"

#define ID_LEN 16
#define ID_TEXT_LEN 32 /* as lower-case hex */

struct id16 {
	uint8_t b[ID_LEN];
};

struct tenant_key {
	uint8_t b[CRYPTO_KEY_LEN];
};

static inline bool id16_eq(struct id16 a, struct id16 b)
{
	return memcmp(a.b, b.b, ID_LEN) == 0;
}
void id16_text(struct id16 id, char out[ID_TEXT_LEN + 1]);
bool id16_parse(struct str text, struct id16 *out);

/* The user key: how a tenant's store knows a user (storage.md "User key").
 * hashed: lower-case hex of HMAC-SHA256(secret, ASCII-lowercase(user name));
 * else the user name with ASCII letters folded. Absent on failure of `a`. */
struct str user_key_from_name(struct arena *a, struct str user_name, bool hashed,
			      struct str secret);
/* True for 64 hex characters: what an import of a hashed tenant must carry. */
bool user_key_is_hash(struct str s);

/* n-th injection of a campaign to a user, k-th reinjection of it (0: none). */
struct id16 id_instance(const struct tenant_key *key, struct str campaign,
			struct str user_key, uint32_t n, uint32_t k);
/* The GUID that the saved message bears. */
struct id16 id_guid(const struct tenant_key *key, struct str user_key,
		    struct id16 instance);
/* The MAC in X-Inlay-Instance, all 32 bytes. */
void id_proof(const struct tenant_key *key, struct str user_key, struct id16 instance,
	      uint8_t out[CRYPTO_SHA256_LEN]);
/* Each type of event counts once per instance. */
struct id16 id_event(struct id16 instance, struct str type);
/* An event as one conversion point gets it: the same at each attempt. */
struct id16 id_delivery(const struct tenant_key *key, struct str point,
			struct id16 event);
/* Who a user is to one conversion point: two points cannot compare theirs. */
struct id16 id_pseudonym(const struct tenant_key *key, struct str point,
			 struct str user_key);
/* Row that remembers an erased user without naming them. */
void id_suppress(const struct tenant_key *key, struct str user_key,
		 uint8_t out[CRYPTO_SHA256_LEN]);
/* u in [0,1) for the weighted choice (decision.md "Choice"). By BLAKE2b, which costs a
 * tenth of an HMAC: it is drawn for every candidate of every decision, and no token
 * depends on it. */
double id_choice(const struct tenant_key *key, struct str user_key, struct str slot,
		 uint64_t count, struct str campaign);

#endif
