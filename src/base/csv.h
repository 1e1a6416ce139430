/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180) in chunks: comma, CRLF or LF, fields in double quotes with ""
 * for a quote. Strict: a quote inside an unquoted field, text behind a closing
 * quote, an unclosed quote at the end are errors with their line. A BOM at the
 * start is skipped. An empty line is skipped. The last line need not end. */
#ifndef INLAY_BASE_CSV_H
#define INLAY_BASE_CSV_H

#include "base/buf.h"
#include "base/error.h"

struct csv_limits {
	size_t max_fields;
	size_t max_field;  /* bytes */
	size_t max_record; /* bytes of all fields of a record */
};

/* A record: fields are valid during the call. line: of its first byte, from 1.
 * Return false to stop (csv_feed then returns false with err untouched). */
typedef bool csv_record_fn(void *ctx, const struct str *fields, size_t n,
			   uint64_t line);

struct csv;
struct csv *csv_new(const struct csv_limits *limits, csv_record_fn *fn, void *ctx);
void csv_free(struct csv *c);
/* err->where is "line 12". After a false return only csv_free is allowed. */
bool csv_feed(struct csv *c, struct str chunk, struct error *err);
bool csv_end(struct csv *c, struct error *err);

#endif
