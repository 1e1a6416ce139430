/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/tokens.h"

#include "base/json-tree.h"
#include "base/json.h"
#include "mim/known.h"
#include "mim/mim.h"
#include "mim/secrets.h"
#include "mim/sync.h"
#include "model/fields.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "inlay_"
#define SECRET_LEN 32
#define HASH_TEXT_LEN (2 * CRYPTO_SHA256_LEN)
#define MAX_TOKENS 10000
#define PAGE 500

struct tokens {
	struct mim *mim;
	pthread_rwlock_t lock; /* guards what follows */
	struct token *items;   /* by hash */
	size_t n, cap;
	struct known known;
	pthread_mutex_t change; /* one change at a time, store included */
};

static const struct token_scope_info {
	const char *text;
	bool tenant;
} scopes[] = {
#define X(name, text, tenant) {text, tenant},
	TOKEN_SCOPES(X)
#undef X
};
#define N_SCOPES (sizeof scopes / sizeof scopes[0])

bool token_scope_parse(struct str text, struct identity *out)
{
	size_t colon = str_find_char(text, ':');
	struct str tenant = str_slice(text, colon + 1, text.n);
	for (size_t i = 0; i < N_SCOPES; i++) {
		if (!str_eqz(str_slice(text, 0, colon), scopes[i].text))
			continue;
		if (scopes[i].tenant ? !str_is_id(tenant) : colon != text.n)
			return false;
		out->scope = (enum token_scope)i;
		snprintf(out->tenant, sizeof out->tenant, "%.*s", STR_ARG(tenant));
		return true;
	}
	return false;
}

void token_scope_text(const struct identity *who, char out[TOKEN_SCOPE_MAX])
{
	const struct token_scope_info *s = &scopes[who->scope];
	snprintf(out, TOKEN_SCOPE_MAX, "%s%s%s", s->text, s->tenant ? ":" : "",
		 who->tenant);
}

/* In memory ----------------------------------------------------------------------*/

