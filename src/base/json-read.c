/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/unicode.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What may come next. */
enum state {
	STATE_TOP,          /* { or [ */
	STATE_VALUE,        /* a value, behind a colon or a comma of an array */
	STATE_ARRAY_FIRST,  /* a value or ] */
	STATE_ARRAY_NEXT,   /* , or ] */
	STATE_OBJECT_FIRST, /* a key or } */
	STATE_OBJECT_NEXT,  /* , or } */
	STATE_BEHIND,       /* blanks only */
	STATE_END,
	STATE_ERROR,
};

/* Bytes that end the quick run through a string. */
enum string_byte {
	BYTE_PLAIN,
	BYTE_QUOTE,
	BYTE_ESCAPE,
	BYTE_CONTROL,
	BYTE_HIGH, /* begins a UTF-8 sequence of more than one byte, or is wrong */
};

void json_reader_init(struct json_reader *r, struct str in, struct arena *arena)
{
	*r = (struct json_reader){.in = in, .arena = arena, .state = STATE_TOP};
}

static enum json_event fail(struct json_reader *r, size_t at, const char *what)
{
	char where[32] = "byte ";
	char digits[20];
	size_t n = 0, len = 5;
	do {
		digits[n++] = (char)('0' + at % 10);
		at /= 10;
	} while (at > 0);
	while (n > 0)
		where[len++] = digits[--n];
	where[len] = '\0';
	error_set(&r->err, ERROR_SYNTAX, where, "%s", what);
	r->state = STATE_ERROR;
	return r->last = JSON_AT_ERROR;
}

static enum json_event fail_memory(struct json_reader *r)
{
	error_set(&r->err, ERROR_MEMORY, "", "no room for an unescaped string");
	r->state = STATE_ERROR;
	return r->last = JSON_AT_ERROR;
}

static void skip_blanks(struct json_reader *r)
{
	const char *p = r->in.p;
	size_t at = r->at, n = r->in.n;
	while (at < n &&
	       (p[at] == ' ' || p[at] == '\n' || p[at] == '\t' || p[at] == '\r'))
		at++;
	r->at = at;
}

/* --- strings ------------------------------------------------------------- */

static enum string_byte string_byte(unsigned char c)
{
	if (c < 0x20)
		return BYTE_CONTROL;
	if (c >= 0x80)
		return BYTE_HIGH;
	return c == '"' ? BYTE_QUOTE : c == '\\' ? BYTE_ESCAPE : BYTE_PLAIN;
}

/* True if none of the eight bytes ends the quick run: no control character, no
 * quote, no backslash, none above 0x7f. The usual carry trick: x - 0x01.. sets
 * the top bit of the lowest byte that was zero. */
static bool eight_plain(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = UINT64_C(0x8080808080808080);
	uint64_t v;
	memcpy(&v, p, sizeof v);
	uint64_t quote = v ^ (ones * '"');
	uint64_t escape = v ^ (ones * '\\');
	uint64_t found = (v - ones * 0x20) | (quote - ones) | (escape - ones) | v;
	return (found & tops) == 0;
}

/* The byte that a one-letter escape stands for, or 0. */
static char letter_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

/* `raw` was checked: every escape in it is whole. It never grows. */
static bool unescape(struct json_reader *r, struct str raw)
{
	char *out = arena_alloc(r->arena, raw.n);
	size_t at = 0, n = 0;
	if (out == NULL)
		return false;
	while (at < raw.n) {
		size_t run = str_find_char(str_slice(raw, at, raw.n), '\\');
		memcpy(out + n, raw.p + at, run);
		n += run;
		at += run;
		if (at == raw.n)
			break;
		if (raw.p[at + 1] == 'u') {
			size_t len;
			int32_t v = unicode_read_escape(raw.p + at, raw.n - at, &len);
			n += unicode_put_utf8(out + n, v);
			at += len;
		} else {
			out[n++] = letter_escape(raw.p[at + 1]);
			at += 2;
		}
	}
	r->text = (struct str){out, n};
	return true;
}

/* At the opening quote. Checks the string, leaves r->at behind it and its value
 * in r->text; JSON_AT_ERROR or `event`. */
