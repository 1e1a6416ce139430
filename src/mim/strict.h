/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of JSON objects by tables of their fields, on the pull parser of
 * base/json.h: for the hot path, where a tree is too dear. The first error ends it and
 * is told with its JSON pointer. */
#ifndef INLAY_MIM_STRICT_H
#define INLAY_MIM_STRICT_H

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"

#define STRICT_DEPTH 6

struct strict_place {
	const char *key; /* NULL: an element of an array */
	size_t index;
};

struct strict {
	struct json_reader r;
	struct error *err;
	struct strict_place path[STRICT_DEPTH];
	size_t depth;
};

/* Reads the value whose first event is `e`. */
typedef bool strict_fn(struct strict *s, enum json_event e, void *out);

struct strict_field {
	const char *name;
	strict_fn *read;
	bool needed;
};

/* The whole text is one object of these fields (at most 32). */
bool strict_document(struct str json, struct arena *a,
		     const struct strict_field *fields, size_t n, void *out,
		     struct error *err);
/* An object inside of it. */
bool strict_object(struct strict *s, enum json_event e,
		   const struct strict_field *fields, size_t n, void *out);
/* An array of at most `max` objects: size bytes each, zeroed, in the arena. */
bool strict_array(struct strict *s, enum json_event e, size_t max, size_t size,
		  strict_fn *read, void **items, size_t *n);

/* Values. */
bool strict_text(struct strict *s, enum json_event e, size_t min, size_t max,
		 struct str *out);
bool strict_bool(struct strict *s, enum json_event e, bool *out);
bool strict_u32(struct strict *s, enum json_event e, uint32_t min, uint32_t *out);
bool strict_time(struct strict *s, enum json_event e, int64_t *ms);
/* n bytes as 2n hex digits. */
bool strict_hex(struct strict *s, enum json_event e, void *out, size_t n);

/* An error at the place that is being read; always false. */
bool strict_error(struct strict *s, enum error_kind kind, const char *message);

#endif
