/* SPDX-License-Identifier: Apache-2.0 */
/* What is due. */
#include "store/ordered/ordered-internal.h"

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
