/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding of paths and queries (RFC 3986 section 2.1). Pure. */
#ifndef INLAY_BASE_URI_H
#define INLAY_BASE_URI_H

#include "base/arena.h"

struct uri_pair {
	struct str name, value;
};

/* One path segment decoded: well-formed UTF-8 without NUL. A slash may come out of
 * it. False on a bad encoding or without memory. */
bool uri_decode(struct arena *arena, struct str raw, struct str *out);
/* The same where '+' is a blank. */
bool uri_decode_form(struct arena *arena, struct str raw, struct str *out);
/* The query without its '?', as browsers encode forms ('+' is a blank). More than max
 * pairs are an error. A name without '=' has an empty value. */
bool uri_parse_query(struct arena *arena, struct str raw, struct uri_pair *out,
		     size_t max, size_t *n);

#endif
