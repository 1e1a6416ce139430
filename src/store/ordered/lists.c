/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox in order of arrival, and what is due. */
#include "store/ordered/ordered-internal.h"

static bool outbox_one(const struct store_op *op, const struct entry *e,
		       struct store_outbox_row *row, struct error *err)
{
	struct str copy = arena_str(op->arena, e->value);
	if (copy.p == NULL)
		return no_memory(err);
	return codec_outbox_decode(copy, row, err);
}

bool ordered_outbox_list(struct tables *t, const struct store_op *op, struct error *err)
{
	struct str resume = op->outbox_list.resume;
	struct store_outbox_list list = {0};
	uint64_t last = resume.p != NULL ? key_u64(resume, 0) : 0;
	struct key k = key_outbox(last + 1);
	struct entry e;
	if (!tables_seek(t, TABLE_OUTBOX, key_str(&k), &e, err))
		return false;
	while (e.key.p != NULL && list.n < op->outbox_list.limit) {
		last = key_u64(e.key, 0);
		struct store_outbox_row *more =
			one_more(op->arena, list.items, list.n, sizeof *more);
		if (more == NULL)
			return no_memory(err);
		list.items = more;
		if (!outbox_one(op, &e, &list.items[list.n], err))
			return false;
		list.n++;
		if (!tables_next(t, TABLE_OUTBOX, &e, err))
			return false;
	}
	if (e.key.p != NULL) {
		k = key_outbox(last);
		list.resume = arena_str(op->arena, key_str(&k));
		if (list.resume.p == NULL)
			return no_memory(err);
	}
	*op->outbox_list.out = list;
	return true;
}

bool ordered_due_list(struct tables *t, const struct store_op *op, struct error *err)
{
	struct store_due_entry *items = NULL;
	struct entry e;
	struct user_hash user;
	struct str user_key;
	size_t n = 0;
	if (!tables_seek(t, TABLE_DUE, STR("\0"), &e, err))
		return false;
	while (e.key.p != NULL && n < op->due_list.limit &&
	       (int64_t)key_u64(e.key, 0) <= op->due_list.now_ms) {
		struct store_due_entry *more =
			one_more(op->arena, items, n, sizeof *more);
		if (more == NULL)
			return no_memory(err);
		items = more;
		items[n].due_ms = (int64_t)key_u64(e.key, 0);
		items[n].instance = key_id16(e.key, 8);
		user = key_user_of(e.value);
		if (!user_key_of(t, &user, &user_key, err))
			return false;
		if (user_key.p != NULL) {
			items[n].user_key = arena_str(op->arena, user_key);
			if (items[n].user_key.p == NULL)
				return no_memory(err);
			n++;
		}
		if (!tables_next(t, TABLE_DUE, &e, err))
			return false;
	}
	*op->due_list.out = items;
	*op->due_list.n = n;
	return true;
}
