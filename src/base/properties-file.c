/* SPDX-License-Identifier: Apache-2.0 */
#include "base/properties-internal.h"
#include "base/unicode.h"

void properties_reader_init(struct properties_reader *r, struct str in)
{
	*r = (struct properties_reader){.in = in, .line = 1};
	if (str_starts(in, STR("\xef\xbb\xbf")))
		r->at = 3; /* a byte order mark, as Windows editors leave it */
	buf_init(&r->text, in.n);
}

void properties_reader_free(struct properties_reader *r)
{
	buf_free(&r->text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool at_end(const struct properties_reader *r)
{
	return r->at == r->in.n;
}

static char here(const struct properties_reader *r)
{
	return r->in.p[r->at];
}

/* CR, LF and CR LF each end one line. */
static void skip_line_end(struct properties_reader *r)
{
	char c = r->in.p[r->at++];
	if (c == '\r' && !at_end(r) && here(r) == '\n')
		r->at++;
	r->line++;
}

static void skip_blanks(struct properties_reader *r)
{
	while (!at_end(r) && is_blank(here(r)))
		r->at++;
}

static void skip_to_line_end(struct properties_reader *r)
{
	while (!at_end(r) && !is_line_end(here(r)))
		r->at++;
}

/* Skips a backslash with the line end behind it, and the blanks behind that. */
static void skip_continuations(struct properties_reader *r)
{
	while (r->in.n - r->at >= 2 && here(r) == '\\' &&
	       is_line_end(r->in.p[r->at + 1])) {
		r->at++;
		skip_line_end(r);
		skip_blanks(r);
	}
}

/* At a backslash that does not continue the line. */
static void take_escape(struct properties_reader *r, struct property *out)
{
	char text[4];
	size_t len = 2, n = 1;
	if (r->in.n - r->at < 2) {
		r->at++; /* alone at the end of the file: dropped, as Java does */
		return;
	}
	char c = r->in.p[r->at + 1];
	switch (c) {
	case 'n':
		text[0] = '\n';
		break;
	case 't':
		text[0] = '\t';
		break;
	case 'r':
		text[0] = '\r';
		break;
	case 'f':
		text[0] = '\f';
		break;
	case 'u': {
		int32_t v = unicode_read_escape(r->in.p + r->at, r->in.n - r->at, &len);
		if (v < 0) {
			out->fault = "\\u must be followed by four hexadecimal digits "
				     "of a character";
			r->at += 2;
			return;
		}
		n = unicode_put_utf8(text, v);
		break;
	}
	default: /* the backslash is dropped */
		text[0] = c;
	}
	buf_add(&r->text, text, n);
	r->at += len;
}

static bool ends_key(char c)
{
	return c == '=' || c == ':' || is_blank(c) || is_line_end(c);
}

static void take_key(struct properties_reader *r, struct property *out)
{
	for (;;) {
		skip_continuations(r);
		if (at_end(r) || ends_key(here(r)))
			return;
		if (here(r) == '\\')
			take_escape(r, out);
		else
			buf_add_char(&r->text, r->in.p[r->at++]);
	}
}

/* Blanks, at most one = or :, blanks; lines may be continued between them. */
static void skip_separator(struct properties_reader *r)
{
	bool seen = false;
	for (;;) {
		skip_continuations(r);
		if (at_end(r))
			return;
		if (is_blank(here(r))) {
			r->at++;
		} else if (!seen && (here(r) == '=' || here(r) == ':')) {
			seen = true;
			r->at++;
		} else {
			return;
		}
	}
}

static void take_value(struct properties_reader *r, struct property *out)
{
	for (;;) {
		skip_continuations(r);
		if (at_end(r) || is_line_end(here(r)))
			return;
		if (here(r) == '\\')
			take_escape(r, out);
		else
			buf_add_char(&r->text, r->in.p[r->at++]);
	}
}

bool properties_next(struct properties_reader *r, struct property *out)
{
	for (;;) {
		skip_blanks(r);
		if (at_end(r))
			return false;
		if (is_line_end(here(r))) {
			skip_line_end(r);
		} else if (here(r) == '#' || here(r) == '!') {
			skip_to_line_end(r);
		} else {
			break;
		}
	}
	*out = (struct property){.line = r->line};
	buf_clear(&r->text);
	take_key(r, out);
	size_t key_len = r->text.n;
	skip_separator(r);
	take_value(r, out);
	struct str all = buf_str(&r->text);
	out->key = str_slice(all, 0, key_len);
	out->value = str_slice(all, key_len, all.n);
	if (!buf_ok(&r->text))
		out->fault = "no memory to read this line";
	else if (out->fault == NULL && !str_is_utf8(all))
		out->fault = "not UTF-8";
	return true;
}

static void put_escaped(struct buf *out, struct str s, bool key)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\n')
			buf_add_str(out, STR("\\n"));
		else if (c == '\r')
			buf_add_str(out, STR("\\r"));
		else if (c == '\t')
			buf_add_str(out, STR("\\t"));
		else if (c == '\f')
			buf_add_str(out, STR("\\f"));
		else if (c == '\\' || (c == ' ' && (key || i == 0)) ||
			 (key && (c == '=' || c == ':' || c == '#' || c == '!')))
			buf_add(out, (char[]){'\\', c}, 2);
		else if (!key && i == 0 && (c == '=' || c == ':'))
			buf_add(out, (char[]){'\\', c}, 2);
		else
			buf_add_char(out, c);
	}
}

void properties_write(struct buf *out, struct str key, struct str value)
{
	put_escaped(out, key, true);
	buf_add_char(out, '=');
	put_escaped(out, value, false);
	buf_add_char(out, '\n');
}
