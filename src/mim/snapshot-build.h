/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tenant's snapshot from what its database holds: configuration, kill switch,
 * campaigns with their states and active versions. */
#ifndef INLAY_MIM_SNAPSHOT_BUILD_H
#define INLAY_MIM_SNAPSHOT_BUILD_H

#include "mim/tenants.h"

/* Blocks. `tenant` is copied into the snapshot's own arena. The new snapshot has one
 * reference. NULL with *err on failure. */
struct snapshot *snapshot_build(struct store_db *db, const struct tenant *tenant,
				const struct tenant_key *key, uint64_t serial,
				struct error *err);

#endif
