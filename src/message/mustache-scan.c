/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mustache-internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DELIMITER 16 /* bytes */

struct scan {
	struct str in;
	size_t at;
	struct str open, close; /* the delimiters in force */
	struct mustache_tokens *out;
	struct error *err;
	/* of the line being read */
	size_t line_first; /* index of its first token */
	bool line_has_tag, line_has_content;
};

bool mustache_error_at(struct str source, size_t at, struct error *err,
		       enum error_kind kind, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < at && i < source.n; i++) {
		unsigned char c = (unsigned char)source.p[i];
		if (c == '\n') {
			line++;
			column = 1;
		} else if ((c & 0xC0) != 0x80) {
			column++; /* continuation bytes do not count */
		}
	}
	char where[64], message[256];
	snprintf(where, sizeof where, "line %zu, column %zu", line, column);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	return error_set(err, kind, where, "%s", message);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_space(char c)
{
	return c == '\n' || is_blank(c);
}

/* Index of the first `what` at or behind `from`, or in.n. */
static size_t find(struct str in, size_t from, struct str what)
{
	if (from > in.n)
		return in.n;
	const char *p = memmem(in.p + from, in.n - from, what.p, what.n);
	return p != NULL ? (size_t)(p - in.p) : in.n;
}

static bool push(struct scan *s, enum mustache_token_kind kind, size_t from, size_t to,
		 size_t at)
{
	struct mustache_tokens *t = s->out;
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 32 : t->cap * 2;
		struct mustache_token *items = realloc(t->items, cap * sizeof *items);
		if (items == NULL)
			return error_set(s->err, ERROR_MEMORY, "", "out of memory");
		t->items = items;
		t->cap = cap;
	}
	t->items[t->n++] = (struct mustache_token){.kind = kind,
						   .from = (uint32_t)from,
						   .to = (uint32_t)to,
						   .at = (uint32_t)at};
	return true;
}

/* At the end of a line: if it was standalone its text (blanks and the line break
 * only) goes; then neighbouring text becomes one token. */
static void end_line(struct scan *s)
{
	struct mustache_tokens *t = s->out;
	bool drop = s->line_has_tag && !s->line_has_content;
	size_t kept = s->line_first;
	for (size_t i = s->line_first; i < t->n; i++) {
		struct mustache_token tok = t->items[i];
		if (tok.kind == MUSTACHE_TOKEN_TEXT) {
			if (drop)
				continue;
			struct mustache_token *last =
				kept > 0 ? &t->items[kept - 1] : NULL;
			if (last != NULL && last->kind == MUSTACHE_TOKEN_TEXT &&
			    last->to == tok.from) {
				last->to = tok.to;
				continue;
			}
		}
		t->items[kept++] = tok;
	}
	t->n = kept;
	s->line_first = kept;
	s->line_has_tag = s->line_has_content = false;
}

/* Text up to the next tag, line by line. */
static bool scan_text(struct scan *s, size_t end)
{
	while (s->at < end) {
		size_t from = s->at;
		const char *nl = memchr(s->in.p + from, '\n', end - from);
		size_t to = nl != NULL ? (size_t)(nl - s->in.p) + 1 : end;
		for (size_t i = from; i < to && !s->line_has_content; i++)
			s->line_has_content = !is_space(s->in.p[i]);
		if (!push(s, MUSTACHE_TOKEN_TEXT, from, to, from))
			return false;
		s->at = to;
		if (nl != NULL)
			end_line(s);
	}
	return true;
}

static bool check_delimiter(struct scan *s, struct str d, size_t at)
{
	if (d.n == 0 || d.n > MAX_DELIMITER)
		return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
					 "a delimiter has 1 to %d bytes",
					 MAX_DELIMITER);
	for (size_t i = 0; i < d.n; i++)
		if (is_space(d.p[i]) || d.p[i] == '=')
			return mustache_error_at(
				s->in, at, s->err, ERROR_UNPROCESSABLE,
				"a delimiter holds no blank and no \"=\"");
	return true;
}

/* {{=<% %>=}}: body is what stands between the two "=". */
static bool set_delimiters(struct scan *s, struct str body, size_t at)
{
	body = str_trim(body);
	size_t gap = 0;
	while (gap < body.n && !is_space(body.p[gap]))
		gap++;
	struct str open = str_slice(body, 0, gap);
	struct str close = str_trim(str_slice(body, gap, body.n));
	if (!check_delimiter(s, open, at) || !check_delimiter(s, close, at))
		return false;
	s->open = open;
	s->close = close;
	return true;
}

static bool check_name(struct scan *s, struct str name, size_t at)
{
	if (name.n == 0)
		return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
					 "a tag without a name");
	if (name.n > MUSTACHE_MAX_NAME)
		return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
					 "a name of more than %d bytes",
					 MUSTACHE_MAX_NAME);
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7F)
			return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
						 "a name holds no blanks");
	return true;
}