static enum json_event read_string(struct json_reader *r, enum json_event event)
{
	const char *p = r->in.p;
	size_t n = r->in.n, at = r->at + 1, start = at, len;
	bool escaped = false;
	r->first = r->at;
	for (;;) {
		while (n - at >= 8 && eight_plain(p + at))
			at += 8;
		while (at < n && string_byte((unsigned char)p[at]) == BYTE_PLAIN)
			at++;
		if (at == n)
			return fail(r, at, "the document ends inside a string");
		switch (string_byte((unsigned char)p[at])) {
		case BYTE_QUOTE:
			r->at = at + 1;
			r->text = (struct str){p + start, at - start};
			if (escaped && !r->skipping && !unescape(r, r->text))
				return fail_memory(r);
			return r->last = event;
		case BYTE_ESCAPE:
			escaped = true;
			if (n - at < 2)
				return fail(r, at, "the document ends inside a string");
			if (p[at + 1] == 'u') {
				if (unicode_read_escape(p + at, n - at, &len) < 0)
					return fail(r, at, "bad \\u escape");
				at += len;
			} else if (letter_escape(p[at + 1]) != '\0') {
				at += 2;
			} else {
				return fail(r, at, "unknown escape");
			}
			break;
		case BYTE_HIGH:
			len = str_utf8_sequence((const unsigned char *)p + at, n - at);
			if (len == 0)
				return fail(r, at, "bytes that are not UTF-8");
			at += len;
			break;
		case BYTE_CONTROL:
			return fail(r, at, "control character in a string");
		case BYTE_PLAIN:
			break;
		}
	}
}

/* --- numbers and words --------------------------------------------------- */

static size_t skip_digits(const char *p, size_t at, size_t n)
{
	while (at < n && p[at] >= '0' && p[at] <= '9')
		at++;
	return at;
}

/* An optional minus and digits, as read_number left them. */
static bool to_i64(struct str s, int64_t *out)
{
	bool negative = s.p[0] == '-';
	uint64_t v, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	if (!str_to_u64(str_slice(s, negative ? 1 : 0, s.n), limit, &v))
		return false;
	*out = !negative                 ? (int64_t)v
	       : v > (uint64_t)INT64_MAX ? INT64_MIN
					 : -(int64_t)v;
	return true;
}

/* False without memory. */
static bool to_double(const struct json_reader *r, struct str s, double *out)
{
	char small[64];
	const char *z = small;
	if (s.n < sizeof small) {
		memcpy(small, s.p, s.n);
		small[s.n] = '\0';
	} else {
		z = arena_str(r->arena, s).p;
	}
	if (z == NULL)
		return false;
	*out = strtod(z, NULL);
	return true;
}

/* RFC 8259 section 6. */
static enum json_event read_number(struct json_reader *r)
{
	const char *p = r->in.p;
	size_t n = r->in.n, at = r->at, digits;
	bool exponent = false;
	r->first = at;
	r->number_is_integer = true;
	if (p[at] == '-')
		at++;
	digits = at;
	at = skip_digits(p, at, n);
	if (at == digits)
		return fail(r, at, "a digit is missing");
	if (p[digits] == '0' && at - digits > 1)
		return fail(r, digits, "a number with a leading zero");
	if (at < n && p[at] == '.') {
		size_t from = ++at;
		r->number_is_integer = false;
		at = skip_digits(p, at, n);
		if (at == from)
			return fail(r, at, "a digit is missing behind the point");
	}
	if (at < n && (p[at] == 'e' || p[at] == 'E')) {
		r->number_is_integer = false;
		exponent = true;
		at++;
		if (at < n && (p[at] == '+' || p[at] == '-'))
			at++;
		size_t from = at;
		at = skip_digits(p, at, n);
		if (at == from)
			return fail(r, at, "a digit is missing in the exponent");
	}
	r->text = (struct str){p + r->first, at - r->first};
	r->at = at;
	if (r->number_is_integer) {
		int64_t ignored;
		if (r->text.n > 18 && !to_i64(r->text, &ignored))
			return fail(r, r->first, "an integer beyond 64 bits");
	} else if (exponent || r->text.n > 300) {
		double v;
		if (!to_double(r, r->text, &v))
			return fail_memory(r);
		if (!isfinite(v))
			return fail(r, r->first, "a number beyond double precision");
	}
	return r->last = JSON_AT_NUMBER;
}

static enum json_event read_word(struct json_reader *r, struct str word,
				 enum json_event event)
{
	r->first = r->at;
	if (!str_starts(str_slice(r->in, r->at, r->in.n), word))
		return fail(r, r->at, "unexpected text");
	r->at += word.n;
	return r->last = event;
}

/* --- structure ----------------------------------------------------------- */

static bool in_object(const struct json_reader *r)
{
	return (r->is_object >> (r->depth - 1) & 1) != 0;
}

/* The state behind a whole value. */
static unsigned char behind_value(const struct json_reader *r)
{
	if (r->depth == 0)
		return STATE_BEHIND;
	return in_object(r) ? STATE_OBJECT_NEXT : STATE_ARRAY_NEXT;
}

