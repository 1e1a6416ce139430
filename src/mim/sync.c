/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/sync.h"

static struct store_wait *begin(struct error *err)
{
	struct store_wait *w = store_wait_new();
	if (w == NULL)
		error_set(err, ERROR_MEMORY, "", "no memory to wait for the store");
	return w;
}

static bool end(struct store_wait *w, struct error *err)
{
	bool ok = store_wait(w, err);
	store_wait_free(w);
	return ok;
}

/* One body for all: the call's own arguments, then completion and context. */
#define WAIT_FOR(call, ...)                                                            \
	do {                                                                           \
		struct store_wait *w = begin(err);                                     \
		if (w == NULL)                                                         \
			return false;                                                  \
		call(__VA_ARGS__, store_wait_done, w);                                 \
		return end(w, err);                                                    \
	} while (0)

bool sync_document_get(struct store_db *db, enum store_collection c, struct str id,
		       struct arena *arena, struct store_document *out,
		       struct error *err)
{
	WAIT_FOR(store_document_get, db, c, id, arena, out);
}

bool sync_document_list(struct store_db *db, enum store_collection c, struct str prefix,
			struct str after, size_t limit, bool with_body,
			struct arena *arena, struct store_document_list *out,
			struct error *err)
{
	WAIT_FOR(store_document_list, db, c, prefix, after, limit, with_body, arena,
		 out);
}

bool sync_document_put(struct store_db *db, enum store_collection c, struct str id,
		       struct str body, uint64_t if_revision, uint64_t *revision,
		       struct error *err)
{
	WAIT_FOR(store_document_put, db, c, id, body, if_revision, revision);
}

bool sync_user_read(struct store_db *db, struct str user_key, const uint64_t *loads,
		    size_t n_loads, struct arena *arena, struct user_record *out,
		    struct error *err)
{
	WAIT_FOR(store_user_read, db, user_key, loads, n_loads, arena, out);
}

bool sync_user_commit(struct store_db *db, struct str user_key, uint64_t if_revision,
		      const struct store_user_change *change, uint64_t *revision,
		      struct error *err)
{
	WAIT_FOR(store_user_commit, db, user_key, if_revision, change, revision);
}

bool sync_user_resolve(struct store_db *db, struct str identity, struct arena *arena,
		       struct str *user_key, struct error *err)
{
	WAIT_FOR(store_user_resolve, db, identity, arena, user_key);
}

bool sync_users_resolve(struct store_db *db, struct store_identity *items, size_t n,
			struct arena *arena, struct error *err)
{
	WAIT_FOR(store_users_resolve, db, items, n, arena);
}

bool sync_user_erase(struct store_db *db, struct str user_key,
		     const uint8_t suppress[CRYPTO_SHA256_LEN], int64_t now_ms,
		     struct error *err)
{
	WAIT_FOR(store_user_erase, db, user_key, suppress, now_ms);
}

bool sync_user_scan(struct store_db *db, struct str resume, size_t limit,
		    struct arena *arena, struct store_scan *out, struct error *err)
{
	WAIT_FOR(store_user_scan, db, resume, limit, arena, out);
}

bool sync_instance_get(struct store_db *db, struct id16 instance, struct arena *arena,
		       struct store_instance *out, struct error *err)
{
	WAIT_FOR(store_instance_get, db, instance, arena, out);
}

bool sync_rows_write(struct store_db *db, uint64_t load, const struct store_row *rows,
		     size_t n, enum store_collection c,
		     const struct store_document *progress, struct error *err)
{
	WAIT_FOR(store_rows_write, db, load, rows, n, c, progress);
}

bool sync_profiles_write(struct store_db *db, const struct user_profile *profiles,
			 size_t n, struct error *errors, struct error *err)
{
	WAIT_FOR(store_profiles_write, db, profiles, n, errors);
}

bool sync_rows_sweep(struct store_db *db, const uint64_t *live, size_t n_live,
		     struct str resume, struct arena *arena, struct str *out_resume,
		     uint64_t *removed, struct error *err)
{
	WAIT_FOR(store_rows_sweep, db, live, n_live, resume, arena, out_resume,
		 removed);
}

bool sync_statistics_read(struct store_db *db, struct str campaign, int64_t from_ms,
			  int64_t to_ms, struct arena *arena,
			  struct store_statistic **out, size_t *n, struct error *err)
{
	WAIT_FOR(store_statistics_read, db, campaign, from_ms, to_ms, arena, out, n);
}

bool sync_due_list(struct store_db *db, int64_t now_ms, size_t limit,
		   struct arena *arena, struct store_due_entry **out, size_t *n,
		   struct error *err)
{
	WAIT_FOR(store_due_list, db, now_ms, limit, arena, out, n);
}

bool sync_queue_list(struct store_db *db, struct str point, int64_t after_due_ms,
		     uint64_t after_sequence, int64_t until_ms, size_t limit,
		     struct arena *arena, struct store_queue_list *out,
		     struct error *err)
{
	WAIT_FOR(store_queue_list, db, point, after_due_ms, after_sequence, until_ms,
		 limit, arena, out);
}

bool sync_point_list(struct store_db *db, struct arena *arena,
		     struct store_point_list *out, struct error *err)
{
	WAIT_FOR(store_point_list, db, arena, out);
}

bool sync_dead_list(struct store_db *db, struct str point, uint64_t after, size_t limit,
		    struct arena *arena, struct store_dead_list *out, struct error *err)
{
	WAIT_FOR(store_dead_list, db, point, after, limit, arena, out);
}

bool sync_dead_order(struct store_db *db, struct str point, const uint64_t *sequences,
		     size_t n, enum store_dead_order order, int64_t now_ms,
		     size_t *moved, struct error *err)
{
	WAIT_FOR(store_dead_order, db, point, sequences, n, order, now_ms, moved);
}
