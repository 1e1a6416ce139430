/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bundle-check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/csv.h"
#include "message/template-checker.h"
#include "model/csv-table.h"
#include "model/unpack.h"

#define USER_COLUMN "user"
#define USER_NAME_MAX 255

struct column {
	struct str name;
	size_t index; /* into values */
};

#define NO_COLUMN SIZE_MAX

/* Where a variable of a template has its value from. */
struct source {
	struct str name;
	size_t column;     /* of the row, or NO_COLUMN */
	bool is_attribute; /* of users, where the row has none */
};

struct checked {
	struct template_checker *checker;
	struct source *sources; /* of its variables */
	struct str *values;     /* of the row that is looked at */
	size_t n;
};

struct bundle_reading {
	struct bundle_check *check;
	const struct bundle_file *file;
	struct bundle_rows_sink sink;
	/* the reader's */
	struct csv_table *table;
	struct unpack *unpack;
	struct crypto_sha256_state hash;
	struct column *by_name; /* sorted, to find a variable's column */
	uint64_t bytes_read;
	struct bundle_batch *batch; /* under way */
	size_t batch_rows;
	bundle_batch_fn *hand;
	void *ctx;
	/* the judge's; the first two are made by the reader, with the header */
	struct checked *checked; /* of each template */
	struct bundle_row *rows; /* those of a batch that have all fields */
	struct template_parts scratch;
};

/* A line as it was read. */
struct line {
	uint64_t number;
	size_t fields; /* as many as the header has, else it is a bad one */
};

/* All texts lie behind the struct's arrays. */
struct bundle_batch {
	struct bundle_reading *reading;
	uint64_t bytes_read; /* of the file, up to the end of it or later */
	struct line *lines;  /* [batch_rows] */
	struct str *values;  /* of the lines that are good, one behind the other */
	size_t n, n_values, used;
	char *texts; /* [BATCH_BYTES] */
};

#define BATCH_BYTES (256u * 1024)
#define BATCH_VALUES (16u * 1024) /* for files with many columns */
static_assert(BUNDLE_ROW_MAX <= BATCH_BYTES, "a batch holds any row");

