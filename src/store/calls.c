/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of store.h: arguments checked, made into an operation, handed over.
 * What is refused here is refused inline and never reaches a backend. */
#include "store/check.h"
#include "store/store-internal.h"

void store_document_get(struct store_db *db, enum store_collection c, struct str id,
			struct arena *arena, struct store_document *out, store_fn *done,
			void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_DOCUMENT_GET, db, done, ctx, arena, {{0}}};
	op.document_get.c = c;
	op.document_get.id = id;
	op.document_get.out = out;
	store_op_begin(&op, check_document_id(c, id, &err), &err);
}

void store_document_list(struct store_db *db, enum store_collection c,
			 struct str prefix, struct str after, size_t limit,
			 bool with_body, struct arena *arena,
			 struct store_document_list *out, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_DOCUMENT_LIST, db, done, ctx, arena, {{0}}};
	op.document_list.c = c;
	op.document_list.prefix = prefix;
	op.document_list.after = after;
	op.document_list.limit = store_at_most(limit, STORE_LIMIT_MAX);
	op.document_list.with_body = with_body;
	op.document_list.out = out;
	store_op_begin(&op, check_document_range(c, prefix, after, &err), &err);
}

void store_document_put(struct store_db *db, enum store_collection c, struct str id,
			struct str body, uint64_t if_revision, uint64_t *revision,
			store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_DOCUMENT_PUT, db, done, ctx, NULL, {{0}}};
	op.document_put.c = c;
	op.document_put.id = id;
	op.document_put.body = body;
	op.document_put.if_revision = if_revision;
	op.document_put.revision = revision;
	store_op_begin(&op, check_document(c, id, body, &err), &err);
}

void store_user_read(struct store_db *db, struct str user_key, const uint64_t *loads,
		     size_t n_loads, struct arena *arena, struct user_record *out,
		     store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_USER_READ, db, done, ctx, arena, {{0}}};
	op.user_read.user_key = user_key;
	op.user_read.loads = loads;
	op.user_read.n_loads = n_loads;
	op.user_read.out = out;
	store_op_begin(
		&op,
		check_user_key(user_key, &err) &&
			(n_loads == SIZE_MAX || check_loads(loads, n_loads, &err)),
		&err);
}

void store_user_commit(struct store_db *db, struct str user_key, uint64_t if_revision,
		       const struct store_user_change *change, uint64_t *revision,
		       store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_USER_COMMIT, db, done, ctx, NULL, {{0}}};
	op.user_commit.user_key = user_key;
	op.user_commit.if_revision = if_revision;
	op.user_commit.change = change;
	op.user_commit.revision = revision;
	store_op_begin(&op,
		       check_user_key(user_key, &err) &&
			       check_change(user_key, change, &err),
		       &err);
}

void store_user_resolve(struct store_db *db, struct str identity, struct arena *arena,
			struct str *user_key, store_fn *done, void *ctx)
{
	struct store_op op = {STORE_OP_USER_RESOLVE, db, done, ctx, arena, {{0}}};
	op.user_resolve.identity = identity;
	op.user_resolve.user_key = user_key;
	/* what could not be stored is not there: an import asks for anything */
	if (identity.n == 0 || identity.n > STORE_USER_KEY_MAX) {
		*user_key = (struct str){NULL, 0};
		done(ctx, NULL);
		return;
	}
	store_submit(&op);
}

void store_users_resolve(struct store_db *db, struct store_identity *items, size_t n,
			 struct arena *arena, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_USERS_RESOLVE, db, done, ctx, arena, {{0}}};
	op.users_resolve.items = items;
	op.users_resolve.n = n;
	bool ok = n <= STORE_ROWS_MAX ||
		  error_set(&err, ERROR_TOO_LARGE, "", "over %d identities in one call",
			    STORE_ROWS_MAX);
	store_op_begin(&op, ok, &err);
}

void store_user_erase(struct store_db *db, struct str user_key,
		      const uint8_t suppress[CRYPTO_SHA256_LEN], int64_t now_ms,
		      store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_USER_ERASE, db, done, ctx, NULL, {{0}}};
	op.user_erase.user_key = user_key;
	op.user_erase.suppress = suppress;
	op.user_erase.now_ms = now_ms;
	store_op_begin(&op, check_user_key(user_key, &err) && check_time(now_ms, &err),
		       &err);
}

