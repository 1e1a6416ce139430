/* SPDX-License-Identifier: Apache-2.0 */
#include "model/csv-table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER_MEMORY (1 << 20)

struct csv_table {
	struct csv *csv;
	struct arena *arena; /* the header */
	struct str first;
	struct csv_table_handler handler;
	struct str *columns;
	size_t n_columns;
	bool has_header;
	struct error err; /* why the function of a record stopped */
};

static void line_text(char out[32], uint64_t line)
{
	snprintf(out, 32, "line %" PRIu64, line);
}

static bool is_utf8(struct csv_table *t, const struct str *fields, size_t n,
		    uint64_t line)
{
	char where[32];
	for (size_t i = 0; i < n; i++)
		if (!str_is_utf8(fields[i])) {
			line_text(where, line);
			return error_set(&t->err, ERROR_SYNTAX, where,
					 "field %zu is not UTF-8", i + 1);
		}
	return true;
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > CSV_TABLE_COLUMN_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool check_name(const struct csv_table *t, size_t i, const char *where,
		       struct error *err)
{
	struct str name = t->columns[i];
	if (!is_name(name))
		return error_set(err, ERROR_BAD_VALUE, where,
				 "the name of column %zu must be 1 to %d bytes without "
				 "blanks",
				 i + 1, CSV_TABLE_COLUMN_NAME_MAX);
	for (size_t j = 0; j < i; j++)
		if (str_eq(t->columns[j], name))
			return error_set(err, ERROR_BAD_VALUE, where,
					 "column \"%.*s\" is there twice",
					 STR_ARG(name));
	return true;
}

static bool read_header(struct csv_table *t, const struct str *fields, size_t n,
			uint64_t line)
{
	char where[32];
	line_text(where, line);
	t->has_header = true;
	t->columns = arena_array(t->arena, n, sizeof *t->columns);
	if (t->columns == NULL)
		return error_set(&t->err, ERROR_MEMORY, where, "no memory");
	if (!str_eq(fields[0], t->first))
		return error_set(&t->err, ERROR_BAD_VALUE, where,
				 "the first column must be \"%.*s\"",
				 STR_ARG(t->first));
	for (size_t i = 0; i < n; i++) {
		t->columns[i] = arena_str(t->arena, fields[i]);
		if (t->columns[i].p == NULL)
			return error_set(&t->err, ERROR_MEMORY, where, "no memory");
		if (!check_name(t, i, where, &t->err))
			return false;
	}
	t->n_columns = n;
	return t->handler.header == NULL ||
	       t->handler.header(t->handler.ctx, t->columns, n, &t->err);
}

static bool record(void *ctx, const struct str *fields, size_t n, uint64_t line)
{
	struct csv_table *t = ctx;
	const struct csv_table_handler *h = &t->handler;
	if (!is_utf8(t, fields, n, line))
		return false;
	if (!t->has_header)
		return read_header(t, fields, n, line);
	if (n != t->n_columns)
		return h->bad_row == NULL ||
		       h->bad_row(h->ctx, line, n, t->n_columns, &t->err);
	return h->row == NULL || h->row(h->ctx, fields, line, &t->err);
}

struct csv_table *csv_table_new(struct str first, const struct csv_limits *limits,
				const struct csv_table_handler *handler)
{
	struct csv_table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->handler = *handler;
	t->first = first;
	t->arena = arena_new(HEADER_MEMORY);
	t->csv = csv_new(limits, record, t);
	if (t->arena == NULL || t->csv == NULL) {
		csv_table_free(t);
		return NULL;
	}
	return t;
}

void csv_table_free(struct csv_table *t)
{
	if (t == NULL)
		return;
	if (t->csv != NULL)
		csv_free(t->csv);
	arena_free(t->arena);
	free(t);
}

/* csv.h leaves err untouched when a record's function stopped it. */
static bool outcome(struct csv_table *t, bool ok, struct error *err)
{
	if (!ok && t->err.kind != ERROR_NONE && err != NULL)
		*err = t->err;
	return ok;
}

bool csv_table_feed(struct csv_table *t, struct str chunk, struct error *err)
{
	return outcome(t, csv_feed(t->csv, chunk, err), err);
}

bool csv_table_end(struct csv_table *t, struct error *err)
{
	if (!outcome(t, csv_end(t->csv, err), err))
		return false;
	return t->has_header ||
	       error_set(err, ERROR_SYNTAX, "line 1", "there is no header row");
}
