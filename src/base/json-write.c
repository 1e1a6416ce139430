/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_writer_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){.out = out};
}

static uint64_t level_bit(const struct json_writer *w)
{
	return UINT64_C(1) << (w->depth - 1);
}

static bool in_object(const struct json_writer *w)
{
	return w->depth > 0 && (w->is_object & level_bit(w)) != 0;
}

static void put_comma(struct json_writer *w)
{
	if (w->depth == 0)
		return;
	if ((w->need_comma & level_bit(w)) != 0)
		buf_add_char(w->out, ',');
	w->need_comma |= level_bit(w);
}

/* What stands before a value: a comma, unless a key went before. */
static void begin_value(struct json_writer *w)
{
	assert(w->after_key == in_object(w));
	if (!w->after_key)
		put_comma(w);
	w->after_key = false;
}

static void open_level(struct json_writer *w, bool object)
{
	begin_value(w);
	assert(w->depth < JSON_MAX_DEPTH);
	w->depth++;
	w->need_comma &= ~level_bit(w);
	if (object)
		w->is_object |= level_bit(w);
	else
		w->is_object &= ~level_bit(w);
	buf_add_char(w->out, object ? '{' : '[');
}

static void close_level(struct json_writer *w, bool object)
{
	assert(w->depth > 0 && !w->after_key && in_object(w) == object);
	w->depth--;
	buf_add_char(w->out, object ? '}' : ']');
}

void json_put_object(struct json_writer *w)
{
	open_level(w, true);
}

void json_put_object_end(struct json_writer *w)
{
	close_level(w, true);
}

void json_put_array(struct json_writer *w)
{
	open_level(w, false);
}

void json_put_array_end(struct json_writer *w)
{
	close_level(w, false);
}

/* RFC 8259 section 7: what must be escaped, and how. */
static void put_escaped(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	switch (c) {
	case '"':
		buf_add(out, "\\\"", 2);
		break;
	case '\\':
		buf_add(out, "\\\\", 2);
		break;
	case '\b':
		buf_add(out, "\\b", 2);
		break;
	case '\f':
		buf_add(out, "\\f", 2);
		break;
	case '\n':
		buf_add(out, "\\n", 2);
		break;
	case '\r':
		buf_add(out, "\\r", 2);
		break;
	case '\t':
		buf_add(out, "\\t", 2);
		break;
	default: {
		char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
		buf_add(out, text, sizeof text);
	}
	}
}

static void put_quoted(struct buf *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t at = 0, run = 0; /* [run, at) is to be copied as it is */
	buf_add_char(out, '"');
	while (at < s.n) {
		unsigned char c = p[at];
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			at++;
			continue;
		}
		size_t len = str_utf8_sequence(p + at, s.n - at);
		if (len > 1) {
			at += len;
			continue;
		}
		buf_add(out, s.p + run, at - run);
		if (len == 0)
			buf_add(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		else
			put_escaped(out, c);
		run = ++at;
	}
	buf_add(out, s.n > 0 ? s.p + run : "", at - run);
	buf_add_char(out, '"');
}

void json_put_key(struct json_writer *w, struct str key)
{
	assert(in_object(w) && !w->after_key);
	put_comma(w);
	put_quoted(w->out, key);
	buf_add_char(w->out, ':');
	w->after_key = true;
}

void json_put_string(struct json_writer *w, struct str s)
{
	begin_value(w);
	put_quoted(w->out, s);
}

void json_put_i64(struct json_writer *w, int64_t v)
{
	begin_value(w);
	if (v < 0)
		buf_add_char(w->out, '-');
	buf_add_u64(w->out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_put_u64(struct json_writer *w, uint64_t v)
{
	begin_value(w);
	buf_add_u64(w->out, v);
}

void json_put_double(struct json_writer *w, double v)
{
	char text[32];
	assert(isfinite(v));
	begin_value(w);
	/* the shortest of the three that reads back as the same number */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_add_str(w->out, str_of(text));
	if (strpbrk(text, ".e") == NULL)
		buf_add_str(w->out, STR(".0")); /* a real stays one for its reader */
}

void json_put_bool(struct json_writer *w, bool v)
{
	begin_value(w);
	buf_add_str(w->out, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
	begin_value(w);
	buf_add_str(w->out, STR("null"));
}

void json_put_time(struct json_writer *w, int64_t ms)
{
	begin_value(w);
	buf_add_char(w->out, '"');
	clock_format_rfc3339(w->out, ms);
	buf_add_char(w->out, '"');
}

void json_put_duration(struct json_writer *w, int64_t ms)
{
	begin_value(w);
	buf_add_char(w->out, '"');
	clock_format_duration(w->out, ms);
	buf_add_char(w->out, '"');
}

void json_put_hex(struct json_writer *w, const void *data, size_t n)
{
	const unsigned char *p = data;
	begin_value(w);
	buf_add_char(w->out, '"');
	while (n > 0) {
		char text[2 * CRYPTO_SHA256_LEN + 1];
		size_t part = n < CRYPTO_SHA256_LEN ? n : CRYPTO_SHA256_LEN;
		crypto_hex(text, p, part);
		buf_add(w->out, text, 2 * part);
		p += part;
		n -= part;
	}
	buf_add_char(w->out, '"');
}

void json_put_raw(struct json_writer *w, struct str raw)
{
	assert(raw.n > 0);
	begin_value(w);
	buf_add_str(w->out, raw);
}

void json_kv_string(struct json_writer *w, const char *key, struct str s)
{
	json_put_key(w, str_of(key));
	json_put_string(w, s);
}

void json_kv_i64(struct json_writer *w, const char *key, int64_t v)
{
	json_put_key(w, str_of(key));
	json_put_i64(w, v);
}

void json_kv_u64(struct json_writer *w, const char *key, uint64_t v)
{
	json_put_key(w, str_of(key));
	json_put_u64(w, v);
}

void json_kv_bool(struct json_writer *w, const char *key, bool v)
{
	json_put_key(w, str_of(key));
	json_put_bool(w, v);
}

void json_kv_time(struct json_writer *w, const char *key, int64_t ms)
{
	json_put_key(w, str_of(key));
	json_put_time(w, ms);
}

void json_kv_duration(struct json_writer *w, const char *key, int64_t ms)
{
	json_put_key(w, str_of(key));
	json_put_duration(w, ms);
}
