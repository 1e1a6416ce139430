/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unsubscribe-token.h"

#define KEY_ID 1
#define MAX_PART 1024
#define MAX_BYTES (UNSUBSCRIBE_TOKEN_MAX / 4 * 3)

static void derive_key(const struct tenant_key *key, uint8_t out[CRYPTO_KEY_LEN])
{
	const struct str parts[] = {STR("unsubscribe")};
	crypto_mac_parts((struct str){(const char *)key->b, sizeof key->b}, parts, 1,
			 out);
}

static bool add_part(struct buf *out, struct str part)
{
	return part.n <= MAX_PART && buf_add_char(out, (char)(part.n >> 8)) &&
	       buf_add_char(out, (char)(part.n & 0xff)) && buf_add_str(out, part);
}

static bool add_head(struct buf *out, struct str tenant)
{
	return str_is_id(tenant) && buf_add_char(out, KEY_ID) &&
	       buf_add_char(out, (char)tenant.n) && buf_add_str(out, tenant);
}

bool unsubscribe_token_make(const struct tenant_key *key, struct str tenant,
			    const struct unsubscribe *what, struct buf *out)
{
	uint8_t derived[CRYPTO_KEY_LEN];
	struct buf plain, bytes;
	buf_init(&plain, MAX_BYTES);
	buf_init(&bytes, MAX_BYTES);
	derive_key(key, derived);
	bool ok = add_part(&plain, what->user_key) && add_part(&plain, what->purpose) &&
		  add_part(&plain, what->campaign) && add_head(&bytes, tenant) &&
		  crypto_seal(derived, tenant, buf_str(&plain), &bytes) &&
		  crypto_base64url(out, buf_str(&bytes));
	crypto_wipe(derived, sizeof derived);
	buf_free(&plain);
	buf_free(&bytes);
	return ok;
}

/* For good: a token that was right would be so again. */
static bool is_none(struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND, "", "it is no token of this place");
}

/* What was decoded, copied. */
static bool keep(const struct buf *decoded, bool ok, struct arena *arena,
		 struct str *out, struct error *err)
{
	if (ok)
		*out = arena_str(arena, buf_str(decoded));
	if (decoded->state == BUF_NOMEM || (ok && out->p == NULL))
		return error_set(err, ERROR_MEMORY, "", "no memory for a token");
	return ok || is_none(err);
}

bool unsubscribe_token_parse(struct str text, struct arena *arena,
			     struct unsubscribe_token *out, struct error *err)
{
	struct buf bytes;
	struct str copy = {NULL, 0};
	if (text.n > UNSUBSCRIBE_TOKEN_MAX)
		return is_none(err);
	buf_init(&bytes, MAX_BYTES);
	bool ok = keep(&bytes, crypto_unbase64url(&bytes, text), arena, &copy, err);
	buf_free(&bytes);
	if (!ok)
		return false;
	if (copy.n < 2 || copy.p[0] != KEY_ID)
		return is_none(err);
	size_t n = (unsigned char)copy.p[1];
	out->tenant = str_slice(copy, 2, 2 + n);
	out->sealed = str_slice(copy, 2 + n, copy.n);
	return (out->tenant.n == n && str_is_id(out->tenant)) || is_none(err);
}

static bool take_part(struct str *rest, struct str *part)
{
	if (rest->n < 2)
		return false;
	size_t n = (size_t)((unsigned char)rest->p[0] << 8 | (unsigned char)rest->p[1]);
	*part = str_slice(*rest, 2, 2 + n);
	*rest = str_slice(*rest, 2 + n, rest->n);
	return part->n == n;
}

bool unsubscribe_token_open(const struct unsubscribe_token *t,
			    const struct tenant_key *key, struct arena *arena,
			    struct unsubscribe *out, struct error *err)
{
	uint8_t derived[CRYPTO_KEY_LEN];
	struct buf plain;
	struct str copy = {NULL, 0};
	buf_init(&plain, MAX_BYTES);
	derive_key(key, derived);
	bool ok = keep(&plain, crypto_open(derived, t->tenant, t->sealed, &plain),
		       arena, &copy, err);
	crypto_wipe(derived, sizeof derived);
	buf_free(&plain);
	if (!ok)
		return false;
	return (take_part(&copy, &out->user_key) && take_part(&copy, &out->purpose) &&
		take_part(&copy, &out->campaign) && copy.n == 0) ||
	       is_none(err);
}
