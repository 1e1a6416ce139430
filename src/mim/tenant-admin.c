/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/tenant-admin.h"

#include "mim/sync.h"
#include "mim/tenant-document.h"

/* Two tenants on one keyspace would be one tenant: checked here as well as by the
 * database's owner, for a database that is not there yet has none. */
static bool keyspace_is_free(struct mim *mim, const struct tenant *t, struct error *err)
{
	bool free = true;
	size_t n = 0;
	struct arena *arena = arena_new(1 << 20);
	struct tenant_runtime **all =
		arena != NULL ? tenants_all(mim->tenants, arena, &n) : NULL;
	if (all == NULL) {
		arena_free(arena);
		return error_set(err, ERROR_MEMORY, "", "no memory for the tenants");
	}
	for (size_t i = 0; i < n; i++) {
		struct tenant_config *c = tenant_runtime_config(all[i]);
		if (!str_eq(c->tenant->id, t->id) &&
		    str_eq(c->tenant->keyspace, t->keyspace))
			free = false;
		tenant_config_release(c);
		tenant_runtime_release(all[i]);
	}
	arena_free(arena);
	return free || error_set(err, ERROR_CONFLICT, "/keyspaceName",
				 "this keyspace belongs to another tenant");
}

static bool store_tenant(struct mim *mim, const struct tenant *t, uint64_t if_revision,
			 uint64_t *revision, struct error *err)
{
	struct buf body;
	buf_init(&body, TENANT_DOCUMENT_MAX);
	bool ok = tenant_document_write(&body, mim->master_key, t, err) &&
		  sync_document_put(mim->system, STORE_TENANT, t->id, buf_str(&body),
				    if_revision, revision, err);
	buf_free(&body);
	if (!ok && err->kind == ERROR_CONFLICT)
		error_set(
			err, ERROR_CONFLICT, "",
			if_revision == STORE_ABSENT
				? "there is a tenant of this id"
				: "the tenant was changed by somebody else meanwhile: "
				  "read it again");
	return ok;
}

/* Opens a tenant that is not registered yet. A database that is not there is fine
 * unless it was to be made. */
static bool open_new(struct tenant_runtime *r, bool create, struct error *err)
{
	if (tenant_runtime_open(r, create, err))
		return true;
	if (err->kind == ERROR_CONFLICT && err->where[0] == '\0')
		return error_set(err, ERROR_CONFLICT, "/keyspaceName",
				 "this keyspace belongs to another tenant");
	return !create && err->kind == ERROR_NOT_FOUND;
}

static struct tenant_runtime *new_runtime(struct mim *mim, const struct tenant *t,
					  struct error *err)
{
	struct tenant_config *c = tenant_config_new(t, 0);
	struct tenant_runtime *r = c != NULL ? tenant_runtime_new(mim, c) : NULL;
	if (r == NULL) {
		tenant_config_release(c);
		error_set(err, ERROR_MEMORY, "", "no memory for the tenant");
	}
	return r;
}

static bool create(struct mim *mim, struct tenant_runtime *r, const struct tenant *t,
		   bool create_database, struct error *err)
{
	uint64_t revision;
	if (!keyspace_is_free(mim, t, err) || !open_new(r, create_database, err) ||
	    !store_tenant(mim, t, STORE_ABSENT, &revision, err))
		return false;
	r->config->revision = revision; /* nobody else has it yet */
	return tenants_add(mim->tenants, r) ||
	       error_set(err, ERROR_MEMORY, "", "no memory for the tenant");
}

bool tenant_create(struct mim *mim, const struct tenant *t, bool create_database,
		   struct error *err)
{
	tenants_lock(mim->tenants);
	struct tenant_runtime *r = tenants_find(mim->tenants, t->id);
	bool ok;
	if (r != NULL)
		ok = error_set(err, ERROR_CONFLICT, "/id",
			       "there is a tenant of this id");
	else
		ok = (r = new_runtime(mim, t, err)) != NULL &&
		     create(mim, r, t, create_database, err);
	if (!ok)
		tenants_reload(mim->tenants, t->id);
	tenants_unlock(mim->tenants);
	tenant_runtime_release(r);
	return ok;
}

/* The same database. */
static bool change(struct mim *mim, struct tenant_runtime *r, const struct tenant *t,
		   uint64_t if_revision, struct error *err)
{
	uint64_t revision;
	struct tenant_config *c = tenant_config_new(t, 0);
	if (c == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for the tenant");
	pthread_mutex_lock(&r->change);
	bool ok = (!r->open || tenant_identity_check(r, t, err)) &&
		  store_tenant(mim, t, if_revision, &revision, err);
	if (ok) {
		c->revision = revision;
		tenant_runtime_set_config(r, c);
		ok = !r->open || tenant_runtime_rebuild_locked(r, err);
	} else {
		tenant_config_release(c);
	}
	pthread_mutex_unlock(&r->change);
	return ok;
}

/* Another database: another runtime takes the place of the old one, which goes with
 * its last request. */
static bool move(struct mim *mim, const struct tenant *t, uint64_t if_revision,
		 struct error *err)
{
	uint64_t revision;
	struct tenant_runtime *r = new_runtime(mim, t, err);
	bool ok = r != NULL && keyspace_is_free(mim, t, err) &&
		  open_new(r, false, err) &&
		  store_tenant(mim, t, if_revision, &revision, err);
	if (ok) {
		r->config->revision = revision;
		tenants_remove(mim->tenants, t->id);
		ok = tenants_add(mim->tenants, r) ||
		     error_set(err, ERROR_MEMORY, "", "no memory for the tenant");
	}
	tenant_runtime_release(r);
	return ok;
}

bool tenant_replace(struct mim *mim, struct tenant_runtime *r, const struct tenant *t,
		    uint64_t revision, struct error *err)
{
	tenants_lock(mim->tenants);
	struct tenant_config *c = tenant_runtime_config(r);
	bool ok = str_eq(c->tenant->keyspace, t->keyspace)
			  ? change(mim, r, t, revision, err)
			  : move(mim, t, revision, err);
	tenant_config_release(c);
	if (!ok)
		tenants_reload(mim->tenants, t->id);
	tenants_unlock(mim->tenants);
	return ok;
}

bool tenant_delete(struct mim *mim, struct tenant_runtime *r, struct error *err)
{
	tenants_lock(mim->tenants);
	bool ok = sync_document_put(mim->system, STORE_TENANT, tenant_runtime_id(r),
				    (struct str){NULL, 0}, STORE_ANY, NULL, err);
	if (ok)
		tenants_remove(mim->tenants, tenant_runtime_id(r));
	tenants_unlock(mim->tenants);
	return ok;
}
