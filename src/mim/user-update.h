/* SPDX-License-Identifier: Apache-2.0 */
/* Read a user's partition, work on it, write it back on the condition that nobody was
 * there in between, and begin again if somebody was: asynchronously, without a thread
 * that waits. */
#ifndef INLAY_MIM_USER_UPDATE_H
#define INLAY_MIM_USER_UPDATE_H

#include "store/store.h"

struct user_update;

/* Looks at u->record and fills u->change; *write false: there is nothing to write. May
 * be called again after a conflict. False with *err ends it. Nothing waits in here. */
typedef bool user_update_work(struct user_update *u, bool *write, struct error *err);
/* Runs once. err NULL: written, or nothing was to be written. CONFLICT: somebody was
 * first at every try. u->outcome_unknown: the write may have happened or not. */
typedef void user_update_done(struct user_update *u, const struct error *err);

struct user_update {
	/* set by the caller; borrowed until done has run */
	struct store_db *db;
	struct str user_key;
	const uint64_t *loads; /* of which recipient rows are read */
	size_t n_loads;
	struct arena *arena; /* not touched by the caller meanwhile */
	unsigned max_tries;  /* from 1 */
	user_update_work *work;
	user_update_done *done;
	/* May run before done: see store_user_change.applied. NULL: nobody asks. */
	void (*applied)(struct user_update *u);
	void *ctx;
	/* for work and done */
	struct user_record record; /* record.profile.user is the user key */
	struct store_user_change change;
	unsigned tries; /* begun */
	bool outcome_unknown;
};

/* May call done before it returns. */
void user_update_start(struct user_update *u);

#endif
