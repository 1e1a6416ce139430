/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of the conversion points: rows come from the outbox, and leave. */
#include "store/ordered/ordered-internal.h"

bool point_get(struct tables *t, struct str id, struct store_point *p,
	       struct error *err)
{
	struct key k = key_point(id);
	struct str value;
	*p = (struct store_point){0};
	if (!tables_get(t, TABLE_POINTS, key_str(&k), &value, err))
		return false;
	if (value.p != NULL) {
		value = arena_str(t->scratch, value);
		if (value.p == NULL)
			return no_memory(err);
		if (!codec_point_decode(value, p, err))
			return false;
	}
	p->id = id;
	return true;
}

bool point_put(struct tables *t, const struct store_point *p, struct error *err)
{
	struct key k = key_point(p->id);
	struct str value;
	codec_point_encode(tables_start_value(t), p);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_POINTS, key_str(&k), value, err);
}

bool queue_put(struct tables *t, const struct store_queue_row *row, struct error *err)
{
	struct key k = key_queue(row->event.point, row->due_ms, row->sequence);
	struct str value;
	codec_queue_encode(tables_start_value(t), row);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_QUEUE, key_str(&k), value, err);
}

/* Sorting ------------------------------------------------------------------------*/

/* What arrived, copied, as the writes that follow end the walk. */
static bool read_arrived(struct tables *t, size_t limit, struct store_queue_row *rows,
			 size_t *n, struct error *err)
{
	struct entry e;
	*n = 0;
	if (!tables_seek(t, TABLE_OUTBOX, STR("\0"), &e, err))
		return false;
	while (e.key.p != NULL && *n < limit) {
		struct store_queue_row *row = &rows[*n];
		struct str copy = arena_str(t->scratch, e.value);
		if (copy.p == NULL)
			return no_memory(err);
		if (!codec_outbox_decode(copy, &row->event, err))
			return false;
		row->sequence = key_u64(e.key, 0);
		(*n)++;
		if (!tables_next(t, TABLE_OUTBOX, &e, err))
			return false;
	}
	return true;
}

static bool count_waiting(struct tables *t, struct str point, uint64_t n,
			  struct error *err)
{
	struct store_point p;
	if (!point_get(t, point, &p, err))
		return false;
	p.waiting += n;
	return point_put(t, &p, err);
}

