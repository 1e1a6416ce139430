/* SPDX-License-Identifier: Apache-2.0 */
/* Where a tenant's declared attributes and purposes lie: two documents of its
 * database. All of it blocks. */
#ifndef INLAY_MIM_SCHEMA_STORE_H
#define INLAY_MIM_SCHEMA_STORE_H

#include "model/user-schema.h"
#include "store/store.h"

#define SCHEMA_ARENA_MAX (8u << 20)

/* Both lists, empty where nothing was declared yet. */
bool schema_load(struct store_db *db, struct arena *arena, struct user_schema *out,
		 struct error *err);
bool schema_store_attributes(struct store_db *db, const struct user_schema *s,
			     struct error *err);
bool schema_store_purposes(struct store_db *db, const struct user_schema *s,
			   struct error *err);

#endif
