/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered tables of bytes in one transaction: what memory and LMDB offer to the
 * operations in this folder, which are the same for both.
 *
 * An operation checks everything before its first write. If it fails before, the
 * transaction goes on without it; if it fails after (no room, no memory), whoever
 * runs the transaction takes back all that the operation wrote. */
#ifndef INLAY_STORE_ORDERED_TABLES_H
#define INLAY_STORE_ORDERED_TABLES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* X(NAME, name in LMDB); keys are described in keys.h */
#define TABLES(X)                                                                      \
	X(META, "meta")             /* owner, counters */                              \
	X(DOCUMENTS, "documents")   /* collection, id -> revision, body */             \
	X(USERS, "users")           /* the partitions */                               \
	X(IDENTITIES, "identities") /* kind, hash of the text -> user */               \
	X(INSTANCES, "instances")   /* instance -> user */                             \
	X(EVENTS, "events")         /* hour of assignment, event -> counted as */      \
	X(STATISTICS, "statistics") /* campaign, hour, statistic -> sums */            \
	X(OUTBOX, "outbox")         /* order of arrival -> row */                      \
	X(OUTBOX_IDS, "outbox-ids") /* event, point: is or was in the outbox */        \
	X(DUE, "due")               /* time, instance -> user */                       \
	X(QUEUE, "queue")           /* point, due, arrival -> row on its way out */    \
	X(DEAD, "dead")             /* point, arrival -> row that was given up */      \
	X(POINTS, "points")         /* point -> counts, how it fares */
enum table {
#define X(name, text) TABLE_##name,
	TABLES(X)
#undef X
		TABLES_COUNT
};

/* Valid until the next write to any table and the end of the transaction. */
struct entry {
	struct str key, value; /* key absent: there is none */
};

struct tables;
struct tables_ops {
	/* *value absent if there is no such key */
	bool (*get)(struct tables *t, enum table table, struct str key,
		    struct str *value, struct error *err);
	/* The first entry with a key >= key; next: the one behind. A write to the
	 * table ends a walk: seek again. One walk a table at a time. */
	bool (*seek)(struct tables *t, enum table table, struct str key,
		     struct entry *out, struct error *err);
	bool (*next)(struct tables *t, enum table table, struct entry *out,
		     struct error *err);
	bool (*last)(struct tables *t, enum table table, struct entry *out,
		     struct error *err);
	/* append: the key is greater than every other of the table */
	bool (*put)(struct tables *t, enum table table, struct str key,
		    struct str value, bool append, struct error *err);
	/* A key that is not there is fine. */
	bool (*del)(struct tables *t, enum table table, struct str key,
		    struct error *err);
};

struct tables {
	const struct tables_ops *ops;
	bool dirty;            /* something was written since the operation began */
	struct arena *scratch; /* empty at the beginning of each operation */
	struct buf value;      /* to encode in */
};

/* Room for one operation's own copies: a rows_write of large rows is the most. */
#define TABLES_SCRATCH_MAX ((size_t)512 * 1024 * 1024)
#define TABLES_VALUE_MAX ((size_t)4 * 1024 * 1024)

static inline bool tables_get(struct tables *t, enum table table, struct str key,
			      struct str *value, struct error *err)
{
	return t->ops->get(t, table, key, value, err);
}
static inline bool tables_seek(struct tables *t, enum table table, struct str key,
			       struct entry *out, struct error *err)
{
	return t->ops->seek(t, table, key, out, err);
}
static inline bool tables_next(struct tables *t, enum table table, struct entry *out,
			       struct error *err)
{
	return t->ops->next(t, table, out, err);
}
static inline bool tables_last(struct tables *t, enum table table, struct entry *out,
			       struct error *err)
{
	return t->ops->last(t, table, out, err);
}
static inline bool tables_put(struct tables *t, enum table table, struct str key,
			      struct str value, struct error *err)
{
	t->dirty = true;
	return t->ops->put(t, table, key, value, false, err);
}
static inline bool tables_append(struct tables *t, enum table table, struct str key,
				 struct str value, struct error *err)
{
	t->dirty = true;
	return t->ops->put(t, table, key, value, true, err);
}
static inline bool tables_del(struct tables *t, enum table table, struct str key,
			      struct error *err)
{
	t->dirty = true;
	return t->ops->del(t, table, key, err);
}

/* Empties t->value; encode into it, then take it: borrowed until the next start. */
static inline struct buf *tables_start_value(struct tables *t)
{
	buf_clear(&t->value);
	return &t->value;
}
bool tables_take_value(struct tables *t, struct str *out, struct error *err);
/* The same, copied to scratch. */
bool tables_keep_value(struct tables *t, struct str *out, struct error *err);

#endif
