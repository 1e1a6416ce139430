/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: a bundle becomes a version of a campaign, users.csv becomes users. They run
 * one after the other in the pool of jobs; one that a crash or a stop interrupted is
 * taken up again at the next start, by itself and from its beginning: nothing of it
 * was visible (storage.md "Loads"). */
#ifndef INLAY_MIM_IMPORT_H
#define INLAY_MIM_IMPORT_H

#include "mim/import-document.h"
#include "mim/mim.h"
#include "mim/tenants.h"

struct import_order {
	enum import_kind kind;
	struct str data_source; /* id; absent: the tenant's default */
	struct str prefix;
	bool activate;
	bool service;  /* may publish service messages */
	struct str by; /* id of the token, for the log */
};

/* Stores the import and queues it; *doc is what was stored, in the arena. UNPROCESSABLE
 * or NOT_BUILT with a pointer, BUSY if too many wait. Blocks. */
bool import_order(struct tenant_runtime *t, const struct import_order *order,
		  int64_t now_ms, struct arena *arena, struct import_document *doc,
		  struct error *err);

/* At the start, once the tenants are open: queues those that have not come to their
 * end, and a sweep of dead loads. Blocks. */
void imports_resume(struct mim *mim);

/* Flips to a version that is loaded. NOT_FOUND; CONFLICT if it is below the active one
 * or the campaign is cancelled; FORBIDDEN if it is a service message and `service` is
 * false. The active one again: nothing happens. Blocks. */
bool import_activate(struct tenant_runtime *t, struct str campaign, uint32_t version,
		     bool service, int64_t now_ms, struct error *err);

#endif
