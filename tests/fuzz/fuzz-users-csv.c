/* SPDX-License-Identifier: Apache-2.0 */
/* users.csv, the first byte saying whether and how it is packed: however it is cut, the
 * same rows come out, and no row changes more than its columns allow. */
#include "model/csv-table.h"
#include "model/unpack.h"
#include "model/users-csv.h"
#include "pieces.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct attribute_schema attributes[] = {
	{.name = STR_INIT("points"), .type = ATTRIBUTE_NUMBER},
	{.name = STR_INIT("born"), .type = ATTRIBUTE_DATE},
};
static const struct purpose purposes[] = {{.id = STR_INIT("news")}};
static const struct user_schema schema = {attributes, 2, purposes, 1};

struct run {
	struct arena *arena, *row_arena;
	struct users_csv csv;
	struct csv_table *table;
	uint64_t rows, good, bad, sum;
};

static bool header(void *ctx, const struct str *names, size_t n, struct error *err)
{
	struct run *r = ctx;
	struct error_list errors;
	const struct users_csv_rules rules = {.schema = &schema,
					      .latest_ms = INT64_C(1777636800000)};
	error_list_init(&errors, 4);
	bool ok =
		users_csv_columns(names + 1, n - 1, &rules, r->arena, &r->csv, &errors);
	if (ok != error_list_empty(&errors))
		abort();
	error_list_free(&errors);
	return ok || error_set(err, ERROR_UNPROCESSABLE, "", "columns");
}

static bool row(void *ctx, const struct str *fields, uint64_t line, struct error *err)
{
	struct run *r = ctx;
	struct user_change c;
	struct error why = {0};
	(void)err;
	arena_reset(r->row_arena);
	r->rows++;
	r->sum = r->sum * 31 + line + fields[0].n;
	if (users_csv_row(&r->csv, fields + 1, r->row_arena, &c, &why)) {
		r->good++;
		if (c.n_attributes + c.n_consents + c.n_opt_outs + c.n_aliases >
		    r->csv.n_columns)
			abort();
	} else if (why.kind == ERROR_NONE) {
		abort();
	}
	return true;
}

static bool bad_row(void *ctx, uint64_t line, size_t fields, size_t columns,
		    struct error *err)
{
	struct run *r = ctx;
	(void)line, (void)err;
	if (fields == columns)
		abort();
	r->bad++;
	return true;
}

static bool take(void *ctx, struct str bytes, struct error *err)
{
	struct run *r = ctx;
	return csv_table_feed(r->table, bytes, err);
}

static bool finish(struct run *r, struct unpack *u, bool ok, struct error *err)
{
	ok = ok && unpack_end(u, err) && csv_table_end(r->table, err);
	if (!ok && err->kind == ERROR_NONE)
		abort();
	unpack_free(u);
	csv_table_free(r->table);
	arena_free(r->arena);
	arena_free(r->row_arena);
	return ok;
}

static struct unpack *begin(struct run *r, enum unpack_kind kind)
{
	const struct csv_limits limits = {
		.max_fields = 20, .max_field = 2000, .max_record = 4000};
	const struct csv_table_handler handler = {r, header, row, bad_row};
	*r = (struct run){.arena = arena_new(4 << 20), .row_arena = arena_new(4 << 20)};
	r->table = csv_table_new(STR("user"), &limits, &handler);
	struct unpack *u = unpack_new(kind, 64 << 10, take, r);
	if (r->arena == NULL || r->row_arena == NULL || r->table == NULL || u == NULL)
		abort();
	return u;
}

static bool read_whole(struct run *r, enum unpack_kind kind, struct str in)
{
	struct unpack *u = begin(r, kind);
	struct error err = {0};
	return finish(r, u, unpack_feed(u, in, &err), &err);
}

static bool read_pieces(struct run *r, enum unpack_kind kind, struct str in)
{
	struct unpack *u = begin(r, kind);
	struct pieces pieces = pieces_of(in);
	struct str piece;
	struct error err = {0};
	bool ok = true;
	while (ok && pieces_next(&pieces, &piece))
		ok = unpack_feed(u, piece, &err);
	return finish(r, u, ok, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole, cut;
	if (size < 2)
		return 0;
	const struct str text = {(const char *)data + 1, size - 1};
	enum unpack_kind kind = (enum unpack_kind)(data[0] % 3);
	bool ok = read_whole(&whole, kind, text);
	if (read_pieces(&cut, kind, text) != ok)
		abort();
	if (ok && (whole.rows != cut.rows || whole.good != cut.good ||
		   whole.bad != cut.bad || whole.sum != cut.sum))
		abort();
	return 0;
}
