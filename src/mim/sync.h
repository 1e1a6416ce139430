/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the store that wait for their completion: for worker threads only, never
 * on an HTTP thread and never inside a completion. Arguments as in store/store.h. */
#ifndef INLAY_MIM_SYNC_H
#define INLAY_MIM_SYNC_H

#include "store/store.h"

bool sync_document_get(struct store_db *db, enum store_collection c, struct str id,
		       struct arena *arena, struct store_document *out,
		       struct error *err);
bool sync_document_list(struct store_db *db, enum store_collection c, struct str prefix,
			struct str after, size_t limit, bool with_body,
			struct arena *arena, struct store_document_list *out,
			struct error *err);
bool sync_document_put(struct store_db *db, enum store_collection c, struct str id,
		       struct str body, uint64_t if_revision, uint64_t *revision,
		       struct error *err);
bool sync_user_read(struct store_db *db, struct str user_key, const uint64_t *loads,
		    size_t n_loads, struct arena *arena, struct user_record *out,
		    struct error *err);
bool sync_user_commit(struct store_db *db, struct str user_key, uint64_t if_revision,
		      const struct store_user_change *change, uint64_t *revision,
		      struct error *err);
bool sync_user_resolve(struct store_db *db, struct str identity, struct arena *arena,
		       struct str *user_key, struct error *err);
bool sync_users_resolve(struct store_db *db, struct store_identity *items, size_t n,
			struct arena *arena, struct error *err);
bool sync_user_erase(struct store_db *db, struct str user_key,
		     const uint8_t suppress[CRYPTO_SHA256_LEN], int64_t now_ms,
		     struct error *err);
bool sync_user_scan(struct store_db *db, struct str resume, size_t limit,
		    struct arena *arena, struct store_scan *out, struct error *err);
bool sync_instance_get(struct store_db *db, struct id16 instance, struct arena *arena,
		       struct store_instance *out, struct error *err);
bool sync_rows_write(struct store_db *db, uint64_t load, const struct store_row *rows,
		     size_t n, enum store_collection c,
		     const struct store_document *progress, struct error *err);
bool sync_profiles_write(struct store_db *db, const struct user_profile *profiles,
			 size_t n, struct error *errors, struct error *err);
bool sync_rows_sweep(struct store_db *db, const uint64_t *live, size_t n_live,
		     struct str resume, struct arena *arena, struct str *out_resume,
		     uint64_t *removed, struct error *err);
bool sync_statistics_read(struct store_db *db, struct str campaign, int64_t from_ms,
			  int64_t to_ms, struct arena *arena,
			  struct store_statistic **out, size_t *n, struct error *err);
bool sync_due_list(struct store_db *db, int64_t now_ms, size_t limit,
		   struct arena *arena, struct store_due_entry **out, size_t *n,
		   struct error *err);
bool sync_queue_list(struct store_db *db, struct str point, int64_t after_due_ms,
		     uint64_t after_sequence, int64_t until_ms, size_t limit,
		     struct arena *arena, struct store_queue_list *out,
		     struct error *err);
bool sync_point_list(struct store_db *db, struct arena *arena,
		     struct store_point_list *out, struct error *err);
bool sync_dead_list(struct store_db *db, struct str point, uint64_t after, size_t limit,
		    struct arena *arena, struct store_dead_list *out,
		    struct error *err);
bool sync_dead_order(struct store_db *db, struct str point, const uint64_t *sequences,
		     size_t n, enum store_dead_order order, int64_t now_ms,
		     size_t *moved, struct error *err);

#endif
