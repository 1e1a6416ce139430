/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ordered/ordered-internal.h"

static ordered_fn *const operations[STORE_OPS_COUNT] = {
#define X(name, member, class) [STORE_OP_##name] = ordered_##member,
	STORE_OPS(X)
#undef X
};

bool ordered_run(struct tables *t, const struct store_op *op, struct error *err)
{
	arena_reset(t->scratch);
	t->dirty = false;
	return operations[op->kind](t, op, err);
}

bool no_memory(struct error *err)
{
	return error_set(err, ERROR_MEMORY, "", "no memory for what the store gave");
}

void *one_more(struct arena *arena, void *items, size_t n, size_t size)
{
	/* full at 0 and at the powers of two from 16 on */
	if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
		return items;
	void *more = arena_array(arena, n == 0 ? 16 : n * 2, size);
	if (more != NULL && n > 0)
		memcpy(more, items, n * size);
	return more;
}

bool tables_take_value(struct tables *t, struct str *out, struct error *err)
{
	*out = buf_str(&t->value);
	if (buf_ok(&t->value))
		return true;
	if (t->value.state == BUF_FULL)
		return error_set(err, ERROR_TOO_LARGE, "", "a record is too large");
	return no_memory(err);
}

bool tables_keep_value(struct tables *t, struct str *out, struct error *err)
{
	if (!tables_take_value(t, out, err))
		return false;
	*out = arena_str(t->scratch, *out);
	return out->p != NULL || no_memory(err);
}
