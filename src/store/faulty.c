/* SPDX-License-Identifier: Apache-2.0 */
/* A store that fails on demand: it passes everything on to another one, but the n-th
 * write from now fails with IO, before it is passed on, or after it was done; or the
 * n-th call of any kind does. */
#include "store/store-internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct faulty {
	struct store *inner; /* not ours */
	pthread_mutex_t lock;
	uint64_t left; /* 1: the next one fails; 0: none does */
	char when;
	uint64_t passed; /* since the last arming */
};

struct faulty_db {
	struct faulty *faulty;
	struct store_db *inner;
};

static bool faulty_open(const struct store_options *o, void **backend,
			struct error *err)
{
	if (o->inner == NULL)
		return error_set(err, ERROR_USAGE, "", "a faulty store wraps another");
	struct faulty *f = calloc(1, sizeof *f);
	if (f == NULL || pthread_mutex_init(&f->lock, NULL) != 0) {
		free(f);
		return error_set(err, ERROR_MEMORY, "", "no memory for the store");
	}
	f->inner = o->inner;
	f->left = o->fail_nth;
	f->when = o->fail_when;
	*backend = f;
	return true;
}

static void faulty_close(void *backend)
{
	struct faulty *f = backend;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool faulty_db_open(void *backend, struct str keyspace, struct str owner,
			   bool create, void **out, struct error *err)
{
	struct faulty *f = backend;
	struct faulty_db *db = calloc(1, sizeof *db);
	if (db == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a database");
	db->faulty = f;
	bool ok = create ? store_db_create(f->inner, keyspace, owner, &db->inner, err)
			 : store_db_open(f->inner, keyspace, owner, &db->inner, err);
	if (!ok) {
		free(db);
		return false;
	}
	*out = db;
	return true;
}

static void faulty_db_close(void *state)
{
	struct faulty_db *db = state;
	store_db_close(db->inner);
	free(db);
}

/* An operation on its way through the inner store. */
struct passing {
	struct store_op outer;
	bool fail;
};

static bool fault(struct error *err)
{
	return error_set(err, ERROR_IO, "", "a fault was asked for here");
}

static void passed(void *ctx, const struct error *err)
{
	struct passing *p = ctx;
	struct error own;
	if (p->fail) {
		fault(&own);
		err = &own;
	}
	store_op_done(&p->outer, err);
	free(p);
}

/* 'b', 'a', or 0 for a call that is left alone. */
static char next_fault(struct faulty *f, const struct store_op *op)
{
	char when = 0;
	pthread_mutex_lock(&f->lock);
	if (f->when == 'c' || store_op_class(op->kind) != STORE_CLASS_READ) {
		f->passed++;
		if (f->left > 0 && --f->left == 0)
			when = f->when == 'a' ? 'a' : 'b';
	}
	pthread_mutex_unlock(&f->lock);
	return when;
}

static void faulty_submit(void *state, const struct store_op *op)
{
	struct faulty_db *db = state;
	struct error err;
	char when = next_fault(db->faulty, op);
	/* one that fails looked well until the disk's turn */
	if (when != 0)
		store_op_applied(op);
	struct passing *p = when == 'b' ? NULL : malloc(sizeof *p);
	if (p == NULL) {
		if (when == 'b')
			fault(&err);
		else
			error_set(&err, ERROR_MEMORY, "",
				  "no memory for a call of the store");
		store_op_done(op, &err);
		return;
	}
	*p = (struct passing){.outer = *op, .fail = when == 'a'};
	struct store_op inner = *op;
	inner.db = db->inner;
	inner.done = passed;
	inner.ctx = p;
	store_submit(&inner);
}

static uint64_t faulty_outbox_count(void *state)
{
	struct faulty_db *db = state;
	return store_outbox_count(db->inner);
}

static void faulty_usage(void *backend, struct store_usage *out)
{
	struct faulty *f = backend;
	struct store_usage inner;
	store_usage(f->inner, &inner);
	out->bytes_used = inner.bytes_used;
	out->bytes_max = inner.bytes_max;
}

uint64_t store_faulty_arm(struct store *s, uint64_t nth, char when)
{
	assert(strcmp(store_backend_name(s), "faulty") == 0);
	struct faulty *f = store_backend_state(s);
	pthread_mutex_lock(&f->lock);
	uint64_t n = f->passed;
	f->passed = 0;
	f->left = nth;
	f->when = when;
	pthread_mutex_unlock(&f->lock);
	return n;
}

const struct store_backend store_faulty = {
	"faulty",        faulty_open,   faulty_close,        faulty_db_open,
	faulty_db_close, faulty_submit, faulty_outbox_count, faulty_usage,
};
