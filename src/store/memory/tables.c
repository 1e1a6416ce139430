/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered tables in memory. What an operation replaces or removes is kept until it
 * ends, so that one that fails half-way leaves nothing behind. */
#include "store/memory/memory-internal.h"

#include <stdlib.h>

/* How to take back one write: take out the key, then put the old node back. */
struct memory_undo {
	struct memory_undo *next;
	enum table table;
	struct skipnode *old; /* NULL: there was none, `key` is out again */
	struct str key;       /* of the node put in; NULL: it was a removal */
};

static struct memory_tables *self(struct tables *t)
{
	return (struct memory_tables *)t;
}

static bool get(struct tables *t, enum table table, struct str key, struct str *value,
		struct error *err)
{
	(void)err;
	struct skipnode *node = skiplist_find(&self(t)->lists[table], key);
	*value = node != NULL ? node->value : (struct str){NULL, 0};
	return true;
}

static bool show(struct memory_tables *m, enum table table, struct skipnode *node,
		 struct entry *out)
{
	m->walks[table] = node;
	*out = node != NULL ? (struct entry){node->key, node->value}
			    : (struct entry){{NULL, 0}, {NULL, 0}};
	return true;
}

static bool seek(struct tables *t, enum table table, struct str key, struct entry *out,
		 struct error *err)
{
	(void)err;
	return show(self(t), table, skiplist_seek(&self(t)->lists[table], key), out);
}

static bool next(struct tables *t, enum table table, struct entry *out,
		 struct error *err)
{
	(void)err;
	struct skipnode *node = self(t)->walks[table];
	return show(self(t), table, node != NULL ? node->next[0] : NULL, out);
}

static bool last(struct tables *t, enum table table, struct entry *out,
		 struct error *err)
{
	(void)err;
	return show(self(t), table, skiplist_last(&self(t)->lists[table]), out);
}

static struct memory_undo *undo_new(enum table table, struct error *err)
{
	struct memory_undo *u = calloc(1, sizeof *u);
	if (u == NULL)
		error_set(err, ERROR_MEMORY, "", "no memory for what is to be stored");
	else
		u->table = table;
	return u;
}

static void undo_push(struct memory_tables *m, struct memory_undo *u)
{
	u->next = m->undo;
	m->undo = u;
	m->walks[u->table] = NULL;
}

static bool put(struct tables *t, enum table table, struct str key, struct str value,
		bool append, struct error *err)
{
	(void)append;
	struct memory_tables *m = self(t);
	struct memory_undo *u = undo_new(table, err);
	if (u == NULL)
		return false;
	struct skipnode *node = skiplist_node(&m->lists[table], key, value);
	if (node == NULL) {
		free(u);
		return error_set(err, ERROR_MEMORY, "",
				 "no memory for what is to be stored");
	}
	u->old = skiplist_remove(&m->lists[table], key);
	u->key = node->key;
	skiplist_insert(&m->lists[table], node);
	undo_push(m, u);
	return true;
}

static bool del(struct tables *t, enum table table, struct str key, struct error *err)
{
	struct memory_tables *m = self(t);
	struct memory_undo *u = undo_new(table, err);
	if (u == NULL)
		return false;
	u->old = skiplist_remove(&m->lists[table], key);
	undo_push(m, u);
	return true;
}

void memory_tables_end(struct memory_tables *m, bool keep)
{
	while (m->undo != NULL) {
		struct memory_undo *u = m->undo;
		m->undo = u->next;
		if (keep) {
			skiplist_node_free(u->old);
		} else {
			struct skiplist *l = &m->lists[u->table];
			if (u->key.p != NULL)
				skiplist_node_free(skiplist_remove(l, u->key));
			if (u->old != NULL)
				skiplist_insert(l, u->old);
		}
		free(u);
	}
}

static const struct tables_ops ops = {get, seek, next, last, put, del};

bool memory_tables_init(struct memory_tables *m)
{
	*m = (struct memory_tables){.t.ops = &ops};
	for (size_t i = 0; i < TABLES_COUNT; i++)
		skiplist_init(&m->lists[i]);
	buf_init(&m->t.value, TABLES_VALUE_MAX);
	m->t.scratch = arena_new(TABLES_SCRATCH_MAX);
	return m->t.scratch != NULL;
}

void memory_tables_free(struct memory_tables *m)
{
	for (size_t i = 0; i < TABLES_COUNT; i++)
		skiplist_free(&m->lists[i]);
	buf_free(&m->t.value);
	arena_free(m->t.scratch);
}

bool memory_tables_run(struct memory_tables *m, const struct store_op *op,
		       struct error *err)
{
	bool ok = ordered_run(&m->t, op, err);
	memory_tables_end(m, ok);
	return ok;
}
