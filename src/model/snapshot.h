/* SPDX-License-Identifier: Apache-2.0 */
/* All that a decision needs to know of a tenant, immutable: tenant, key, kill
 * switch and every campaign with its state. Made anew at each change and swapped
 * by pointer; who reads it holds a reference. Everything lives in one arena. */
#ifndef INLAY_MODEL_SNAPSHOT_H
#define INLAY_MODEL_SNAPSHOT_H

#include "model/campaign.h"
#include "model/tenant.h"

enum kill_switch {
	KILL_NOTHING,
	KILL_NON_SERVICE,
	KILL_ALL,
};

struct running_campaign {
	/* the active version, or the last one that was; never NULL */
	const struct campaign *definition;
	struct campaign_state state;
	/* columns of the active load, behind `user`; row values stand in this order */
	const struct str *columns;
	size_t n_columns;
};

struct snapshot {
	struct arena *arena;
	_Atomic unsigned references;
	uint64_t serial; /* ascending per tenant */
	const struct tenant *tenant;
	struct tenant_key key;
	enum kill_switch kill_switch;
	const struct running_campaign *campaigns; /* sorted by id */
	size_t n_campaigns;
	/* active loads of all campaigns, ascending, each once: what a decision reads */
	const uint64_t *loads;
	size_t n_loads;
};

/* Binary search; NULL if there is none. */
const struct running_campaign *snapshot_campaign(const struct snapshot *s,
						 struct str id);
struct snapshot *snapshot_hold(struct snapshot *s);
void snapshot_release(struct snapshot *s); /* frees with the last; NULL is fine */

#endif
