/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a tenant as mimd runs it, in the world's store. */
#ifndef INLAY_MIM_TEST_TENANT_H
#define INLAY_MIM_TEST_TENANT_H

#include "mim/tenants-internal.h"
#include "mim/test-world.h"

/* Of version 1, its database open; without a snapshot yet. */
static inline struct tenant_runtime *world_tenant(struct world *w, struct mim *mim)
{
	struct error err;
	struct tenant_config *c = tenant_config_new(&w->tenant, 1);
	assert_non_null(c);
	struct tenant_runtime *t = tenant_runtime_new(mim, c);
	assert_non_null(t);
	assert_true(store_db_open(w->store, STR("test"), STR("t"), &t->db, &err));
	t->key = w->key;
	t->open = true;
	return t;
}

#endif
