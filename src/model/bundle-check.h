/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the files of a bundle: there, of the right hash and size, readable,
 * within limits, templates that can be rendered with every row. The same code serves
 * the middleware's import and `inlay bundle check`. Bytes come from an abstract
 * source, rows go to a function: no I/O, no clock of its own. */
#ifndef INLAY_MODEL_BUNDLE_CHECK_H
#define INLAY_MODEL_BUNDLE_CHECK_H

#include "message/template.h"
#include "model/bundle.h"

/* Takes a piece of a file; false stops the reading (err says why). */
typedef bool bundle_bytes_fn(void *ctx, struct str bytes, struct error *err);

struct bundle_source {
	void *ctx;
	/* Gives the whole file to `take`, piece by piece. NOT_FOUND if it is not there.
	 */
	bool (*read)(void *ctx, struct str name, bundle_bytes_fn *take, void *take_ctx,
		     struct error *err);
};

struct bundle_row {
	size_t index;             /* among those that `begin` was given */
	uint64_t line;            /* of its first byte in the (unpacked) file, from 1 */
	struct str user;          /* as in the file */
	const struct str *values; /* one per column; empty: no value */
	size_t n_values;
};

/* What becomes of a row. */
enum bundle_verdict {
	BUNDLE_ROW_TAKEN,
	BUNDLE_ROW_REJECTED, /* *reason says why */
	BUNDLE_ROW_STOP,     /* the check ends, with *reason among its errors */
};

/* Who takes the rows. Every function may be NULL. */
struct bundle_rows_sink {
	void *ctx;
	/* Is it the name of an attribute that a user's profile may have? NULL: as if
	 * every name were. A template's variable that is no column, has no default and
	 * is no attribute makes the bundle unusable. */
	bool (*is_attribute)(void *ctx, struct str name);
	/* The next rows, before any of them is opened; they stay where they are until
	 * the next call. False stops, with err. */
	bool (*begin)(void *ctx, const struct bundle_row *rows, size_t n,
		      struct error *err);
	/* First of each row: is the user known? Not called for a row that names no
	 * user. */
	enum bundle_verdict (*open)(void *ctx, const struct bundle_row *row,
				    struct error *reason);
	/* The value in the profile of the row's user, where the row has none; absent
	 * if it has none either. Valid until the next `open`. NULL: profiles are not
	 * at hand, and a variable that could come from them is taken to be there. */
	struct str (*attribute)(void *ctx, struct str name);
	/* Last: every template can be rendered with the row. */
	enum bundle_verdict (*take)(void *ctx, const struct bundle_row *row,
				    struct error *reason);
};

struct bundle_checked_template {
	struct str name;                             /* without folder and ending */
	struct str json;                             /* the file's bytes */
	char sha256_text[2 * CRYPTO_SHA256_LEN + 1]; /* of them */
	struct template *parsed;
	const struct template_need *needs; /* sorted by name */
	size_t n_needs;
};

#define BUNDLE_ERRORS_MAX 100

/* Of a hundred rows, so many may be rejected, if nobody set it otherwise. */
#define BUNDLE_REJECTED_PERCENT 1
/* False if it were more: why, UNPROCESSABLE. */
bool bundle_rejected_check(uint64_t rejected, uint64_t read, uint64_t percent,
			   struct error *err);

struct bundle_check {
	struct arena *arena;
	struct bundle bundle;
	struct bundle_checked_template *templates; /* of the variants, in their order */
	size_t n_templates;
	const struct str *columns; /* of the recipients, without `user` */
	size_t n_columns;
	uint64_t rows_read, rows_rejected;
	uint64_t bytes_read;          /* of the recipients as they lie there */
	struct error_list errors;     /* why the bundle cannot be used */
	struct error_list row_errors; /* the first rejected rows */
};

/* NULL without memory. */
struct bundle_check *bundle_check_new(void);
void bundle_check_free(struct bundle_check *c); /* NULL is fine */

/* First step: bundle.json and the templates. tenant NULL: what depends on the tenant
 * is not looked at. False when c->errors has something. */
bool bundle_check_documents(struct bundle_check *c, const struct bundle_source *source,
			    const struct tenant *tenant);
/* Second step: the recipients, in one pass; nothing if there are none. False when
 * c->errors has something. */
bool bundle_check_rows(struct bundle_check *c, const struct bundle_source *source,
		       const struct bundle_rows_sink *sink);

/* The second step in pieces, so that one thread can read the file and another judge
 * its rows. Only the judge calls the sink, but for is_attribute, which the reader calls
 * before it hands over the first rows. */
#define BUNDLE_BATCH_ROWS 1000
struct bundle_reading;
struct bundle_batch; /* rows on their way */
/* Takes a batch over; false stops the reading, with err. */
typedef bool bundle_batch_fn(void *ctx, struct bundle_batch *b, struct error *err);

/* NULL without memory, or without recipients in the bundle. */
struct bundle_reading *bundle_reading_new(struct bundle_check *c,
					  const struct bundle_rows_sink *sink);
/* To the file's end, if nothing fails; at most BUNDLE_BATCH_ROWS rows at once. */
bool bundle_reading_run(struct bundle_reading *r, const struct bundle_source *source,
			bundle_batch_fn *hand, void *ctx, struct error *err);
/* In the order in which they were handed over; frees the batch. False stops: no
 * further ones are judged. */
bool bundle_batch_judge(struct bundle_batch *b, struct error *err);
void bundle_batch_free(struct bundle_batch *b);
/* When both are done: err is why it failed, or empty. Frees it; the result is that of
 * bundle_check_rows. */
bool bundle_reading_end(struct bundle_reading *r, struct error *err);

#endif
