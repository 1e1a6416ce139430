/* SPDX-License-Identifier: Apache-2.0 */
/* The middleware's JSON as tables for people. A view is a table of fields: a title,
 * and where in the JSON its value is. */
#ifndef INLAY_CLI_VIEW_H
#define INLAY_CLI_VIEW_H

#include "base/arena.h"
#include "base/buf.h"

#include <jansson.h>

enum view_kind {
	VIEW_TEXT,   /* text, number; yes or no for a boolean */
	VIEW_NUMBER, /* the same, to the right */
	VIEW_LIST,   /* an array: its texts, or the "id" of its objects, with commas */
	VIEW_KEYS,   /* an object: "key=value" with commas */
	VIEW_LONG,   /* text that may be cut to fit the terminal */
};

struct view_field {
	const char *title;
	const char *path; /* members from the outside in: "counts.read.count" */
	enum view_kind kind;
};

/* The text of a value; absent if it is not there or null. */
struct str view_text(struct arena *a, const json_t *document, const char *path,
		     enum view_kind kind);
/* One row for each item of an array, under a heading. */
bool view_list(struct buf *out, struct arena *a, const struct view_field *fields,
	       size_t n_fields, const json_t *array, size_t width);
/* One row for each field: title, value. Fields that are not there are left out. */
bool view_object(struct buf *out, struct arena *a, const struct view_field *fields,
		 size_t n_fields, const json_t *object, size_t width);

#endif
