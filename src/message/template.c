/* SPDX-License-Identifier: Apache-2.0 */
#include "message/template.h"

#include "base/json-tree.h"
#include "message/address.h"

#include <stdlib.h>

#define ARENA_MAX (4 * TEMPLATE_MAX_JSON)
#define MAX_RAW 64

struct parse {
	struct template *t;
	struct error_list *errors;
	struct str raw[MAX_RAW];
	size_t n_raw;
	bool failed;
};

static void fail(struct parse *p, enum error_kind kind, const char *where,
		 const char *what)
{
	p->failed = true;
	error_list_add(p->errors, kind, where, "%s", what);
}

static struct str text_of(const json_t *v)
{
	return (struct str){json_string_value(v), json_string_length(v)};
}

/* A JSON pointer (RFC 6901) of `key` under `parent`. */
static const char *pointer(struct buf *b, const char *parent, const char *key)
{
	buf_clear(b);
	buf_add_str(b, str_of(parent));
	buf_add_char(b, '/');
	for (; *key != '\0'; key++) {
		if (*key == '~')
			buf_add_str(b, STR("~0"));
		else if (*key == '/')
			buf_add_str(b, STR("~1"));
		else
			buf_add_char(b, *key);
	}
	const char *text = buf_cstr(b);
	return text != NULL ? text : parent;
}

/* The text at v, or absent with an error. */
static struct str want_text(struct parse *p, const json_t *v, const char *where)
{
	if (v == NULL) {
		fail(p, ERROR_BAD_VALUE, where, "is missing");
		return (struct str){0};
	}
	if (!json_is_string(v)) {
		fail(p, ERROR_BAD_VALUE, where, "must be a text");
		return (struct str){0};
	}
	return text_of(v);
}

static bool has_controls(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
			return true;
	return false;
}

static struct mustache *compile(struct parse *p, struct str source, const char *where,
				enum mustache_escape escape)
{
	struct mustache_options o = {
		.escape = escape, .raw = p->raw, .n_raw = p->n_raw};
	struct error err = {0};
	struct mustache *m = mustache_compile(source, &o, &err);
	if (m == NULL) {
		p->failed = true;
		error_list_add(p->errors, err.kind, where, "%s%s%s", err.where,
			       err.where[0] != '\0' ? ": " : "", err.message);
	}
	return m;
}

/* A text that becomes a header: one line, plain. */
static struct mustache *compile_line(struct parse *p, struct str source,
				     const char *where)
{
	if (source.p == NULL)
		return NULL;
	if (has_controls(source)) {
		fail(p, ERROR_BAD_VALUE, where, "must be one line");
		return NULL;
	}
	return compile(p, source, where, MUSTACHE_PLAIN);
}

static struct mustache *compile_if(struct parse *p, const json_t *v, const char *where,
				   enum mustache_escape escape)
{
	struct str source = v != NULL ? want_text(p, v, where) : (struct str){0};
	return source.p != NULL ? compile(p, source, where, escape) : NULL;
}

static void read_address(struct parse *p, const json_t *v, const char *where,
			 struct str *address)
{
	struct str text = want_text(p, v, where);
	if (text.p == NULL)
		return;
	if (!address_is_valid(text))
		fail(p, ERROR_BAD_VALUE, where, "is no mail address");
	*address = arena_str(p->t->arena, text);
}

/* {"name"?,"address"} */
static void read_mailbox(struct parse *p, json_t *v, const char *where,
			 struct mustache **name, struct str *address)
{
	struct buf b;
	buf_init(&b, 256);
	const char *key;
	json_t *value;
	json_object_foreach(v, key, value)
	{
		const char *place = pointer(&b, where, key);
		if (strcmp(key, "name") == 0)
			*name = compile_line(p, want_text(p, value, place), place);
		else if (strcmp(key, "address") != 0)
			fail(p, ERROR_UNKNOWN_FIELD, place, "is not known");
	}
	read_address(p, json_object_get(v, "address"), pointer(&b, where, "address"),
		     address);
	buf_free(&b);
}

static void read_from(struct parse *p, json_t *v)
{
	if (v == NULL)
		fail(p, ERROR_BAD_VALUE, "/from", "is missing");
	else if (!json_is_object(v))
		fail(p, ERROR_BAD_VALUE, "/from", "must be an object");
	else
		read_mailbox(p, v, "/from", &p->t->from_name, &p->t->from_address);
}

