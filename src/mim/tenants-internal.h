/* SPDX-License-Identifier: Apache-2.0 */
/* How tenants come and go: for tenants.c and the administration's handlers. */
#ifndef INLAY_MIM_TENANTS_INTERNAL_H
#define INLAY_MIM_TENANTS_INTERNAL_H

#include "mim/tenants.h"

/* A copy of *t; NULL without memory. */
struct tenant_config *tenant_config_new(const struct tenant *t, uint64_t revision);
/* Takes over the caller's reference to config (not on failure: NULL without memory). */
struct tenant_runtime *tenant_runtime_new(struct mim *mim,
					  struct tenant_config *config);
/* Swaps it in; takes over the reference. The snapshot still has the old one: rebuild.
 */
void tenant_runtime_set_config(struct tenant_runtime *t, struct tenant_config *c);
/* tenant_runtime_rebuild for who holds t->change. */
bool tenant_runtime_rebuild_locked(struct tenant_runtime *t, struct error *err);
/* A change ended so; the caller holds t->change. It may have been written all the same:
 * then the snapshot is made anew soon. */
void tenant_runtime_failed(struct tenant_runtime *t, const struct error *err);
/* Are secretKey and hashedEmailAddresses those that the users' keys were made with?
 * CONFLICT if not and there are users; without users they are remembered. The database
 * must be there. Blocks; holds t->change. */
bool tenant_identity_check(struct tenant_runtime *t, const struct tenant *config,
			   struct error *err);

struct mim *tenants_mim(struct tenants *t);
/* Reads one tenant again: after a write of which it is not known whether it happened,
 * or one that somebody else was faster with. What is stored then counts. Blocks. */
void tenants_reload(struct tenants *t, struct str id);
/* One administrator's change at a time, from reading to the registry's. */
void tenants_lock(struct tenants *t);
void tenants_unlock(struct tenants *t);
/* Takes a reference of its own. False: there is one of that id, or no memory. */
bool tenants_add(struct tenants *t, struct tenant_runtime *r);
void tenants_remove(struct tenants *t, struct str id);

#endif
