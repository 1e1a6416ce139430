/* SPDX-License-Identifier: Apache-2.0 */
/* Reading on the caller's thread. A read transaction with its cursors is taken from
 * a pool, renewed, and reset when done, so that none is open longer than one
 * operation and none is made twice. */
#include "store/lmdb/lmdb-internal.h"

#include <stdlib.h>

struct reader {
	struct reader *next;
	struct lmdb_tables tables;
	MDB_txn *txn;
};

struct readers {
	struct environment *env;
	pthread_mutex_t lock; /* guards the pool */
	struct reader *pool;
};

struct readers *readers_new(struct environment *e)
{
	struct readers *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	if (pthread_mutex_init(&r->lock, NULL) != 0) {
		free(r);
		return NULL;
	}
	r->env = e;
	return r;
}

static void reader_free(struct reader *reader)
{
	lmdb_tables_free(&reader->tables);
	if (reader->txn != NULL)
		mdb_txn_abort(reader->txn);
	free(reader);
}

void readers_forget(struct readers *r)
{
	while (r->pool != NULL) {
		struct reader *reader = r->pool;
		r->pool = reader->next;
		reader_free(reader);
	}
}

void readers_free(struct readers *r)
{
	if (r == NULL)
		return;
	readers_forget(r);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static struct reader *reader_new(struct environment *e, struct error *err)
{
	struct reader *reader = calloc(1, sizeof *reader);
	if (reader == NULL || !lmdb_tables_init(&reader->tables, e, true)) {
		free(reader);
		error_set(err, ERROR_MEMORY, "", "no memory to read with");
		return NULL;
	}
	return reader;
}

/* Under the map's lock. */
static bool begin(struct environment *e, struct reader *reader, struct error *err)
{
	int code = MDB_PANIC;
	if (reader->txn != NULL)
		code = mdb_txn_renew(reader->txn);
	else if (e->env != NULL)
		code = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &reader->txn);
	if (code != 0)
		return lmdb_error(e, code, "cannot read", err);
	lmdb_tables_begin(&reader->tables, reader->txn);
	return true;
}

/* Under the map's lock, as all that is not in the pool: who changes the environment
 * finds every transaction there. */
static struct reader *pool_take(struct readers *r)
{
	pthread_mutex_lock(&r->lock);
	struct reader *reader = r->pool;
	if (reader != NULL)
		r->pool = reader->next;
	pthread_mutex_unlock(&r->lock);
	return reader;
}

/* A transaction with the map held still; readers_end gives both back. */
static struct reader *readers_begin(struct readers *r, struct error *err)
{
	pthread_rwlock_rdlock(&r->env->map_lock);
	struct reader *reader = pool_take(r);
	if (reader == NULL)
		reader = reader_new(r->env, err);
	if (reader != NULL && begin(r->env, reader, err))
		return reader;
	if (reader != NULL)
		reader_free(reader);
	pthread_rwlock_unlock(&r->env->map_lock);
	return NULL;
}

static void readers_end(struct readers *r, struct reader *reader)
{
	mdb_txn_reset(reader->txn);
	pthread_mutex_lock(&r->lock);
	reader->next = r->pool;
	r->pool = reader;
	pthread_mutex_unlock(&r->lock);
	pthread_rwlock_unlock(&r->env->map_lock);
}

bool readers_run(struct readers *r, const struct store_op *op, struct error *err)
{
	struct reader *reader = readers_begin(r, err);
	if (reader == NULL)
		return false;
	bool ok = ordered_run(&reader->tables.t, op, err);
	readers_end(r, reader);
	return ok;
}

bool readers_count(struct readers *r, enum table table, uint64_t *n, struct error *err)
{
	MDB_stat st;
	struct reader *reader = readers_begin(r, err);
	if (reader == NULL)
		return false;
	int code = mdb_stat(reader->txn, r->env->dbi[table], &st);
	readers_end(r, reader);
	*n = code == 0 ? st.ms_entries : 0;
	return code == 0 || lmdb_error(r->env, code, "cannot count", err);
}

/* Database 0 is LMDB's own list: transaction -> how many pages, and which. */
static int sum_free(MDB_txn *txn, uint64_t *n)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int code = mdb_cursor_open(txn, 0, &cursor);
	if (code != 0)
		return code;
	*n = 0;
	while ((code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		size_t pages;
		memcpy(&pages, v.mv_data, sizeof pages);
		*n += pages;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

bool readers_free_pages(struct readers *r, uint64_t *n, struct error *err)
{
	struct reader *reader = readers_begin(r, err);
	if (reader == NULL)
		return false;
	int code = sum_free(reader->txn, n);
	readers_end(r, reader);
	return code == 0 || lmdb_error(r->env, code, "cannot count", err);
}
