/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a JSON document by a table of its fields, collecting every error with its
 * JSON pointer (RFC 6901): a field that is not in the table, one that this version
 * does not build, one that is missing, a value of the wrong kind. The table names
 * each field by its pointer, with "*" for any index of an array, so that it can be
 * read as a description of the document, and docs and tests can be made from it.
 * For control-plane documents; input is jansson's. */
#ifndef INLAY_MODEL_JSON_TABLE_H
#define INLAY_MODEL_JSON_TABLE_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>

#define JSON_TABLE_POINTER_MAX 192 /* of struct error's `where` */

enum json_need {
	JSON_OPTIONAL,
	JSON_NEEDED,
	JSON_NOT_BUILT, /* known, refused with NOT_BUILT; has no reader */
};

struct json_table_reader;
typedef void json_field_fn(struct json_table_reader *r, const json_t *value);

struct json_field {
	const char *pointer; /* "/variants/" "*" "/id" */
	json_field_fn *read;
	enum json_need need;
};

struct json_table_reader {
	const struct json_field *fields;
	size_t n_fields;
	struct arena *arena;       /* text is copied here */
	struct error_list *errors; /* where all errors go */
	void *out;                 /* what the readers fill: theirs to know */
	/* where the walk is: as in the document, and as in the table */
	char pointer[JSON_TABLE_POINTER_MAX], pattern[JSON_TABLE_POINTER_MAX];
	size_t pointer_n, pattern_n;
};

/* prefix: pointer of the document in a larger one ("/campaign"), or "". */
void json_table_init(struct json_table_reader *r, const struct json_field *fields,
		     size_t n, struct arena *arena, struct error_list *errors,
		     const char *prefix, void *out);
/* An object: calls the reader of each of its fields, in the order of the table, so
 * that a reader may rely on those above it. */
void json_table_object(struct json_table_reader *r, const json_t *value);
/* One element of an array: to be called by the reader of the array. */
void json_table_element(struct json_table_reader *r, size_t index, const json_t *value,
			json_field_fn *read);
/* An array of min..max elements, or an error. */
bool json_table_array(struct json_table_reader *r, const json_t *value, size_t min,
		      size_t max);
/* An error where the walk is; always false. */
bool json_table_error(struct json_table_reader *r, enum error_kind kind,
		      const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Values; false when an error was added, *out is then as it was. */
/* One line of 1..max bytes without control characters, copied to the arena. */
bool json_table_line(struct json_table_reader *r, const json_t *value, size_t max,
		     struct str *out);
/* str_is_id */
bool json_table_id(struct json_table_reader *r, const json_t *value, struct str *out);
bool json_table_integer(struct json_table_reader *r, const json_t *value, int64_t min,
			int64_t max, int64_t *out);
bool json_table_time(struct json_table_reader *r, const json_t *value, int64_t *ms);
bool json_table_duration(struct json_table_reader *r, const json_t *value, int64_t *ms);
/* One of names[0..n). */
bool json_table_choice(struct json_table_reader *r, const json_t *value,
		       const char *const *names, size_t n, unsigned *out);

#endif
