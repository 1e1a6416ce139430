/* SPDX-License-Identifier: Apache-2.0 */
/* The course of an import: its phases, its document, its end. */
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/sources.h"
#include "mim/sync.h"
#include "model/data-source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define ATTEMPTS_MAX 5
#define SAVE_EVERY_US 1000000
#define LOOK_EVERY 256 /* rows between two looks at the clock */

bool import_fail(struct import_job *j, const struct error *err)
{
	if (!j->interrupted)
		error_list_add_error(&j->problem, err);
	return false;
}

bool import_stops(struct import_job *j)
{
	if (j->mim->stopping)
		j->interrupted = true;
	return j->interrupted;
}

bool import_write(const struct import_job *j, struct buf *out, struct error *err)
{
	const struct error_list *rows = &j->row_errors;
	/* while the file is read, its checker holds them */
	if (j->check != NULL && rows->n == 0)
		rows = &j->check->row_errors;
	buf_clear(out);
	if (import_document_write(out, &j->doc, rows, &j->problem))
		return true;
	if (out->state == BUF_NOMEM)
		return error_set(err, ERROR_MEMORY, "", "no memory for its document");
	return error_set(err, ERROR_INTERNAL, "", "the import's document is too large");
}

bool import_save(struct import_job *j, struct error *err)
{
	struct buf body;
	buf_init(&body, IMPORT_DOCUMENT_MAX);
	bool ok = import_write(j, &body, err) &&
		  sync_document_put(j->tenant->db, STORE_IMPORT, j->doc.id,
				    buf_str(&body), STORE_ANY, NULL, err);
	buf_free(&body);
	j->saved_us = clock_mono_us();
	return ok;
}

bool import_enter(struct import_job *j, enum import_phase phase, struct error *err)
{
	j->doc.phase = phase;
	j->doc.rows_per_second = 0;
	j->doc.time_left_ms = 0;
	j->phase_us = clock_mono_us();
	j->phase_rows = 0;
	return import_save(j, err);
}

/* While the file is read, its checker counts. */
void import_take_figures(struct import_job *j)
{
	if (j->check == NULL || j->doc.phase != IMPORT_READING)
		return;
	j->doc.rows_read = j->check->rows_read;
	j->doc.rows_rejected = j->check->rows_rejected;
	j->doc.rows_accepted = j->check->rows_read - j->check->rows_rejected;
	j->doc.bytes_read = j->check->bytes_read;
}

static void estimate(struct import_job *j, uint64_t done, uint64_t total)
{
	double seconds = (double)(clock_mono_us() - j->phase_us) / 1e6;
	if (seconds < 0.001)
		return;
	j->doc.rows_per_second = (uint64_t)((double)j->phase_rows / seconds);
	j->doc.time_left_ms = 0;
	if (done > 0 && total > done)
		j->doc.time_left_ms = (int64_t)(seconds * 1000 *
						(double)(total - done) / (double)done);
}

bool import_tick(struct import_job *j, uint64_t rows, uint64_t done, uint64_t total,
		 struct error *err)
{
	/* reading gives the number of rows so far, the others one at a time */
	uint64_t before = j->phase_rows;
	j->phase_rows = j->doc.phase == IMPORT_READING ? rows : before + rows;
	if (j->phase_rows / LOOK_EVERY == before / LOOK_EVERY)
		return true;
	if (clock_mono_us() - j->saved_us < SAVE_EVERY_US)
		return true;
	import_take_figures(j);
	estimate(j, done, total);
	return import_save(j, err);
}

bool import_check_rejected(struct import_job *j)
{
	int64_t percent =
		settings_int(j->mim->settings, "inlay.import.max-rejected-percent");
	struct error err;
	return bundle_rejected_check(j->doc.rows_rejected, j->doc.rows_read,
				     (uint64_t)percent, &err) ||
	       error_list_add_error(&j->problem, &err);
}

/* Data source --------------------------------------------------------------------*/

static bool source_stops(void *job)
{
	return import_stops(job);
}

static bool open_source(struct import_job *j, struct error *err)
{
	j->source = tenant_data_source(j->config->tenant, j->doc.data_source);
	if (j->source == NULL)
		return error_set(err, ERROR_UNPROCESSABLE, "/dataSource",
				 "there is no such data source");
	const struct source_opening o = {.mim = j->mim,
					 .tenant = tenant_runtime_id(j->tenant),
					 .source = j->source,
					 .arena = j->arena,
					 .stops = source_stops,
					 .stops_ctx = j};
	j->objects = source_open(&o, err);
	return j->objects != NULL;
}

bool import_read_file(void *job, struct str name, bundle_bytes_fn *take, void *ctx,
		      struct error *err)
{
	struct import_job *j = job;
	struct buf key;
	buf_init(&key, OBJECT_KEY_MAX + 2);
	bool ok = data_source_key(j->source, j->doc.prefix, name, &key, err) &&
		  object_store_read(j->objects, buf_str(&key), take, ctx, err);
	buf_free(&key);
	return ok;
}

