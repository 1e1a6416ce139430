/* SPDX-License-Identifier: Apache-2.0 */
/* How imports come into the queue: by order, or at the start. */
#include "mim/import-internal.h"
#include "mim/sync.h"
#include "model/data-source.h"

#include <stdio.h>
#include <stdlib.h>

#define JOB_ARENA_MAX (16u << 20)

static struct import_job *job_new(struct tenant_runtime *t)
{
	struct import_job *j = calloc(1, sizeof *j);
	if (j == NULL)
		return NULL;
	j->mim = t->mim;
	j->tenant = tenant_runtime_hold(t);
	j->config = tenant_runtime_config(t);
	j->arena = arena_new(JOB_ARENA_MAX);
	error_list_init(&j->problem, IMPORT_ERRORS_MAX);
	error_list_init(&j->row_errors, IMPORT_ERRORS_MAX);
	if (j->arena == NULL) {
		import_job_free(j);
		return NULL;
	}
	return j;
}

static bool queue(struct import_job *j, struct error *err)
{
	if (workers_run(j->mim->jobs, import_run, j))
		return true;
	import_job_free(j);
	return error_set(err, ERROR_BUSY, "", "too many imports wait already");
}

/* Ordering -----------------------------------------------------------------------*/

static bool check_order(const struct tenant *t, const struct import_order *o,
			struct str *source, struct error *err)
{
	const struct data_source *s = o->data_source.p != NULL
					      ? tenant_data_source(t, o->data_source)
					      : tenant_default_data_source(t);
	if (s == NULL)
		return error_set(err, ERROR_UNPROCESSABLE, "/dataSource",
				 "the tenant has no such data source");
	if (!object_key_check(o->prefix, err)) {
		snprintf(err->where, sizeof err->where, "/prefix");
		return false;
	}
	*source = s->id;
	return true;
}

/* 20260501T080000-1f3a9c: by time in every list; absent without memory */
static struct str new_id(struct arena *arena, int64_t now_ms)
{
	struct buf time;
	uint8_t random[3];
	char hex[2 * sizeof random + 1], digits[16];
	size_t n = 0;
	buf_init(&time, 64);
	bool ok = clock_format_rfc3339(&time, now_ms - now_ms % CLOCK_SECOND);
	for (size_t i = 0; i < time.n && n < sizeof digits - 1; i++)
		if (time.p[i] != '-' && time.p[i] != ':' && time.p[i] != 'Z')
			digits[n++] = time.p[i];
	digits[n] = '\0';
	buf_free(&time);
	crypto_random(random, sizeof random);
	crypto_hex(hex, random, sizeof random);
	return ok ? arena_printf(arena, "%s-%s", digits, hex) : (struct str){NULL, 0};
}

static bool store_new(struct import_job *j, struct error *err)
{
	struct buf body;
	buf_init(&body, IMPORT_DOCUMENT_MAX);
	bool ok = import_write(j, &body, err) &&
		  sync_document_put(j->tenant->db, STORE_IMPORT, j->doc.id,
				    buf_str(&body), STORE_ABSENT, NULL, err);
	buf_free(&body);
	return ok;
}

static bool fill_order(struct import_job *j, const struct import_order *o,
		       int64_t now_ms, struct error *err)
{
	struct str source;
	if (!check_order(j->config->tenant, o, &source, err))
		return false;
	j->doc = (struct import_document){
		.id = new_id(j->arena, now_ms),
		.kind = o->kind,
		.prefix = arena_str(j->arena, o->prefix),
		.data_source = arena_str(j->arena, source),
		.activate = o->activate,
		.service = o->service,
		.by = arena_str(j->arena, o->by),
		.created_ms = now_ms,
	};
	return (!arena_failed(j->arena) && j->doc.id.p != NULL) ||
	       error_set(err, ERROR_MEMORY, "", "no memory");
}

static bool copy_document(struct arena *arena, const struct import_document *from,
			  struct import_document *to, struct error *err)
{
	*to = *from;
	to->id = arena_str(arena, from->id);
	to->prefix = arena_str(arena, from->prefix);
	to->data_source = arena_str(arena, from->data_source);
	to->by = arena_str(arena, from->by);
	return !arena_failed(arena) || error_set(err, ERROR_MEMORY, "", "no memory");
}