bool ordered_outbox_sort(struct tables *t, const struct store_op *op, struct error *err)
{
	size_t n, counted = 0;
	struct store_queue_row *rows =
		arena_array(t->scratch, op->outbox_sort.limit, sizeof *rows);
	if (rows == NULL)
		return no_memory(err);
	if (!read_arrived(t, op->outbox_sort.limit, rows, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct key arrived = key_outbox(rows[i].sequence);
		rows[i].due_ms = rows[i].queued_ms = op->outbox_sort.now_ms;
		if (!queue_put(t, &rows[i], err) ||
		    !tables_del(t, TABLE_OUTBOX, key_str(&arrived), err))
			return false;
		/* neighbours of one point are counted at once */
		if (i + 1 < n && str_eq(rows[i].event.point, rows[i + 1].event.point))
			continue;
		if (!count_waiting(t, rows[i].event.point, i + 1 - counted, err))
			return false;
		counted = i + 1;
	}
	*op->outbox_sort.moved = n;
	return true;
}

/* Listing ------------------------------------------------------------------------*/

static bool take_row(const struct store_op *op, const struct entry *e, size_t prefix,
		     struct store_queue_row *row, struct error *err)
{
	struct str copy = arena_str(op->arena, e->value);
	if (copy.p == NULL)
		return no_memory(err);
	if (!codec_queue_decode(copy, row, err))
		return false;
	row->due_ms = (int64_t)key_u64(e->key, prefix);
	row->sequence = key_u64(e->key, prefix + 8);
	return true;
}

bool ordered_queue_list(struct tables *t, const struct store_op *op, struct error *err)
{
	struct key all = key_point(op->queue_list.point);
	struct key from = key_queue(op->queue_list.point, op->queue_list.after_due_ms,
				    op->queue_list.after_sequence);
	struct store_queue_list list = {0};
	struct entry e;
	from.b[from.n++] = 0; /* the least key behind it */
	if (!tables_seek(t, TABLE_QUEUE, key_str(&from), &e, err))
		return false;
	while (e.key.p != NULL && str_starts(e.key, key_str(&all)) &&
	       (int64_t)key_u64(e.key, all.n) <= op->queue_list.until_ms) {
		if (list.n == op->queue_list.limit) {
			list.more = true;
			break;
		}
		struct store_queue_row *more =
			one_more(op->arena, list.items, list.n, sizeof *more);
		if (more == NULL)
			return no_memory(err);
		list.items = more;
		if (!take_row(op, &e, all.n, &list.items[list.n], err))
			return false;
		list.n++;
		if (!tables_next(t, TABLE_QUEUE, &e, err))
			return false;
	}
	*op->queue_list.out = list;
	return true;
}

bool ordered_point_list(struct tables *t, const struct store_op *op, struct error *err)
{
	struct store_point_list list = {0};
	struct entry e;
	if (!tables_seek(t, TABLE_POINTS, STR("\0"), &e, err))
		return false;
	while (e.key.p != NULL) {
		struct store_point *more =
			one_more(op->arena, list.items, list.n, sizeof *more);
		struct str copy = arena_str(op->arena, e.value);
		/* without the NUL at the end */
		struct str id = arena_str(op->arena, str_slice(e.key, 0, e.key.n - 1));
		if (more == NULL || copy.p == NULL || id.p == NULL)
			return no_memory(err);
		list.items = more;
		if (!codec_point_decode(copy, &list.items[list.n], err))
			return false;
		list.items[list.n++].id = id;
		if (!tables_next(t, TABLE_POINTS, &e, err))
			return false;
	}
	*op->point_list.out = list;
	return true;
}

/* Settling -----------------------------------------------------------------------*/

/* Is it still where it was listed? *row is of scratch. */
static bool find_row(struct tables *t, struct str point, const struct store_outcome *o,
		     struct store_queue_row *row, bool *there, struct error *err)
{
	struct key k = key_queue(point, o->due_ms, o->sequence);
	struct str value;
	*there = false;
	if (!tables_get(t, TABLE_QUEUE, key_str(&k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	value = arena_str(t->scratch, value);
	if (value.p == NULL)
		return no_memory(err);
	if (!codec_queue_decode(value, row, err))
		return false;
	row->sequence = o->sequence;
	row->due_ms = o->due_ms;
	*there = true;
	return true;
}

static bool put_dead(struct tables *t, const struct store_queue_row *row,
		     struct str error, struct error *err)
{
	struct store_dead_row dead = {.row = *row, .error = error};
	struct key k = key_dead(row->event.point, row->sequence);
	struct str value;
	codec_dead_encode(tables_start_value(t), &dead);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_DEAD, key_str(&k), value, err);
}

static bool settle_row(struct tables *t, struct store_point *p,
		       struct store_queue_row *row, const struct store_outcome *o,
		       int64_t now_ms, struct error *err)
{
	struct key k = key_queue(p->id, row->due_ms, row->sequence);
	if (!tables_del(t, TABLE_QUEUE, key_str(&k), err))
		return false;
	if (o->fate == STORE_FATE_LATER) {
		row->attempts += row->attempts < UINT32_MAX;
		row->first_ms = row->first_ms != 0 ? row->first_ms : now_ms;
		row->due_ms = o->next_ms;
		return queue_put(t, row, err);
	}
	p->waiting -= p->waiting > 0;
	p->sent += o->fate == STORE_FATE_SENT;
	p->erased += o->fate == STORE_FATE_ERASED;
	if (o->fate != STORE_FATE_DEAD)
		return true;
	p->dead++;
	row->due_ms = now_ms;
	return put_dead(t, row, o->error, err);
}

bool ordered_queue_settle(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	size_t n = op->queue_settle.n;
	const struct store_outcome *o = op->queue_settle.outcomes;
	struct store_queue_row *rows = arena_array(t->scratch, n, sizeof *rows);
	bool *there = arena_array(t->scratch, n, sizeof *there);
	struct store_point p;
	if (rows == NULL || there == NULL)
		return no_memory(err);
	if (!point_get(t, op->queue_settle.point, &p, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!find_row(t, p.id, &o[i], &rows[i], &there[i], err))
			return false;
	for (size_t i = 0; i < n; i++)
		if (there[i] &&
		    !settle_row(t, &p, &rows[i], &o[i], op->queue_settle.now_ms, err))
			return false;
	p.state = *op->queue_settle.state;
	return point_put(t, &p, err);
}
