/* SPDX-License-Identifier: Apache-2.0 */
/* What comes after the sort: a pass that finds second rows of the same user, and one
 * that writes the rows to the store in slices, each with the import's progress. */
#include "mim/import-internal.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES (1u << 20)
#define SLICE_ARENA_MAX (4u << 20)

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
static void reject(struct import_job *j, struct str file, uint64_t line,
		   enum error_kind kind, const char *why)
{
	char where[sizeof((struct error *)0)->where];
	snprintf(where, sizeof where, "%.*s:%" PRIu64, STR_ARG(file), line);
	j->doc.rows_rejected++;
	j->doc.rows_accepted--;
	error_list_add(&j->row_errors, kind, where, "%s", why);
}

/* Is it of the user that the last one was of? */
static bool is_twin(struct import_cursor *c, const struct extsort_record *r)
{
	if (c->has_last && memcmp(c->last, r->key, EXTSORT_KEY_LEN) == 0)
		return true;
	memcpy(c->last, r->key, EXTSORT_KEY_LEN);
	c->has_last = true;
	return false;
}

bool import_next_user(struct import_job *j, struct import_cursor *c,
		      struct extsort_record *r, bool *more, struct error *err)
{
	do {
		if (!extsort_next(j->sort, r, more, err))
			return false;
	} while (*more && is_twin(c, r));
	return true;
}

static bool count(struct import_job *j, struct str file, struct error *err)
{
	struct import_cursor c = {.has_last = false};
	struct extsort_record r;
	bool more;
	if (!extsort_rewind(j->sort, err))
		return false;
	for (;;) {
		if (import_stops(j) || !extsort_next(j->sort, &r, &more, err))
			return false;
		if (!more)
			return true;
		if (is_twin(&c, &r))
			reject(j, file, r.number, ERROR_CONFLICT,
			       "is a second row for the same user");
		if (!import_tick(j, 1, 0, 0, err))
			return false;
	}
}

bool import_count_twins(struct import_job *j, struct str file)
{
	struct error err = {0};
	if (count(j, file, &err))
		return import_check_rejected(j);
	return import_fail(j, &err);
}

/* Writing ------------------------------------------------------------------------*/

struct slice {
	struct arena *arena; /* values of its rows */
	struct store_row rows[STORE_ROWS_MAX];
	uint64_t lines[STORE_ROWS_MAX]; /* where each stood in the file */
	struct str keys[STORE_ROWS_MAX];
	size_t n, bytes;
	struct buf progress;
};

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
	reject(j, bundle_recipients(&j->check->bundle)->name, s->lines[i], kind, why);
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

/* Rows and progress in one transaction. */
static bool write_locked(struct import_job *j, struct slice *s, struct error *err)
{
	struct store_document progress = {.id = j->doc.id};
	if (!drop_erased(j, s, err))
		return false;
	while (s->n > 0) {
		j->doc.rows_loaded += s->n;
		if (!import_write(j, &s->progress, err))
			return false;
		progress.body = buf_str(&s->progress);
		if (sync_rows_write(j->tenant->db, j->load, s->rows, s->n, STORE_IMPORT,
				    &progress, err))
			break;
		j->doc.rows_loaded -= s->n;
		if (!reject_named(j, s, err))
			return false;
	}
	return true;
}

static bool write_slice(struct import_job *j, struct slice *s, struct error *err)
{
	pthread_mutex_lock(&j->tenant->change);
	bool ok = write_locked(j, s, err);
	pthread_mutex_unlock(&j->tenant->change);
	if (!ok)
		return false;
	j->saved_us = clock_mono_us();
	s->n = s->bytes = 0;
	arena_reset(s->arena);
	return true;
}

static bool write_all(struct import_job *j, struct slice *s, struct error *err)
{
	struct import_cursor c = {.has_last = false};
	struct extsort_record r;
	bool more;
	if (!extsort_rewind(j->sort, err))
		return false;
	for (;;) {
		if (import_stops(j) || !import_next_user(j, &c, &r, &more, err))
			return false;
		if (!more)
			return write_slice(j, s, err);
		if (!add_row(j, s, &r, err) ||
		    !import_tick(j, 1, j->doc.rows_loaded, j->doc.rows_accepted, err))
			return false;
		if ((s->n == STORE_ROWS_MAX || s->bytes >= SLICE_BYTES) &&
		    !write_slice(j, s, err))
			return false;
	}
}

static bool put_load(struct import_job *j, enum load_state state, struct error *err)
{
	char id[LOAD_ID_LEN + 1], sha256[2 * CRYPTO_SHA256_LEN + 1];
	const struct bundle_file *f = bundle_recipients(&j->check->bundle);
	struct buf body;
	crypto_hex(sha256, f->sha256, sizeof f->sha256);
	const struct load_document d = {
		.campaign = j->check->bundle.campaign.id,
		.sha256 = str_of(sha256),
		.content = str_of(j->content),
		.import = j->doc.id,
		.columns = j->check->columns,
		.n_columns = j->check->n_columns,
		.rows = j->doc.rows_accepted,
		.created_ms = j->began_ms,
		.state = state,
	};
	load_document_id(j->load, id);
	buf_init(&body, STORE_DOCUMENT_MAX);
	bool ok = load_document_write(&body, &d)
			  ? sync_document_put(j->tenant->db, STORE_LOAD, str_of(id),
					      buf_str(&body),
					      state == LOAD_LOADING ? STORE_ABSENT
								    : STORE_ANY,
					      NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	buf_free(&body);
	return ok;
}

/* A new number for each attempt. Its document is there before its first row, so that a
 * sweep knows it. */
static bool begin_load(struct import_job *j, struct error *err)
{
	do {
		crypto_random(&j->load, sizeof j->load);
	} while (j->load == 0);
	pthread_mutex_lock(&j->tenant->change);
	bool ok = put_load(j, LOAD_LOADING, err);
	pthread_mutex_unlock(&j->tenant->change);
	return ok;
}

bool import_load_rows(struct import_job *j)
{
	struct error err = {0};
	struct slice *s = calloc(1, sizeof *s);
	struct arena *arena = arena_new(SLICE_ARENA_MAX);
	bool ok = s != NULL && arena != NULL;
	bool too_few = false; /* of its rows were taken; that is said already */
	if (ok) {
		s->arena = arena;
		buf_init(&s->progress, IMPORT_DOCUMENT_MAX);
		ok = begin_load(j, &err) && write_all(j, s, &err);
		too_few = ok && !import_check_rejected(j);
		ok = ok && !too_few && put_load(j, LOAD_COMPLETE, &err);
		buf_free(&s->progress);
	} else {
		error_set(&err, ERROR_MEMORY, "", "no memory");
	}
	arena_free(arena);
	free(s);
	return ok || (!too_few && import_fail(j, &err));
}
