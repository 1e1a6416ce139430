/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/tenants.h"

#include "base/json.h"
#include "mim/mim.h"
#include "mim/snapshot-build.h"
#include "mim/sync.h"
#include "mim/tenant-document.h"
#include "mim/tenants-internal.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PAGE 100

struct tenants {
	struct mim *mim;
	pthread_rwlock_t lock;
	struct tenant_runtime **items; /* by id; each holds a reference */
	size_t n, cap;
	pthread_mutex_t administration;
};

/* Configurations -----------------------------------------------------------------*/

struct tenant_config *tenant_config_new(const struct tenant *t, uint64_t revision)
{
	struct arena *arena = arena_new(TENANT_ARENA_MAX);
	struct tenant_config *c = calloc(1, sizeof *c);
	if (arena == NULL || c == NULL || (c->tenant = tenant_copy(arena, t)) == NULL) {
		arena_free(arena);
		free(c);
		return NULL;
	}
	c->references = 1;
	c->arena = arena;
	c->revision = revision;
	return c;
}

void tenant_config_release(struct tenant_config *c)
{
	if (c == NULL || atomic_fetch_sub(&c->references, 1) != 1)
		return;
	arena_free(c->arena);
	free(c);
}

struct tenant_config *tenant_runtime_config(struct tenant_runtime *t)
{
	pthread_mutex_lock(&t->lock);
	struct tenant_config *c = t->config;
	atomic_fetch_add(&c->references, 1);
	pthread_mutex_unlock(&t->lock);
	return c;
}

void tenant_runtime_set_config(struct tenant_runtime *t, struct tenant_config *c)
{
	pthread_mutex_lock(&t->lock);
	struct tenant_config *old = t->config;
	t->config = c;
	pthread_mutex_unlock(&t->lock);
	tenant_config_release(old);
}

/* Runtimes -----------------------------------------------------------------------*/

struct tenant_runtime *tenant_runtime_new(struct mim *mim, struct tenant_config *config)
{
	struct str id = config->tenant->id;
	struct tenant_runtime *t = calloc(1, sizeof *t);
	if (t == NULL || id.n >= sizeof t->id) {
		free(t);
		return NULL;
	}
	t->references = 1;
	t->mim = mim;
	t->config = config;
	memcpy(t->id, id.p, id.n);
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->change, NULL);
	return t;
}

struct tenant_runtime *tenant_runtime_hold(struct tenant_runtime *t)
{
	atomic_fetch_add(&t->references, 1);
	return t;
}

void tenant_runtime_release(struct tenant_runtime *t)
{
	if (t == NULL || atomic_fetch_sub(&t->references, 1) != 1)
		return;
	tenant_config_release(t->config);
	snapshot_release(t->snapshot);
	if (t->db != NULL)
		store_db_close(t->db);
	crypto_wipe(&t->key, sizeof t->key);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->change);
	free(t);
}

struct snapshot *tenant_runtime_snapshot(struct tenant_runtime *t)
{
	pthread_mutex_lock(&t->lock);
	struct snapshot *s = t->snapshot != NULL ? snapshot_hold(t->snapshot) : NULL;
	pthread_mutex_unlock(&t->lock);
	return s;
}

bool tenant_runtime_rebuild_locked(struct tenant_runtime *t, struct error *err)
{
	struct tenant_config *c = tenant_runtime_config(t);
	struct snapshot *s =
		snapshot_build(t->db, c->tenant, &t->key, t->serial + 1, err);
	tenant_config_release(c);
	if (s == NULL)
		return false;
	t->serial++;
	pthread_mutex_lock(&t->lock);
	struct snapshot *old = t->snapshot;
	t->snapshot = s;
	pthread_mutex_unlock(&t->lock);
	snapshot_release(old);
	return true;
}

bool tenant_runtime_rebuild(struct tenant_runtime *t, struct error *err)
{
	pthread_mutex_lock(&t->change);
	bool ok = tenant_runtime_rebuild_locked(t, err);
	pthread_mutex_unlock(&t->change);
	return ok;
}

static bool open_database(struct tenant_runtime *t, bool create, struct error *err)
{
	struct tenant_config *c = tenant_runtime_config(t);
	struct str keyspace = c->tenant->keyspace, owner = tenant_runtime_id(t);
	bool ok = true;
	if (t->db == NULL)
		ok = create ? store_db_create(t->mim->store, keyspace, owner, &t->db,
					      err)
			    : store_db_open(t->mim->store, keyspace, owner, &t->db,
					    err);
	ok = ok && tenant_key_open(t->mim->master_key, t->db, owner, &t->key, err) &&
	     tenant_identity_check(t, c->tenant, err) &&
	     tenant_runtime_rebuild_locked(t, err);
	tenant_config_release(c);
	return ok;
}

bool tenant_runtime_open(struct tenant_runtime *t, bool create, struct error *err)
{
	if (t->open)
		return true;
	pthread_mutex_lock(&t->change);
	bool ok = t->open || open_database(t, create, err);
	if (ok)
		t->open = true;
	pthread_mutex_unlock(&t->change);
	return ok;
}

/* Identity -----------------------------------------------------------------------
 * What user keys are made from is remembered beside the users, so that a tenant made
 * anew on them cannot make other keys for the same people. */

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

/* The registry -------------------------------------------------------------------*/

