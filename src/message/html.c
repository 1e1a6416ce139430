/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html.h"

bool html_escape(struct buf *out, struct str text)
{
	static const char *const escapes[256] = {
		['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",   ['"'] = "&quot;",
		['\''] = "&#39;", ['/'] = "&#x2F;", ['`'] = "&#x60;", ['='] = "&#x3D;",
	};
	size_t from = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *escape = escapes[(unsigned char)text.p[i]];
		if (escape == NULL)
			continue;
		buf_add(out, text.p + from, i - from);
		buf_add_str(out, str_of(escape));
		from = i + 1;
	}
	if (from < text.n)
		buf_add(out, text.p + from, text.n - from);
	return buf_ok(out);
}

/* How far back an attribute's beginning is looked for. An address that has not
 * shown its scheme after so many characters has none. */
#define URL_LOOK_BACK 256

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '_' || c == '.';
}

/* Does `before` end with  name =  of an attribute that takes an address? */
static bool ends_with_url_attribute(struct str before)
{
	static const char *const names[] = {
		"href",   "src",  "action",     "formaction", "background", "poster",
		"srcset", "data", "xlink:href", "cite",       "longdesc"};
	size_t end = before.n;
	while (end > 0 && is_blank(before.p[end - 1]))
		end--;
	if (end == 0 || before.p[end - 1] != '=')
		return false;
	end--;
	while (end > 0 && is_blank(before.p[end - 1]))
		end--;
	size_t start = end;
	while (start > 0 && is_name_char(before.p[start - 1]))
		start--;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_ieq(str_slice(before, start, end), str_of(names[i])))
			return true;
	return false;
}

/* If `before` ends inside an address whose scheme is still open: true, and what
 * there is of it. */
static bool in_url_start(struct str before, struct str *so_far)
{
	size_t k = before.n;
	size_t stop = before.n > URL_LOOK_BACK ? before.n - URL_LOOK_BACK : 0;
	while (k > stop && !is_one_of(before.p[k - 1], "\"'=<>/?:"))
		k--;
	if (k == stop)
		return false;
	char c = before.p[k - 1];
	if (c != '"' && c != '\'' && c != '=')
		return false;
	*so_far = str_slice(before, k, before.n);
	return ends_with_url_attribute(str_slice(before, 0, c == '=' ? k : k - 1));
}

static bool starts_ignoring_case(struct str s, struct str prefix)
{
	return str_ieq(str_slice(s, 0, prefix.n), prefix);
}

enum html_url_place html_url_place(struct str before)
{
	struct str so_far;
	if (!in_url_start(before, &so_far))
		return HTML_URL_ELSEWHERE;
	bool empty = true;
	for (size_t i = 0; i < so_far.n; i++) {
		char c = so_far.p[i];
		/* a fragment, unless it is the one of "&#106;" */
		if (c == '#' && (i == 0 || so_far.p[i - 1] != '&'))
			return HTML_URL_ELSEWHERE;
		empty = empty && is_blank(c);
	}
	return empty ? HTML_URL_START : HTML_URL_OPEN;
}

bool html_url_allowed_at(enum html_url_place place, struct str value)
{
	if (place == HTML_URL_START)
		return starts_ignoring_case(value, STR("https://")) ||
		       starts_ignoring_case(value, STR("http://")) ||
		       starts_ignoring_case(value, STR("mailto:")) ||
		       starts_ignoring_case(value, STR("tel:"));
	for (size_t i = 0; place == HTML_URL_OPEN && i < value.n; i++) {
		if (value.p[i] == ':')
			return false;
		if (is_one_of(value.p[i], "/?#"))
			return true;
	}
	return true;
}

bool html_url_allowed(struct str before, struct str value)
{
	return html_url_allowed_at(html_url_place(before), value);
}
