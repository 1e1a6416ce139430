/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of store.h about deliveries: as calls.c. */
#include "store/check.h"
#include "store/store-internal.h"

void store_outbox_sort(struct store_db *db, int64_t now_ms, size_t limit, size_t *moved,
		       store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_OUTBOX_SORT, db, done, ctx, NULL, {{0}}};
	op.outbox_sort.now_ms = now_ms;
	op.outbox_sort.limit = store_at_most(limit, STORE_SORT_MAX);
	op.outbox_sort.moved = moved;
	store_op_begin(&op, check_time(now_ms, &err), &err);
}

void store_queue_list(struct store_db *db, struct str point, int64_t after_due_ms,
		      uint64_t after_sequence, int64_t until_ms, size_t limit,
		      struct arena *arena, struct store_queue_list *out, store_fn *done,
		      void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_QUEUE_LIST, db, done, ctx, arena, {{0}}};
	op.queue_list.point = point;
	op.queue_list.after_due_ms = after_due_ms;
	op.queue_list.after_sequence = after_sequence;
	op.queue_list.until_ms = until_ms;
	op.queue_list.limit = store_at_most(limit, STORE_LIMIT_MAX);
	op.queue_list.out = out;
	store_op_begin(&op,
		       check_name(point, "conversion point", &err) &&
			       check_time(after_due_ms, &err) &&
			       check_time(until_ms, &err),
		       &err);
}

void store_queue_settle(struct store_db *db, struct str point,
			const struct store_outcome *outcomes, size_t n,
			const struct store_point_state *state, int64_t now_ms,
			store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_QUEUE_SETTLE, db, done, ctx, NULL, {{0}}};
	op.queue_settle.point = point;
	op.queue_settle.outcomes = outcomes;
	op.queue_settle.n = n;
	op.queue_settle.state = state;
	op.queue_settle.now_ms = now_ms;
	store_op_begin(&op,
		       check_name(point, "conversion point", &err) &&
			       check_outcomes(outcomes, n, &err) &&
			       check_point_state(state, &err) &&
			       check_time(now_ms, &err),
		       &err);
}

void store_point_list(struct store_db *db, struct arena *arena,
		      struct store_point_list *out, store_fn *done, void *ctx)
{
	struct store_op op = {STORE_OP_POINT_LIST, db, done, ctx, arena, {{0}}};
	op.point_list.out = out;
	store_submit(&op);
}

void store_dead_list(struct store_db *db, struct str point, uint64_t after,
		     size_t limit, struct arena *arena, struct store_dead_list *out,
		     store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_DEAD_LIST, db, done, ctx, arena, {{0}}};
	op.dead_list.point = point;
	op.dead_list.after = after;
	op.dead_list.limit = store_at_most(limit, STORE_LIMIT_MAX);
	op.dead_list.out = out;
	store_op_begin(&op, check_name(point, "conversion point", &err), &err);
}

void store_dead_order(struct store_db *db, struct str point, const uint64_t *sequences,
		      size_t n, enum store_dead_order order, int64_t now_ms,
		      size_t *moved, store_fn *done, void *ctx)
{
	struct error err;
	struct store_op op = {STORE_OP_DEAD_ORDER, db, done, ctx, NULL, {{0}}};
	op.dead_order.point = point;
	op.dead_order.sequences = sequences;
	op.dead_order.n = n;
	op.dead_order.order = order;
	op.dead_order.now_ms = now_ms;
	op.dead_order.moved = moved;
	bool ok = n <= STORE_SETTLE_MAX ||
		  error_set(&err, ERROR_TOO_LARGE, "",
			    "over %d dead letters in one call", STORE_SETTLE_MAX);
	store_op_begin(&op,
		       ok && check_name(point, "conversion point", &err) &&
			       check_time(now_ms, &err),
		       &err);
}
