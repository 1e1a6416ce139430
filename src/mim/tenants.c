/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/tenants.h"

#include "mim/feed.h"
#include "mim/mim.h"
#include "mim/snapshot-build.h"
#include "mim/tenant-document.h"
#include "mim/tenants-internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* At the end: for calls of the store that their request did not wait for. */
#define LAST_CALLS_MS (10 * CLOCK_SECOND)

struct tenants {
	struct mim *mim;
	pthread_rwlock_t lock;
	struct tenant_runtime **items; /* by id; each holds a reference */
	size_t n, cap;
	/* Removed, but perhaps still held; each holds a reference. */
	struct tenant_runtime *removed;
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

static bool init_rows_lock(struct tenant_runtime *t)
{
	pthread_rwlockattr_t attr;
	if (pthread_rwlockattr_init(&attr) != 0)
		return false;
	/* an import takes it again and again: whoever erases must not wait for its end
	 */
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	int code = pthread_rwlock_init(&t->rows, &attr);
	pthread_rwlockattr_destroy(&attr);
	return code == 0;
}

struct tenant_runtime *tenant_runtime_new(struct mim *mim, struct tenant_config *config)
{
	struct str id = config->tenant->id;
	struct tenant_runtime *t = calloc(1, sizeof *t);
	struct feed *feed = feed_new(mim->feed_room.most > 0 ? &mim->feed_room : NULL);
	if (t == NULL || feed == NULL || id.n >= sizeof t->id || !init_rows_lock(t)) {
		feed_free(feed);
		free(t);
		return NULL;
	}
	t->feed = feed;
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
	feed_free(t->feed);
	crypto_wipe(&t->key, sizeof t->key);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->change);
	pthread_rwlock_destroy(&t->rows);
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
	t->stale = s == NULL;
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

bool tenant_runtime_refresh(struct tenant_runtime *t, struct error *err)
{
	if (!t->stale || !t->open || pthread_mutex_trylock(&t->change) != 0)
		return true;
	bool ok = !t->stale || tenant_runtime_rebuild_locked(t, err);
	pthread_mutex_unlock(&t->change);
	return ok;
}

void tenant_runtime_failed(struct tenant_runtime *t, const struct error *err)
{
	if (store_outcome_unknown(err))
		t->stale = true;
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

struct mim *tenants_mim(struct tenants *t)
{
	return t->mim;
}

void tenants_lock(struct tenants *t)
{
	pthread_mutex_lock(&t->administration);
}

void tenants_unlock(struct tenants *t)
{
	pthread_mutex_unlock(&t->administration);
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
	bool found;
	struct tenant_runtime *gone = NULL;
	pthread_rwlock_wrlock(&t->lock);
	size_t at = place_of(t, id, &found);
	if (found) {
		gone = tenant_runtime_hold(t->items[at]);
		gone->next_removed = t->removed;
		t->removed = gone;
		memmove(&t->items[at], &t->items[at + 1],
			(t->n - at - 1) * sizeof(struct tenant_runtime *));
		t->n--;
	}
	pthread_rwlock_unlock(&t->lock);
	if (gone != NULL)
		feed_end(gone->feed);
	tenant_runtime_release(gone);
}

size_t tenants_waiting(struct tenants *t)
{
	size_t n = 0;
	pthread_rwlock_rdlock(&t->lock);
	for (size_t i = 0; i < t->n; i++)
		n += feed_waiters(t->items[i]->feed);
	pthread_rwlock_unlock(&t->lock);
	return n;
}

void tenants_end_waits(struct tenants *t)
{
	/* who is waiting holds the tenant, but not this lock */
	pthread_rwlock_rdlock(&t->lock);
	for (size_t i = 0; i < t->n; i++)
		feed_end(t->items[i]->feed);
	pthread_rwlock_unlock(&t->lock);
}

void tenants_collect(struct tenants *t)
{
	struct tenant_runtime *idle = NULL, *next;
	pthread_rwlock_wrlock(&t->lock);
	/* who holds none cannot find it any more, so that 1 stays 1 */
	for (struct tenant_runtime **at = &t->removed; *at != NULL;) {
		struct tenant_runtime *r = *at;
		if (r->references > 1) {
			at = &r->next_removed;
			continue;
		}
		*at = r->next_removed;
		r->next_removed = idle;
		idle = r;
	}
	pthread_rwlock_unlock(&t->lock);
	for (; idle != NULL; idle = next) {
		next = idle->next_removed;
		tenant_runtime_release(idle);
	}
}

/* Nobody starts anything any more. */
static void collect_all(struct tenants *t)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int64_t until_us = clock_mono_us() + LAST_CALLS_MS * 1000;
	tenants_collect(t);
	while (t->removed != NULL && clock_mono_us() < until_us) {
		nanosleep(&pause, NULL);
		tenants_collect(t);
	}
}

void tenants_free(struct tenants *t)
{
	if (t == NULL)
		return;
	while (t->n > 0)
		tenants_remove(t, tenant_runtime_id(t->items[t->n - 1]));
	collect_all(t);
	pthread_rwlock_destroy(&t->lock);
	pthread_mutex_destroy(&t->administration);
	free(t->items);
	free(t);
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