void store_user_scan(struct store_db *db, struct str resume, size_t limit,
		     struct arena *arena, struct store_scan *out, store_fn *done,
		     void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_USER_SCAN, db, done, ctx, arena, {{0}}};
	op.user_scan.resume = resume;
	op.user_scan.limit = store_at_most(limit, STORE_LIMIT_MAX);
	op.user_scan.out = out;
	store_op_begin(&op, check_resume(resume, &err), &err);
}

void store_instance_get(struct store_db *db, struct id16 instance, struct arena *arena,
			struct store_instance *out, store_fn *done, void *ctx)
{
	struct store_op op = {STORE_OP_INSTANCE_GET, db, done, ctx, arena, {{0}}};
	op.instance_get.instance = instance;
	op.instance_get.out = out;
	store_submit(&op);
}

void store_sort_key(struct str user_key, uint8_t out[16])
{
	crypto_blake2b_128(user_key, out);
}

void store_rows_write(struct store_db *db, uint64_t load, const struct store_row *rows,
		      size_t n, enum store_collection c,
		      const struct store_document *progress, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_ROWS_WRITE, db, done, ctx, NULL, {{0}}};
	op.rows_write.load = load;
	op.rows_write.rows = rows;
	op.rows_write.n = n;
	op.rows_write.c = c;
	op.rows_write.progress = progress;
	store_op_begin(&op,
		       check_rows(rows, n, &err) &&
			       (progress == NULL ||
				check_document(c, progress->id, progress->body, &err)),
		       &err);
}

void store_profiles_write(struct store_db *db, const struct user_profile *profiles,
			  size_t n, struct error *errors, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_PROFILES_WRITE, db, done, ctx, NULL, {{0}}};
	op.profiles_write.profiles = profiles;
	op.profiles_write.n = n;
	op.profiles_write.errors = errors;
	bool ok = n <= STORE_PROFILES_MAX ||
		  error_set(&err, ERROR_TOO_LARGE, "", "over %d profiles in one call",
			    STORE_PROFILES_MAX);
	store_op_begin(&op, ok, &err);
}

void store_rows_sweep(struct store_db *db, const uint64_t *live, size_t n_live,
		      struct str resume, struct arena *arena, struct str *out_resume,
		      uint64_t *removed, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_ROWS_SWEEP, db, done, ctx, arena, {{0}}};
	op.rows_sweep.live = live;
	op.rows_sweep.n_live = n_live;
	op.rows_sweep.resume = resume;
	op.rows_sweep.out_resume = out_resume;
	op.rows_sweep.removed = removed;
	op.rows_sweep.most = STORE_SWEEP_MAX;
	store_op_begin(&op,
		       check_resume(resume, &err) && check_loads(live, n_live, &err),
		       &err);
}

void store_statistics_read(struct store_db *db, struct str campaign, int64_t from_ms,
			   int64_t to_ms, struct arena *arena,
			   struct store_statistic **out, size_t *n, store_fn *done,
			   void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_STATISTICS_READ, db, done, ctx, arena, {{0}}};
	op.statistics_read.campaign = campaign;
	op.statistics_read.from_ms = from_ms;
	op.statistics_read.to_ms = to_ms;
	op.statistics_read.out = out;
	op.statistics_read.n = n;
	store_op_begin(&op, check_name(campaign, "campaign", &err), &err);
}

void store_due_list(struct store_db *db, int64_t now_ms, size_t limit,
		    struct arena *arena, struct store_due_entry **out, size_t *n,
		    store_fn *done, void *ctx)
{
	struct store_op op = {STORE_OP_DUE_LIST, db, done, ctx, arena, {{0}}};
	op.due_list.now_ms = now_ms;
	op.due_list.limit = store_at_most(limit, STORE_LIMIT_MAX);
	op.due_list.out = out;
	op.due_list.n = n;
	store_submit(&op);
}
