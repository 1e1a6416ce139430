/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/user-find.h"

#include "mim/feed.h"
#include "mim/sync.h"

#include <inttypes.h>
#include <stdio.h>

/* A busy user's partition changes with every opening of the inbox. */
#define MAX_TRIES 20

bool user_record_exists(const struct user_record *r)
{
	return r->known || r->n_assignments > 0 || r->n_rows > 0;
}

static bool read_user(struct tenant_runtime *t, struct str key, struct arena *arena,
		      struct user_record *out, struct error *err)
{
	return sync_user_read(t->db, key, NULL, SIZE_MAX, arena, out, err);
}

/* The key that this text has as a user name; absent if it can be none. */
static bool key_of_name(struct tenant_runtime *t, struct str name, struct arena *arena,
			struct str *key, struct error *err)
{
	struct tenant_config *c = tenant_runtime_config(t);
	bool hashed = c->tenant->hashed_email_addresses;
	*key = (struct str){NULL, 0};
	if (name.n > 0 && name.n <= USER_NAME_MAX)
		/* a hash is its own key */
		*key = hashed && user_key_is_hash(name)
			       ? arena_str(arena, name)
			       : user_key_from_name(arena, name, hashed,
						    c->tenant->secret_key);
	tenant_config_release(c);
	return !arena_failed(arena) ||
	       error_set(err, ERROR_MEMORY, "", "no memory for a user");
}

bool user_find(struct tenant_runtime *t, struct str name, struct arena *arena,
	       struct str *key, struct user_record *record, struct error *err)
{
	struct str found;
	*record = (struct user_record){0};
	if (!key_of_name(t, name, arena, key, err))
		return false;
	if (key->p != NULL && !read_user(t, *key, arena, record, err))
		return false;
	if (user_record_exists(record))
		return true;
	if (!sync_user_resolve(t->db, name, arena, &found, err))
		return false;
	if (found.p == NULL)
		return true;
	*key = found;
	return read_user(t, found, arena, record, err);
}

bool user_change_commit(struct tenant_runtime *t, struct str key,
			const struct user_change *change, struct arena *arena,
			struct user_record *record, struct error *err)
{
	struct user_profile merged;
	const struct store_user_change write = {.profile = &merged};
	for (int i = 0; i < MAX_TRIES; i++) {
		if (!user_merge(record->known ? &record->profile : NULL, key, change,
				arena, &merged, err))
			return false;
		bool ok = sync_user_commit(t->db, key, record->revision, &write,
					   &record->revision, err);
		if (user_change_revokes(change) && (ok || store_outcome_unknown(err)))
			feed_user(t->feed, key);
		if (ok) {
			record->profile = merged;
			record->known = true;
			return true;
		}
		/* with a place it is an identity that another user has */
		if (err->kind != ERROR_CONFLICT || err->where[0] != '\0')
			return false;
		if (!read_user(t, key, arena, record, err))
			return false;
	}
	return error_set(err, ERROR_BUSY, "", "the user is being changed all the time");
}

static void suppress_id(struct tenant_runtime *t, struct str key,
			char out[2 * CRYPTO_SHA256_LEN + 1])
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	id_suppress(&t->key, key, mac);
	crypto_hex(out, mac, sizeof mac);
}

bool user_is_suppressed(struct tenant_runtime *t, struct str key, struct arena *arena,
			bool *suppressed, struct error *err)
{
	char id[2 * CRYPTO_SHA256_LEN + 1];
	struct store_document doc;
	suppress_id(t, key, id);
	if (!sync_document_get(t->db, STORE_SUPPRESS, str_of(id), arena, &doc, err))
		return false;
	*suppressed = doc.revision != 0;
	return true;
}

bool user_unsuppress(struct tenant_runtime *t, struct str key, struct arena *arena,
		     struct error *err)
{
	char id[2 * CRYPTO_SHA256_LEN + 1];
	bool suppressed;
	if (!user_is_suppressed(t, key, arena, &suppressed, err))
		return false;
	if (!suppressed) /* the usual case costs no write */
		return true;
	suppress_id(t, key, id);
	return sync_document_put(t->db, STORE_SUPPRESS, str_of(id),
				 (struct str){NULL, 0}, STORE_ANY, NULL, err);
}

#define ERASURE_ID STR("erasure")

bool erasure_note(struct tenant_runtime *t, struct error *err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%" PRId64, clock_real_ms());
	return sync_document_put(t->db, STORE_SETTING, ERASURE_ID,
				 (struct str){text, (size_t)n}, STORE_ANY, NULL, err);
}

bool erasure_last(struct tenant_runtime *t, struct arena *arena, int64_t *at_ms,
		  struct error *err)
{
	struct store_document doc;
	uint64_t v = 0;
	*at_ms = 0;
	if (!sync_document_get(t->db, STORE_SETTING, ERASURE_ID, arena, &doc, err))
		return false;
	if (doc.revision != 0 && !str_to_u64(doc.body, INT64_MAX, &v))
		return error_set(err, ERROR_CORRUPT, "",
				 "the stored time of the last erase is damaged");
	*at_ms = (int64_t)v;
	return true;
}
