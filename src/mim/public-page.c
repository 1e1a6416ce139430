/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/public-page.h"

static const struct page {
	const char *title, *text;
	bool button;
} pages[] = {
#define X(name, title, text, button) {title, text, button},
	PUBLIC_PAGES(X)
#undef X
};

const struct http_header public_page_headers[] = {
	{"Cache-Control", STR_INIT("no-store")},
	{"Referrer-Policy", STR_INIT("no-referrer")},
	{"X-Content-Type-Options", STR_INIT("nosniff")},
	{"X-Robots-Tag", STR_INIT("noindex")},
	{"Content-Security-Policy",
	 STR_INIT("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
		  "frame-ancestors 'none'; base-uri 'none'")},
};
const size_t public_page_n_headers =
	sizeof public_page_headers / sizeof public_page_headers[0];

static void put_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '&')
			buf_add_str(out, STR("&amp;"));
		else if (c == '<')
			buf_add_str(out, STR("&lt;"));
		else if (c == '>')
			buf_add_str(out, STR("&gt;"));
		else if (c == '"')
			buf_add_str(out, STR("&quot;"));
		else
			buf_add_char(out, c);
	}
}

bool public_page_write(struct buf *out, enum public_page page,
		       const struct public_names *names)
{
	const struct page *p = &pages[page];
	buf_add_str(out, STR("<!DOCTYPE html>\n<html lang=\"en\"><head>"
			     "<meta charset=\"utf-8\"><meta name=\"viewport\" "
			     "content=\"width=device-width\"><title>"));
	buf_add_str(out, str_of(p->title));
	buf_add_str(out, STR("</title><style>body{font:1rem/1.5 sans-serif;margin:3rem "
			     "auto;max-width:32rem;padding:0 1rem}button{font:inherit;"
			     "padding:.5rem 1rem}</style></head><body><h1>"));
	buf_add_str(out, str_of(p->title));
	buf_add_str(out, STR("</h1>"));
	if (names != NULL) {
		buf_add_str(out, STR("<p><strong>"));
		put_escaped(out, names->purpose);
		buf_add_str(out, STR("</strong>, "));
		put_escaped(out, names->sender);
		buf_add_str(out, STR("</p>"));
	}
	buf_add_str(out, STR("<p>"));
	buf_add_str(out, str_of(p->text));
	buf_add_str(out, STR("</p>"));
	if (p->button)
		buf_add_str(out, STR("<form method=\"post\"><input type=\"hidden\" "
				     "name=\"List-Unsubscribe\" value=\"One-Click\">"
				     "<button type=\"submit\">Unsubscribe</button>"
				     "</form>"));
	return buf_add_str(out, STR("</body></html>\n"));
}
