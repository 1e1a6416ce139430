/* SPDX-License-Identifier: Apache-2.0 */
/* Reading partitions: one user whole, profiles one after the other, the user of an
 * instance. */
#include "store/ordered/ordered-internal.h"

#include <stdlib.h>

/* Most partitions have no more records than this that a read returns. */
#define FOUND_MAX 32

/* What a read will return, counted in a walk that also notes the first of it. */
struct extent {
	size_t n_rows, n_assignments, bytes;
	struct entry found[FOUND_MAX];
	size_t n; /* may be more than were noted */
};

static bool is_wanted(const struct store_op *op, uint64_t load)
{
	if (op->user_read.n_loads == SIZE_MAX)
		return true;
	size_t low = 0, high = op->user_read.n_loads;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (op->user_read.loads[mid] == load)
			return true;
		if (op->user_read.loads[mid] < load)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static bool is_read(const struct store_op *op, const struct user_hash *user,
		    struct str key)
{
	if (key_is_user(key, user, USER_ROW))
		return is_wanted(op, key_u64(key, KEY_USER_TAIL));
	return true;
}

static bool measure(struct tables *t, const struct store_op *op,
		    const struct user_hash *user, struct extent *x, struct error *err)
{
	struct key k = key_user(user, USER_HEAD);
	struct entry e;
	x->n_rows = x->n_assignments = x->bytes = x->n = 0;
	if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
		return false;
	while (key_in_record(e.key, user)) {
		if (is_read(op, user, e.key)) {
			enum user_kind kind = key_user_kind(e.key);
			x->bytes += e.value.n;
			x->n_rows += kind == USER_ROW;
			x->n_assignments += kind == USER_ASSIGNMENT;
			if (x->n < FOUND_MAX)
				x->found[x->n] = e;
			x->n++;
		}
		if (!tables_next(t, TABLE_USERS, &e, err))
			return false;
	}
	return true;
}

/* The places that the second walk fills. */
struct filling {
	struct user_record record;
	struct assignment *assignments;
	struct recipient_row *rows;
	char *bytes; /* the records' own, for texts to point into */
};

static bool take_head(const struct store_op *op, struct str bytes, struct filling *f,
		      struct error *err)
{
	struct codec_head head;
	if (!codec_head_decode(bytes, op->arena, &head, err))
		return false;
	if (!str_eq(head.profile.user, op->user_read.user_key))
		return error_set(err, ERROR_CORRUPT, "",
				 "a user's record bears another user's key");
	f->record.revision = head.revision;
	f->record.known = head.known;
	f->record.profile = head.profile;
	return true;
}

static bool take_record(const struct store_op *op, const struct entry *e,
			struct filling *f, struct error *err)
{
	struct str bytes = {f->bytes, e->value.n};
	if (bytes.n > 0)
		memcpy(f->bytes, e->value.p, bytes.n);
	f->bytes += bytes.n;
	switch (key_user_kind(e->key)) {
	case USER_HEAD:
		return take_head(op, bytes, f, err);
	case USER_ROW: {
		struct recipient_row *row = &f->rows[f->record.n_rows++];
		row->load = key_u64(e->key, KEY_USER_TAIL);
		return codec_row_decode(bytes, op->arena, row, err);
	}
	case USER_ASSIGNMENT: {
		struct assignment *a = &f->assignments[f->record.n_assignments++];
		if (!codec_assignment_decode(bytes, a, err))
			return false;
		a->instance = key_id16(e->key, KEY_USER_TAIL);
		return true;
	}
	default:
		return true;
	}
}

static int by_time(const void *pa, const void *pb)
{
	const struct assignment *a = pa, *b = pb;
	if (a->assigned_ms != b->assigned_ms)
		return a->assigned_ms < b->assigned_ms ? -1 : 1;
	return memcmp(a->instance.b, b->instance.b, ID_LEN);
}

/* From what was noted, or by a second walk. */
static bool fill(struct tables *t, const struct store_op *op,
		 const struct user_hash *user, const struct extent *x,
		 struct filling *f, struct error *err)
{
	struct key k = key_user(user, USER_HEAD);
	struct entry e;
	if (x->n <= FOUND_MAX) {
		for (size_t i = 0; i < x->n; i++)
			if (!take_record(op, &x->found[i], f, err))
				return false;
		return true;
	}
	if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
		return false;
	while (key_in_record(e.key, user)) {
		if (is_read(op, user, e.key) && !take_record(op, &e, f, err))
			return false;
		if (!tables_next(t, TABLE_USERS, &e, err))
			return false;
	}
	return true;
}

bool ordered_user_read(struct tables *t, const struct store_op *op, struct error *err)
{
	struct user_hash user = user_hash(op->user_read.user_key);
	struct extent x;
	struct filling f = {0};
	*op->user_read.out = (struct user_record){0};
	if (!measure(t, op, &user, &x, err))
		return false;
	if (x.bytes == 0)
		return true;
	f.bytes = arena_alloc(op->arena, x.bytes);
	f.assignments = arena_array(op->arena, x.n_assignments, sizeof *f.assignments);
	f.rows = arena_array(op->arena, x.n_rows, sizeof *f.rows);
	if (f.bytes == NULL || f.assignments == NULL || f.rows == NULL)
		return no_memory(err);
	if (!fill(t, op, &user, &x, &f, err))
		return false;
	if (f.record.n_assignments > 1)
		qsort(f.assignments, f.record.n_assignments, sizeof *f.assignments,
		      by_time);
	f.record.assignments = f.assignments;
	f.record.rows = f.rows;
	*op->user_read.out = f.record;
	return true;
}

/* A head's profile with texts in the arena; *n grows if there is one. */
static bool scan_one(const struct store_op *op, struct str bytes,
		     struct store_scan *scan, struct error *err)
{
	struct codec_head head;
	struct str copy = arena_str(op->arena, bytes);
	if (copy.p == NULL)
		return no_memory(err);
	if (!codec_head_decode(copy, op->arena, &head, err))
		return false;
	if (!head.known)
		return true;
	struct user_profile *more =
		one_more(op->arena, scan->profiles, scan->n, sizeof *more);
	if (more == NULL)
		return no_memory(err);
	scan->profiles = more;
	scan->profiles[scan->n++] = head.profile;
	return true;
}

/* Looks at no more heads than this in one call: some have no profile, and many
 * partitions have no head. */
#define SCAN_STEPS 20000

bool ordered_user_scan(struct tables *t, const struct store_op *op, struct error *err)
{
	struct str resume = op->user_scan.resume;
	struct store_scan scan = {0};
	struct user_hash user = {{0}};
	struct key k = key_user(&user, USER_HEAD);
	struct entry e;
	size_t steps = 0;
	if (resume.p != NULL) {
		user = key_user_of(resume);
		k = key_user(&user, USER_END);
	}
	if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
		return false;
	while (e.key.p != NULL && scan.n < op->user_scan.limit && steps < SCAN_STEPS) {
		user = key_user_of(e.key);
		if (key_is_user(e.key, &user, USER_HEAD) &&
		    !scan_one(op, e.value, &scan, err))
			return false;
		steps++;
		k = key_user(&user, USER_END); /* the next user */
		if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
			return false;
	}
	if (e.key.p != NULL) {
		/* limit 0 has looked at nobody */
		scan.resume = steps == 0 ? arena_str(op->arena, resume)
					 : arena_str(op->arena,
						     (struct str){(const char *)user.b,
								  sizeof user.b});
		if (arena_failed(op->arena))
			return no_memory(err);
	}
	*op->user_scan.out = scan;
	return true;
}

bool ordered_instance_get(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	struct key k = key_instance(op->instance_get.instance);
	struct str value, user_key;
	struct user_hash user;
	struct assignment a;
	*op->instance_get.out = (struct store_instance){0};
	if (!tables_get(t, TABLE_INSTANCES, key_str(&k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	if (value.n != sizeof user.b)
		return error_set(err, ERROR_CORRUPT, "",
				 "a stored instance is damaged");
	memcpy(user.b, value.p, sizeof user.b);
	k = key_assignment(&user, op->instance_get.instance);
	if (!user_key_of(t, &user, &user_key, err) ||
	    !tables_get(t, TABLE_USERS, key_str(&k), &value, err))
		return false;
	if (user_key.p == NULL || value.p == NULL)
		return true;
	if (!codec_assignment_decode(value, &a, err))
		return false;
	struct store_instance out = {arena_str(op->arena, user_key),
				     arena_str(op->arena, a.campaign), a.assigned_ms};
	if (out.user_key.p == NULL || arena_failed(op->arena))
		return no_memory(err);
	*op->instance_get.out = out;
	return true;
}
