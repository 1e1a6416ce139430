/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the LMDB backend: one environment a database, in
 * directory/<keyspace>/ or directory/system/. */
#ifndef INLAY_STORE_LMDB_LMDB_INTERNAL_H
#define INLAY_STORE_LMDB_LMDB_INTERNAL_H

#include "store/ordered/ordered.h"

#include <lmdb.h>
#include <pthread.h>

/* tables.c: ordered tables over a transaction ---------------------------------*/
struct environment;
struct lmdb_tables {
	struct tables t; /* first: what operations see */
	const struct environment *env;
	MDB_txn *txn;
	MDB_cursor *cursors[TABLES_COUNT];
	bool renewed[TABLES_COUNT]; /* read only: good for this transaction */
	bool is_reading;
	int code; /* of LMDB's first failure in this operation; 0: none */
};
bool lmdb_tables_init(struct lmdb_tables *l, const struct environment *env,
		      bool is_reading);
void lmdb_tables_free(struct lmdb_tables *l);
/* A transaction begins: cursors are those of another one. */
void lmdb_tables_begin(struct lmdb_tables *l, MDB_txn *txn);
/* Fills *err for LMDB's code (or an errno); returns false. */
bool lmdb_error(const struct environment *env, int code, const char *what,
		struct error *err);

/* environment.c ----------------------------------------------------------------*/
struct lmdb;
struct writer;
struct readers;
struct environment {
	struct environment *next; /* in the list of */
	struct lmdb *owner;
	char *path;
	MDB_env *env; /* NULL: could not be opened anew */
	MDB_dbi dbi[TABLES_COUNT];
	struct log *log;
	/* Shared by every read transaction; exclusive while the map changes, or all of
	 * it, which only the writer does, between its own. */
	pthread_rwlock_t map_lock;
	size_t page_size;
	uint64_t map_max;          /* 0: only the disk limits it */
	_Atomic uint64_t map_size; /* changed by the writer */
	_Atomic uint64_t used;     /* bytes up to the last page in use */
	struct readers *readers;
	struct writer *writer;
	bool is_broken; /* the writer's: to be mended */
};
/* Opens (create: makes) the environment in `path` and takes or checks its owner. */
bool environment_open(const char *path, struct str keyspace, struct str owner,
		      bool create, const struct store_options *o,
		      struct environment **out, struct error *err);
void environment_close(struct environment *e);
/* The writer's, after a commit that failed. LMDB takes no call any more when its last
 * page could not be written: then all is opened anew, as it was before that commit.
 * Sets is_broken if that fails, too. */
void environment_mend(struct environment *e);
/* The writer's, between transactions: looks how full it is. */
void environment_measure(struct environment *e);
/* Likewise: a larger map if it is nearly full, or whatever it is (force). False if
 * it is as large as it may be. */
bool environment_grow(struct environment *e, bool force, struct error *err);
/* Room enough for an import, which leaves the last for decisions? */
bool environment_has_room(struct environment *e, struct error *err);

/* reader.c: read transactions, renewed and given back --------------------------*/
struct readers *readers_new(struct environment *e);
void readers_free(struct readers *r); /* NULL is fine */
/* While no transaction is open: there will be others, of another MDB_env. */
void readers_forget(struct readers *r);
/* Carries out an operation that reads, on the caller's thread. */
bool readers_run(struct readers *r, const struct store_op *op, struct error *err);
bool readers_count(struct readers *r, enum table table, uint64_t *n, struct error *err);
/* Pages that are free for use again. */
bool readers_free_pages(struct readers *r, uint64_t *n, struct error *err);

/* writer.c: the one thread that writes ------------------------------------------*/
struct writer *writer_new(struct environment *e);
void writer_free(struct writer *w); /* when nothing is under way; NULL is fine */
void writer_submit(struct writer *w, const struct store_op *op);

#endif