bool import_order(struct tenant_runtime *t, const struct import_order *order,
		  int64_t now_ms, struct arena *arena, struct import_document *doc,
		  struct error *err)
{
	struct import_job *j = job_new(t);
	if (j == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	/* what is stored is answered for */
	if (!fill_order(j, order, now_ms, err) ||
	    !copy_document(arena, &j->doc, doc, err) || !store_new(j, err)) {
		import_job_free(j);
		return false;
	}
	if (!queue(j, err)) {
		/* nobody would run it before the next start */
		struct error ignored;
		sync_document_put(t->db, STORE_IMPORT, doc->id, (struct str){NULL, 0},
				  STORE_ANY, NULL, &ignored);
		return false;
	}
	return true;
}

/* Resuming -----------------------------------------------------------------------*/

#define ARENA_MAX (64u << 20)
#define DOCUMENTS_KEPT 1000
#define LIST_MAX 10000

static bool is_over(const struct import_document *d)
{
	return d->phase == IMPORT_DONE || d->phase == IMPORT_FAILED;
}

static void resume_one(struct tenant_runtime *t, const struct import_document *d)
{
	struct error err = {0};
	struct import_job *j = job_new(t);
	if (j != NULL && !copy_document(j->arena, d, &j->doc, &err)) {
		import_job_free(j);
		j = NULL;
	}
	if (j != NULL && queue(j, &err)) {
		log_info(t->mim->log, "import", "resumed  tenant=%s import=%.*s", t->id,
			 STR_ARG(d->id));
		return;
	}
	log_error(t->mim->log, "import", "cannot be resumed  tenant=%s import=%.*s: %s",
		  t->id, STR_ARG(d->id), err.message);
}

static bool read_document(struct tenant_runtime *t, struct str id, struct arena *arena,
			  struct import_document *d, struct error *err)
{
	struct store_document doc;
	if (!sync_document_get(t->db, STORE_IMPORT, id, arena, &doc, err))
		return false;
	return import_document_parse(doc.body, arena, d, err);
}

/* Calls f with the id of every import, the oldest first. */
static void each_import(struct tenant_runtime *t,
			void (*f)(struct tenant_runtime *t, struct str id, size_t index,
				  size_t n))
{
	struct error err = {0};
	struct store_document_list list = {.n = 0};
	struct arena *arena = arena_new(ARENA_MAX);
	if (arena != NULL && sync_document_list(t->db, STORE_IMPORT, STR(""), STR(""),
						LIST_MAX, false, arena, &list, &err))
		for (size_t i = 0; i < list.n; i++)
			f(t, list.items[i].id, i, list.n);
	if (err.kind != ERROR_NONE)
		log_error(t->mim->log, "import", "cannot list  tenant=%s: %s", t->id,
			  err.message);
	arena_free(arena);
}

static void resume_if_open(struct tenant_runtime *t, struct str id, size_t index,
			   size_t n)
{
	struct import_document d;
	struct error err = {0};
	struct arena *arena = arena_new(ARENA_MAX);
	(void)index, (void)n;
	if (arena != NULL && read_document(t, id, arena, &d, &err)) {
		if (!is_over(&d))
			resume_one(t, &d);
	} else {
		log_error(t->mim->log, "import", "tenant=%s import=%.*s: %s", t->id,
			  STR_ARG(id), err.message);
	}
	arena_free(arena);
}

static void prune_if_old(struct tenant_runtime *t, struct str id, size_t index,
			 size_t n)
{
	struct import_document d;
	struct error err = {0};
	struct arena *arena;
	if (n - index <= DOCUMENTS_KEPT)
		return;
	arena = arena_new(ARENA_MAX);
	if (arena != NULL && read_document(t, id, arena, &d, &err) && is_over(&d))
		sync_document_put(t->db, STORE_IMPORT, id, (struct str){NULL, 0},
				  STORE_ANY, NULL, &err);
	arena_free(arena);
}

void import_prune(struct tenant_runtime *t)
{
	each_import(t, prune_if_old);
}

static void sweep_job(void *ctx)
{
	struct tenant_runtime *t = ctx;
	if (!t->mim->stopping)
		import_sweep(t);
	tenant_runtime_release(t);
}

void import_sweep_later(struct tenant_runtime *t)
{
	tenant_runtime_hold(t);
	if (!workers_run(t->mim->jobs, sweep_job, t))
		tenant_runtime_release(t); /* the next import or start sweeps */
}

void imports_resume(struct mim *mim)
{
	size_t n = 0;
	struct arena *arena = arena_new(ARENA_MAX);
	struct tenant_runtime **all =
		arena != NULL ? tenants_all(mim->tenants, arena, &n) : NULL;
	for (size_t i = 0; i < n && all != NULL; i++) {
		if (all[i]->open) {
			each_import(all[i], resume_if_open);
			import_sweep_later(all[i]);
		}
		tenant_runtime_release(all[i]);
	}
	arena_free(arena);
}
