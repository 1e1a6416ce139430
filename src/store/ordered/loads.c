/* SPDX-License-Identifier: Apache-2.0 */
/* What imports write: recipient rows and profiles in slices, and the sweep of rows
 * that no campaign has any more. */
#include "store/check.h"
#include "store/ordered/ordered-internal.h"

#include <stdio.h>

static struct user_hash row_user(const struct store_row *row)
{
	struct user_hash user;
	memcpy(user.b, row->sort_key, sizeof user.b);
	return user;
}

/* Is there room in the partition for a row of so many bytes? A row of the same
 * load is replaced. */
static bool check_room(struct tables *t, const struct user_hash *user, uint64_t load,
		       size_t i, size_t bytes, struct error *err)
{
	struct key k = key_user(user, USER_HEAD), own = key_row(user, load);
	struct entry e;
	char where[32];
	if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
		return false;
	while (key_in_record(e.key, user)) {
		if (!str_eq(e.key, key_str(&own)))
			bytes += e.key.n + e.value.n;
		if (!tables_next(t, TABLE_USERS, &e, err))
			return false;
	}
	if (bytes <= USER_MAX_PARTITION)
		return true;
	snprintf(where, sizeof where, "/%zu", i);
	return error_set(err, ERROR_TOO_LARGE, where,
			 "there are over %d bytes of this user", USER_MAX_PARTITION);
}

/* Behind this key there is nothing: what comes there is new and is appended, so
 * that a first load fills its pages to the brim and looks nothing up. Sort keys are
 * hashes, so this begins in an empty table or not at all. */
static bool table_end(struct tables *t, struct key *end, struct error *err)
{
	struct entry e;
	end->n = 0;
	if (!tables_last(t, TABLE_USERS, &e, err))
		return false;
	if (e.key.p == NULL || e.key.n > sizeof end->b)
		return true;
	memcpy(end->b, e.key.p, e.key.n);
	end->n = e.key.n;
	return true;
}

static bool encode_rows(struct tables *t, const struct store_op *op,
			const struct key *end, struct str *values, struct error *err)
{
	for (size_t i = 0; i < op->rows_write.n; i++) {
		const struct store_row *row = &op->rows_write.rows[i];
		struct user_hash user = row_user(row);
		struct key k = key_row(&user, op->rows_write.load);
		codec_row_encode(tables_start_value(t), row->values, row->n_values);
		if (!tables_keep_value(t, &values[i], err))
			return false;
		/* the user's partition may begin before the end and go on there */
		bool is_new = str_cmp(key_str(&k), key_str(end)) > 0 &&
			      memcmp(user.b, end->b, sizeof user.b) != 0;
		if (!is_new && !check_room(t, &user, op->rows_write.load, i,
					   k.n + values[i].n, err))
			return false;
	}
	return true;
}

bool ordered_rows_write(struct tables *t, const struct store_op *op, struct error *err)
{
	const struct store_document *progress = op->rows_write.progress;
	struct key end;
	struct str *values = arena_array(t->scratch, op->rows_write.n, sizeof *values);
	if (values == NULL)
		return no_memory(err);
	if (!table_end(t, &end, err) || !encode_rows(t, op, &end, values, err))
		return false;
	for (size_t i = 0; i < op->rows_write.n; i++) {
		struct user_hash user = row_user(&op->rows_write.rows[i]);
		struct key k = key_row(&user, op->rows_write.load);
		bool append = str_cmp(key_str(&k), key_str(&end)) > 0;
		if (!(append ? tables_append : tables_put)(t, TABLE_USERS, key_str(&k),
							   values[i], err))
			return false;
	}
	return progress == NULL || document_put(t, op->rows_write.c, progress->id,
						progress->body, STORE_ANY, NULL, err);
}

/* A profile that is refused stops no other; what may be tried again stops all. */
bool ordered_profiles_write(struct tables *t, const struct store_op *op,
			    struct error *err)
{
	for (size_t i = 0; i < op->profiles_write.n; i++) {
		const struct user_profile *p = &op->profiles_write.profiles[i];
		struct error *refused = &op->profiles_write.errors[i];
		struct store_user_change change = {.profile = p};
		bool was_dirty = t->dirty;
		error_clear(refused);
		if (!check_user_key(p->user, refused) ||
		    !check_profile(p->user, p, refused))
			continue;
		arena_reset(t->scratch);
		t->dirty = false;
		if (!commit_user(t, p->user, STORE_ANY, &change, NULL, refused)) {
			bool stop =
				t->dirty || error_kind_info(refused->kind)->retryable;
			t->dirty |= was_dirty;
			if (stop) {
				*err = *refused;
				return false;
			}
		}
		t->dirty |= was_dirty;
	}
	return true;
}

static bool is_live(const struct store_op *op, uint64_t load)
{
	size_t low = 0, high = op->rows_sweep.n_live;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (op->rows_sweep.live[mid] == load)
			return true;
		if (op->rows_sweep.live[mid] < load)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* A slice ends after so many records looked at. */
#define SWEEP_STEPS 20000

/* Dead rows of one slice; *at: the last key looked at, absent at the end. */
static bool sweep_find(struct tables *t, const struct store_op *op, struct key *dead,
		       size_t *n, struct key *at, struct error *err)
{
	struct str from = op->rows_sweep.resume;
	struct entry e;
	size_t steps = 0;
	*n = 0;
	at->n = 0;
	if (from.p == NULL)
		from = STR("\0");
	if (!tables_seek(t, TABLE_USERS, from, &e, err))
		return false;
	while (e.key.p != NULL && steps < SWEEP_STEPS && *n < op->rows_sweep.most) {
		if (e.key.n > sizeof at->b)
			return error_set(err, ERROR_CORRUPT, "",
					 "a stored key is too long");
		memcpy(at->b, e.key.p, e.key.n);
		at->n = e.key.n;
		steps++;
		if (key_user_kind(e.key) == USER_ROW &&
		    !is_live(op, key_u64(e.key, KEY_USER_TAIL)))
			dead[(*n)++] = *at;
		if (!tables_next(t, TABLE_USERS, &e, err))
			return false;
	}
	if (e.key.p == NULL)
		at->n = 0;
	return true;
}

bool ordered_rows_sweep(struct tables *t, const struct store_op *op, struct error *err)
{
	struct key at,
		*dead = arena_array(t->scratch, op->rows_sweep.most, sizeof *dead);
	size_t n;
	struct str resume = {NULL, 0};
	if (dead == NULL)
		return no_memory(err);
	if (!sweep_find(t, op, dead, &n, &at, err))
		return false;
	if (at.n > 0) {
		/* a partition's keys are at most as long as a resume may be, but for
		 * those of counts: go on at the beginning of the user's kind */
		if (at.n > 64)
			at.n = KEY_USER_TAIL;
		resume = arena_str(op->arena, key_str(&at));
		if (resume.p == NULL)
			return no_memory(err);
	}
	for (size_t i = 0; i < n; i++)
		if (!tables_del(t, TABLE_USERS, key_str(&dead[i]), err))
			return false;
	*op->rows_sweep.out_resume = resume;
	*op->rows_sweep.removed = n;
	return true;
}
