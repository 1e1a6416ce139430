/* SPDX-License-Identifier: Apache-2.0 */
/* Stored as {"import":{what the API shows},"service":…,"by":…,"attempts":…}. */
#include "mim/import-document.h"

#include "base/clock.h"
#include "base/json-tree.h"
#include "base/json.h"
#include "model/json-table.h"
#include "net/problem.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PROBLEM_MAX (128 * 1024)
#define TEXT_MAX 2048

static const char *const phase_names[] = {
#define X(name, text) text,
	IMPORT_PHASES(X)
#undef X
};
static const char *const kind_names[] = {"campaign", "users"};

const char *import_phase_name(enum import_phase p)
{
	return phase_names[p];
}

/* Writing ------------------------------------------------------------------------*/

static void put_duration(struct json_writer *w, const char *key, int64_t ms)
{
	/* whole seconds, and never "no time" while there is something to do */
	int64_t whole = (ms + CLOCK_SECOND - 1) / CLOCK_SECOND * CLOCK_SECOND;
	json_kv_duration(w, key, whole);
}

static void put_rows(struct json_writer *w, const struct import_document *d)
{
	json_put_key(w, STR("rows"));
	json_put_object(w);
	json_kv_u64(w, "read", d->rows_read);
	json_kv_u64(w, "accepted", d->rows_accepted);
	json_kv_u64(w, "rejected", d->rows_rejected);
	json_kv_u64(w, "loaded", d->rows_loaded);
	if (d->has_total)
		json_kv_u64(w, "total", d->rows_total);
	json_put_object_end(w);
	json_put_key(w, STR("bytes"));
	json_put_object(w);
	json_kv_u64(w, "read", d->bytes_read);
	if (d->bytes_total > 0)
		json_kv_u64(w, "total", d->bytes_total);
	json_put_object_end(w);
}

/* "recipients.csv:12" */
static void put_row_error(struct json_writer *w, const struct error *e)
{
	struct str where = str_of(e->where), file = where;
	uint64_t line = 0;
	for (size_t i = where.n; i-- > 0;)
		if (where.p[i] == ':') {
			file = str_slice(where, 0, i);
			str_to_u64(str_slice(where, i + 1, where.n), INT64_MAX, &line);
			break;
		}
	json_put_object(w);
	json_kv_string(w, "file", file);
	json_kv_u64(w, "line", line);
	json_kv_string(w, "message", str_of(e->message));
	json_put_object_end(w);
}

static void put_problem(struct json_writer *w, const struct error_list *problem)
{
	struct buf text;
	buf_init(&text, PROBLEM_MAX);
	problem_write(&text, error_kind_info(problem->items[0].kind)->http_status,
		      problem->items, problem->n, problem->dropped);
	if (buf_ok(&text)) {
		json_put_key(w, STR("problem"));
		json_put_raw(w, buf_str(&text));
	} else {
		w->out->state = text.state;
	}
	buf_free(&text);
}

static void put_shown(struct json_writer *w, const struct import_document *d,
		      const struct error_list *row_errors,
		      const struct error_list *problem)
{
	json_put_object(w);
	json_kv_string(w, "id", d->id);
	json_kv_string(w, "kind", str_of(kind_names[d->kind]));
	json_kv_string(w, "phase", str_of(phase_names[d->phase]));
	json_kv_string(w, "prefix", d->prefix);
	json_kv_string(w, "dataSource", d->data_source);
	json_kv_bool(w, "activate", d->activate);
	if (d->campaign.p != NULL) {
		json_kv_string(w, "campaign", d->campaign);
		json_kv_u64(w, "version", d->version);
	}
	if (d->unchanged)
		json_kv_bool(w, "unchanged", true);
	json_kv_time(w, "createdAt", d->created_ms);
	if (d->finished_ms > 0)
		json_kv_time(w, "finishedAt", d->finished_ms);
	put_rows(w, d);
	if (d->rows_per_second > 0)
		json_kv_u64(w, "rowsPerSecond", d->rows_per_second);
	if (d->time_left_ms > 0)
		put_duration(w, "timeLeft", d->time_left_ms);
	if (row_errors != NULL && row_errors->n > 0) {
		json_put_key(w, STR("rowErrors"));
		json_put_array(w);
		for (size_t i = 0; i < row_errors->n; i++)
			put_row_error(w, &row_errors->items[i]);
		json_put_array_end(w);
	}
	if (problem != NULL && problem->n > 0)
		put_problem(w, problem);
	json_put_object_end(w);
}

