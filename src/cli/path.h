/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of requests: patterns whose places are filled with percent-encoded text. */
#ifndef INLAY_CLI_PATH_H
#define INLAY_CLI_PATH_H

#include "base/buf.h"

#define PATH_MAX_BYTES 4096

/* RFC 3986 section 2.3: all but unreserved characters become %XX. */
bool path_encode(struct buf *out, struct str s);
/* Replaces each "{}" of the pattern by the next of `values` (a place without a value,
 * or with an empty one, is left empty: callers check). */
bool path_write(struct buf *out, const char *pattern, const struct str *values,
		size_t n_values);
/* Adds "?name=value" or "&name=value", encoded; nothing if the value is NULL. */
bool path_query(struct buf *out, const char *name, const char *value);

#endif
