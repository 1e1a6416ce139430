/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html.h"

#include <assert.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
	c = str_lower_char(c);
	return c >= 'a' && c <= 'z';
}

static struct str rest(const struct html_scanner *s)
{
	return str_slice(s->in, s->at, s->in.n);
}

static enum html_token_kind give(struct html_token *t, enum html_token_kind kind)
{
	t->kind = kind;
	return kind;
}

/* Index of `what` in s, or s.n. */
static size_t find(struct str s, struct str what)
{
	const char *p = s.n > 0 ? memmem(s.p, s.n, what.p, what.n) : NULL;
	return p != NULL ? (size_t)(p - s.p) : s.n;
}

/* s starts with "<name" or "</name": index of the ">" that ends the tag, those in
 * quotes not counted, or s.n. */
static size_t tag_end(struct str s)
{
	char quote = '\0';
	bool in_value = false; /* quotes count behind a "=" only */
	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];
		if (quote != '\0') {
			if (c == quote)
				quote = '\0';
		} else if ((c == '"' || c == '\'') && in_value) {
			quote = c;
		} else if (c == '>') {
			return i;
		}
		if (!is_space(c))
			in_value = c == '=';
	}
	return s.n;
}

/* Text of <script> or <style> up to its closing tag. */
static enum html_token_kind raw_text(struct html_scanner *s, struct html_token *t)
{
	struct str name = s->raw, in = rest(s);
	size_t i = 0;
	assert(in.p != NULL);
	for (; i < in.n; i++)
		if (in.p[i] == '<' && i + 1 < in.n && in.p[i + 1] == '/' &&
		    str_ieq(str_slice(in, i + 2, i + 2 + name.n), name))
			break;
	s->raw = (struct str){0};
	if (i == 0)
		return html_next(s, t);
	s->at += i;
	return give(t, HTML_OTHER);
}

static enum html_token_kind markup(struct html_scanner *s, struct html_token *t)
{
	struct str in = rest(s);
	size_t end;
	if (str_starts(in, STR("<!--"))) {
		end = find(str_slice(in, 4, in.n), STR("-->"));
		s->at += end + 4 < in.n ? end + 7 : in.n;
		return give(t, HTML_OTHER);
	}
	end = tag_end(in);
	s->at += end < in.n ? end + 1 : in.n;
	if (in.p[1] == '!' || in.p[1] == '?')
		return give(t, HTML_OTHER);
	size_t start = in.p[1] == '/' ? 2 : 1, stop = start;
	while (stop < end && !is_space(in.p[stop]) && in.p[stop] != '/')
		stop++;
	t->name = str_slice(in, start, stop);
	t->attributes = str_slice(in, stop, end);
	if (start == 2)
		return give(t, HTML_CLOSE);
	if (str_ieq(t->name, STR("script")) || str_ieq(t->name, STR("style")))
		s->raw = t->name;
	return give(t, HTML_OPEN);
}

/* Is there a tag or comment at the "<" that s starts with? */
static bool is_markup(struct str s)
{
	if (s.n < 2)
		return false;
	char c = s.p[1];
	return is_letter(c) || c == '!' || c == '?' ||
	       (c == '/' && s.n > 2 && is_letter(s.p[2]));
}

enum html_token_kind html_next(struct html_scanner *s, struct html_token *t)
{
	*t = (struct html_token){0};
	struct str in = rest(s);
	if (in.n == 0)
		return give(t, HTML_END);
	assert(in.p != NULL);
	if (s->raw.p != NULL)
		return raw_text(s, t);
	if (in.p[0] == '<' && is_markup(in))
		return markup(s, t);
	size_t i = 1;
	for (;;) {
		i += str_find_char(str_slice(in, i, in.n), '<');
		if (i >= in.n || is_markup(str_slice(in, i, in.n)))
			break;
		i++;
	}
	t->text = str_slice(in, 0, i);
	s->at += i;
	return give(t, HTML_TEXT);
}

/* Takes one attribute from the front of *in; false at the end. */
static bool next_attribute(struct str *in, struct str *name, struct str *value)
{
	struct str s = *in;
	size_t i = 0;
	while (i < s.n && (is_space(s.p[i]) || s.p[i] == '/'))
		i++;
	size_t start = i;
	while (i < s.n && !is_space(s.p[i]) && s.p[i] != '/' &&
	       (s.p[i] != '=' || i == start))
		i++;
	*name = str_slice(s, start, i);
	*value = STR("");
	size_t after = i;
	while (after < s.n && is_space(s.p[after]))
		after++;
	if (after < s.n && s.p[after] == '=') {
		i = after + 1;
		while (i < s.n && is_space(s.p[i]))
			i++;
		start = i;
		if (i < s.n && (s.p[i] == '"' || s.p[i] == '\'')) {
			char quote = s.p[i];
			start = ++i;
			while (i < s.n && s.p[i] != quote)
				i++;
			*value = str_slice(s, start, i);
			i += i < s.n;
		} else {
			while (i < s.n && !is_space(s.p[i]))
				i++;
			*value = str_slice(s, start, i);
		}
	}
	*in = str_slice(s, i, s.n);
	return name->n > 0;
}

struct str html_attribute(struct str attributes, const char *name)
{
	struct str found, value;
	while (next_attribute(&attributes, &found, &value))
		if (str_ieq(found, str_of(name)))
			return value;
	return (struct str){0};
}

size_t html_body_start(struct str html)
{
	struct html_scanner s = {.in = html};
	struct html_token t;
	while (html_next(&s, &t) != HTML_END)
		if (t.kind == HTML_OPEN && str_ieq(t.name, STR("body")))
			return s.at;
	return 0;
}
