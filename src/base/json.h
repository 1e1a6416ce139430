/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the hot path (RFC 8259): a strict pull parser over one complete
 * document in memory, and a small writer. Control-plane documents use jansson.
 * The parser accepts exactly what json_loadb() of jansson accepts without flags
 * (top level: object or array; UTF-8 checked; \u0000, lone surrogates, integers
 * beyond int64 and reals beyond double refused), except that depth is at most
 * JSON_MAX_DEPTH and that a NUL byte is refused everywhere (jansson 2.14 overlooks
 * one right behind a number or word). The process must stay in the C locale
 * (LC_NUMERIC).
 *
 * Names are JSON_AT_..., json_put_... and json_reader_...; jansson has json_object()
 * and JSON_OBJECT, and a program that links both must not override them. */
#ifndef INLAY_BASE_JSON_H
#define INLAY_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define JSON_MAX_DEPTH 64

enum json_event {
	JSON_AT_ERROR, /* sticky; r->err says what, its place is "byte 12" */
	JSON_AT_END,   /* the document is complete, nothing but blanks behind it */
	JSON_AT_OBJECT,
	JSON_AT_OBJECT_END,
	JSON_AT_ARRAY,
	JSON_AT_ARRAY_END,
	JSON_AT_KEY,    /* r->text: the key, unescaped; a value follows */
	JSON_AT_STRING, /* r->text: unescaped; points into the input where there
			was no escape, else into the arena */
	JSON_AT_NUMBER, /* r->text: as written; json_reader_i64/double convert */
	JSON_AT_TRUE,
	JSON_AT_FALSE,
	JSON_AT_NULL,
};

struct json_reader {
	struct str in;
	size_t at;    /* next byte to read */
	size_t first; /* first byte of the last token */
	struct arena *arena;
	struct str text;
	struct error err;
	int depth;
	enum json_event last;
	uint64_t is_object; /* bit per depth */
	unsigned char state;
	bool number_is_integer;
	bool skipping; /* strings are checked, but not unescaped */
};

/* `in` and `arena` must outlive the reader. */
void json_reader_init(struct json_reader *r, struct str in, struct arena *arena);
enum json_event json_next(struct json_reader *r);
/* Skips the value whose first event was just returned (nothing for scalars; for
 * JSON_AT_KEY the value that follows). Strings are checked, but not unescaped. */
bool json_skip(struct json_reader *r);
/* The last JSON_AT_NUMBER as an integer; false for a fraction or exponent. */
bool json_reader_i64(const struct json_reader *r, int64_t *out);
/* The last JSON_AT_NUMBER as a double, always finite; false only without memory. */
bool json_reader_double(const struct json_reader *r, double *out);
/* The raw text of the value whose first event was just returned (for JSON_AT_KEY of
 * the value that follows), skipping it. Points into the input. */
bool json_raw(struct json_reader *r, struct str *raw);

/* The writer puts commas and quotes; nesting is the caller's duty and checked by
 * assert. Invalid UTF-8 and NUL in a string become U+FFFD. What does not fit
 * leaves the buffer's sticky state: look at buf_ok() once, at the end. */
struct json_writer {
	struct buf *out;
	uint64_t need_comma; /* bit per depth, from 1 */
	uint64_t is_object;
	int depth; /* 0: outside of everything */
	bool after_key;
};
void json_writer_init(struct json_writer *w, struct buf *out);
void json_put_object(struct json_writer *w);
void json_put_object_end(struct json_writer *w);
void json_put_array(struct json_writer *w);
void json_put_array_end(struct json_writer *w);
void json_put_key(struct json_writer *w, struct str key);
void json_put_string(struct json_writer *w, struct str s);
void json_put_i64(struct json_writer *w, int64_t v);
void json_put_u64(struct json_writer *w, uint64_t v);
void json_put_double(struct json_writer *w, double v); /* finite; 17 digits at most */
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_time(struct json_writer *w, int64_t ms);     /* RFC 3339 string */
void json_put_duration(struct json_writer *w, int64_t ms); /* ISO 8601 string */
void json_put_hex(struct json_writer *w, const void *data, size_t n);
/* Text that is a JSON value already (a stored document). */
void json_put_raw(struct json_writer *w, struct str raw);
/* A key and a value at once. */
void json_kv_string(struct json_writer *w, const char *key, struct str s);
void json_kv_i64(struct json_writer *w, const char *key, int64_t v);
void json_kv_u64(struct json_writer *w, const char *key, uint64_t v);
void json_kv_bool(struct json_writer *w, const char *key, bool v);
void json_kv_time(struct json_writer *w, const char *key, int64_t ms);
void json_kv_duration(struct json_writer *w, const char *key, int64_t ms);

#endif
