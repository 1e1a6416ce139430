/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted rows on their way to the store, in slices, each with the import's progress in
 * the same transaction. A few slices are under way at once: while the disk takes one,
 * the next is made, and the store may write several in one transaction.
 *
 * From the moment when a slice is looked through for users who were erased to the one
 * when it is stored nobody is erased (tenant_runtime's `rows`), so that no row comes
 * behind the erase of its user. */
#include "mim/import-internal.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SLICES 8
/* A decision that is stored waits for one slice at most: they are small, and several
 * share a transaction while nobody decides. */
#define SLICE_ROWS (STORE_ROWS_MAX / 2)
#define SLICE_BYTES (1u << 20)
#define SLICE_ARENA_MAX (4u << 20)

struct slice {
	struct import_slices *owner;
	struct arena *arena; /* values of its rows */
	struct store_row rows[SLICE_ROWS];
	uint64_t lines[SLICE_ROWS]; /* where each stood in the file */
	struct str keys[SLICE_ROWS];
	size_t n, bytes;
	struct buf progress;
	struct store_document document;
	bool is_stored;   /* or refused: under the owner's lock */
	struct error err; /* why it was refused */
};

struct import_slices {
	struct import_job *job;
	struct slice items[SLICES]; /* a ring */
	size_t first, under_way;    /* the one behind them is being filled */
	pthread_mutex_t lock;
	pthread_cond_t stored;
};

/* Rows as bytes -------------------------------------------------------------------*/

bool import_encode(struct buf *out, const struct str *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t length = (uint32_t)values[i].n;
		buf_add(out, &length, sizeof length);
		buf_add_str(out, values[i]);
	}
	return buf_ok(out);
}

bool import_decode(struct str bytes, struct str *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t length;
		if (bytes.n < sizeof length)
			return false;
		memcpy(&length, bytes.p, sizeof length);
		bytes = str_slice(bytes, sizeof length, bytes.n);
		if (bytes.n < length)
			return false;
		values[i] = str_slice(bytes, 0, length);
		bytes = str_slice(bytes, length, bytes.n);
	}
	return bytes.n == 0;
}

/* A row that was accepted at first. */
void import_reject_taken(struct import_job *j, struct str file, uint64_t line,
			 enum error_kind kind, const char *why)
{
	char where[sizeof((struct error *)0)->where];
	snprintf(where, sizeof where, "%.*s:%" PRIu64, STR_ARG(file), line);
	j->doc.rows_rejected++;
	j->doc.rows_accepted--;
	error_list_add(&j->row_errors, kind, where, "%s", why);
}

