/* SPDX-License-Identifier: Apache-2.0 */
/* Users are written some hundred at once, each on the condition that nobody changed it
 * since it was read: an opt-out that comes meanwhile is never lost. What is refused for
 * that reason is done again, alone. */
#include "mim/feed.h"
#include "mim/import-users-internal.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#include <pthread.h>
#include <stdlib.h>

#define BATCH 256
#define BATCH_BYTES (2u << 20)
#define BATCH_ARENA_MAX (64u << 20)

struct users_batch;

struct write {
	struct users_batch *batch;
	uint64_t line;
	struct str key;
	struct user_change change;
	struct user_profile merged;
	struct user_record record;
	struct store_user_change commit;
	struct error err; /* how it ended */
};

struct users_batch {
	struct import_job *job;
	const struct users_import *users;
	struct arena *arena; /* of the batch */
	struct write items[BATCH];
	size_t n, bytes;
	bool revokes; /* a row was written, or may be, that takes back a consent */
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t open; /* under `lock`: writes under way */
};

static void written(void *ctx, const struct error *err)
{
	struct write *w = ctx;
	struct users_batch *b = w->batch;
	if (err != NULL)
		w->err = *err;
	pthread_mutex_lock(&b->lock);
	if (--b->open == 0)
		pthread_cond_signal(&b->done);
	pthread_mutex_unlock(&b->lock);
}

