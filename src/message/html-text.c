/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html-text.h"

#include "message/html.h"

#define MAX_LISTS 8 /* deeper lists are indented no further */
#define MAX_INDENT 32
#define MAX_BREAKS 3

/* X(name, line breaks before and behind it) */
#define BLOCKS(X)                                                                      \
	X("p", 2)                                                                      \
	X("h1", 2)                                                                     \
	X("h2", 2)                                                                     \
	X("h3", 2)                                                                     \
	X("h4", 2)                                                                     \
	X("h5", 2)                                                                     \
	X("h6", 2)                                                                     \
	X("blockquote", 2)                                                             \
	X("table", 2)                                                                  \
	X("pre", 2)                                                                    \
	X("dl", 2)                                                                     \
	X("figure", 2)                                                                 \
	X("section", 2)                                                                \
	X("article", 2)                                                                \
	X("header", 2)                                                                 \
	X("footer", 2)                                                                 \
	X("main", 2)                                                                   \
	X("nav", 2)                                                                    \
	X("address", 2)                                                                \
	X("div", 1)                                                                    \
	X("tr", 1)                                                                     \
	X("dt", 1)                                                                     \
	X("dd", 1)                                                                     \
	X("center", 1)                                                                 \
	X("caption", 1)                                                                \
	X("form", 1)                                                                   \
	X("figcaption", 1)

struct block {
	const char *name;
	unsigned breaks;
};
static const struct block blocks[] = {
#define X(name, breaks) {name, breaks},
	BLOCKS(X)
#undef X
};

struct list {
	bool numbered;
	unsigned count;
};

