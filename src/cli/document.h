/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents that are sent to the middleware: read from a file or from standard
 * input, looked at before they are sent, so that a slip is shown with its line. */
#ifndef INLAY_CLI_DOCUMENT_H
#define INLAY_CLI_DOCUMENT_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

#define DOCUMENT_MAX_BYTES (16u << 20)

/* path "-": standard input. `text` (not initialised; free it in any case) gets the
 * bytes as they are, *value (may be NULL) is a new reference to what they say. */
bool document_read(const char *path, struct buf *text, json_t **value,
		   struct error *err);

#endif