static int compare_columns(const void *a, const void *b)
{
	const struct column *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

static const struct column *find_column(const struct bundle_reading *r, struct str name)
{
	struct column key = {.name = name};
	if (r->check->n_columns == 0)
		return NULL;
	return bsearch(&key, r->by_name, r->check->n_columns, sizeof key,
		       compare_columns);
}

/* A variable's value: of the row, else of the profile. Without profiles its own name
 * stands in for a variable that only they could have. */
static struct str value_of(const struct bundle_reading *r, const struct source *s,
			   const struct str *row)
{
	const struct bundle_rows_sink *sink = &r->sink;
	if (s->column != NO_COLUMN && row[s->column].n > 0)
		return row[s->column];
	if (s->is_attribute && sink->attribute != NULL)
		return sink->attribute(sink->ctx, s->name);
	if (s->column == NO_COLUMN && sink->attribute == NULL)
		return s->name;
	return (struct str){NULL, 0};
}

static bool is_used(const struct bundle_check *c, struct str name)
{
	for (size_t i = 0; i < c->n_templates; i++)
		for (size_t j = 0; j < c->templates[i].n_needs; j++)
			if (str_eq(c->templates[i].needs[j].name, name))
				return true;
	return false;
}

static void file_where(const struct bundle_reading *r, uint64_t line, char *out,
		       size_t n)
{
	snprintf(out, n, "%.*s:%" PRIu64, STR_ARG(r->file->name), line);
}

/* Every column is somebody's variable: another is a slip of the pen. */
static void check_columns(struct bundle_reading *r)
{
	struct bundle_check *c = r->check;
	char where[160];
	file_where(r, 1, where, sizeof where);
	for (size_t i = 0; i < c->n_columns; i++)
		if (!is_used(c, c->columns[i]))
			error_list_add(&c->errors, ERROR_UNPROCESSABLE, where,
				       "column \"%.*s\" is in no template",
				       STR_ARG(c->columns[i]));
}

static void check_needs(struct bundle_reading *r)
{
	struct bundle_check *c = r->check;
	char where[160];
	file_where(r, 1, where, sizeof where);
	for (size_t i = 0; i < c->n_templates; i++)
		for (size_t j = 0; j < c->templates[i].n_needs; j++) {
			const struct template_need *need = &c->templates[i].needs[j];
			if (!need->has_default && find_column(r, need->name) == NULL &&
			    r->sink.is_attribute != NULL &&
			    !r->sink.is_attribute(r->sink.ctx, need->name))
				error_list_add(
					&c->errors, ERROR_UNPROCESSABLE, where,
					"template \"%.*s\" has the variable \"%.*s\", "
					"which is no column, no attribute of users, "
					"and has no default",
					STR_ARG(c->templates[i].name),
					STR_ARG(need->name));
		}
}

static bool open_checker(struct bundle_reading *r, const struct template *t,
			 struct checked *k)
{
	const struct bundle_rows_sink *sink = &r->sink;
	const struct str *names;
	k->checker = template_checker_new(t);
	if (k->checker == NULL)
		return false;
	k->n = template_checker_names(k->checker, &names);
	k->sources = arena_array(r->check->arena, k->n, sizeof *k->sources);
	k->values = arena_array(r->check->arena, k->n, sizeof *k->values);
	for (size_t i = 0; i < k->n && k->sources != NULL; i++) {
		const struct column *column = find_column(r, names[i]);
		k->sources[i] = (struct source){
			.name = names[i],
			.column = column != NULL ? column->index : NO_COLUMN,
			.is_attribute = sink->is_attribute == NULL ||
					sink->is_attribute(sink->ctx, names[i])};
	}
	return k->sources != NULL && k->values != NULL;
}

static bool open_checkers(struct bundle_reading *r, struct error *err)
{
	struct bundle_check *c = r->check;
	r->batch_rows = BATCH_VALUES / (c->n_columns + 1);
	if (r->batch_rows > BUNDLE_BATCH_ROWS)
		r->batch_rows = BUNDLE_BATCH_ROWS;
	r->rows = arena_array(c->arena, r->batch_rows, sizeof *r->rows);
	r->checked = arena_array(c->arena, c->n_templates, sizeof *r->checked);
	if (r->checked == NULL || r->rows == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	memset(r->checked, 0, c->n_templates * sizeof *r->checked);
	for (size_t i = 0; i < c->n_templates; i++)
		if (!open_checker(r, c->templates[i].parsed, &r->checked[i]))
			return error_set(err, ERROR_MEMORY, "", "no memory");
	return true;
}

static void close_checkers(struct bundle_reading *r)
{
	for (size_t i = 0; r->checked != NULL && i < r->check->n_templates; i++)
		template_checker_free(r->checked[i].checker);
}

static bool header(void *ctx, const struct str *names, size_t n, struct error *err)
{
	struct bundle_reading *r = ctx;
	struct bundle_check *c = r->check;
	struct str *columns = arena_array(c->arena, n, sizeof *columns);
	r->by_name = arena_array(c->arena, n, sizeof *r->by_name);
	if (columns == NULL || r->by_name == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	c->columns = columns;
	c->n_columns = n - 1;
	for (size_t i = 0; i + 1 < n; i++) {
		columns[i] = arena_str(c->arena, names[i + 1]);
		if (columns[i].p == NULL)
			return error_set(err, ERROR_MEMORY, "", "no memory");
		r->by_name[i] = (struct column){columns[i], i};
	}
	if (n > 2)
		qsort(r->by_name, n - 1, sizeof *r->by_name, compare_columns);
	check_columns(r);
	check_needs(r);
	return open_checkers(r, err);
}

/* Reading ------------------------------------------------------------------------*/

static struct bundle_batch *batch_new(struct bundle_reading *r)
{
	size_t values = r->batch_rows * (r->check->n_columns + 1);
	struct bundle_batch *b = malloc(sizeof *b + r->batch_rows * sizeof *b->lines +
					values * sizeof *b->values + BATCH_BYTES);
	if (b == NULL)
		return NULL;
	*b = (struct bundle_batch){.reading = r};
	b->values = (struct str *)(b + 1);
	b->lines = (struct line *)(b->values + values);
	b->texts = (char *)(b->lines + r->batch_rows);
	return b;
}

void bundle_batch_free(struct bundle_batch *b)
{
	free(b);
}

static bool hand_over(struct bundle_reading *r, struct error *err)
{
	struct bundle_batch *b = r->batch;
	if (b == NULL)
		return true;
	r->batch = NULL;
	b->bytes_read = r->bytes_read;
	return r->hand(r->ctx, b, err);
}

/* Room for another line with so many bytes of text. */
static bool make_room(struct bundle_reading *r, size_t bytes, struct error *err)
{
	if (r->batch != NULL &&
	    (r->batch->n == r->batch_rows || bytes > BATCH_BYTES - r->batch->used) &&
	    !hand_over(r, err))
		return false;
	if (r->batch == NULL)
		r->batch = batch_new(r);
	return r->batch != NULL || error_set(err, ERROR_MEMORY, "", "no memory");
}

static bool bad_row(void *ctx, uint64_t line, size_t fields, size_t columns,
		    struct error *err)
{
	struct bundle_reading *r = ctx;
	(void)columns;
	if (!make_room(r, 0, err))
		return false;
	r->batch->lines[r->batch->n++] = (struct line){line, fields};
	return true;
}

static bool row(void *ctx, const struct str *fields, uint64_t line, struct error *err)
{
	struct bundle_reading *r = ctx;
	size_t n = r->check->n_columns + 1, bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += fields[i].n;
	if (!make_room(r, bytes, err))
		return false;
	struct bundle_batch *b = r->batch;
	for (size_t i = 0; i < n; i++) {
		b->values[b->n_values++] =
			(struct str){b->texts + b->used, fields[i].n};
		if (fields[i].n > 0)
			memcpy(b->texts + b->used, fields[i].p, fields[i].n);
		b->used += fields[i].n;
	}
	b->lines[b->n++] = (struct line){line, n};
	return true;
}

/* The bytes as they lie there -> hash -> unpacked -> CSV. */
static bool take_unpacked(void *ctx, struct str bytes, struct error *err)
{
	struct bundle_reading *r = ctx;
	return csv_table_feed(r->table, bytes, err);
}

static bool take_packed(void *ctx, struct str bytes, struct error *err)
{
	struct bundle_reading *r = ctx;
	crypto_sha256_add(&r->hash, bytes);
	r->bytes_read += bytes.n;
	if (r->bytes_read > r->file->bytes)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "is longer than the manifest says");
	return unpack_feed(r->unpack, bytes, err);
}

bool bundle_reading_run(struct bundle_reading *r, const struct bundle_source *source,
			bundle_batch_fn *hand, void *ctx, struct error *err)
{
	r->hand = hand;
	r->ctx = ctx;
	return source->read(source->ctx, r->file->name, take_packed, r, err) &&
	       unpack_end(r->unpack, err) && csv_table_end(r->table, err) &&
	       hand_over(r, err);
}

/* Judging ------------------------------------------------------------------------*/

static void reject(struct bundle_reading *r, uint64_t line, const struct error *reason)
{
	char where[160];
	file_where(r, line, where, sizeof where);
	r->check->rows_rejected++;
	error_list_add(&r->check->row_errors, reason->kind, where, "%s",
		       reason->message);
}

/* Every template with this row. */
static bool renders(struct bundle_reading *r, const struct bundle_row *row,
		    struct error *reason)
{
	for (size_t i = 0; i < r->check->n_templates; i++) {
		const struct checked *k = &r->checked[i];
		for (size_t j = 0; j < k->n; j++)
			k->values[j] = value_of(r, &k->sources[j], row->values);
		if (!template_checker_row(k->checker, k->values, &r->scratch, reason))
			return false;
	}
	return true;
}

static enum bundle_verdict judge(struct bundle_reading *r, const struct bundle_row *row,
				 struct error *reason)
{
	const struct bundle_rows_sink *sink = &r->sink;
	enum bundle_verdict verdict = BUNDLE_ROW_TAKEN;
	if (row->user.n == 0 || row->user.n > USER_NAME_MAX) {
		error_set(reason, ERROR_BAD_VALUE, "", "user must have 1 to %d bytes",
			  USER_NAME_MAX);
		return BUNDLE_ROW_REJECTED;
	}
	if (sink->open != NULL)
		verdict = sink->open(sink->ctx, row, reason);
	if (verdict == BUNDLE_ROW_TAKEN && !renders(r, row, reason))
		verdict = reason->kind == ERROR_MEMORY ? BUNDLE_ROW_STOP
						       : BUNDLE_ROW_REJECTED;
	if (verdict == BUNDLE_ROW_TAKEN && sink->take != NULL)
		verdict = sink->take(sink->ctx, row, reason);
	return verdict;
}

static bool judge_line(struct bundle_reading *r, const struct line *line,
		       const struct bundle_row *row, struct error *err)
{
	struct error reason = {0};
	size_t columns = r->check->n_columns + 1;
	r->check->rows_read++;
	if (line->fields != columns) {
		error_set(&reason, ERROR_SYNTAX, "",
			  "has %zu fields, the header has %zu", line->fields, columns);
		reject(r, line->number, &reason);
		return true;
	}
	switch (judge(r, row, &reason)) {
	case BUNDLE_ROW_TAKEN:
		return true;
	case BUNDLE_ROW_REJECTED:
		reject(r, line->number, &reason);
		return true;
	case BUNDLE_ROW_STOP:
		break;
	}
	*err = reason;
	return false;
}

static bool judge_batch(struct bundle_batch *b, struct error *err)
{
	struct bundle_reading *r = b->reading;
	size_t columns = r->check->n_columns + 1, n = 0, at = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct str *values = b->values + n * columns;
		if (b->lines[i].fields != columns)
			continue;
		r->rows[n] = (struct bundle_row){.index = n,
						 .line = b->lines[i].number,
						 .user = values[0],
						 .values = values + 1,
						 .n_values = columns - 1};
		n++;
	}
	if (r->sink.begin != NULL && !r->sink.begin(r->sink.ctx, r->rows, n, err))
		return false;
	for (size_t i = 0; i < b->n; i++) {
		bool is_good = b->lines[i].fields == columns;
		if (!judge_line(r, &b->lines[i], is_good ? &r->rows[at] : NULL, err))
			return false;
		at += is_good;
	}
	r->check->bytes_read = b->bytes_read;
	return true;
}

bool bundle_batch_judge(struct bundle_batch *b, struct error *err)
{
	bool ok = judge_batch(b, err);
	bundle_batch_free(b);
	return ok;
}

/* The end ------------------------------------------------------------------------*/

static bool check_end(struct bundle_reading *r, struct error *err)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	const struct bundle_file *f = r->file;
	struct bundle_check *c = r->check;
	c->bytes_read = r->bytes_read;
	crypto_sha256_end(&r->hash, sha256);
	if (c->bytes_read != f->bytes)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "has %" PRIu64 " bytes, the manifest says %" PRIu64,
				 c->bytes_read, f->bytes);
	if (memcmp(sha256, f->sha256, sizeof sha256) != 0)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "is not what the manifest's SHA-256 says");
	if (f->has_rows && c->rows_read != f->rows)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "has %" PRIu64 " rows, the manifest says %" PRIu64,
				 c->rows_read, f->rows);
	return true;
}