static bool add_row(struct import_job *j, struct slice *s,
		    const struct extsort_record *r, struct error *err)
{
	size_t n = j->check->n_columns;
	struct store_row *row = &s->rows[s->n];
	struct str bytes = arena_str(s->arena, r->bytes);
	struct str *values = arena_array(s->arena, n + 1, sizeof *values);
	if (bytes.p == NULL || values == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	if (!import_decode(bytes, values, n + 1))
		return error_set(err, ERROR_INTERNAL, "", "a sorted row is damaged");
	memcpy(row->sort_key, r->key, sizeof row->sort_key);
	s->keys[s->n] = values[0];
	row->values = values + 1;
	row->n_values = n;
	s->lines[s->n] = r->number;
	s->n++;
	s->bytes += r->bytes.n;
	return true;
}

static void drop_row(struct import_job *j, struct slice *s, size_t i,
		     enum error_kind kind, const char *why)
{
	import_reject_taken(j, bundle_recipients(&j->check->bundle)->name, s->lines[i],
			    kind, why);
	/* no later import may take this load for the whole file */
	memset(j->content, '0', sizeof j->content - 1);
	s->n--;
	memmove(&s->rows[i], &s->rows[i + 1], (s->n - i) * sizeof s->rows[0]);
	memmove(&s->lines[i], &s->lines[i + 1], (s->n - i) * sizeof s->lines[0]);
	memmove(&s->keys[i], &s->keys[i + 1], (s->n - i) * sizeof s->keys[0]);
}

/* Whoever was erased since the row was read. */
static bool drop_erased(struct import_job *j, struct slice *s, struct error *err)
{
	bool erased;
	if (j->tenant->erasures == j->erasures)
		return true;
	for (size_t i = s->n; i-- > 0;) {
		if (!user_is_suppressed(j->tenant, s->keys[i], s->arena, &erased, err))
			return false;
		if (erased)
			drop_row(j, s, i, ERROR_NOT_FOUND, "the user was erased");
	}
	return true;
}

/* The store names a row whose user's partition has no room left: it is rejected, and
 * the others of the slice go on. False: it failed for another reason. */
static bool reject_named(struct import_job *j, struct slice *s, const struct error *why)
{
	uint64_t i;
	if (why->kind != ERROR_TOO_LARGE || why->where[0] != '/' ||
	    !str_to_u64(str_of(why->where + 1), s->n - 1, &i))
		return false;
	drop_row(j, s, i, ERROR_TOO_LARGE, why->message);
	return true;
}

/* Under way -----------------------------------------------------------------------*/

static void stored(void *ctx, const struct error *err)
{
	struct slice *s = ctx;
	struct import_slices *all = s->owner;
	pthread_mutex_lock(&all->lock);
	s->is_stored = true;
	if (err != NULL)
		s->err = *err;
	pthread_cond_signal(&all->stored);
	pthread_mutex_unlock(&all->lock);
}

static bool send(struct import_job *j, struct slice *s, struct error *err)
{
	j->doc.rows_loaded += s->n;
	if (!import_write(j, &s->progress, err))
		return false;
	s->document =
		(struct store_document){.id = j->doc.id, .body = buf_str(&s->progress)};
	s->is_stored = false;
	error_clear(&s->err);
	store_rows_write(j->tenant->db, j->load, s->rows, s->n, STORE_IMPORT,
			 &s->document, stored, s);
	return true;
}

static bool wait_for(struct slice *s, struct error *err)
{
	struct import_slices *all = s->owner;
	pthread_mutex_lock(&all->lock);
	while (!s->is_stored)
		pthread_cond_wait(&all->stored, &all->lock);
	pthread_mutex_unlock(&all->lock);
	if (s->err.kind == ERROR_NONE)
		return true;
	*err = s->err;
	return false;
}

/* Until the oldest is stored; without the rows that are refused by name. */
static bool end_slice(struct import_job *j, struct slice *s, struct error *err)
{
	while (!wait_for(s, err)) {
		j->doc.rows_loaded -= s->n;
		if (!reject_named(j, s, err))
			return false;
		error_clear(err);
		if (s->n == 0)
			return true;
		if (!send(j, s, err))
			return false;
	}
	j->saved_us = clock_mono_us();
	return true;
}

static void empty(struct slice *s)
{
	s->n = s->bytes = 0;
	arena_reset(s->arena);
}

static bool end_first(struct import_slices *all, struct error *err)
{
	struct slice *s = &all->items[all->first];
	bool ok = end_slice(all->job, s, err);
	pthread_rwlock_unlock(&all->job->tenant->rows);
	all->first = (all->first + 1) % SLICES;
	all->under_way--;
	empty(s);
	return ok;
}

static bool end_all(struct import_slices *all, struct error *err)
{
	bool ok = true;
	struct error ignored = {0};
	while (all->under_way > 0)
		ok = end_first(all, ok ? err : &ignored) && ok;
	return ok;
}

/* Somebody who wants to erase goes first, and waits for what is under way only. */
static bool lock_rows(struct import_slices *all, struct error *err)
{
	pthread_rwlock_t *rows = &all->job->tenant->rows;
	if (pthread_rwlock_tryrdlock(rows) == 0)
		return true;
	if (!end_all(all, err))
		return false;
	pthread_rwlock_rdlock(rows);
	return true;
}

static struct slice *current(struct import_slices *all)
{
	return &all->items[(all->first + all->under_way) % SLICES];
}

/* The slice that is being filled goes; there is another one to fill then. */
static bool submit(struct import_slices *all, struct error *err)
{
	struct slice *s = current(all);
	struct import_job *j = all->job;
	if (s->n == 0)
		return true;
	if (!lock_rows(all, err))
		return false;
	if (!drop_erased(j, s, err) || (s->n > 0 && !send(j, s, err))) {
		pthread_rwlock_unlock(&j->tenant->rows);
		return false;
	}
	if (s->n == 0) { /* all were erased */
		pthread_rwlock_unlock(&j->tenant->rows);
		empty(s);
		return true;
	}
	all->under_way++;
	return all->under_way < SLICES || end_first(all, err);
}

bool import_slices_add(struct import_slices *all, const struct extsort_record *r,
		       struct error *err)
{
	struct slice *s = current(all);
	if (!add_row(all->job, s, r, err))
		return false;
	return (s->n < SLICE_ROWS && s->bytes < SLICE_BYTES) || submit(all, err);
}

bool import_slices_end(struct import_slices *all, struct error *err)
{
	return submit(all, err) && end_all(all, err);
}

struct import_slices *import_slices_new(struct import_job *j)
{
	struct import_slices *all = calloc(1, sizeof *all);
	bool ok = all != NULL;
	if (!ok)
		return NULL;
	all->job = j;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->stored, NULL);
	for (size_t i = 0; i < SLICES; i++) {
		struct slice *s = &all->items[i];
		s->owner = all;
		s->arena = arena_new(SLICE_ARENA_MAX);
		buf_init(&s->progress, IMPORT_DOCUMENT_MAX);
		ok = ok && s->arena != NULL;
	}
	if (ok)
		return all;
	import_slices_free(all);
	return NULL;
}

void import_slices_free(struct import_slices *all)
{
	struct error ignored;
	if (all == NULL)
		return;
	/* what the store has of ours must not go */
	while (all->under_way > 0) {
		wait_for(&all->items[all->first], &ignored);
		pthread_rwlock_unlock(&all->job->tenant->rows);
		all->first = (all->first + 1) % SLICES;
		all->under_way--;
	}
	for (size_t i = 0; i < SLICES; i++) {
		buf_free(&all->items[i].progress);
		arena_free(all->items[i].arena);
	}
	pthread_cond_destroy(&all->stored);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
