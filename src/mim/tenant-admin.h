/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to tenants: made, changed, deleted; the stored document, the registry
 * and the snapshot stay in step. All of it blocks, one change at a time. */
#ifndef INLAY_MIM_TENANT_ADMIN_H
#define INLAY_MIM_TENANT_ADMIN_H

#include "mim/mim.h"
#include "mim/tenants-internal.h"

/* create_database: else a database that is not there is no error (the tenant is served
 * as closed until it is). CONFLICT: there is such a tenant, the keyspace is another
 * tenant's, or its users were made with other secrets. */
bool tenant_create(struct mim *mim, const struct tenant *t, bool create_database,
		   struct error *err);
/* `t` replaces the configuration that was read at `revision`; CONFLICT if that is not
 * the stored one any more. */
bool tenant_replace(struct mim *mim, struct tenant_runtime *r, const struct tenant *t,
		    uint64_t revision, struct error *err);
/* The configuration only: the database and its data stay. */
bool tenant_delete(struct mim *mim, struct tenant_runtime *r, struct error *err);

#endif
