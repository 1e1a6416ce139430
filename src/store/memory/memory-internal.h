/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the memory backend. */
#ifndef INLAY_STORE_MEMORY_MEMORY_INTERNAL_H
#define INLAY_STORE_MEMORY_MEMORY_INTERNAL_H

#include "store/memory/skiplist.h"
#include "store/ordered/ordered.h"

/* tables.c: ordered tables of skip lists. One user at a time. */
struct memory_undo;
struct memory_tables {
	struct tables t; /* first: what operations see */
	struct skiplist lists[TABLES_COUNT];
	struct skipnode *walks[TABLES_COUNT];
	struct memory_undo *undo; /* newest first */
};
bool memory_tables_init(struct memory_tables *m);
void memory_tables_free(struct memory_tables *m);
/* One operation, whole or not at all. */
bool memory_tables_run(struct memory_tables *m, const struct store_op *op,
		       struct error *err);
/* Ends what was written outside of memory_tables_run. */
void memory_tables_end(struct memory_tables *m, bool keep);

/* delay.c: operations that end later, in another order, on another thread. `run`
 * carries one out, some when they are given and some when they end. */
struct delay;
typedef bool delay_run_fn(void *db, const struct store_op *op, struct error *err);
struct delay *delay_new(unsigned max_ms, delay_run_fn *run);
void delay_free(struct delay *d); /* NULL is fine; nothing waits any more */
void delay_submit(struct delay *d, void *db, const struct store_op *op);

#endif
