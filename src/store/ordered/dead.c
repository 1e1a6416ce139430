/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: what a conversion point did not take within its time. */
#include "store/ordered/ordered-internal.h"

static bool decode(struct arena *arena, struct str value, uint64_t sequence,
		   struct store_dead_row *row, struct error *err)
{
	struct str copy = arena_str(arena, value);
	if (copy.p == NULL)
		return no_memory(err);
	if (!codec_dead_decode(copy, row, err))
		return false;
	row->row.sequence = sequence;
	return true;
}

bool ordered_dead_list(struct tables *t, const struct store_op *op, struct error *err)
{
	struct key all = key_point(op->dead_list.point);
	struct key from = key_dead(op->dead_list.point, op->dead_list.after);
	struct store_dead_list list = {0};
	struct entry e;
	from.b[from.n++] = 0; /* the least key behind it */
	if (!tables_seek(t, TABLE_DEAD, key_str(&from), &e, err))
		return false;
	while (e.key.p != NULL && str_starts(e.key, key_str(&all))) {
		if (list.n == op->dead_list.limit) {
			list.more = true;
			break;
		}
		struct store_dead_row *more =
			one_more(op->arena, list.items, list.n, sizeof *more);
		if (more == NULL)
			return no_memory(err);
		list.items = more;
		if (!decode(op->arena, e.value, key_u64(e.key, all.n),
			    &list.items[list.n], err))
			return false;
		list.n++;
		if (!tables_next(t, TABLE_DEAD, &e, err))
			return false;
	}
	*op->dead_list.out = list;
	return true;
}

static bool find(struct tables *t, const struct store_op *op, size_t i,
		 struct store_dead_row *row, bool *there, struct error *err)
{
	uint64_t sequence = op->dead_order.sequences[i];
	struct key k = key_dead(op->dead_order.point, sequence);
	struct str value;
	if (!tables_get(t, TABLE_DEAD, key_str(&k), &value, err))
		return false;
	*there = value.p != NULL;
	return !*there || decode(t->scratch, value, sequence, row, err);
}

static bool move(struct tables *t, const struct store_op *op, struct store_point *p,
		 struct store_queue_row *row, struct error *err)
{
	struct key k = key_dead(p->id, row->sequence);
	if (!tables_del(t, TABLE_DEAD, key_str(&k), err))
		return false;
	p->dead -= p->dead > 0;
	if (op->dead_order.order == STORE_DEAD_DISCARD)
		return true;
	p->waiting++;
	row->due_ms = row->queued_ms = op->dead_order.now_ms;
	row->first_ms = 0;
	row->attempts = 0;
	return queue_put(t, row, err);
}

bool ordered_dead_order(struct tables *t, const struct store_op *op, struct error *err)
{
	size_t n = op->dead_order.n, moved = 0;
	struct store_dead_row *rows = arena_array(t->scratch, n, sizeof *rows);
	bool *there = arena_array(t->scratch, n, sizeof *there);
	struct store_point p;
	if (rows == NULL || there == NULL)
		return no_memory(err);
	if (!point_get(t, op->dead_order.point, &p, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!find(t, op, i, &rows[i], &there[i], err))
			return false;
		for (size_t j = 0; j < i && there[i]; j++)
			there[i] = rows[j].row.sequence != rows[i].row.sequence ||
				   !there[j];
	}
	for (size_t i = 0; i < n; i++) {
		moved += there[i];
		if (there[i] && !move(t, op, &p, &rows[i].row, err))
			return false;
	}
	*op->dead_order.moved = moved;
	if (moved == 0)
		return true;
	if (op->dead_order.order == STORE_DEAD_REPLAY)
		p.state.next_ms = 0;
	return point_put(t, &p, err);
}
