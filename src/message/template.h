/* SPDX-License-Identifier: Apache-2.0 */
/* A template of a bundle (contracts.md section 5): the document
 * templates/{name}.json parsed, checked and compiled. MIM checks rows against it
 * at import, the agent makes messages of it (message/mime.h). Pure.
 *
 *   {"from":{"name","address"},"replyTo"?,"subject","preheader"?,"html","text"?,
 *    "headers"?,"defaults"?:{...},"rawHtml"?:[...]}
 *
 * from.address and replyTo are addresses as they stand; replyTo is a text or, as
 * from, an object. from.name, subject, preheader, text and the values of headers
 * are plain-text Mustache, html is HTML Mustache. */
#ifndef INLAY_MESSAGE_TEMPLATE_H
#define INLAY_MESSAGE_TEMPLATE_H

#include "base/arena.h"
#include "base/error.h"
#include "message/mustache.h"

#define TEMPLATE_MAX_JSON (1024 * 1024)
#define TEMPLATE_MAX_HEADERS 32
#define TEMPLATE_MAX_DEFAULTS 256
#define TEMPLATE_MAX_LINE 900 /* bytes of a rendered header value: fits one line */

struct template_header {
	struct str name;
	struct mustache *value;
};

/* Read-only for everybody but template.c; may be shared by threads. */
struct template
{
	struct arena *arena; /* owns the texts below */
	struct str from_address;
	struct str reply_to_address; /* absent: no Reply-To */
	struct mustache *from_name;  /* NULL: none, as for all that are optional */
	struct mustache *reply_to_name;
	struct mustache *subject;
	struct mustache *preheader;
	struct mustache *html;
	struct mustache *text; /* NULL: made from the HTML */
	struct template_header *headers;
	size_t n_headers;
	struct mustache_table defaults;
};

/* NULL when anything is wrong; every error is in `errors`, with a JSON pointer
 * (for Mustache: of the text, line and column in the message). */
struct template *template_parse(struct str json, struct error_list *errors);
void template_free(struct template *t); /* NULL is fine */
/* Bytes of memory it takes, for a bounded cache. */
size_t template_memory(const struct template *t);

/* What the template needs. */
struct template_need {
	struct str name;  /* lives as long as the template */
	bool always;      /* shown whatever the values are */
	bool has_default; /* so a row need not have it */
};
/* All variables of all parts, sorted by name, in the arena; absent memory gives
 * false. A row may lack one that is neither `always` nor has a default: whether
 * it is needed depends on its other values, see template_check_row. */
bool template_variables(const struct template *t, struct arena *arena,
			struct template_need **variables, size_t *n);

/* One finished message's parts, as UTF-8, in buffers that are reused: init once,
 * render often, free once. */
struct template_parts {
	struct buf from_name, reply_to_name, subject, html, text;
	struct buf headers; /* name NUL value NUL ..., in the template's order */
};
void template_parts_init(struct template_parts *p);
void template_parts_free(struct template_parts *p);

/* Fills `parts`. A value of the row that is absent or an empty text is no value:
 * the template's default stands in for it; without one, a variable that would be
 * shown is an error. html has the preheader at its start, hidden; the text part
 * is made from the HTML if the template has none.
 * err->where is the JSON pointer of the part. */
bool template_render(const struct template *t, const struct mustache_values *row,
		     struct template_parts *parts, struct error *err);

/* Would this row make a message? As template_render, and also refuses an address
 * of a link that is not http, https, mailto or tel. For imports; `scratch` as
 * above. missing (may be NULL) is set to the variable without a value. */
bool template_check_row(const struct template *t, const struct mustache_values *row,
			struct template_parts *scratch, struct str *missing,
			struct error *err);

/* Calls f for each header of rendered parts. */
void template_each_header(const struct template_parts *parts,
			  void (*f)(void *ctx, struct str name, struct str value),
			  void *ctx);

#endif