struct writer {
	struct buf *out;
	size_t start;    /* of our output in `out` */
	unsigned breaks; /* line breaks due before the next text */
	bool blank;      /* a blank due before the next text */
	struct list lists[MAX_LISTS];
	size_t depth;      /* lists around, may pass MAX_LISTS */
	unsigned pre;      /* <pre> around */
	struct str href;   /* of the link around; absent: none */
	size_t link_start; /* where in `out` its text began */
	/* hidden: everything up to the end of this element */
	struct str hidden;
	unsigned hidden_depth;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void want_breaks(struct writer *w, unsigned n)
{
	if (w->breaks < n)
		w->breaks = n;
	w->blank = false;
}

static void write_indent(struct writer *w)
{
	size_t n = w->depth * 2;
	for (size_t i = 0; i < n && i < MAX_INDENT; i++)
		buf_add_char(w->out, ' ');
}

/* Writes what is due before text. */
static void begin_text(struct writer *w)
{
	bool first = w->out->n == w->start;
	if (w->breaks > 0 && !first)
		for (unsigned i = 0; i < w->breaks; i++)
			buf_add_char(w->out, '\n');
	if (w->breaks > 0 || first)
		write_indent(w);
	else if (w->blank)
		buf_add_char(w->out, ' ');
	w->breaks = 0;
	w->blank = false;
}

/* What a character reference stands for. */
static void write_reference(struct writer *w, struct str piece)
{
	if (str_eq(piece, STR("\xC2\xA0"))) { /* no-break space */
		w->blank = w->blank || w->breaks == 0;
		return;
	}
	/* soft hyphen, zero-width (non-)joiner: only good for layout */
	if (str_eq(piece, STR("\xC2\xAD")) || str_eq(piece, STR("\xE2\x80\x8C")) ||
	    str_eq(piece, STR("\xE2\x80\x8D")))
		return;
	begin_text(w);
	buf_add_str(w->out, piece);
}

static void write_space(struct writer *w, char c)
{
	if (w->pre > 0 && c == '\n')
		w->breaks += w->breaks < MAX_BREAKS;
	else
		w->blank = w->blank || w->breaks == 0;
}

/* How much of the text, from i on, is to be taken as it is: a word, as a rule. */
static size_t plain_end(struct str text, size_t i)
{
	while (i < text.n && text.p[i] != '&' && !is_space(text.p[i]))
		i++;
	return i;
}

static void write_text(struct writer *w, struct str text)
{
	char utf8[8];
	for (size_t i = 0; i < text.n;) {
		if (is_space(text.p[i])) {
			write_space(w, text.p[i++]);
			continue;
		}
		size_t n = html_entity(str_slice(text, i, text.n), utf8);
		if (n > 0) {
			write_reference(w, str_of(utf8));
			i += n;
			continue;
		}
		size_t end = plain_end(text, i + 1); /* a lone "&" is one, too */
		begin_text(w);
		buf_add_str(w->out, str_slice(text, i, end));
		i = end;
	}
}

static void open_list(struct writer *w, bool numbered)
{
	want_breaks(w, w->depth == 0 ? 2 : 1);
	if (w->depth < MAX_LISTS)
		w->lists[w->depth] = (struct list){.numbered = numbered};
	w->depth++;
}

static void close_list(struct writer *w)
{
	if (w->depth > 0)
		w->depth--;
	want_breaks(w, w->depth == 0 ? 2 : 1);
}

static void open_item(struct writer *w)
{
	want_breaks(w, 1);
	/* the marker hangs to the left of the text */
	size_t depth = w->depth;
	w->depth = depth > 0 ? depth - 1 : 0;
	begin_text(w);
	w->depth = depth;
	struct list *list =
		depth > 0 && depth <= MAX_LISTS ? &w->lists[depth - 1] : NULL;
	if (list != NULL && list->numbered)
		buf_printf(w->out, "%u.", ++list->count);
	else
		buf_add_char(w->out, '-');
	w->blank = true;
}

static void close_link(struct writer *w)
{
	struct str href = w->href;
	if (href.p == NULL)
		return;
	w->href = (struct str){0};
	struct buf plain;
	buf_init(&plain, 4096);
	if (html_unescape(&plain, str_trim(href)) && plain.n > 0) {
		struct str url = buf_str(&plain);
		struct str text =
			w->link_start < w->out->n
				? str_slice(buf_str(w->out), w->link_start, w->out->n)
				: STR("");
		struct str shown = str_starts(url, STR("mailto:"))
					   ? str_slice(url, 7, url.n)
					   : url;
		if (url.p[0] != '#' && !str_eq(str_trim(text), shown)) {
			w->blank = w->blank || w->breaks == 0;
			begin_text(w);
			buf_add_char(w->out, '<');
			buf_add_str(w->out, shown);
			buf_add_char(w->out, '>');
		}
	}
	buf_free(&plain);
}

static void open_link(struct writer *w, struct str attributes)
{
	close_link(w);
	w->href = html_attribute(attributes, "href");
	w->link_start = w->out->n;
}

/* Elements without content: they cannot hide anything behind them. */
static bool is_void(struct str name)
{
	static const char *const names[] = {"img", "br",     "hr",   "input", "meta",
					    "col", "source", "link", "area",  "wbr"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

static bool is_hidden(const struct html_token *t)
{
	if (str_ieq(t->name, STR("head")) || str_ieq(t->name, STR("title")) ||
	    str_ieq(t->name, STR("template")))
		return true;
	if (html_attribute(t->attributes, "hidden").p != NULL)
		return true;
	struct str style = html_attribute(t->attributes, "style");
	static const char want[] = "display:none";
	size_t got = 0;
	for (size_t i = 0; i < style.n; i++) {
		char c = str_lower_char(style.p[i]);
		if (is_space(c))
			continue;
		if (c != want[got])
			got = c == want[0] ? 1 : 0;
		else if (want[++got] == '\0')
			return true;
	}
	return false;
}

static const struct block *find_block(struct str name)
{
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if (str_ieq(name, str_of(blocks[i].name)))
			return &blocks[i];
	return NULL;
}

static void open_element(struct writer *w, const struct html_token *t)
{
	if (is_hidden(t)) {
		if (!is_void(t->name)) {
			w->hidden = t->name;
			w->hidden_depth = 1;
		}
		return;
	}
	const struct block *block = find_block(t->name);
	if (block != NULL) {
		want_breaks(w, block->breaks);
		w->pre += str_ieq(t->name, STR("pre"));
	} else if (str_ieq(t->name, STR("br"))) {
		w->breaks += w->breaks < MAX_BREAKS;
		w->blank = false;
	} else if (str_ieq(t->name, STR("hr"))) {
		want_breaks(w, 2);
		begin_text(w);
		buf_add_str(w->out, STR("----------------------------------------"));
		want_breaks(w, 2);
	} else if (str_ieq(t->name, STR("ul")) || str_ieq(t->name, STR("ol"))) {
		open_list(w, str_ieq(t->name, STR("ol")));
	} else if (str_ieq(t->name, STR("li"))) {
		open_item(w);
	} else if (str_ieq(t->name, STR("td")) || str_ieq(t->name, STR("th"))) {
		w->blank = w->blank || w->breaks == 0;
	} else if (str_ieq(t->name, STR("a"))) {
		open_link(w, t->attributes);
	} else if (str_ieq(t->name, STR("img"))) {
		write_text(w, html_attribute(t->attributes, "alt"));
	}
}

static void close_element(struct writer *w, const struct html_token *t)
{
	const struct block *block = find_block(t->name);
	if (block != NULL) {
		want_breaks(w, block->breaks);
		if (w->pre > 0)
			w->pre -= str_ieq(t->name, STR("pre"));
	} else if (str_ieq(t->name, STR("ul")) || str_ieq(t->name, STR("ol"))) {
		close_list(w);
	} else if (str_ieq(t->name, STR("li"))) {
		want_breaks(w, 1);
	} else if (str_ieq(t->name, STR("a"))) {
		close_link(w);
	}
}

static void take_token(struct writer *w, const struct html_token *t)
{
	if (w->hidden_depth > 0) {
		if (t->kind == HTML_OPEN && str_ieq(t->name, w->hidden))
			w->hidden_depth++;
		else if (t->kind == HTML_CLOSE && str_ieq(t->name, w->hidden))
			w->hidden_depth--;
		return;
	}
	if (t->kind == HTML_TEXT)
		write_text(w, t->text);
	else if (t->kind == HTML_OPEN)
		open_element(w, t);
	else if (t->kind == HTML_CLOSE)
		close_element(w, t);
}

bool html_to_text(struct str html, struct buf *out)
{
	struct writer w = {.out = out, .start = out->n};
	struct html_scanner s = {.in = html};
	struct html_token t;
	while (html_next(&s, &t) != HTML_END && buf_ok(out))
		take_token(&w, &t);
	close_link(&w);
	if (out->n > w.start)
		buf_add_char(out, '\n');
	return buf_ok(out);
}
