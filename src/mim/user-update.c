/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/user-update.h"

static void begin(struct user_update *u);

static void has_written(void *ctx, const struct error *err)
{
	struct user_update *u = ctx;
	if (err != NULL && err->kind == ERROR_CONFLICT && u->tries < u->max_tries) {
		begin(u);
		return;
	}
	u->outcome_unknown = err != NULL && store_outcome_unknown(err);
	u->done(u, err);
}

static void is_applied(void *ctx)
{
	struct user_update *u = ctx;
	u->applied(u);
}

static void has_read(void *ctx, const struct error *err)
{
	struct user_update *u = ctx;
	struct error why = {0};
	bool write = false;
	if (err != NULL) {
		u->done(u, err);
		return;
	}
	u->record.profile.user = u->user_key;
	if (!u->work(u, &write, &why)) {
		u->done(u, &why);
		return;
	}
	if (!write) {
		u->done(u, NULL);
		return;
	}
	u->change.applied = u->applied != NULL ? is_applied : NULL;
	u->change.applied_ctx = u;
	store_user_commit(u->db, u->user_key, u->record.revision, &u->change, NULL,
			  has_written, u);
}

static void begin(struct user_update *u)
{
	u->tries++;
	u->record = (struct user_record){.known = false};
	store_user_read(u->db, u->user_key, u->loads, u->n_loads, u->arena, &u->record,
			has_read, u);
}

void user_update_start(struct user_update *u)
{
	u->tries = 0;
	u->outcome_unknown = false;
	begin(u);
}
