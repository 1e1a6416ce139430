/* SPDX-License-Identifier: Apache-2.0 */
/* Reading MIM's answers: a reader that stops at the first thing that is wrong, and
 * says what. Pure. */
#ifndef INLAY_AGENT_READING_H
#define INLAY_AGENT_READING_H

#include "base/error.h"
#include "base/json.h"

struct reading {
	struct json_reader r;
	struct arena *arena;
	struct error *err;
};

/* Always false: what is there, or the reader's own error. */
bool reading_wrong(struct reading *g, const char *what);
bool reading_text(struct reading *g, struct str *out, const char *what);
bool reading_bool(struct reading *g, bool *out, const char *what);
/* So many lower-case hex digits. */
bool reading_hex(struct reading *g, struct str *out, size_t digits, const char *what);
/* An ISO 8601 duration as whole seconds, cut to a maximum. */
bool reading_seconds(struct reading *g, uint32_t *out, uint32_t max, const char *what);

/* Reads the value of a key (true), or says that the key is not known (*known false,
 * and true: it is skipped), or fails. */
typedef bool reading_field(struct reading *g, void *ctx, struct str key, bool *known);
/* {"key":value,...}, of which the brace was read; with the brace. */
bool reading_fields(struct reading *g, const char *what, reading_field *field,
		    void *ctx);
bool reading_object(struct reading *g, const char *what, reading_field *field,
		    void *ctx);
bool reading_end(struct reading *g); /* nothing follows */

#endif
