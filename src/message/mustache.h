/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled Mustache (the specification's variables, sections, inverted sections,
 * comments and set delimiters). No partials, no lambdas, no lists: a value is
 * text, a number, a boolean, or absent. Pure: bytes and values in, bytes out.
 *
 * Where the specification leaves room, it does what the npm package `mustache`
 * does with JSON values:
 * - a section is shown for any value but: absent, false, the number 0, and the
 *   empty text. The texts "false" and "0" are texts like any other and show it
 *   (in a CSV, leave the cell empty for no);
 * - a line that holds nothing but blanks and tags other than variables gives no
 *   output of its own, its line break included;
 * - {{.}} is the value of the innermost section around it.
 * A dot is an ordinary character of a name: {{a.b}} is the variable "a.b".
 *
 * Stricter than the specification: a variable without a value is an error and
 * never a hole; {{{x}}} and {{&x}} are refused for every x that the options do
 * not list; a name holds no blanks; {{>p}}, {{<p}}, {{$p}} are refused.
 *
 * Links: a variable that stands at the start of an attribute that takes an
 * address (href, src, ...) must have a value beginning with http:// https://
 * mailto: or tel:. Any other is written as "#", and the report names the
 * variable, so that an import can refuse the row. A variable further on in the
 * address cannot complete a scheme either. */
#ifndef INLAY_MESSAGE_MUSTACHE_H
#define INLAY_MESSAGE_MUSTACHE_H

#include "base/buf.h"
#include "base/error.h"

#define MUSTACHE_MAX_SOURCE (256 * 1024)
#define MUSTACHE_MAX_OUTPUT (256 * 1024) /* the maximum to give `out` */
#define MUSTACHE_MAX_DEPTH 16
#define MUSTACHE_MAX_NAMES 256
#define MUSTACHE_MAX_NAME 128 /* bytes of a name */

enum mustache_escape {
	/* & < > " ' / ` = become entities */
	MUSTACHE_HTML,
	/* Line breaks in a value become a space, other control characters are
	 * dropped: for headers and plain text. */
	MUSTACHE_PLAIN,
};

struct mustache_options {
	enum mustache_escape escape;
	const struct str *raw; /* names that {{{x}}} and {{&x}} may have */
	size_t n_raw;
};

struct mustache; /* immutable once compiled; may be shared by threads */

/* The source is copied. NULL on error: err->where is "line 3, column 7" (column
 * in characters, both from 1). */
struct mustache *mustache_compile(struct str source,
				  const struct mustache_options *options,
				  struct error *err);
void mustache_free(struct mustache *m); /* NULL is fine */

/* What the template refers to, each name once, in order of appearance. */
struct mustache_name {
	struct str name; /* lives as long as the template */
	bool always;     /* shown outside every section: needs a value always */
};
size_t mustache_names(const struct mustache *m, const struct mustache_name **names);
/* Bytes of memory it takes, for a bounded cache. */
size_t mustache_memory(const struct mustache *m);

enum mustache_kind { MUSTACHE_ABSENT, MUSTACHE_TEXT, MUSTACHE_NUMBER, MUSTACHE_BOOL };
struct mustache_value {
	enum mustache_kind kind;
	struct str text; /* a number as written; a boolean: "true" or "false" */
};

/* Where values come from. The text must stay valid during the call that uses it;
 * nothing is copied but into the output. */
struct mustache_values {
	struct mustache_value (*lookup)(const void *ctx, struct str name);
	const void *ctx;
};

/* A table of values, sorted by name (bytes), as such a source. */
struct mustache_pair {
	struct str name;
	struct mustache_value value;
};
struct mustache_table {
	const struct mustache_pair *pairs;
	size_t n;
};
/* Sorts and finds whether a name occurs twice (then false). */
bool mustache_pairs_sort(struct mustache_pair *pairs, size_t n);
struct mustache_values mustache_table_values(const struct mustache_table *table);

/* What a render came across; both absent when all is well. The names live as
 * long as the template. */
struct mustache_report {
	struct str missing; /* first variable without a value */
	struct str bad_url; /* first variable whose address became "#" */
};

/* Adds the result to `out`, which is UTF-8 if the source was. False: a variable
 * without a value (UNPROCESSABLE) or with one that is not UTF-8 or holds NUL
 * (BAD_VALUE), output over the maximum of `out` (TOO_LARGE), or no memory; `out` then
 * holds a part of it. report may be NULL. */
bool mustache_render(const struct mustache *m, const struct mustache_values *values,
		     struct buf *out, struct mustache_report *report,
		     struct error *err);
/* True if a section of this value is shown. */
bool mustache_is_true(struct mustache_value v);

#endif