struct tenants *tenants_new(struct mim *mim, struct error *err)
{
	struct tenants *t = calloc(1, sizeof *t);
	if (t == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for the tenants");
		return NULL;
	}
	t->mim = mim;
	pthread_rwlock_init(&t->lock, NULL);
	pthread_mutex_init(&t->administration, NULL);
	return t;
}

void tenants_lock(struct tenants *t)
{
	pthread_mutex_lock(&t->administration);
}

void tenants_unlock(struct tenants *t)
{
	pthread_mutex_unlock(&t->administration);
}

void tenants_free(struct tenants *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		tenant_runtime_release(t->items[i]);
	pthread_rwlock_destroy(&t->lock);
	pthread_mutex_destroy(&t->administration);
	free(t->items);
	free(t);
}

static size_t place_of(const struct tenants *t, struct str id, bool *found)
{
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (str_cmp(tenant_runtime_id(t->items[mid]), id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < t->n && str_eq(tenant_runtime_id(t->items[low]), id);
	return low;
}

bool tenants_add(struct tenants *t, struct tenant_runtime *r)
{
	bool found, ok = true;
	pthread_rwlock_wrlock(&t->lock);
	size_t at = place_of(t, tenant_runtime_id(r), &found);
	if (!found && t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
		struct tenant_runtime **items =
			realloc(t->items, cap * sizeof(struct tenant_runtime *));
		ok = items != NULL;
		if (ok) {
			t->items = items;
			t->cap = cap;
		}
	}
	ok = ok && !found;
	if (ok) {
		memmove(&t->items[at + 1], &t->items[at],
			(t->n - at) * sizeof(struct tenant_runtime *));
		t->items[at] = tenant_runtime_hold(r);
		t->n++;
	}
	pthread_rwlock_unlock(&t->lock);
	return ok;
}

void tenants_remove(struct tenants *t, struct str id)
{
	struct tenant_runtime *gone = NULL;
	bool found;
	pthread_rwlock_wrlock(&t->lock);
	size_t at = place_of(t, id, &found);
	if (found) {
		gone = t->items[at];
		memmove(&t->items[at], &t->items[at + 1],
			(t->n - at - 1) * sizeof(struct tenant_runtime *));
		t->n--;
	}
	pthread_rwlock_unlock(&t->lock);
	tenant_runtime_release(gone);
}

struct tenant_runtime *tenants_find(struct tenants *t, struct str id)
{
	bool found;
	pthread_rwlock_rdlock(&t->lock);
	size_t at = place_of(t, id, &found);
	struct tenant_runtime *r = found ? tenant_runtime_hold(t->items[at]) : NULL;
	pthread_rwlock_unlock(&t->lock);
	return r;
}

struct tenant_runtime **tenants_all(struct tenants *t, struct arena *arena, size_t *n)
{
	pthread_rwlock_rdlock(&t->lock);
	struct tenant_runtime **all =
		arena_array(arena, t->n, sizeof(struct tenant_runtime *));
	*n = all != NULL ? t->n : 0;
	for (size_t i = 0; i < *n; i++)
		all[i] = tenant_runtime_hold(t->items[i]);
	pthread_rwlock_unlock(&t->lock);
	return all;
}

/* One that cannot be opened is served as closed: the others must not suffer from it. */
static bool load_one(struct tenants *t, const struct store_document *doc,
		     struct error *err)
{
	struct arena *arena = arena_new(TENANT_ARENA_MAX);
	struct tenant tenant;
	struct error why = {0};
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	if (!tenant_document_parse(doc->body, t->mim->master_key, arena, &tenant,
				   &why)) {
		log_error(t->mim->log, "tenant", "not served  tenant=%.*s reason=%s",
			  STR_ARG(doc->id), why.message);
		arena_free(arena);
		return why.kind == ERROR_MEMORY
			       ? error_set(err, ERROR_MEMORY, "", "%s", why.message)
			       : true;
	}
	struct tenant_config *c = tenant_config_new(&tenant, doc->revision);
	struct tenant_runtime *r = c != NULL ? tenant_runtime_new(t->mim, c) : NULL;
	arena_free(arena);
	if (r == NULL || !tenants_add(t, r)) {
		if (r == NULL)
			tenant_config_release(c);
		tenant_runtime_release(r);
		return error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	}
	if (!tenant_runtime_open(r, false, &why))
		log_warn(t->mim->log, "tenant", "closed  tenant=%s reason=%s", r->id,
			 why.message);
	tenant_runtime_release(r);
	return true;
}

bool tenants_load(struct tenants *t, struct error *err)
{
	struct store_document_list page = {.more = true};
	char after[STORE_ID_MAX] = "";
	bool ok = true;
	while (ok && page.more) {
		struct arena *arena = arena_new(PAGE * (size_t)TENANT_DOCUMENT_MAX);
		if (arena == NULL)
			return error_set(err, ERROR_MEMORY, "", "no memory");
		ok = sync_document_list(t->mim->system, STORE_TENANT, STR(""),
					str_of(after), PAGE, true, arena, &page, err);
		for (size_t i = 0; ok && i < page.n; i++) {
			ok = load_one(t, &page.items[i], err);
			memcpy(after, page.items[i].id.p, page.items[i].id.n);
			after[page.items[i].id.n] = '\0';
		}
		arena_free(arena);
	}
	return ok;
}
