/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants at run time: the registry of those that are served, and for each of them
 * its configuration with opened secrets, its database, its key and its current
 * snapshot. Readers take references and never wait for a change: configuration and
 * snapshot are immutable and swapped by pointer. */
#ifndef INLAY_MIM_TENANTS_H
#define INLAY_MIM_TENANTS_H

#include "model/snapshot.h"
#include "model/tenant.h"
#include "store/store.h"

#include <pthread.h>

struct feed;
struct mim;

/* A tenant's configuration, immutable; secrets are in the clear. */
struct tenant_config {
	_Atomic unsigned references;
	struct arena *arena;
	const struct tenant *tenant;
	uint64_t revision; /* of its document */
};
void tenant_config_release(struct tenant_config *c); /* NULL is fine */

/* One per tenant id for as long as the tenant is served, or somebody holds it. What
 * is under `lock` is reached by the functions below only. */
struct tenant_runtime {
	_Atomic unsigned references;
	struct tenant_runtime *next_removed; /* under the registry's lock */
	struct mim *mim;
	char id[65];
	pthread_mutex_t lock; /* held for a pointer's swap only */
	struct tenant_config *config;
	struct snapshot *snapshot;
	_Atomic bool open; /* db and key are set, and do not change any more */
	struct store_db *db;
	struct tenant_key key;
	struct feed *feed; /* of what agents must hear of at once */
	/* Serialises whoever changes documents that the snapshot is made of, from
	 * reading them to the swap. Only for threads that may block. */
	pthread_mutex_t change;
	uint64_t serial;    /* of the last snapshot; under `change` */
	_Atomic bool stale; /* what is stored may be newer than the snapshot */
	/* Users erased since the start; grows before the erase. An import that sees it
	 * grow looks again for whom it writes. */
	_Atomic uint64_t erasures;
	/* Held shared by an import from that look until its rows are stored, exclusive
	 * by an erase, under `change`. Whoever erases goes first. */
	pthread_rwlock_t rows;
};

static inline struct str tenant_runtime_id(const struct tenant_runtime *t)
{
	return str_of(t->id);
}
struct tenant_runtime *tenant_runtime_hold(struct tenant_runtime *t);
/* NULL is fine. Of a registered tenant never the last one: tenants_collect is. */
void tenant_runtime_release(struct tenant_runtime *t);

/* The configuration as it is now; release it. */
struct tenant_config *tenant_runtime_config(struct tenant_runtime *t);
/* The snapshot as it is now; snapshot_release it. NULL before the first was made. */
struct snapshot *tenant_runtime_snapshot(struct tenant_runtime *t);
/* Makes a new snapshot from what is stored (snapshot_build) and swaps it in. Blocks:
 * for worker threads. Call it after every change of a campaign, a load, the kill
 * switch or the tenant. On failure the old one stays. */
bool tenant_runtime_rebuild(struct tenant_runtime *t, struct error *err);
/* Does so again where it failed, or where a write's outcome was not known: now and
 * then, as long as it is needed. Leaves alone what is being changed just now. */
bool tenant_runtime_refresh(struct tenant_runtime *t, struct error *err);
/* Opens the database (creating it if `create`), reads or makes the tenant key, makes
 * the first snapshot. Done already: true at once. Blocks. */
bool tenant_runtime_open(struct tenant_runtime *t, bool create, struct error *err);

/* The registry -----------------------------------------------------------------*/
struct tenants;

struct tenants *tenants_new(struct mim *mim, struct error *err);
void tenants_free(struct tenants *t);
/* Reads all tenants from the system database and opens those whose database is
 * there; one that cannot be opened is logged and stays closed. Blocks. */
bool tenants_load(struct tenants *t, struct error *err);
/* Held, or NULL if there is no such tenant. Never blocks for long. */
struct tenant_runtime *tenants_find(struct tenants *t, struct str id);
/* Closes the databases of tenants that were removed and that nobody holds any more.
 * Whoever ends the last request may be the store's own thread, which cannot wait for
 * itself; so this is for a thread that may block, now and then. */
void tenants_collect(struct tenants *t);
/* Requests that wait for news. */
size_t tenants_waiting(struct tenants *t);
/* Nobody waits for news any more: before the server stops. */
void tenants_end_waits(struct tenants *t);
/* All of them, held, by id: the array lives in `arena`, release each. */
struct tenant_runtime **tenants_all(struct tenants *t, struct arena *arena, size_t *n);

#endif