/* Where the hash is, or would be put. */
static size_t place_of(const struct tokens *t, const uint8_t hash[CRYPTO_SHA256_LEN],
		       bool *found)
{
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		/* the order of SHA-256 values tells nothing about a token */
		if (memcmp(t->items[mid].hash, hash, CRYPTO_SHA256_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found =
		low < t->n && crypto_equal(t->items[low].hash, hash, CRYPTO_SHA256_LEN);
	return low;
}

/* For one more. */
static bool make_room(struct tokens *t)
{
	if (t->n < t->cap)
		return true;
	size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
	struct token *items = realloc(t->items, cap * sizeof *items);
	if (items == NULL)
		return false;
	t->items = items;
	t->cap = cap;
	return true;
}

static bool insert(struct tokens *t, const struct token *item)
{
	bool found;
	size_t at = place_of(t, item->hash, &found);
	if (found || t->n == MAX_TOKENS || !make_room(t))
		return found;
	memmove(&t->items[at + 1], &t->items[at], (t->n - at) * sizeof t->items[0]);
	t->items[at] = *item;
	t->n++;
	return true;
}

static void hash_text(struct str text, struct token *out)
{
	crypto_sha256(text, out->hash);
	crypto_hex(out->who.id, out->hash, (sizeof out->who.id - 1) / 2);
}

/* Unless it was revoked meanwhile. */
static void learn(struct tokens *t, const uint8_t mac[CRYPTO_AGAIN_LEN],
		  const uint8_t hash[CRYPTO_SHA256_LEN])
{
	bool found;
	pthread_rwlock_wrlock(&t->lock);
	size_t at = place_of(t, hash, &found);
	if (found)
		known_put(&t->known, mac, &t->items[at].who);
	pthread_rwlock_unlock(&t->lock);
}

static bool is_known(struct tokens *t, const uint8_t mac[CRYPTO_AGAIN_LEN],
		     struct identity *who)
{
	pthread_rwlock_rdlock(&t->lock);
	const struct identity *known = known_find(&t->known, mac);
	if (known != NULL)
		*who = *known;
	pthread_rwlock_unlock(&t->lock);
	return known != NULL;
}

static bool is_stored(struct tokens *t, const uint8_t hash[CRYPTO_SHA256_LEN],
		      struct identity *who)
{
	bool found;
	pthread_rwlock_rdlock(&t->lock);
	size_t at = place_of(t, hash, &found);
	if (found)
		*who = t->items[at].who;
	pthread_rwlock_unlock(&t->lock);
	return found;
}

bool tokens_check(struct tokens *t, struct str authorization, struct identity *who)
{
	uint8_t mac[CRYPTO_AGAIN_LEN];
	struct token asked;
	if (authorization.n < 8 ||
	    !str_ieq(str_slice(authorization, 0, 7), STR("Bearer ")))
		return false;
	struct str text = str_trim(str_slice(authorization, 7, authorization.n));
	if (text.n == 0 || text.n > TOKEN_TEXT_MAX)
		return false;
	known_mac(&t->known, text, mac);
	if (is_known(t, mac, who))
		return true;
	hash_text(text, &asked);
	if (!is_stored(t, asked.hash, who))
		return false;
	learn(t, mac, asked.hash);
	return true;
}

size_t tokens_list(struct tokens *t, struct str after, size_t limit, struct token *out)
{
	size_t n = 0;
	pthread_rwlock_rdlock(&t->lock);
	for (size_t i = 0; i < t->n && n < limit; i++)
		if (str_cmp(str_of(t->items[i].who.id), after) > 0)
			out[n++] = t->items[i];
	pthread_rwlock_unlock(&t->lock);
	return n;
}

/* In the store -------------------------------------------------------------------*/

static const struct field document_fields[] = {
	{"scope", FIELD_TEXT, offsetof(struct token_document, scope), true, 1, 128,
	 NULL},
	{"service", FIELD_BOOL, offsetof(struct token_document, service), true, 0, 0,
	 NULL},
	{"name", FIELD_TEXT, offsetof(struct token_document, name), false, 0, 256,
	 NULL},
	{"createdAt", FIELD_TIME, offsetof(struct token_document, created_ms), true, 0,
	 0, NULL},
};

static bool read_token(struct str id, struct str body, struct arena *arena,
		       struct token *out, struct error *err)
{
	struct token_document d = {0};
	struct error_list errors;
	error_list_init(&errors, 1);
	struct error why = {0};
	json_t *doc = json_tree_read(body, &why);
	*out = (struct token){0};
	bool ok = doc != NULL &&
		  fields_read(doc, "", document_fields,
			      sizeof document_fields / sizeof document_fields[0], &d,
			      arena, &errors) &&
		  token_scope_parse(d.scope, &out->who) &&
		  crypto_unhex(id, out->hash, sizeof out->hash);
	json_decref(doc);
	error_list_free(&errors);
	if (!ok && (why.kind == ERROR_MEMORY || arena_failed(arena)))
		return error_set(err, ERROR_MEMORY, "", "no memory for the tokens");
	if (!ok)
		return error_set(err, ERROR_CORRUPT, "",
				 "the stored token %.*s cannot "
				 "be read",
				 STR_ARG(str_slice(id, 0, 16)));
	crypto_hex(out->who.id, out->hash, (sizeof out->who.id - 1) / 2);
	out->who.service = d.service;
	out->created_ms = d.created_ms;
	snprintf(out->name, sizeof out->name, "%.*s", STR_ARG(d.name));
	return true;
}

static bool load(struct tokens *t, struct arena *arena, struct error *err)
{
	struct store_document_list page = {.more = true};
	struct str after = STR("");
	while (page.more) {
		if (!sync_document_list(t->mim->system, STORE_TOKEN, STR(""), after,
					PAGE, true, arena, &page, err))
			return false;
		for (size_t i = 0; i < page.n; i++) {
			struct token item;
			if (!read_token(page.items[i].id, page.items[i].body, arena,
					&item, err))
				return false;
			if (!insert(t, &item))
				return error_set(err, ERROR_MEMORY, "",
						 "no memory for the tokens");
			after = page.items[i].id;
		}
	}
	return true;
}

static bool store_token(struct tokens *t, const struct token *item, struct error *err)
{
	struct buf body;
	struct json_writer w;
	char id[HASH_TEXT_LEN + 1], scope[TOKEN_SCOPE_MAX];
	token_scope_text(&item->who, scope);
	crypto_hex(id, item->hash, sizeof item->hash);
	buf_init(&body, 2048);
	json_writer_init(&w, &body);
	json_put_object(&w);
	json_kv_string(&w, "scope", str_of(scope));
	json_kv_bool(&w, "service", item->who.service);
	if (item->name[0] != '\0')
		json_kv_string(&w, "name", str_of(item->name));
	json_kv_time(&w, "createdAt", item->created_ms);
	json_put_object_end(&w);
	bool ok = buf_ok(&body)
			  ? sync_document_put(t->mim->system, STORE_TOKEN, str_of(id),
					      buf_str(&body), STORE_ABSENT, NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory for a token");
	buf_free(&body);
	return ok;
}

static bool make_text(char text[TOKEN_TEXT_MAX + 1])
{
	uint8_t secret[SECRET_LEN];
	struct buf b;
	buf_init(&b, TOKEN_TEXT_MAX);
	crypto_random(secret, sizeof secret);
	bool ok = buf_add_str(&b, STR(PREFIX)) &&
		  crypto_base64url(&b, (struct str){(char *)secret, sizeof secret});
	crypto_wipe(secret, sizeof secret);
	if (ok) {
		memcpy(text, b.p, b.n);
		text[b.n] = '\0';
		crypto_wipe(b.p, b.n);
	}
	buf_free(&b);
	return ok;
}

/* Before it is stored: one that is stored but not kept nobody has, and it would be let
 * in behind the next start. */
static bool reserve(struct tokens *t, struct error *err)
{
	pthread_rwlock_wrlock(&t->lock);
	bool ok = make_room(t);
	pthread_rwlock_unlock(&t->lock);
	return ok || error_set(err, ERROR_MEMORY, "", "no memory for another token");
}

static bool keep(struct tokens *t, const struct token *item, struct error *err)
{
	pthread_rwlock_wrlock(&t->lock);
	bool ok = insert(t, item);
	pthread_rwlock_unlock(&t->lock);
	return ok || error_set(err, ERROR_MEMORY, "", "no room for another token");
}

bool tokens_make(struct tokens *t, struct token *item, char text[TOKEN_TEXT_MAX + 1],
		 struct error *err)
{
	if (!make_text(text))
		return error_set(err, ERROR_MEMORY, "", "no memory for a token");
	hash_text(str_of(text), item);
	pthread_mutex_lock(&t->change);
	bool ok = t->n < MAX_TOKENS
			  ? reserve(t, err) && store_token(t, item, err) &&
				    keep(t, item, err)
			  : error_set(err, ERROR_CONFLICT, "",
				      "there are %d tokens: revoke some", MAX_TOKENS);
	pthread_mutex_unlock(&t->change);
	return ok;
}

static bool is_last_admin(const struct tokens *t, size_t at)
{
	size_t admins = 0;
	for (size_t i = 0; i < t->n; i++)
		admins += t->items[i].who.scope == TOKEN_ADMIN;
	return t->items[at].who.scope == TOKEN_ADMIN && admins == 1;
}

bool tokens_revoke(struct tokens *t, struct str id, struct error *err)
{
	char hash[HASH_TEXT_LEN + 1];
	size_t at = 0;
	bool ok;
	pthread_mutex_lock(&t->change);
	/* only who holds `change` writes, so reading needs no further lock */
	while (at < t->n && !str_eqz(id, t->items[at].who.id))
		at++;
	if (at == t->n) {
		ok = error_set(err, ERROR_NOT_FOUND, "", "there is no such token");
	} else if (is_last_admin(t, at)) {
		ok = error_set(err, ERROR_CONFLICT, "",
			       "this is the last admin token: make another one first");
	} else {
		crypto_hex(hash, t->items[at].hash, sizeof t->items[at].hash);
		ok = sync_document_put(t->mim->system, STORE_TOKEN, str_of(hash),
				       (struct str){NULL, 0}, STORE_ANY, NULL, err);
	}
	if (ok) {
		pthread_rwlock_wrlock(&t->lock);
		memmove(&t->items[at], &t->items[at + 1],
			(t->n - at - 1) * sizeof t->items[0]);
		t->n--;
		known_forget(&t->known);
		pthread_rwlock_unlock(&t->lock);
	}
	pthread_mutex_unlock(&t->change);
	return ok;
}

/* The file is written first: a token in the store that nobody has would be no use,
 * and would keep the next start from making one. */
static bool make_first(struct tokens *t, const char *path, struct error *err)
{
	struct token item = {.created_ms = clock_real_ms(), .who.scope = TOKEN_ADMIN};
	char text[TOKEN_TEXT_MAX + 2];
	if (!make_text(text))
		return error_set(err, ERROR_MEMORY, "", "no memory for a token");
	hash_text(str_of(text), &item);
	snprintf(item.name, sizeof item.name, "first start");
	size_t n = strlen(text);
	text[n] = '\n';
	bool ok = secret_file_write(path, (struct str){text, n + 1}, true, err) &&
		  store_token(t, &item, err) && keep(t, &item, err);
	crypto_wipe(text, sizeof text);
	if (ok)
		log_info(t->mim->log, "token", "first admin token made  file=%s", path);
	return ok;
}

struct tokens *tokens_open(struct mim *mim, const char *first_file, struct error *err)
{
	struct arena *arena = arena_new(64 << 20);
	struct tokens *t = calloc(1, sizeof *t);
	if (t == NULL || arena == NULL) {
		free(t);
		arena_free(arena);
		error_set(err, ERROR_MEMORY, "", "no memory for the tokens");
		return NULL;
	}
	t->mim = mim;
	known_init(&t->known);
	pthread_rwlock_init(&t->lock, NULL);
	pthread_mutex_init(&t->change, NULL);
	bool ok = load(t, arena, err) && (t->n > 0 || make_first(t, first_file, err));
	arena_free(arena);
	if (ok)
		return t;
	tokens_close(t);
	return NULL;
}

void tokens_close(struct tokens *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->change);
	pthread_rwlock_destroy(&t->lock);
	free(t->items);
	free(t);
}
