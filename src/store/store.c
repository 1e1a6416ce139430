/* SPDX-License-Identifier: Apache-2.0 */
/* The front: which backend, which databases are open, what is under way. */
#include "store/store-internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

static const struct store_backend *const backends[] = {&store_memory, &store_lmdb,
						       &store_faulty};

static const enum store_op_class classes[STORE_OPS_COUNT] = {
#define X(name, member, class) [STORE_OP_##name] = STORE_CLASS_##class,
	STORE_OPS(X)
#undef X
};

struct store {
	const struct store_backend *backend;
	void *state;
	/* guards the list and the handles; held while a database is opened or
	 * closed, so that none is ever open twice */
	pthread_mutex_t lock;
	struct store_db *dbs;
	_Atomic uint64_t calls, failures;
	/* by enum store_op_class: an import that finds no room stays known while
	 * decisions, for which room is kept, go on */
	_Atomic bool full[STORE_CLASS_BULK + 1];
};

struct store_db {
	struct store *store;
	struct store_db *next;
	void *state;
	char keyspace[STORE_KEYSPACE_MAX + 1];
	char owner[STORE_NAME_MAX + 1];
	unsigned handles;
	/* a mutex rather than an atomic: who sees zero may free this at once */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	uint64_t under_way;
};

enum store_op_class store_op_class(enum store_op_kind kind)
{
	assert((unsigned)kind < STORE_OPS_COUNT);
	return classes[kind];
}

bool store_open(const struct store_options *o, struct store **out, struct error *err)
{
	*out = NULL;
	const struct store_backend *backend = NULL;
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
		if (o->backend != NULL && strcmp(o->backend, backends[i]->name) == 0)
			backend = backends[i];
	if (backend == NULL)
		return error_set(err, ERROR_USAGE, "", "there is no store \"%s\"",
				 o->backend != NULL ? o->backend : "");
	struct store *s = calloc(1, sizeof *s);
	if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return error_set(err, ERROR_MEMORY, "", "no memory for the store");
	}
	s->backend = backend;
	if (!backend->open(o, &s->state, err)) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return false;
	}
	*out = s;
	return true;
}

