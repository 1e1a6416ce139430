/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV file with a header row, in chunks, on base/csv.h: the header is checked
 * once, then each row has as many fields as the header, in UTF-8. A row with another
 * number of fields is a bad row, and reading goes on; what cannot be read as CSV or
 * UTF-8 ends it. Serves recipients.csv and users.csv. Pure. */
#ifndef INLAY_MODEL_CSV_TABLE_H
#define INLAY_MODEL_CSV_TABLE_H

#include "base/arena.h"
#include "base/csv.h"

#define CSV_TABLE_COLUMN_NAME_MAX 128

struct csv_table_handler {
	void *ctx;
	/* The header: names are valid until csv_table_free, none is empty, none is
	 * there twice. False stops the reading with err. */
	bool (*header)(void *ctx, const struct str *columns, size_t n,
		       struct error *err);
	/* A row: fields are valid during the call. False stops with err. */
	bool (*row)(void *ctx, const struct str *fields, uint64_t line,
		    struct error *err);
	/* A row that has not the header's number of fields. False stops with err. */
	bool (*bad_row)(void *ctx, uint64_t line, size_t fields, size_t columns,
			struct error *err);
};

struct csv_table;
/* first: the name that the first column must have. NULL without memory. */
struct csv_table *csv_table_new(struct str first, const struct csv_limits *limits,
				const struct csv_table_handler *handler);
void csv_table_free(struct csv_table *t); /* NULL is fine */
/* err->where is "line 12", unless a handler set it. After false: only free. */
bool csv_table_feed(struct csv_table *t, struct str chunk, struct error *err);
/* An empty file has no header: an error. */
bool csv_table_end(struct csv_table *t, struct error *err);

#endif
