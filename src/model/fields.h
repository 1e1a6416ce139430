/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the members of a JSON object into a C struct by a table: one row a member.
 * All that is wrong is collected, each with its JSON pointer (RFC 6901): unknown
 * members, missing ones, wrong types, values out of bounds. Pure. */
#ifndef INLAY_MODEL_FIELDS_H
#define INLAY_MODEL_FIELDS_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>

enum field_type {
	FIELD_TEXT,      /* struct str: min..max bytes, no control characters */
	FIELD_ID,        /* struct str: str_is_id */
	FIELD_BOOL,      /* bool */
	FIELD_U32,       /* uint32_t: min..max */
	FIELD_WORD,      /* an enum: index in `words` */
	FIELD_FLAG,      /* bool: index in `words` is 0 or 1 */
	FIELD_DURATION,  /* int64_t ms: ISO 8601, min..max in ms */
	FIELD_TIME,      /* int64_t ms: RFC 3339 */
	FIELD_OTHER,     /* known here, read by the caller */
	FIELD_NOT_BUILT, /* known, but refused: NOT_BUILT */
};

struct field {
	const char *name;
	enum field_type type;
	uint32_t offset; /* in the struct */
	bool required;   /* null counts as absent */
	int64_t min, max;
	const char *words; /* "reject|accept" */
};

/* `at` is the pointer of the object, "" at the top. Members that are absent leave the
 * struct as it is. False if anything was added to errors. */
bool fields_read(json_t *object, const char *at, const struct field *table, size_t n,
		 void *out, struct arena *arena, struct error_list *errors);

/* Pointers: at + "/" + name (escaped), at + "/" + index. Cut when longer. */
#define FIELD_POINTER_MAX 160
struct field_pointer {
	char text[FIELD_POINTER_MAX];
};
struct field_pointer field_at(const char *at, const char *name);
struct field_pointer field_at_index(const char *at, size_t index);

/* The text of a JSON string; absent if it is none. Points into the value. */
struct str field_text(const json_t *string);

/* Calls `each` for every element of an array with its pointer; NULL or null: not at
 * all. Not an array, or more than max elements: an error. */
typedef void field_each_fn(void *ctx, json_t *element, size_t index, const char *at);
void field_each(json_t *array, const char *at, size_t max, field_each_fn *each,
		void *ctx, struct error_list *errors);

#endif
