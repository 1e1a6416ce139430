/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered tables over a transaction of LMDB. */
#include "store/lmdb/lmdb-internal.h"

#include <errno.h>

bool lmdb_error(const struct environment *env, int code, const char *what,
		struct error *err)
{
	switch (code) {
	case MDB_MAP_FULL:
		return error_set(err, ERROR_FULL, "",
				 "%s: the database has its greatest size", env->path);
	case MDB_READERS_FULL:
		return error_set(err, ERROR_BUSY, "", "%s: too many readers at once",
				 env->path);
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return error_set(err, ERROR_CORRUPT, "", "%s: %s: %s", env->path, what,
				 mdb_strerror(code));
	case MDB_PANIC:
		return error_set(err, ERROR_IO, "",
				 "%s: a write to the disk failed before", env->path);
	default:
		if (code > 0)
			return error_set_errno(err, "", code, "%s: %s", env->path,
					       what);
		return error_set(err, ERROR_INTERNAL, "", "%s: %s: %s", env->path, what,
				 mdb_strerror(code));
	}
}

static struct lmdb_tables *self(struct tables *t)
{
	return (struct lmdb_tables *)t;
}

static bool failed(struct lmdb_tables *l, int code, const char *what, struct error *err)
{
	if (l->code == 0)
		l->code = code;
	return lmdb_error(l->env, code, what, err);
}

static MDB_val to_val(struct str s)
{
	return (MDB_val){s.n, (void *)(uintptr_t)(s.p != NULL ? s.p : "")};
}

static struct str to_str(MDB_val v)
{
	return (struct str){v.mv_data != NULL ? v.mv_data : "", v.mv_size};
}

static bool get(struct tables *t, enum table table, struct str key, struct str *value,
		struct error *err)
{
	struct lmdb_tables *l = self(t);
	MDB_val k = to_val(key), v;
	int code = mdb_get(l->txn, l->env->dbi[table], &k, &v);
	*value = code == 0 ? to_str(v) : (struct str){NULL, 0};
	return code == 0 || code == MDB_NOTFOUND || failed(l, code, "read", err);
}

static bool cursor(struct lmdb_tables *l, enum table table, struct error *err)
{
	int code = 0;
	if (l->cursors[table] == NULL)
		code = mdb_cursor_open(l->txn, l->env->dbi[table], &l->cursors[table]);
	else if (!l->renewed[table])
		code = mdb_cursor_renew(l->txn, l->cursors[table]);
	l->renewed[table] = code == 0;
	return code == 0 || failed(l, code, "read", err);
}

static bool move(struct lmdb_tables *l, enum table table, MDB_val k, MDB_cursor_op op,
		 struct entry *out, struct error *err)
{
	MDB_val v;
	int code = mdb_cursor_get(l->cursors[table], &k, &v, op);
	*out = code == 0 ? (struct entry){to_str(k), to_str(v)}
			 : (struct entry){{NULL, 0}, {NULL, 0}};
	return code == 0 || code == MDB_NOTFOUND || failed(l, code, "read", err);
}

static bool seek(struct tables *t, enum table table, struct str key, struct entry *out,
		 struct error *err)
{
	struct lmdb_tables *l = self(t);
	return cursor(l, table, err) &&
	       move(l, table, to_val(key), MDB_SET_RANGE, out, err);
}

static bool next(struct tables *t, enum table table, struct entry *out,
		 struct error *err)
{
	return move(self(t), table, (MDB_val){0, NULL}, MDB_NEXT, out, err);
}

static bool last(struct tables *t, enum table table, struct entry *out,
		 struct error *err)
{
	struct lmdb_tables *l = self(t);
	return cursor(l, table, err) &&
	       move(l, table, (MDB_val){0, NULL}, MDB_LAST, out, err);
}

static bool put(struct tables *t, enum table table, struct str key, struct str value,
		bool append, struct error *err)
{
	struct lmdb_tables *l = self(t);
	MDB_val k = to_val(key), v = to_val(value);
	unsigned flags = append ? MDB_APPEND : 0;
	/* a cursor that is near, as in a sorted load, need not come from the root */
	int code = l->cursors[table] != NULL
			   ? mdb_cursor_put(l->cursors[table], &k, &v, flags)
			   : mdb_put(l->txn, l->env->dbi[table], &k, &v, flags);
	return code == 0 || failed(l, code, "write", err);
}

static bool del(struct tables *t, enum table table, struct str key, struct error *err)
{
	struct lmdb_tables *l = self(t);
	MDB_val k = to_val(key);
	int code = mdb_del(l->txn, l->env->dbi[table], &k, NULL);
	return code == 0 || code == MDB_NOTFOUND || failed(l, code, "write", err);
}

static const struct tables_ops ops = {get, seek, next, last, put, del};

bool lmdb_tables_init(struct lmdb_tables *l, const struct environment *env,
		      bool is_reading)
{
	*l = (struct lmdb_tables){.t.ops = &ops, .env = env, .is_reading = is_reading};
	buf_init(&l->t.value, TABLES_VALUE_MAX);
	l->t.scratch = arena_new(TABLES_SCRATCH_MAX);
	return l->t.scratch != NULL;
}

void lmdb_tables_free(struct lmdb_tables *l)
{
	if (l->is_reading)
		for (size_t i = 0; i < TABLES_COUNT; i++)
			if (l->cursors[i] != NULL)
				mdb_cursor_close(l->cursors[i]);
	buf_free(&l->t.value);
	arena_free(l->t.scratch);
}

void lmdb_tables_begin(struct lmdb_tables *l, MDB_txn *txn)
{
	l->txn = txn;
	l->code = 0;
	for (size_t i = 0; i < TABLES_COUNT; i++) {
		/* LMDB frees those of a write transaction when it ends */
		if (!l->is_reading)
			l->cursors[i] = NULL;
		l->renewed[i] = false;
	}
}