static enum json_event open_level(struct json_reader *r, bool object)
{
	r->first = r->at;
	if (r->depth == JSON_MAX_DEPTH)
		return fail(r, r->at, "nested too deep");
	uint64_t bit = UINT64_C(1) << r->depth;
	r->is_object = object ? r->is_object | bit : r->is_object & ~bit;
	r->depth++;
	r->at++;
	r->state = object ? STATE_OBJECT_FIRST : STATE_ARRAY_FIRST;
	return r->last = object ? JSON_AT_OBJECT : JSON_AT_ARRAY;
}

static enum json_event close_level(struct json_reader *r)
{
	bool object = in_object(r);
	r->first = r->at++;
	r->depth--;
	r->state = behind_value(r);
	return r->last = object ? JSON_AT_OBJECT_END : JSON_AT_ARRAY_END;
}

static enum json_event read_value(struct json_reader *r)
{
	enum json_event event;
	switch (r->in.p[r->at]) {
	case '{':
		return open_level(r, true);
	case '[':
		return open_level(r, false);
	case '"':
		event = read_string(r, JSON_AT_STRING);
		break;
	case 't':
		event = read_word(r, STR("true"), JSON_AT_TRUE);
		break;
	case 'f':
		event = read_word(r, STR("false"), JSON_AT_FALSE);
		break;
	case 'n':
		event = read_word(r, STR("null"), JSON_AT_NULL);
		break;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		event = read_number(r);
		break;
	default:
		return fail(r, r->at, "a value is missing");
	}
	if (event != JSON_AT_ERROR)
		r->state = behind_value(r);
	return event;
}

/* A key and its colon. */
static enum json_event read_key(struct json_reader *r)
{
	if (r->at == r->in.n || r->in.p[r->at] != '"')
		return fail(r, r->at, "a key is missing");
	if (read_string(r, JSON_AT_KEY) == JSON_AT_ERROR)
		return JSON_AT_ERROR;
	skip_blanks(r);
	if (r->at == r->in.n || r->in.p[r->at] != ':')
		return fail(r, r->at, "a colon is missing");
	r->at++;
	r->state = STATE_VALUE;
	return JSON_AT_KEY;
}

enum json_event json_next(struct json_reader *r)
{
	if (r->state == STATE_ERROR)
		return JSON_AT_ERROR;
	skip_blanks(r);
	if (r->at == r->in.n) {
		if (r->state != STATE_BEHIND && r->state != STATE_END)
			return fail(r, r->at, "the document is not complete");
		r->state = STATE_END;
		return r->last = JSON_AT_END;
	}
	char c = r->in.p[r->at];
	switch ((enum state)r->state) {
	case STATE_TOP:
		if (c != '{' && c != '[')
			return fail(r, r->at, "neither an object nor an array");
		return read_value(r);
	case STATE_VALUE:
		return read_value(r);
	case STATE_ARRAY_FIRST:
		return c == ']' ? close_level(r) : read_value(r);
	case STATE_OBJECT_FIRST:
		return c == '}' ? close_level(r) : read_key(r);
	case STATE_ARRAY_NEXT:
	case STATE_OBJECT_NEXT:
		if (c == (in_object(r) ? '}' : ']'))
			return close_level(r);
		if (c != ',')
			return fail(r, r->at, "a comma is missing");
		r->at++;
		skip_blanks(r);
		if (in_object(r))
			return read_key(r);
		if (r->at == r->in.n)
			return fail(r, r->at, "the document is not complete");
		return read_value(r);
	case STATE_BEHIND:
	case STATE_END:
	case STATE_ERROR:
		break;
	}
	return fail(r, r->at, "text behind the document");
}

bool json_skip(struct json_reader *r)
{
	bool was_skipping = r->skipping;
	r->skipping = true;
	if (r->last == JSON_AT_KEY)
		json_next(r);
	if (r->last == JSON_AT_OBJECT || r->last == JSON_AT_ARRAY) {
		int outside = r->depth - 1;
		while (r->depth > outside && json_next(r) != JSON_AT_ERROR)
			;
	}
	r->skipping = was_skipping;
	return r->state != STATE_ERROR;
}

bool json_raw(struct json_reader *r, struct str *raw)
{
	bool was_skipping = r->skipping;
	r->skipping = true;
	if (r->last == JSON_AT_KEY)
		json_next(r);
	size_t from = r->first;
	bool ok = json_skip(r);
	r->skipping = was_skipping;
	if (ok)
		*raw = str_slice(r->in, from, r->at);
	return ok;
}

bool json_reader_i64(const struct json_reader *r, int64_t *out)
{
	assert(r->last == JSON_AT_NUMBER);
	return r->number_is_integer && to_i64(r->text, out);
}

bool json_reader_double(const struct json_reader *r, double *out)
{
	assert(r->last == JSON_AT_NUMBER);
	return to_double(r, r->text, out);
}
