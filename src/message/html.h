/* SPDX-License-Identifier: Apache-2.0 */
/* What is needed of HTML to put values into it safely, to read entities, and to
 * walk through its tags. Not a browser: it takes HTML as mail programs send it
 * and never fails on what it does not know. Pure. */
#ifndef INLAY_MESSAGE_HTML_H
#define INLAY_MESSAGE_HTML_H

#include "base/buf.h"

/* & < > " ' / ` = as entities, the set of the npm package `mustache`. */
bool html_escape(struct buf *out, struct str text);

/* May `value` be written behind the HTML `before`? False only if it would stand
 * at the start of an attribute that takes an address (href, src, action, ...)
 * and does not begin with http:// https:// mailto: or tel:, or if it would
 * complete a scheme that begins before it ("java" + "script:..."). */
bool html_url_allowed(struct str before, struct str value);
/* The same in two steps. */
enum html_url_place {
	HTML_URL_ELSEWHERE, /* any value may stand here */
	HTML_URL_START,     /* of an address */
	HTML_URL_OPEN,      /* further on, but before the scheme has ended */
};
enum html_url_place html_url_place(struct str before);
bool html_url_allowed_at(enum html_url_place place, struct str value);

/* The character reference (with its "&") at the start of s: bytes it takes, its
 * UTF-8 in utf8 (NUL-terminated); 0 if there is none that is known. */
size_t html_entity(struct str s, char utf8[8]);
/* Text with its character references resolved. */
bool html_unescape(struct buf *out, struct str text);

enum html_token_kind {
	HTML_END,   /* of the document */
	HTML_TEXT,  /* text: as written, references not resolved */
	HTML_OPEN,  /* name, attributes */
	HTML_CLOSE, /* name */
	HTML_OTHER, /* comment, doctype, processing instruction */
};
struct html_token {
	enum html_token_kind kind;
	struct str text;
	struct str name; /* as written */
	struct str attributes;
};
struct html_scanner {
	struct str in;
	size_t at;
	struct str raw; /* inside <script> or <style>: its name */
};
/* {.in = document} is the start. */
enum html_token_kind html_next(struct html_scanner *s, struct html_token *token);
/* Value of an attribute, as written; absent if it is not there. */
struct str html_attribute(struct str attributes, const char *name);

/* Index of the first byte behind <body ...>; 0 without one. */
size_t html_body_start(struct str html);

#endif
