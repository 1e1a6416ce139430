/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html-text.h"
#include "message/html.h"
#include "message/template-internal.h"

#define HEADERS_MAX (TEMPLATE_MAX_HEADERS * (TEMPLATE_MAX_LINE + 70))
/* Some clients show what follows the preheader beside it, so fill the room. */
#define PREHEADER_FILL 24

void template_parts_init(struct template_parts *p)
{
	buf_init(&p->from_name, TEMPLATE_MAX_LINE);
	buf_init(&p->reply_to_name, TEMPLATE_MAX_LINE);
	buf_init(&p->subject, TEMPLATE_MAX_LINE);
	buf_init(&p->html, MUSTACHE_MAX_OUTPUT);
	buf_init(&p->text, MUSTACHE_MAX_OUTPUT);
	buf_init(&p->headers, HEADERS_MAX);
}

void template_parts_free(struct template_parts *p)
{
	buf_free(&p->from_name);
	buf_free(&p->reply_to_name);
	buf_free(&p->subject);
	buf_free(&p->html);
	buf_free(&p->text);
	buf_free(&p->headers);
}

/* The row's values over the template's defaults. */
struct source {
	const struct mustache_values *row;
	struct mustache_values defaults;
};

static struct mustache_value lookup(const void *ctx, struct str name)
{
	const struct source *s = ctx;
	struct mustache_value v = s->row->lookup(s->row->ctx, name);
	if (v.kind == MUSTACHE_ABSENT || (v.kind == MUSTACHE_TEXT && v.text.n == 0)) {
		struct mustache_value d = s->defaults.lookup(s->defaults.ctx, name);
		/* without a default an empty text is no value */
		return d;
	}
	return v;
}

struct rendering {
	const struct template *t;
	struct mustache_values values;
	struct template_parts *parts;
	struct mustache_report report; /* the first of all parts */
	struct error *err;
};

/* A failure's place is the part's JSON pointer. */
static bool render(struct rendering *r, const struct mustache *m, struct buf *out,
		   const char *where)
{
	struct mustache_report report;
	struct error err = {0};
	if (m == NULL)
		return true;
	bool ok = mustache_render(m, &r->values, out, &report, &err);
	if (report.bad_url.p != NULL && r->report.bad_url.p == NULL)
		r->report.bad_url = report.bad_url;
	if (!ok) {
		r->report.missing = report.missing;
		return error_set(r->err, err.kind, where, "%s", err.message);
	}
	return true;
}

static bool render_headers(struct rendering *r)
{
	struct buf line;
	buf_init(&line, TEMPLATE_MAX_LINE);
	bool ok = true;
	for (size_t i = 0; ok && i < r->t->n_headers; i++) {
		const struct template_header *h = &r->t->headers[i];
		char where[96] = "/headers/";
		memcpy(where + 9, h->name.p, h->name.n); /* 64 bytes at most */
		where[9 + h->name.n] = '\0';
		buf_clear(&line);
		ok = render(r, h->value, &line, where);
		buf_add_str(&r->parts->headers, h->name);
		buf_add_char(&r->parts->headers, '\0');
		buf_add_str(&r->parts->headers, buf_str(&line));
		buf_add_char(&r->parts->headers, '\0');
	}
	buf_free(&line);
	if (ok && !buf_ok(&r->parts->headers))
		return error_set(r->err, ERROR_MEMORY, "/headers", "out of memory");
	return ok;
}

void template_each_header(const struct template_parts *parts,
			  void (*f)(void *ctx, struct str name, struct str value),
			  void *ctx)
{
	struct str rest = buf_str(&parts->headers), name, value;
	while (rest.n > 0 && str_next_part(&rest, '\0', &name) &&
	       str_next_part(&rest, '\0', &value))
		f(ctx, name, value);
}