static bool refuse(struct scan *s, size_t at, const char *what)
{
	return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
				 "%s are not supported", what);
}

static bool unclosed(struct scan *s, size_t at)
{
	return mustache_error_at(s->in, at, s->err, ERROR_UNPROCESSABLE,
				 "a tag that is not closed by \"%.*s\"",
				 STR_ARG(s->close));
}

/* {{{name}}}: with other delimiters <%{name}%>. */
static bool scan_triple(struct scan *s, size_t tag, size_t body)
{
	size_t curly = body;
	for (;;) {
		curly = find(s->in, curly, STR("}"));
		if (curly == s->in.n)
			return unclosed(s, tag);
		if (str_starts(str_slice(s->in, curly + 1, s->in.n), s->close))
			break;
		curly++;
	}
	struct str name = str_trim(str_slice(s->in, body, curly));
	if (!check_name(s, name, tag))
		return false;
	s->at = curly + 1 + s->close.n;
	s->line_has_content = true;
	size_t from = (size_t)(name.p - s->in.p);
	return push(s, MUSTACHE_TOKEN_RAW, from, from + name.n, tag);
}

static bool scan_delimiters(struct scan *s, size_t tag, size_t body)
{
	size_t equals = find(s->in, body, STR("="));
	size_t close = equals < s->in.n ? find(s->in, equals + 1, s->close) : s->in.n;
	if (close == s->in.n)
		return unclosed(s, tag);
	if (str_trim(str_slice(s->in, equals + 1, close)).n > 0)
		return mustache_error_at(s->in, tag, s->err, ERROR_UNPROCESSABLE,
					 "delimiters are set as {{=<%% %%>=}}");
	s->at = close + s->close.n;
	s->line_has_tag = true;
	return set_delimiters(s, str_slice(s->in, body, equals), tag);
}

static bool scan_named(struct scan *s, size_t tag, size_t body,
		       enum mustache_token_kind kind)
{
	size_t close = find(s->in, body, s->close);
	if (close == s->in.n)
		return unclosed(s, tag);
	struct str name = str_trim(str_slice(s->in, body, close));
	if (!check_name(s, name, tag))
		return false;
	s->at = close + s->close.n;
	if (kind == MUSTACHE_TOKEN_VARIABLE || kind == MUSTACHE_TOKEN_RAW)
		s->line_has_content = true;
	else
		s->line_has_tag = true;
	size_t from = (size_t)(name.p - s->in.p);
	return push(s, kind, from, from + name.n, tag);
}

static bool scan_comment(struct scan *s, size_t tag, size_t body)
{
	size_t close = find(s->in, body, s->close);
	if (close == s->in.n)
		return unclosed(s, tag);
	s->at = close + s->close.n;
	s->line_has_tag = true;
	return true;
}

/* s->at is at an opening delimiter. */
static bool scan_tag(struct scan *s)
{
	size_t tag = s->at, body = tag + s->open.n;
	while (body < s->in.n && is_space(s->in.p[body]))
		body++;
	switch (body < s->in.n ? s->in.p[body] : '\0') {
	case '#':
		return scan_named(s, tag, body + 1, MUSTACHE_TOKEN_SECTION);
	case '^':
		return scan_named(s, tag, body + 1, MUSTACHE_TOKEN_INVERTED);
	case '/':
		return scan_named(s, tag, body + 1, MUSTACHE_TOKEN_END);
	case '&':
		return scan_named(s, tag, body + 1, MUSTACHE_TOKEN_RAW);
	case '{':
		return scan_triple(s, tag, body + 1);
	case '!':
		return scan_comment(s, tag, body + 1);
	case '=':
		return scan_delimiters(s, tag, body + 1);
	case '>':
		return refuse(s, tag, "partials ({{>name}})");
	case '<':
		return refuse(s, tag, "parents ({{<name}})");
	case '$':
		return refuse(s, tag, "blocks ({{$name}})");
	default:
		return scan_named(s, tag, body, MUSTACHE_TOKEN_VARIABLE);
	}
}

bool mustache_scan(struct str source, struct mustache_tokens *out, struct error *err)
{
	assert(source.n <= MUSTACHE_MAX_SOURCE);
	*out = (struct mustache_tokens){0};
	struct scan s = {.in = source,
			 .open = STR("{{"),
			 .close = STR("}}"),
			 .out = out,
			 .err = err};
	while (s.at < s.in.n) {
		if (!scan_text(&s, find(s.in, s.at, s.open)))
			return false;
		if (s.at < s.in.n && !scan_tag(&s))
			return false;
	}
	end_line(&s);
	return true;
}