/* Under the store's lock. */
static void db_end(struct store_db *db)
{
	pthread_mutex_lock(&db->lock);
	while (db->under_way > 0)
		pthread_cond_wait(&db->idle, &db->lock);
	pthread_mutex_unlock(&db->lock);
	db->store->backend->db_close(db->state);
	pthread_cond_destroy(&db->idle);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	while (s->dbs != NULL) {
		struct store_db *db = s->dbs;
		s->dbs = db->next;
		db_end(db);
	}
	pthread_mutex_unlock(&s->lock);
	s->backend->close(s->state);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *store_backend_name(const struct store *s)
{
	return s->backend->name;
}

void *store_backend_state(struct store *s)
{
	return s->state;
}

/* contracts.md section 1 and storage.md: it becomes the name of a directory. */
static bool check_keyspace(struct str keyspace, struct error *err)
{
	bool ok = keyspace.n <= STORE_KEYSPACE_MAX;
	for (size_t i = 0; ok && i < keyspace.n; i++) {
		char c = keyspace.p[i];
		bool letter = c >= 'a' && c <= 'z';
		ok = letter || (i > 0 && ((c >= '0' && c <= '9') || c == '_'));
	}
	if (!ok)
		return error_set(err, ERROR_BAD_VALUE, "/keyspaceName",
				 "a keyspace is named by 1 to %d of a-z, 0-9 and _, "
				 "beginning with a letter",
				 STORE_KEYSPACE_MAX);
	if (str_eqz(keyspace, "system"))
		return error_set(err, ERROR_BAD_VALUE, "/keyspaceName",
				 "the keyspace \"system\" is the middleware's own");
	return true;
}

static void copy_name(char *to, struct str name)
{
	if (name.n > 0)
		memcpy(to, name.p, name.n);
	to[name.n] = '\0';
}

static struct store_db *db_new(struct store *s, struct str keyspace, struct str owner)
{
	struct store_db *db = calloc(1, sizeof *db);
	if (db == NULL)
		return NULL;
	if (pthread_mutex_init(&db->lock, NULL) != 0) {
		free(db);
		return NULL;
	}
	if (pthread_cond_init(&db->idle, NULL) != 0) {
		pthread_mutex_destroy(&db->lock);
		free(db);
		return NULL;
	}
	db->store = s;
	db->handles = 1;
	copy_name(db->keyspace, keyspace);
	copy_name(db->owner, owner);
	return db;
}

/* Under the store's lock. */
static bool db_start(struct store *s, struct str keyspace, struct str owner,
		     bool create, struct store_db **out, struct error *err)
{
	struct store_db *db = db_new(s, keyspace, owner);
	if (db == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a database");
	if (!s->backend->db_open(s->state, keyspace, owner, create, &db->state, err)) {
		pthread_cond_destroy(&db->idle);
		pthread_mutex_destroy(&db->lock);
		free(db);
		return false;
	}
	db->next = s->dbs;
	s->dbs = db;
	*out = db;
	return true;
}

static bool db_open(struct store *s, struct str keyspace, struct str owner, bool create,
		    struct store_db **out, struct error *err)
{
	*out = NULL;
	if (!check_keyspace(keyspace, err))
		return false;
	if (owner.n > STORE_NAME_MAX)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "the owner's id is too long");
	pthread_mutex_lock(&s->lock);
	struct store_db *db = s->dbs;
	while (db != NULL && !str_eqz(keyspace, db->keyspace))
		db = db->next;
	bool ok;
	if (db == NULL) {
		ok = db_start(s, keyspace, owner, create, out, err);
	} else if (!str_eqz(owner, db->owner)) {
		ok = error_set(err, ERROR_CONFLICT, "/keyspaceName",
			       "the keyspace \"%s\" belongs to another tenant",
			       db->keyspace);
	} else {
		db->handles++;
		*out = db;
		ok = true;
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

bool store_db_create(struct store *s, struct str keyspace, struct str owner,
		     struct store_db **out, struct error *err)
{
	return db_open(s, keyspace, owner, true, out, err);
}

bool store_db_open(struct store *s, struct str keyspace, struct str owner,
		   struct store_db **out, struct error *err)
{
	return db_open(s, keyspace, owner, false, out, err);
}

void store_db_close(struct store_db *db)
{
	if (db == NULL)
		return;
	struct store *s = db->store;
	pthread_mutex_lock(&s->lock);
	assert(db->handles > 0);
	if (--db->handles == 0) {
		struct store_db **at = &s->dbs;
		while (*at != db)
			at = &(*at)->next;
		*at = db->next;
		db_end(db);
	}
	pthread_mutex_unlock(&s->lock);
}

void store_usage(struct store *s, struct store_usage *out)
{
	*out = (struct store_usage){.calls = s->calls, .failures = s->failures};
	out->full = s->full[STORE_CLASS_WRITE] || s->full[STORE_CLASS_BULK];
	s->backend->usage(s->state, out);
}

uint64_t store_outbox_count(struct store_db *db)
{
	return db->store->backend->outbox_count(db->state);
}

void store_submit(const struct store_op *op)
{
	struct store_db *db = op->db;
	pthread_mutex_lock(&db->lock);
	db->under_way++;
	pthread_mutex_unlock(&db->lock);
	db->store->calls++;
	db->store->backend->submit(db->state, op);
}

void store_op_begin(const struct store_op *op, bool ok, const struct error *err)
{
	if (ok)
		store_submit(op);
	else
		op->done(op->ctx, err);
}

void store_op_applied(const struct store_op *op)
{
	const struct store_user_change *c =
		op->kind == STORE_OP_USER_COMMIT ? op->user_commit.change : NULL;
	if (c != NULL && c->applied != NULL)
		c->applied(c->applied_ctx);
}

/* A refusal is an answer; a failure is what an operator should hear of. */
static void count_outcome(struct store *s, const struct store_op *op,
			  const struct error *err)
{
	enum store_op_class class = store_op_class(op->kind);
	if (err != NULL && error_kind_info(err->kind)->http_status >= 500)
		s->failures++;
	if (class == STORE_CLASS_READ || op->kind == STORE_OP_ROWS_SWEEP)
		return; /* a sweep needs no room: what comes of it says nothing */
	if (err != NULL && err->kind == ERROR_FULL)
		s->full[class] = true;
	else if (err == NULL && s->full[class])
		s->full[class] = false;
}

void store_op_done(const struct store_op *op, const struct error *err)
{
	struct store_db *db = op->db;
	count_outcome(db->store, op, err);
	op->done(op->ctx, err);
	pthread_mutex_lock(&db->lock);
	assert(db->under_way > 0);
	if (--db->under_way == 0)
		pthread_cond_broadcast(&db->idle);
	pthread_mutex_unlock(&db->lock);
}
