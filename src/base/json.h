/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the hot path (RFC 8259): a strict pull parser over one complete
 * document in memory, and a small writer. Control-plane documents use jansson.
 * The parser accepts exactly what jansson accepts with JSON_REJECT_DUPLICATES
 * off and no other flag but JSON_DECODE_ANY not set (top level: object or
 * array), UTF-8 checked, \u0000 refused, depth at most JSON_MAX_DEPTH. */
#ifndef INLAY_BASE_JSON_H
#define INLAY_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define JSON_MAX_DEPTH 64

enum json_event {
	JSON_ERROR, /* sticky; r->err says what, with the byte offset */
	JSON_END,   /* the document is complete, nothing but blanks behind it */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,    /* r->text: the key, unescaped; a value follows */
	JSON_STRING, /* r->text: unescaped; points into the input where there
			was no escape, else into the arena */
	JSON_NUMBER, /* r->text: as written; json_reader_i64/double convert */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_reader {
	struct str in;
	size_t at;
	struct arena *arena;
	struct str text;
	struct error err;
	int depth;
	enum json_event last;
	uint64_t is_object; /* bit per depth */
	unsigned char state;
};

/* `in` and `arena` must outlive the reader. */
void json_reader_init(struct json_reader *r, struct str in, struct arena *arena);
enum json_event json_next(struct json_reader *r);
/* Skips the value whose first event was just returned (nothing for scalars; for
 * JSON_KEY the value that follows). */
bool json_skip(struct json_reader *r);
/* The last JSON_NUMBER as an integer; false for a fraction, exponent, overflow. */
bool json_reader_i64(const struct json_reader *r, int64_t *out);
bool json_reader_double(const struct json_reader *r, double *out);
/* The raw text of the value whose first event was just returned, skipping it. */
bool json_raw(struct json_reader *r, struct str *raw);

/* The writer puts commas and quotes; nesting is the caller's duty and checked by
 * assert. Invalid UTF-8 in a string becomes U+FFFD. */
struct json_writer {
	struct buf *out;
	uint64_t need_comma; /* bit per depth */
	uint64_t is_object;
	int depth;
	bool after_key;
};
void json_writer_init(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, struct str key);
void json_string(struct json_writer *w, struct str s);
void json_i64(struct json_writer *w, int64_t v);
void json_u64(struct json_writer *w, uint64_t v);
void json_double(struct json_writer *w, double v); /* finite; 17 digits at most */
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
void json_time(struct json_writer *w, int64_t ms); /* RFC 3339 string */
void json_hex(struct json_writer *w, const void *data, size_t n);
/* Text that is a JSON value already (a stored document). */
void json_put_raw(struct json_writer *w, struct str raw);
/* A key and a value at once. */
void json_kv_string(struct json_writer *w, const char *key, struct str s);
void json_kv_i64(struct json_writer *w, const char *key, int64_t v);
void json_kv_u64(struct json_writer *w, const char *key, uint64_t v);
void json_kv_bool(struct json_writer *w, const char *key, bool v);
void json_kv_time(struct json_writer *w, const char *key, int64_t ms);

#endif
