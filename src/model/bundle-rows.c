/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bundle-check.h"

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

struct reading {
	struct bundle_check *check;
	const struct bundle_file *file;
	const struct bundle_rows_sink *sink;
	struct csv_table *table;
	struct unpack *unpack;
	struct crypto_sha256_state hash;
	struct column *by_name; /* sorted, to find a variable's column */
	struct template_parts scratch;
	struct checked *checked; /* of each template */
};

static int compare_columns(const void *a, const void *b)
{
	const struct column *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

static const struct column *find_column(const struct reading *r, struct str name)
{
	struct column key = {.name = name};
	if (r->check->n_columns == 0)
		return NULL;
	return bsearch(&key, r->by_name, r->check->n_columns, sizeof key,
		       compare_columns);
}

/* A variable's value: of the row, else of the profile. Without profiles its own name
 * stands in for a variable that only they could have. */
static struct str value_of(const struct reading *r, const struct source *s,
			   const struct str *row)
{
	const struct bundle_rows_sink *sink = r->sink;
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

static void file_where(const struct reading *r, uint64_t line, char *out, size_t n)
{
	snprintf(out, n, "%.*s:%" PRIu64, STR_ARG(r->file->name), line);
}

/* Every column is somebody's variable: another is a slip of the pen. */
static void check_columns(struct reading *r)
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

static void check_needs(struct reading *r)
{
	struct bundle_check *c = r->check;
	char where[160];
	file_where(r, 1, where, sizeof where);
	for (size_t i = 0; i < c->n_templates; i++)
		for (size_t j = 0; j < c->templates[i].n_needs; j++) {
			const struct template_need *need = &c->templates[i].needs[j];
			if (!need->has_default && find_column(r, need->name) == NULL &&
			    r->sink->is_attribute != NULL &&
			    !r->sink->is_attribute(r->sink->ctx, need->name))
				error_list_add(
					&c->errors, ERROR_UNPROCESSABLE, where,
					"template \"%.*s\" has the variable \"%.*s\", "
					"which is no column, no attribute of users, "
					"and has no default",
					STR_ARG(c->templates[i].name),
					STR_ARG(need->name));
		}
}

static bool open_checker(struct reading *r, const struct template *t, struct checked *k)
{
	const struct bundle_rows_sink *sink = r->sink;
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

static bool open_checkers(struct reading *r, struct error *err)
{
	struct bundle_check *c = r->check;
	r->checked = arena_array(c->arena, c->n_templates, sizeof *r->checked);
	if (r->checked == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	memset(r->checked, 0, c->n_templates * sizeof *r->checked);
	for (size_t i = 0; i < c->n_templates; i++)
		if (!open_checker(r, c->templates[i].parsed, &r->checked[i]))
			return error_set(err, ERROR_MEMORY, "", "no memory");
	return true;
}

static void close_checkers(struct reading *r)
{
	for (size_t i = 0; r->checked != NULL && i < r->check->n_templates; i++)
		template_checker_free(r->checked[i].checker);
}

static bool header(void *ctx, const struct str *names, size_t n, struct error *err)
{
	struct reading *r = ctx;
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

static void reject(struct reading *r, uint64_t line, const struct error *reason)
{
	char where[160];
	file_where(r, line, where, sizeof where);
	r->check->rows_rejected++;
	error_list_add(&r->check->row_errors, reason->kind, where, "%s",
		       reason->message);
}

static bool bad_row(void *ctx, uint64_t line, size_t fields, size_t columns,
		    struct error *err)
{
	struct error reason;
	struct reading *r = ctx;
	(void)err;
	r->check->rows_read++;
	error_set(&reason, ERROR_SYNTAX, "", "has %zu fields, the header has %zu",
		  fields, columns);
	reject(r, line, &reason);
	return true;
}

/* Every template with this row. */
static bool renders(struct reading *r, const struct bundle_row *row,
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

static enum bundle_verdict judge(struct reading *r, const struct bundle_row *row,
				 struct error *reason)
{
	const struct bundle_rows_sink *sink = r->sink;
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

static bool row(void *ctx, const struct str *fields, uint64_t line, struct error *err)
{
	struct reading *r = ctx;
	struct error reason = {0};
	r->check->rows_read++;
	const struct bundle_row row = {.line = line,
				       .user = fields[0],
				       .values = fields + 1,
				       .n_values = r->check->n_columns};
	switch (judge(r, &row, &reason)) {
	case BUNDLE_ROW_TAKEN:
		return true;
	case BUNDLE_ROW_REJECTED:
		reject(r, line, &reason);
		return true;
	case BUNDLE_ROW_STOP:
		break;
	}
	*err = reason;
	return false;
}

/* The bytes as they lie there -> hash -> unpacked -> CSV. */
static bool take_unpacked(void *ctx, struct str bytes, struct error *err)
{
	struct reading *r = ctx;
	return csv_table_feed(r->table, bytes, err);
}

static bool take_packed(void *ctx, struct str bytes, struct error *err)
{
	struct reading *r = ctx;
	crypto_sha256_add(&r->hash, bytes);
	r->check->bytes_read += bytes.n;
	if (r->check->bytes_read > r->file->bytes)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "is longer than the manifest says");
	return unpack_feed(r->unpack, bytes, err);
}

static bool check_end(struct reading *r, struct error *err)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	const struct bundle_file *f = r->file;
	const struct bundle_check *c = r->check;
	if (!unpack_end(r->unpack, err) || !csv_table_end(r->table, err))
		return false;
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

static void add_error(struct reading *r, struct error *err)
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

bool bundle_check_rows(struct bundle_check *c, const struct bundle_source *source,
		       const struct bundle_rows_sink *sink)
{
	struct reading r = {
		.check = c, .sink = sink, .file = bundle_recipients(&c->bundle)};
	struct error err = {0};
	if (r.file == NULL)
		return true;
	const struct csv_table_handler handler = {&r, header, row, bad_row};
	c->rows_read = c->rows_rejected = c->bytes_read = 0;
	r.table = csv_table_new(STR(USER_COLUMN), &limits, &handler);
	r.unpack = unpack_new(unpack_kind_of(r.file->name), BUNDLE_FILE_BYTES_MAX,
			      take_unpacked, &r);
	crypto_sha256_start(&r.hash);
	template_parts_init(&r.scratch);
	bool ok = r.table != NULL && r.unpack != NULL;
	if (!ok)
		error_set(&err, ERROR_MEMORY, "", "no memory");
	ok = ok && source->read(source->ctx, r.file->name, take_packed, &r, &err) &&
	     check_end(&r, &err);
	if (!ok)
		add_error(&r, &err);
	close_checkers(&r);
	template_parts_free(&r.scratch);
	unpack_free(r.unpack);
	csv_table_free(r.table);
	return ok && error_list_empty(&c->errors);
}
