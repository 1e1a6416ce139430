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
	/* First of each row: is the user known? */
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

#endif