static void read_reply_to(struct parse *p, json_t *v)
{
	if (json_is_object(v))
		read_mailbox(p, v, "/replyTo", &p->t->reply_to_name,
			     &p->t->reply_to_address);
	else if (v != NULL)
		read_address(p, v, "/replyTo", &p->t->reply_to_address);
}

static bool is_header_name(struct str s)
{
	if (s.n == 0 || s.n > 64)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

static bool header_allowed(struct str name)
{
	if (str_ieq(name, STR("Feedback-ID")) || str_ieq(name, STR("Precedence")) ||
	    str_ieq(name, STR("Content-Language")))
		return true;
	return is_header_name(name) && name.n > 2 &&
	       str_ieq(str_slice(name, 0, 2), STR("X-")) &&
	       !str_ieq(str_slice(name, 0, 8), STR("X-Inlay-"));
}

static void read_header(struct parse *p, const char *key, const json_t *value,
			const char *where)
{
	struct template *t = p->t;
	struct str name = str_of(key);
	if (!header_allowed(name)) {
		fail(p, ERROR_UNPROCESSABLE, where,
		     "a template may set X-* (not X-Inlay-*), Feedback-ID, Precedence "
		     "and Content-Language only");
		return;
	}
	for (size_t i = 0; i < t->n_headers; i++)
		if (str_ieq(t->headers[i].name, name)) {
			fail(p, ERROR_UNPROCESSABLE, where, "is there twice");
			return;
		}
	struct mustache *m = compile_line(p, want_text(p, value, where), where);
	if (m == NULL)
		return;
	t->headers[t->n_headers++] =
		(struct template_header){.name = arena_str(t->arena, name), .value = m};
}

static void read_headers(struct parse *p, json_t *v)
{
	if (v == NULL)
		return;
	if (!json_is_object(v)) {
		fail(p, ERROR_BAD_VALUE, "/headers", "must be an object");
		return;
	}
	size_t n = json_object_size(v);
	if (n > TEMPLATE_MAX_HEADERS) {
		fail(p, ERROR_TOO_LARGE, "/headers", "has more than 32 entries");
		return;
	}
	p->t->headers = arena_array(p->t->arena, n, sizeof *p->t->headers);
	if (p->t->headers == NULL)
		return;
	struct buf b;
	buf_init(&b, 512);
	const char *key;
	json_t *value;
	json_object_foreach(v, key, value)
		read_header(p, key, value, pointer(&b, "/headers", key));
	buf_free(&b);
}

static struct mustache_value read_default(struct parse *p, const json_t *v,
					  const char *where)
{
	struct mustache_value out = {0};
	if (json_is_string(v)) {
		out.kind = MUSTACHE_TEXT;
		out.text = arena_str(p->t->arena, text_of(v));
	} else if (json_is_boolean(v)) {
		out.kind = MUSTACHE_BOOL;
		out.text = json_is_true(v) ? STR("true") : STR("false");
	} else if (json_is_integer(v)) {
		out.kind = MUSTACHE_NUMBER;
		out.text = arena_printf(p->t->arena, "%" JSON_INTEGER_FORMAT,
					json_integer_value(v));
	} else if (json_is_real(v)) {
		out.kind = MUSTACHE_NUMBER;
		out.text = arena_printf(p->t->arena, "%.15g", json_real_value(v));
	} else {
		fail(p, ERROR_BAD_VALUE, where,
		     "must be a text, a number or a boolean");
	}
	return out;
}

static void read_defaults(struct parse *p, json_t *v)
{
	if (v == NULL)
		return;
	if (!json_is_object(v)) {
		fail(p, ERROR_BAD_VALUE, "/defaults", "must be an object");
		return;
	}
	size_t n = json_object_size(v), i = 0;
	if (n > TEMPLATE_MAX_DEFAULTS) {
		fail(p, ERROR_TOO_LARGE, "/defaults", "has more than 256 entries");
		return;
	}
	struct mustache_pair *pairs = arena_array(p->t->arena, n, sizeof *pairs);
	if (pairs == NULL)
		return;
	struct buf b;
	buf_init(&b, 512);
	const char *key;
	json_t *value;
	json_object_foreach(v, key, value)
	{
		pairs[i].name = arena_str(p->t->arena, str_of(key));
		pairs[i++].value =
			read_default(p, value, pointer(&b, "/defaults", key));
	}
	buf_free(&b);
	mustache_pairs_sort(pairs, n);
	p->t->defaults = (struct mustache_table){.pairs = pairs, .n = n};
}

static void read_raw_html(struct parse *p, json_t *v)
{
	if (v == NULL)
		return;
	if (!json_is_array(v) || json_array_size(v) > MAX_RAW) {
		fail(p, ERROR_BAD_VALUE, "/rawHtml",
		     "must be a list of up to 64 names");
		return;
	}
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *name = json_array_get(v, i);
		if (json_is_string(name))
			p->raw[p->n_raw++] = text_of(name);
		else
			error_list_add(p->errors, ERROR_BAD_VALUE, "/rawHtml",
				       "entry %zu must be a text", i),
				p->failed = true;
	}
}