/* The whole ----------------------------------------------------------------------*/

static bool prepare(struct import_job *j, struct error *err)
{
	if (++j->doc.attempts > ATTEMPTS_MAX)
		return error_set(err, ERROR_INTERNAL, "",
				 "it was interrupted %d times and is not tried again",
				 ATTEMPTS_MAX);
	j->erasures = j->tenant->erasures;
	j->began_ms = clock_real_ms();
	return import_save(j, err) && import_bury_attempts(j, err) &&
	       schema_load(j->tenant->db, j->arena, &j->schema, err) &&
	       open_source(j, err);
}

static void count_end(const struct import_job *j)
{
	struct metrics *m = j->mim->metrics;
	if (j->interrupted)
		return;
	metrics_add(m,
		    j->doc.phase == IMPORT_DONE ? METRIC_IMPORTS_DONE
						: METRIC_IMPORTS_FAILED,
		    1);
	metrics_add(m, METRIC_IMPORT_ROWS, j->doc.rows_accepted);
	metrics_add(m, METRIC_IMPORT_ROWS_REJECTED, j->doc.rows_rejected);
}

static void log_end(const struct import_job *j, int64_t started_us)
{
	const struct import_document *d = &j->doc;
	double seconds = (double)(clock_mono_us() - started_us) / 1e6;
	if (d->phase == IMPORT_FAILED)
		log_warn(j->mim->log, "import",
			 "failed  tenant=%s import=%.*s errors=%zu: %s%s%s",
			 j->tenant->id, STR_ARG(d->id),
			 j->problem.n + j->problem.dropped, j->problem.items[0].where,
			 j->problem.items[0].where[0] != '\0' ? ": " : "",
			 j->problem.items[0].message);
	else if (j->interrupted)
		log_info(j->mim->log, "import", "interrupted  tenant=%s import=%.*s",
			 j->tenant->id, STR_ARG(d->id));
	else
		log_info(j->mim->log, "import",
			 "done  tenant=%s import=%.*s campaign=%.*s version=%" PRIu32
			 " rows=%" PRIu64 " rejected=%" PRIu64 " unchanged=%d "
			 "seconds=%.3f",
			 j->tenant->id, STR_ARG(d->id), STR_ARG(d->campaign),
			 d->version, d->rows_accepted, d->rows_rejected, d->unchanged,
			 seconds);
}

/* The last word. If it cannot be written, the next start tries the import again. */
static void finish(struct import_job *j, bool ok)
{
	struct error err = {0};
	if (j->interrupted) {
		/* an orderly stop is no failed attempt */
		j->doc.attempts--;
		j->doc.phase = IMPORT_WAITING;
		import_save(j, &err);
		return;
	}
	if (!ok && error_list_empty(&j->problem))
		error_list_add(&j->problem, ERROR_INTERNAL, "", "it failed");
	j->doc.phase = ok ? IMPORT_DONE : IMPORT_FAILED;
	j->doc.rows_per_second = 0;
	j->doc.time_left_ms = 0;
	j->doc.finished_ms = clock_real_ms();
	if (!import_save(j, &err))
		log_error(j->mim->log, "import",
			  "cannot store the end  tenant=%s import=%.*s: %s",
			  j->tenant->id, STR_ARG(j->doc.id), err.message);
}

void import_job_free(struct import_job *j)
{
	object_store_close(j->objects);
	extsort_free(j->sort);
	bundle_check_free(j->check);
	error_list_free(&j->problem);
	error_list_free(&j->row_errors);
	tenant_config_release(j->config);
	tenant_runtime_release(j->tenant);
	arena_free(j->arena);
	free(j);
}

/* On Linux the nice value is each thread's own. */
#define IMPORT_NICE 10

void import_yield(void)
{
	/* refused at worst, and then it is as if it were not there */
	setpriority(PRIO_PROCESS, (id_t)gettid(), IMPORT_NICE);
}

void import_run(void *ctx)
{
	struct import_job *j = ctx;
	struct error err = {0};
	import_yield();
	int64_t started = clock_mono_us();
	if (!import_stops(j)) {
		metrics_add(j->mim->metrics, METRIC_IMPORTS_STARTED, 1);
		bool ok = prepare(j, &err) || import_fail(j, &err);
		if (ok)
			ok = j->doc.kind == IMPORT_USERS ? import_users(j)
							 : import_campaign(j);
		finish(j, ok);
		log_end(j, started);
		count_end(j);
		if (j->dead_rows && !j->interrupted)
			import_sweep(j->tenant);
		import_prune(j->tenant);
	}
	import_job_free(j);
}
