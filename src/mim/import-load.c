/* SPDX-License-Identifier: Apache-2.0 */
/* What comes after the sort: a pass that finds second rows of the same user, and one
 * that writes the rows to the store, unless a load of before has the same. */
#include "mim/import-internal.h"
#include "mim/sync.h"
#include "mim/user-find.h"

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
			import_reject_taken(j, file, r.number, ERROR_CONFLICT,
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

static bool write_all(struct import_job *j, struct import_slices *s, struct error *err)
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
			return import_slices_end(s, err);
		if (!import_slices_add(s, &r, err) ||
		    !import_tick(j, 1, j->doc.rows_loaded, j->doc.rows_accepted, err))
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
	struct import_slices *s = import_slices_new(j);
	bool too_few = false; /* of its rows were taken; that is said already */
	bool ok = s != NULL || error_set(&err, ERROR_MEMORY, "", "no memory");
	ok = ok && begin_load(j, &err) && write_all(j, s, &err);
	import_slices_free(s);
	too_few = ok && !import_check_rejected(j);
	ok = ok && !too_few && put_load(j, LOAD_COMPLETE, &err);
	return ok || (!too_few && import_fail(j, &err));
}

/* Rows of before ----------------------------------------------------------------*/

/* Who was erased, and made known again since, has no row in an older load. */
static bool same_content(struct import_job *j, const struct load_document *d,
			 int64_t erased_ms)
{
	char sha256[2 * CRYPTO_SHA256_LEN + 1];
	const struct bundle_file *f = bundle_recipients(&j->check->bundle);
	crypto_hex(sha256, f->sha256, CRYPTO_SHA256_LEN);
	return d->state == LOAD_COMPLETE &&
	       str_eq(d->campaign, j->check->bundle.campaign.id) &&
	       str_eqz(d->sha256, sha256) && str_eqz(d->content, j->content) &&
	       d->created_ms > erased_ms;
}

#define LOADS_MAX 10000

static bool find_load(struct import_job *j, struct arena *arena, struct error *err)
{
	struct store_document_list list;
	int64_t erased_ms;
	if (!erasure_last(j->tenant, arena, &erased_ms, err) ||
	    !sync_document_list(j->tenant->db, STORE_LOAD, STR(""), STR(""), LOADS_MAX,
				true, arena, &list, err))
		return false;
	for (size_t i = 0; i < list.n && !j->load_is_old; i++) {
		struct load_document d;
		uint64_t load;
		if (!load_document_id_parse(list.items[i].id, &load) ||
		    !load_document_parse(list.items[i].body, arena, &d, err))
			return false;
		if (same_content(j, &d, erased_ms)) {
			j->load = load;
			j->load_is_old = true;
		}
	}
	return true;
}

bool import_find_load(struct import_job *j)
{
	struct error err = {0};
	struct arena *arena = arena_new(256u << 20);
	bool ok = arena != NULL ? find_load(j, arena, &err)
				: error_set(&err, ERROR_MEMORY, "", "no memory");
	arena_free(arena);
	return ok || import_fail(j, &err);
}