static void check_fields(struct parse *p, json_t *doc)
{
	static const char *const known[] = {"from",      "replyTo",  "subject",
					    "preheader", "html",     "text",
					    "headers",   "defaults", "rawHtml"};
	struct buf b;
	buf_init(&b, 512);
	const char *key;
	json_t *value;
	json_object_foreach(doc, key, value)
	{
		bool found = false;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found = found || strcmp(key, known[i]) == 0;
		if (strcmp(key, "parts") == 0)
			fail(p, ERROR_NOT_BUILT, "/parts",
			     "inline images and attachments are not built in");
		else if (!found)
			fail(p, ERROR_UNKNOWN_FIELD, pointer(&b, "", key),
			     "is not known");
	}
	buf_free(&b);
}

static void read_document(struct parse *p, json_t *doc)
{
	struct template *t = p->t;
	check_fields(p, doc);
	read_raw_html(p, json_object_get(doc, "rawHtml"));
	read_from(p, json_object_get(doc, "from"));
	read_reply_to(p, json_object_get(doc, "replyTo"));
	t->subject = compile_line(
		p, want_text(p, json_object_get(doc, "subject"), "/subject"),
		"/subject");
	t->preheader = compile_if(p, json_object_get(doc, "preheader"), "/preheader",
				  MUSTACHE_PLAIN);
	struct str html = want_text(p, json_object_get(doc, "html"), "/html");
	if (html.p != NULL)
		t->html = compile(p, html, "/html", MUSTACHE_HTML);
	t->text = compile_if(p, json_object_get(doc, "text"), "/text", MUSTACHE_PLAIN);
	read_headers(p, json_object_get(doc, "headers"));
	read_defaults(p, json_object_get(doc, "defaults"));
}

static json_t *load(struct str json, struct error_list *errors)
{
	if (json.n > TEMPLATE_MAX_JSON) {
		error_list_add(errors, ERROR_TOO_LARGE, "", "over %d bytes",
			       TEMPLATE_MAX_JSON);
		return NULL;
	}
	struct error err;
	json_t *doc = json_tree_read(json, &err);
	if (doc == NULL)
		error_list_add_error(errors, &err);
	else if (!json_is_object(doc))
		error_list_add(errors, ERROR_BAD_VALUE, "", "must be an object");
	return doc;
}

struct template *template_parse(struct str json, struct error_list *errors)
{
	json_t *doc = load(json, errors);
	if (!json_is_object(doc)) {
		json_decref(doc);
		return NULL;
	}
	struct parse p = {.t = calloc(1, sizeof *p.t), .errors = errors};
	if (p.t != NULL)
		p.t->arena = arena_new(ARENA_MAX);
	bool ok = p.t != NULL && p.t->arena != NULL;
	if (ok) {
		read_document(&p, doc);
		ok = !arena_failed(p.t->arena);
	}
	json_decref(doc);
	if (!ok)
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	if (!ok || p.failed) {
		template_free(p.t);
		return NULL;
	}
	return p.t;
}

void template_free(struct template *t)
{
	if (t == NULL)
		return;
	mustache_free(t->from_name);
	mustache_free(t->reply_to_name);
	mustache_free(t->subject);
	mustache_free(t->preheader);
	mustache_free(t->html);
	mustache_free(t->text);
	for (size_t i = 0; i < t->n_headers; i++)
		mustache_free(t->headers[i].value);
	arena_free(t->arena);
	free(t);
}
