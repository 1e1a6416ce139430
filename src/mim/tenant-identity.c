/* SPDX-License-Identifier: Apache-2.0 */
/* What user keys are made from is remembered beside the users, so that a tenant made
 * anew on them cannot make other keys for the same people. */
#include "base/json.h"
#include "mim/sync.h"
#include "mim/tenants-internal.h"

#define IDENTITY_ID STR("identity")

static bool print_identity(struct buf *out, const struct tenant_runtime *t,
			   const struct tenant *config)
{
	const struct str parts[] = {STR("inlay secretKey fingerprint"),
				    config->secret_key};
	uint8_t mac[CRYPTO_SHA256_LEN];
	struct json_writer w;
	crypto_mac_parts((struct str){(const char *)t->key.b, sizeof t->key.b}, parts,
			 2, mac);
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_bool(&w, "hashedEmailAddresses", config->hashed_email_addresses);
	json_put_key(&w, STR("secretKey"));
	json_put_hex(&w, mac, sizeof mac);
	json_put_object_end(&w);
	return buf_ok(out);
}

/* Profiles, or recipients that wait for users who have none. */
static bool has_users(struct tenant_runtime *t, struct arena *arena, bool *has,
		      struct error *err)
{
	struct store_scan scan;
	struct store_document_list loads;
	if (!sync_user_scan(t->db, (struct str){NULL, 0}, 1, arena, &scan, err) ||
	    !sync_document_list(t->db, STORE_LOAD, STR(""), STR(""), 1, false, arena,
				&loads, err))
		return false;
	*has = scan.n > 0 || loads.n > 0;
	return true;
}

static bool check_identity(struct tenant_runtime *t, struct str now,
			   struct arena *arena, struct error *err)
{
	struct store_document doc;
	bool has;
	if (!sync_document_get(t->db, STORE_SETTING, IDENTITY_ID, arena, &doc, err))
		return false;
	if (doc.revision != 0 && str_eq(doc.body, now))
		return true;
	if (doc.revision != 0) {
		if (!has_users(t, arena, &has, err))
			return false;
		if (has)
			return error_set(err, ERROR_CONFLICT, "/configuration",
					 "there are users: secretKey and "
					 "hashedEmailAddresses must be as they were");
	}
	return sync_document_put(t->db, STORE_SETTING, IDENTITY_ID, now,
				 doc.revision != 0 ? doc.revision : STORE_ABSENT, NULL,
				 err);
}

bool tenant_identity_check(struct tenant_runtime *t, const struct tenant *config,
			   struct error *err)
{
	struct arena *arena = arena_new(1 << 20);
	struct buf now;
	buf_init(&now, 256);
	bool ok = arena != NULL && print_identity(&now, t, config)
			  ? check_identity(t, buf_str(&now), arena, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	buf_free(&now);
	arena_free(arena);
	return ok;
}