static void add_error(struct bundle_reading *r, struct error *err)
{
	if (err->kind == ERROR_NOT_FOUND)
		error_set(err, err->kind, "", "is missing");
	bundle_error_in(err, r->file->name);
	error_list_add_error(&r->check->errors, err);
}

static const struct csv_limits limits = {
	.max_fields = BUNDLE_COLUMNS_MAX + 1,
	.max_field = BUNDLE_VALUE_MAX,
	.max_record = BUNDLE_ROW_MAX,
};

static void reading_free(struct bundle_reading *r)
{
	bundle_batch_free(r->batch);
	close_checkers(r);
	template_parts_free(&r->scratch);
	unpack_free(r->unpack);
	csv_table_free(r->table);
	free(r);
}

struct bundle_reading *bundle_reading_new(struct bundle_check *c,
					  const struct bundle_rows_sink *sink)
{
	const struct bundle_file *file = bundle_recipients(&c->bundle);
	struct bundle_reading *r = file != NULL ? calloc(1, sizeof *r) : NULL;
	if (r == NULL)
		return NULL;
	const struct csv_table_handler handler = {r, header, row, bad_row};
	c->rows_read = c->rows_rejected = c->bytes_read = 0;
	r->check = c;
	r->sink = *sink;
	r->file = file;
	r->table = csv_table_new(STR(USER_COLUMN), &limits, &handler);
	r->unpack = unpack_new(unpack_kind_of(file->name), BUNDLE_FILE_BYTES_MAX,
			       take_unpacked, r);
	crypto_sha256_start(&r->hash);
	template_parts_init(&r->scratch);
	if (r->table != NULL && r->unpack != NULL)
		return r;
	reading_free(r);
	return NULL;
}

bool bundle_reading_end(struct bundle_reading *r, struct error *err)
{
	struct bundle_check *c = r->check;
	if (err->kind != ERROR_NONE || !check_end(r, err))
		add_error(r, err);
	reading_free(r);
	return error_list_empty(&c->errors);
}

static bool judge_at_once(void *ctx, struct bundle_batch *b, struct error *err)
{
	(void)ctx;
	return bundle_batch_judge(b, err);
}

bool bundle_check_rows(struct bundle_check *c, const struct bundle_source *source,
		       const struct bundle_rows_sink *sink)
{
	struct error err = {0};
	if (bundle_recipients(&c->bundle) == NULL)
		return true;
	struct bundle_reading *r = bundle_reading_new(c, sink);
	if (r == NULL) {
		error_list_add(&c->errors, ERROR_MEMORY, "", "no memory");
		return false;
	}
	bundle_reading_run(r, source, judge_at_once, NULL, &err);
	return bundle_reading_end(r, &err);
}
