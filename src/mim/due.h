/* SPDX-License-Identifier: Apache-2.0 */
/* Does what falls due by time alone: a message that is gone for an unknown cause counts
 * as expunged for good after a minute (contracts.md §3), with its statistic and its
 * outbox rows; requests that wait for recalls have waited long enough; a snapshot that
 * could not be made is made. One thread for all tenants. */
#ifndef INLAY_MIM_DUE_H
#define INLAY_MIM_DUE_H

#include "mim/mim.h"

struct due_worker;

struct due_worker *due_worker_start(struct mim *mim, struct error *err);
/* Ends after the present user. NULL is fine. */
void due_worker_stop(struct due_worker *w);

/* One round for one tenant: what is due at now_ms, at most a page. *done: how many
 * marks there were. Blocks. */
bool due_run(struct store_db *db, const struct snapshot *s, int64_t now_ms,
	     size_t *done, struct error *err);
#define DUE_PAGE 200

#endif