bool import_document_write(struct buf *out, const struct import_document *d,
			   const struct error_list *row_errors,
			   const struct error_list *problem)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_put_key(&w, STR("import"));
	put_shown(&w, d, row_errors, problem);
	json_kv_bool(&w, "service", d->service);
	json_kv_string(&w, "by", d->by);
	json_kv_u64(&w, "attempts", d->attempts);
	json_put_object_end(&w);
	return buf_ok(out);
}

/* Reading ------------------------------------------------------------------------*/

static void read_id(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	json_table_id(r, v, &d->id);
}

static void read_kind(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	unsigned i;
	if (json_table_choice(r, v, kind_names, COUNT(kind_names), &i))
		d->kind = (enum import_kind)i;
}

static void read_phase(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	unsigned i;
	if (json_table_choice(r, v, phase_names, COUNT(phase_names), &i))
		d->phase = (enum import_phase)i;
}

static void read_prefix(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	json_table_line(r, v, TEXT_MAX, &d->prefix);
}

static void read_source(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	json_table_id(r, v, &d->data_source);
}

static void read_activate(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	d->activate = json_is_true(v);
}

static void read_created(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	json_table_time(r, v, &d->created_ms);
}

static void read_service(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	d->service = json_is_true(v);
}

static void read_by(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	json_table_line(r, v, TEXT_MAX, &d->by);
}

static void read_attempts(struct json_table_reader *r, const json_t *v)
{
	struct import_document *d = r->out;
	int64_t n;
	if (json_table_integer(r, v, 0, UINT32_MAX, &n))
		d->attempts = (uint32_t)n;
}

static void read_nothing(struct json_table_reader *r, const json_t *v)
{
	(void)r;
	(void)v;
}

static const struct json_field fields[] = {
	{"/import", json_table_object, JSON_NEEDED},
	{"/import/id", read_id, JSON_NEEDED},
	{"/import/kind", read_kind, JSON_NEEDED},
	{"/import/phase", read_phase, JSON_NEEDED},
	{"/import/prefix", read_prefix, JSON_NEEDED},
	{"/import/dataSource", read_source, JSON_NEEDED},
	{"/import/activate", read_activate, JSON_NEEDED},
	{"/import/campaign", read_nothing, JSON_OPTIONAL},
	{"/import/version", read_nothing, JSON_OPTIONAL},
	{"/import/unchanged", read_nothing, JSON_OPTIONAL},
	{"/import/createdAt", read_created, JSON_NEEDED},
	{"/import/finishedAt", read_nothing, JSON_OPTIONAL},
	{"/import/rows", read_nothing, JSON_NEEDED},
	{"/import/bytes", read_nothing, JSON_NEEDED},
	{"/import/rowsPerSecond", read_nothing, JSON_OPTIONAL},
	{"/import/timeLeft", read_nothing, JSON_OPTIONAL},
	{"/import/rowErrors", read_nothing, JSON_OPTIONAL},
	{"/import/problem", read_nothing, JSON_OPTIONAL},
	{"/service", read_service, JSON_NEEDED},
	{"/by", read_by, JSON_NEEDED},
	{"/attempts", read_attempts, JSON_NEEDED},
};

bool import_document_parse(struct str body, struct arena *a,
			   struct import_document *out, struct error *err)
{
	struct json_table_reader r;
	struct error_list errors;
	struct error why;
	json_t *root = json_tree_read(body, &why);
	*out = (struct import_document){.phase = IMPORT_WAITING};
	if (root == NULL)
		return error_set(err,
				 why.kind == ERROR_MEMORY ? why.kind : ERROR_CORRUPT,
				 "", "a stored import cannot be read: %s", why.message);
	error_list_init(&errors, 1);
	json_table_init(&r, fields, COUNT(fields), a, &errors, "", out);
	json_table_object(&r, root);
	bool ok = error_list_empty(&errors);
	if (arena_failed(a) || (!ok && errors.n == 0))
		ok = error_set(err, ERROR_MEMORY, "", "no memory for a stored import");
	else if (!ok)
		error_set(err, ERROR_CORRUPT, errors.items[0].where,
			  "a stored import cannot be read: %s",
			  errors.items[0].message);
	error_list_free(&errors);
	json_decref(root);
	return ok;
}

bool import_document_shown(struct str body, struct str *shown, struct arena *a,
			   struct error *err)
{
	struct json_reader r;
	json_reader_init(&r, body, a);
	enum json_event first = json_next(&r), second = json_next(&r);
	if (first == JSON_AT_OBJECT && second == JSON_AT_KEY &&
	    str_eqz(r.text, "import") && json_raw(&r, shown))
		return true;
	return error_set(err, ERROR_CORRUPT, "", "a stored import cannot be read");
}
