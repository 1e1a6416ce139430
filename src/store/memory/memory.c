/* SPDX-License-Identifier: Apache-2.0 */
/* The memory backend: for tests, and to compare others with. One lock a database;
 * nothing outlives the store. */
#include "store/memory/memory-internal.h"

#include <pthread.h>
#include <stdlib.h>

struct memory_db {
	struct memory_db *next;
	struct memory *memory;
	char keyspace[STORE_KEYSPACE_MAX + 1];
	pthread_mutex_t lock;
	struct memory_tables tables;
};

struct memory {
	pthread_mutex_t lock; /* guards the list */
	struct memory_db *dbs;
	struct delay *delay; /* NULL: inline */
};

static bool run(void *state, const struct store_op *op, struct error *err)
{
	struct memory_db *db = state;
	pthread_mutex_lock(&db->lock);
	bool ok = memory_tables_run(&db->tables, op, err);
	pthread_mutex_unlock(&db->lock);
	return ok;
}

static bool memory_open(const struct store_options *o, void **backend,
			struct error *err)
{
	struct memory *m = calloc(1, sizeof *m);
	if (m == NULL || pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m);
		return error_set(err, ERROR_MEMORY, "", "no memory for the store");
	}
	if (o->delay_ms > 0) {
		m->delay = delay_new(o->delay_ms, run);
		if (m->delay == NULL) {
			pthread_mutex_destroy(&m->lock);
			free(m);
			return error_set(err, ERROR_MEMORY, "",
					 "no thread for the store");
		}
	}
	*backend = m;
	return true;
}

static void db_free(struct memory_db *db)
{
	memory_tables_free(&db->tables);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

static void memory_close(void *backend)
{
	struct memory *m = backend;
	delay_free(m->delay);
	while (m->dbs != NULL) {
		struct memory_db *db = m->dbs;
		m->dbs = db->next;
		db_free(db);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct memory_db *db_new(struct str keyspace)
{
	struct memory_db *db = calloc(1, sizeof *db);
	if (db == NULL)
		return NULL;
	if (pthread_mutex_init(&db->lock, NULL) != 0) {
		free(db);
		return NULL;
	}
	if (keyspace.n > 0)
		memcpy(db->keyspace, keyspace.p, keyspace.n);
	if (!memory_tables_init(&db->tables)) {
		db_free(db);
		return NULL;
	}
	return db;
}

/* Under the lock of the list. */
static bool db_create(struct memory *m, struct str keyspace, struct str owner,
		      struct memory_db **out, struct error *err)
{
	struct memory_db *db = db_new(keyspace);
	bool created;
	if (db == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a database");
	bool ok = ordered_claim(&db->tables.t, keyspace, owner, &created, err);
	memory_tables_end(&db->tables, ok);
	if (!ok) {
		db_free(db);
		return false;
	}
	db->memory = m;
	db->next = m->dbs;
	m->dbs = db;
	*out = db;
	return true;
}

static bool memory_db_open(void *backend, struct str keyspace, struct str owner,
			   bool create, void **out, struct error *err)
{
	struct memory *m = backend;
	bool ok, there;
	pthread_mutex_lock(&m->lock);
	struct memory_db *db = m->dbs;
	while (db != NULL && !str_eqz(keyspace, db->keyspace))
		db = db->next;
	if (db != NULL)
		ok = ordered_check_owner(&db->tables.t, keyspace, owner, &there, err);
	else if (create)
		ok = db_create(m, keyspace, owner, &db, err);
	else
		ok = error_set(err, ERROR_NOT_FOUND, "/keyspaceName",
			       "there is no keyspace \"%.*s\"", STR_ARG(keyspace));
	pthread_mutex_unlock(&m->lock);
	*out = db;
	return ok;
}

/* The data stay with the store. */
static void memory_db_close(void *state)
{
	(void)state;
}

static void memory_submit(void *state, const struct store_op *op)
{
	struct memory_db *db = state;
	struct error err;
	if (db->memory->delay != NULL) {
		delay_submit(db->memory->delay, db, op);
		return;
	}
	bool ok = run(db, op, &err);
	store_op_done(op, ok ? NULL : &err);
}

static uint64_t memory_outbox_count(void *state)
{
	struct memory_db *db = state;
	pthread_mutex_lock(&db->lock);
	uint64_t n = db->tables.lists[TABLE_OUTBOX].n;
	pthread_mutex_unlock(&db->lock);
	return n;
}

static void memory_usage(void *backend, struct store_usage *out)
{
	struct memory *m = backend;
	pthread_mutex_lock(&m->lock);
	for (struct memory_db *db = m->dbs; db != NULL; db = db->next) {
		pthread_mutex_lock(&db->lock);
		for (size_t i = 0; i < TABLES_COUNT; i++)
			out->bytes_used += db->tables.lists[i].bytes;
		pthread_mutex_unlock(&db->lock);
	}
	pthread_mutex_unlock(&m->lock);
}

const struct store_backend store_memory = {
	"memory",        memory_open,   memory_close,        memory_db_open,
	memory_db_close, memory_submit, memory_outbox_count, memory_usage,
};
