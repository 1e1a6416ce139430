/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of a user goes: what the partition leads to, then the partition. */
#include "base/json.h"
#include "store/ordered/ordered-internal.h"

static bool erase_head(struct tables *t, const struct user_hash *user, struct str value,
		       struct error *err)
{
	struct codec_head head;
	struct str copy = arena_str(t->scratch, value);
	if (copy.p == NULL)
		return no_memory(err);
	return codec_head_decode(copy, t->scratch, &head, err) &&
	       identities_remove(t, user, &head.profile, err);
}

/* What else there is because of this record. */
static bool erase_led_to(struct tables *t, const struct user_hash *user,
			 const struct entry *e, struct error *err)
{
	struct key k;
	switch (key_user_kind(e->key)) {
	case USER_HEAD:
		return erase_head(t, user, e->value, err);
	case USER_ASSIGNMENT:
		k = key_instance(key_id16(e->key, KEY_USER_TAIL));
		return tables_del(t, TABLE_INSTANCES, key_str(&k), err);
	case USER_DUE:
		k = key_due((int64_t)key_u64(e->key, KEY_USER_TAIL),
			    key_id16(e->key, KEY_USER_TAIL + 8));
		return tables_del(t, TABLE_DUE, key_str(&k), err);
	default:
		return true;
	}
}

static bool erase_partition(struct tables *t, const struct user_hash *user,
			    struct error *err)
{
	struct str begin = {(const char *)user->b, sizeof user->b};
	struct entry e;
	for (;;) {
		if (!tables_seek(t, TABLE_USERS, begin, &e, err))
			return false;
		if (e.key.p == NULL || !str_starts(e.key, begin))
			return true;
		/* of its own, as what it leads to is written first */
		struct key k = {.n = e.key.n};
		if (e.key.n > sizeof k.b)
			return error_set(err, ERROR_CORRUPT, "",
					 "a stored key is too long");
		memcpy(k.b, e.key.p, e.key.n);
		e.key = key_str(&k);
		if (!erase_led_to(t, user, &e, err) ||
		    !tables_del(t, TABLE_USERS, e.key, err))
			return false;
	}
}

static bool write_suppress(struct tables *t, const struct store_op *op,
			   struct error *err)
{
	char id[2 * CRYPTO_SHA256_LEN + 1];
	struct buf body;
	struct json_writer w;
	buf_init(&body, 128);
	crypto_hex(id, op->user_erase.suppress, CRYPTO_SHA256_LEN);
	json_writer_init(&w, &body);
	json_put_object(&w);
	json_kv_time(&w, "at", op->user_erase.now_ms);
	json_put_object_end(&w);
	bool ok = buf_ok(&body) ? document_put(t, STORE_SUPPRESS, str_of(id),
					       buf_str(&body), STORE_ANY, NULL, err)
				: no_memory(err);
	buf_free(&body);
	return ok;
}

bool ordered_user_erase(struct tables *t, const struct store_op *op, struct error *err)
{
	struct user_hash user = user_hash(op->user_erase.user_key);
	uint64_t erased;
	return meta_get_u64(t, META_ERASED, &erased, err) &&
	       write_suppress(t, op, err) && erase_partition(t, &user, err) &&
	       meta_put_u64(t, META_ERASED, erased + 1, err);
}