/* An alias of the file is added to those that the user has. */
static bool unite_aliases(struct write *w, struct arena *arena, struct error *err)
{
	const struct user_profile *p = &w->record.profile;
	struct user_change *c = &w->change;
	struct str *all = arena_array(arena, p->n_aliases + c->n_aliases, sizeof *all);
	size_t n = 0;
	if (all == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	for (size_t i = 0; i < p->n_aliases; i++)
		all[n++] = p->aliases[i];
	for (size_t i = 0; i < c->n_aliases; i++) {
		bool known = false;
		for (size_t k = 0; k < n && !known; k++)
			known = str_eq(all[k], c->aliases[i]);
		if (!known)
			all[n++] = c->aliases[i];
	}
	c->aliases = all;
	c->n_aliases = n;
	return true;
}

/* Reads the user and works out what is to be written. */
static bool prepare(struct users_batch *b, struct write *w, struct str bytes,
		    struct error *err)
{
	size_t n = b->users->csv.n_columns + 1;
	struct str copy = arena_str(b->arena, bytes);
	struct str *values = arena_array(b->arena, n, sizeof *values);
	if (copy.p == NULL || values == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	if (!import_decode(copy, values, n))
		return error_set(err, ERROR_INTERNAL, "", "a sorted row is damaged");
	w->key = values[0];
	if (!users_csv_row(&b->users->csv, values + 1, b->arena, &w->change, err) ||
	    !sync_user_read(b->job->tenant->db, w->key, NULL, 0, b->arena, &w->record,
			    err))
		return false;
	if (w->change.set_aliases && !unite_aliases(w, b->arena, err))
		return false;
	return user_merge(w->record.known ? &w->record.profile : NULL, w->key,
			  &w->change, b->arena, &w->merged, err);
}

static bool add(struct users_batch *b, const struct extsort_record *r,
		struct error *err)
{
	struct write *w = &b->items[b->n];
	*w = (struct write){.batch = b, .line = r->number};
	if (prepare(b, w, r->bytes, err)) {
		w->commit = (struct store_user_change){.profile = &w->merged};
		b->n++;
		b->bytes += r->bytes.n;
		return true;
	}
	if (err->kind != ERROR_TOO_LARGE)
		return false;
	import_reject_line(b->job, b->users, r->number, err);
	b->job->doc.rows_accepted--;
	error_clear(err);
	return true;
}

static void commit_all(struct users_batch *b)
{
	b->open = b->n; /* may be none */
	for (size_t i = 0; i < b->n; i++) {
		struct write *w = &b->items[i];
		store_user_commit(b->job->tenant->db, w->key, w->record.revision,
				  &w->commit, NULL, written, w);
	}
	pthread_mutex_lock(&b->lock);
	while (b->open > 0)
		pthread_cond_wait(&b->done, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

/* What the row itself is refused for. */
static bool is_the_row_s(const struct error *err)
{
	return err->kind == ERROR_CONFLICT || err->kind == ERROR_TOO_LARGE ||
	       err->kind == ERROR_BAD_VALUE;
}

static bool look(struct users_batch *b, struct write *w, struct error *err)
{
	struct import_job *j = b->job;
	if (w->err.kind == ERROR_CONFLICT && w->err.where[0] == '\0') {
		/* changed meanwhile; user_change_commit reads it anew at a conflict */
		error_clear(&w->err);
		if (user_change_commit(j->tenant, w->key, &w->change, b->arena,
				       &w->record, err))
			error_clear(err);
		w->err = *err;
		error_clear(err);
	}
	if (w->err.kind == ERROR_NONE || store_outcome_unknown(&w->err))
		b->revokes = b->revokes || user_change_revokes(&w->change);
	if (w->err.kind == ERROR_NONE) {
		j->doc.rows_loaded++;
		return true;
	}
	if (!is_the_row_s(&w->err)) {
		*err = w->err;
		return false;
	}
	import_reject_line(j, b->users, w->line, &w->err);
	j->doc.rows_accepted--;
	return true;
}

/* Whoever was erased since the row was read must not come back by it. */
static bool drop_erased(struct users_batch *b, struct error *err)
{
	struct import_job *j = b->job;
	size_t kept = 0;
	bool erased = false;
	if (j->tenant->erasures == j->erasures)
		return true;
	for (size_t i = 0; i < b->n; i++) {
		struct write *w = &b->items[i];
		if (!user_is_suppressed(j->tenant, w->key, b->arena, &erased, err))
			return false;
		if (erased) {
			error_set(&w->err, ERROR_NOT_FOUND, "", "the user was erased");
			import_reject_line(j, b->users, w->line, &w->err);
			j->doc.rows_accepted--;
		} else if (kept++ != i) {
			struct write *to = &b->items[kept - 1];
			*to = *w;
			to->commit.profile = &to->merged;
		}
	}
	b->n = kept;
	return true;
}

/* At all of them, whatever became of one: they were written. The first error counts. */
static bool flush_locked(struct users_batch *b, struct error *err)
{
	bool ok = true;
	if (!drop_erased(b, err))
		return false;
	commit_all(b);
	for (size_t i = 0; i < b->n; i++) {
		struct error own = {0};
		if (look(b, &b->items[i], &own))
			continue;
		if (ok)
			*err = own;
		ok = false;
	}
	return ok;
}

static bool flush(struct users_batch *b, struct error *err)
{
	pthread_mutex_lock(&b->job->tenant->change);
	bool ok = flush_locked(b, err);
	pthread_mutex_unlock(&b->job->tenant->change);
	if (!ok)
		return false;
	b->n = b->bytes = 0;
	arena_reset(b->arena);
	return true;
}

static bool write_sorted(struct users_batch *b, struct error *err)
{
	struct import_job *j = b->job;
	struct import_cursor cursor = {.has_last = false};
	struct extsort_record r;
	bool more;
	if (!extsort_rewind(j->sort, err))
		return false;
	for (;;) {
		if (import_stops(j) || !import_next_user(j, &cursor, &r, &more, err))
			return false;
		if (!more)
			return flush(b, err);
		if (!add(b, &r, err) ||
		    !import_tick(j, 1, j->doc.rows_loaded, j->doc.rows_accepted, err))
			return false;
		if ((b->n == BATCH || b->bytes >= BATCH_BYTES) && !flush(b, err))
			return false;
	}
}

bool import_write_users(struct import_job *j, const struct users_import *u,
			struct error *err)
{
	struct users_batch *b = calloc(1, sizeof *b);
	struct arena *arena = arena_new(BATCH_ARENA_MAX);
	bool ok = b != NULL && arena != NULL;
	if (ok) {
		b->job = j;
		b->users = u;
		b->arena = arena;
		pthread_mutex_init(&b->lock, NULL);
		pthread_cond_init(&b->done, NULL);
		ok = write_sorted(b, err);
		/* they may be too many to be named */
		if (b->revokes)
			feed_all(j->tenant->feed);
		pthread_cond_destroy(&b->done);
		pthread_mutex_destroy(&b->lock);
	} else {
		error_set(err, ERROR_MEMORY, "", "no memory");
	}
	arena_free(arena);
	free(b);
	return ok;
}