/* <div hidden>preheader</div> as the first thing of the body. */
static void add_preheader(struct buf *html, struct str preheader)
{
	struct buf div, tail;
	buf_init(&div, 8 * MUSTACHE_MAX_OUTPUT);
	buf_init(&tail, MUSTACHE_MAX_OUTPUT);
	size_t at = html_body_start(buf_str(html));
	buf_add_str(&div, STR("<div style=\"display:none;font-size:1px;line-height:1px;"
			      "max-height:0;max-width:0;opacity:0;overflow:hidden;"
			      "mso-hide:all\">"));
	html_escape(&div, preheader);
	for (int i = 0; i < PREHEADER_FILL; i++)
		buf_add_str(&div, STR("&#847;&zwnj;&nbsp;"));
	buf_add_str(&div, STR("</div>"));
	buf_add_str(&tail, str_slice(buf_str(html), at, html->n));
	html->n = at;
	if (!buf_ok(&div) || !buf_ok(&tail))
		html->state = BUF_NOMEM;
	buf_add_str(html, buf_str(&div));
	buf_add_str(html, buf_str(&tail));
	buf_free(&div);
	buf_free(&tail);
}

/* What did not go into a buffer is too much, or there was no memory for it. */
static bool did_not_fit(struct rendering *r, const struct buf *b, const char *where,
			const char *what)
{
	if (b->state == BUF_NOMEM)
		return error_set(r->err, ERROR_MEMORY, where, "out of memory");
	return error_set(r->err, ERROR_TOO_LARGE, where, "%s is over %d bytes", what,
			 MUSTACHE_MAX_OUTPUT);
}

static bool render_preheader(struct rendering *r)
{
	if (r->t->preheader == NULL)
		return true;
	struct buf line;
	buf_init(&line, TEMPLATE_MAX_LINE);
	bool ok = render(r, r->t->preheader, &line, "/preheader");
	if (ok && line.n > 0)
		add_preheader(&r->parts->html, buf_str(&line));
	buf_free(&line);
	if (ok && !buf_ok(&r->parts->html))
		return did_not_fit(r, &r->parts->html, "/preheader",
				   "the HTML with it");
	return ok;
}

static bool render_text(struct rendering *r)
{
	struct template_parts *p = r->parts;
	if (r->t->text != NULL)
		return render(r, r->t->text, &p->text, "/text");
	if (!html_to_text(buf_str(&p->html), &p->text))
		return did_not_fit(r, &p->text, "/html", "the text made of it");
	return true;
}

static bool render_all(struct rendering *r)
{
	const struct template *t = r->t;
	struct template_parts *p = r->parts;
	buf_clear(&p->from_name);
	buf_clear(&p->reply_to_name);
	buf_clear(&p->subject);
	buf_clear(&p->html);
	buf_clear(&p->text);
	buf_clear(&p->headers);
	return render(r, t->from_name, &p->from_name, "/from/name") &&
	       render(r, t->reply_to_name, &p->reply_to_name, "/replyTo/name") &&
	       render(r, t->subject, &p->subject, "/subject") && render_headers(r) &&
	       render(r, t->html, &p->html, "/html") &&
	       /* the text is made of the HTML without the hidden line */
	       render_text(r) && render_preheader(r);
}

bool template_render(const struct template *t, const struct mustache_values *row,
		     struct template_parts *parts, struct error *err)
{
	struct source source = {.row = row,
				.defaults = mustache_table_values(&t->defaults)};
	struct rendering r = {.t = t,
			      .values = {.lookup = lookup, .ctx = &source},
			      .parts = parts,
			      .err = err};
	return render_all(&r);
}

bool template_check_row(const struct template *t, const struct mustache_values *row,
			struct template_parts *scratch, struct str *missing,
			struct error *err)
{
	struct source source = {.row = row,
				.defaults = mustache_table_values(&t->defaults)};
	struct rendering r = {.t = t,
			      .values = {.lookup = lookup, .ctx = &source},
			      .parts = scratch,
			      .err = err};
	bool ok = render_all(&r);
	if (missing != NULL)
		*missing = r.report.missing;
	if (ok && r.report.bad_url.p != NULL)
		return error_set(err, ERROR_UNPROCESSABLE, "/html",
				 "variable \"%.*s\" stands at the start of a link and "
				 "must begin with https://, http://, mailto: or tel:",
				 STR_ARG(r.report.bad_url));
	return ok;
}
