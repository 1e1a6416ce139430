/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of requests: patterns whose places are filled with percent-encoded text. */
#ifndef INLAY_CLI_PATH_H
#define INLAY_CLI_PATH_H

#include "base/buf.h"

#define PATH_MAX_BYTES 4096

/* Replaces each "{}" of the pattern by the next of `values` (a place without a value,
 * or with an empty one, is left empty: callers check). */
bool path_write(struct buf *out, const char *pattern, const struct str *values,
		size_t n_values);
/* Adds "?name=value" or "&name=value", encoded; nothing if the value is NULL. */
bool path_query(struct buf *out, const char *name, const char *value);

#endif
