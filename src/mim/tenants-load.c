/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants as they are stored become tenants that are served. */
#include "mim/mim.h"
#include "mim/sync.h"
#include "mim/tenant-document.h"
#include "mim/tenants-internal.h"

#include <stdio.h>

#define PAGE 100

/* NULL with *err, or with kind NONE for one that cannot be read: that is logged, and
 * the others must not suffer from it. */
static struct tenant_config *read_config(struct mim *mim,
					 const struct store_document *doc,
					 struct error *err)
{
	struct arena *arena = arena_new(TENANT_ARENA_MAX);
	struct tenant tenant;
	struct tenant_config *c = NULL;
	*err = (struct error){0};
	if (arena != NULL &&
	    tenant_document_parse(doc->body, mim->master_key, arena, &tenant, err))
		c = tenant_config_new(&tenant, doc->revision);
	arena_free(arena);
	if (c == NULL && (err->kind == ERROR_NONE || err->kind == ERROR_MEMORY)) {
		error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	} else if (c == NULL) {
		log_error(mim->log, "tenant", "not served  tenant=%.*s reason=%s",
			  STR_ARG(doc->id), err->message);
		error_clear(err);
	}
	return c;
}

/* One that cannot be opened is served as closed. */
static bool load_one(struct tenants *t, struct mim *mim,
		     const struct store_document *doc, struct error *err)
{
	struct error why;
	struct tenant_config *c = read_config(mim, doc, err);
	if (c == NULL)
		return err->kind == ERROR_NONE;
	struct tenant_runtime *r = tenant_runtime_new(mim, c);
	if (r == NULL)
		tenant_config_release(c);
	bool ok = r != NULL && tenants_add(t, r);
	if (!ok)
		error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	else if (!tenant_runtime_open(r, false, &why))
		log_warn(mim->log, "tenant", "closed  tenant=%s reason=%s", r->id,
			 why.message);
	tenant_runtime_release(r);
	return ok;
}

bool tenants_load(struct tenants *t, struct error *err)
{
	struct mim *mim = tenants_mim(t);
	struct store_document_list page = {.more = true};
	char after[STORE_ID_MAX + 1] = "";
	bool ok = true;
	while (ok && page.more) {
		struct arena *arena = arena_new(PAGE * (size_t)TENANT_DOCUMENT_MAX);
		if (arena == NULL)
			return error_set(err, ERROR_MEMORY, "", "no memory");
		ok = sync_document_list(mim->system, STORE_TENANT, STR(""),
					str_of(after), PAGE, true, arena, &page, err);
		for (size_t i = 0; ok && i < page.n; i++) {
			ok = load_one(t, mim, &page.items[i], err);
			snprintf(after, sizeof after, "%.*s",
				 STR_ARG(page.items[i].id));
		}
		arena_free(arena);
	}
	return ok;
}

/* What is stored is newer: it counts. Another keyspace needs a restart. */
static void take_newer(struct tenant_runtime *r, struct tenant_config *stored)
{
	struct error err;
	struct tenant_config *old = tenant_runtime_config(r);
	bool newer = old->revision < stored->revision &&
		     str_eq(old->tenant->keyspace, stored->tenant->keyspace);
	tenant_config_release(old);
	if (!newer) {
		tenant_config_release(stored);
		return;
	}
	pthread_mutex_lock(&r->change);
	tenant_runtime_set_config(r, stored);
	if (r->open && !tenant_runtime_rebuild_locked(r, &err))
		log_error(r->mim->log, "tenant", "snapshot  tenant=%s reason=%s", r->id,
			  err.message);
	pthread_mutex_unlock(&r->change);
}

void tenants_reload(struct tenants *t, struct str id)
{
	struct mim *mim = tenants_mim(t);
	struct store_document doc;
	struct error err;
	struct arena *arena = arena_new(2 * (size_t)TENANT_DOCUMENT_MAX);
	struct tenant_runtime *r = tenants_find(t, id);
	if (arena != NULL &&
	    sync_document_get(mim->system, STORE_TENANT, id, arena, &doc, &err) &&
	    doc.revision != 0) {
		struct tenant_config *c =
			r != NULL ? read_config(mim, &doc, &err) : NULL;
		if (r == NULL)
			load_one(t, mim, &doc, &err);
		else if (c != NULL)
			take_newer(r, c);
	}
	tenant_runtime_release(r);
	arena_free(arena);
}
