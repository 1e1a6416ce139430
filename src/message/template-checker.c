/* SPDX-License-Identifier: Apache-2.0 */
/* What a value can spoil is: that it is missing, that it is not UTF-8, that a part
 * becomes too long, that it stands where an address begins and is none. Which sections
 * are shown, and so what is needed and which value stands in an address, depends only
 * on which values there are: a row's shape. The first row of a shape is rendered; of
 * each further one the values are looked at, and bounds on the lengths of the parts. A
 * row that is not surely good is rendered, which says what is wrong with it.
 *
 * An escaped value holds no < > " ' / or =, and what stands at the start of an address
 * is not blank. So where addresses begin does not depend on the values, if none of them
 * is raw or a part of an attribute's name. Templates of which that cannot be said have
 * all their rows rendered. */
#include "message/template-checker.h"

#include "message/html.h"
#include "message/mustache-internal.h"
#include "message/template-internal.h"

#include <stdlib.h>

#define VARIABLES_MAX 64 /* as a shape has bits */
#define SHAPES_MAX 128
#define SHAPES_SIZE (2 * SHAPES_MAX)

/* Bytes of HTML that a byte of a value may become: &#x2F; */
#define ESCAPED_MAX 6
/* What the preheader adds beside its text, which is a line. */
#define PREHEADER_BYTES (2048 + ESCAPED_MAX * TEMPLATE_MAX_LINE)
/* The text made of HTML: what a tag may add (breaks, indent, rule, marker), and a line
 * break inside <pre>. */
#define TAG_BYTES 128
#define BREAK_BYTES 36

struct variable {
	struct mustache_value standard; /* the default */
	/* how often it stands in a line at most, in the HTML, in the text */
	size_t in_line, in_html, in_text;
};

struct shape {
	uint64_t has;         /* bits of the variables that have a value */
	uint64_t start, open; /* where an address begins, and further on in it */
	bool used;
};

/* Bytes of a part without values, at most. */
struct fixed {
	size_t line, html, text;
};

struct template_checker {
	const struct template *t;
	struct arena *arena;
	struct str *names;
	struct variable *variables;
	size_t n;
	struct fixed fixed;
	bool by_shape;
	struct buf html; /* of a probe */
	size_t n_shapes;
	struct shape shapes[SHAPES_SIZE];
	uint64_t rendered;
};

/* Its index, or n. */
static size_t find(const struct template_checker *c, struct str name)
{
	const struct str *hit =
		c->n == 0 ? NULL
			  : bsearch(&name, c->names, c->n, sizeof name, str_cmp_items);
	return hit != NULL ? (size_t)(hit - c->names) : c->n;
}

/* Making -------------------------------------------------------------------------*/

static size_t count_in(const struct mustache *m, struct str name)
{
	size_t count = 0;
	for (size_t i = 0; m != NULL && i < m->n_nodes; i++) {
		const struct mustache_node *node = &m->nodes[i];
		if ((node->op == MUSTACHE_OP_VARIABLE || node->op == MUSTACHE_OP_RAW) &&
		    node->name != MUSTACHE_NAME_DOT)
			count += str_eq(m->names[node->name].name, name);
	}
	return count;
}

static bool is_line(const struct template *t, size_t i)
{
	const struct mustache *m = template_text_at(t, i);
	return m != NULL && m != t->html && m != t->text;
}

static size_t source_bytes(const struct mustache *m)
{
	return m != NULL ? m->source_n : 0;
}

static void count_uses(struct template_checker *c, struct variable *v, struct str name)
{
	const struct template *t = c->t;
	for (size_t i = 0; i < template_n_texts(t); i++) {
		size_t n = is_line(t, i) ? count_in(template_text_at(t, i), name) : 0;
		if (n > v->in_line)
			v->in_line = n;
	}
	v->in_html = ESCAPED_MAX * count_in(t->html, name);
	v->in_text = t->text != NULL
			     ? count_in(t->text, name)
			     : v->in_html + BREAK_BYTES * count_in(t->html, name);
}

static void measure(struct template_checker *c)
{
	const struct template *t = c->t;
	struct fixed *f = &c->fixed;
	for (size_t i = 0; i < template_n_texts(t); i++) {
		size_t n = is_line(t, i) ? source_bytes(template_text_at(t, i)) : 0;
		if (n > f->line)
			f->line = n;
	}
	f->html = source_bytes(t->html) + PREHEADER_BYTES;
	f->text = source_bytes(t->text != NULL ? t->text : t->html);
	for (size_t i = 0; t->text == NULL && i < source_bytes(t->html); i++)
		f->text += t->html->source[i] == '<'    ? TAG_BYTES
			   : t->html->source[i] == '\n' ? BREAK_BYTES
							: 0;
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '_' || c == '.';
}

/* Behind a tag of Mustache: the end of an attribute's name, and "="? */
static bool begins_inside_name(struct str text)
{
	size_t i = 0;
	while (i < text.n && (is_name_char(text.p[i]) || is_blank(text.p[i])))
		i++;
	return i < text.n && text.p[i] == '=';
}

/* May the shapes of the HTML be learnt? See above. */
static bool has_fixed_places(const struct mustache *m)
{
	for (size_t i = 0; m != NULL && i < m->n_nodes; i++) {
		const struct mustache_node *node = &m->nodes[i];
		if (node->op == MUSTACHE_OP_RAW || (node->op == MUSTACHE_OP_VARIABLE &&
						    node->name == MUSTACHE_NAME_DOT))
			return false;
		if (node->op != MUSTACHE_OP_TEXT)
			continue;
		struct str text = {m->source + node->from, node->to - node->from};
		if (i > 0 && begins_inside_name(text))
			return false;
	}
	return true;
}

/* {{.}} in another part is bounded by no count of its name. */
static bool has_dot(const struct mustache *m)
{
	for (size_t i = 0; m != NULL && i < m->n_nodes; i++)
		if (m->nodes[i].op == MUSTACHE_OP_VARIABLE &&
		    m->nodes[i].name == MUSTACHE_NAME_DOT)
			return true;
	return false;
}

static bool prepare(struct template_checker *c)
{
	const struct template *t = c->t;
	struct template_need *needs;
	struct mustache_values standards = mustache_table_values(&t->defaults);
	if (!template_variables(t, c->arena, &needs, &c->n))
		return false;
	c->names = arena_array(c->arena, c->n, sizeof *c->names);
	c->variables = arena_array(c->arena, c->n, sizeof *c->variables);
	if (c->names == NULL || c->variables == NULL)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		c->names[i] = needs[i].name;
		c->variables[i] = (struct variable){
			.standard = standards.lookup(standards.ctx, needs[i].name)};
		count_uses(c, &c->variables[i], needs[i].name);
	}
	measure(c);
	c->by_shape = c->n <= VARIABLES_MAX && has_fixed_places(t->html);
	for (size_t i = 0; i < template_n_texts(t); i++)
		c->by_shape = c->by_shape && !has_dot(template_text_at(t, i));
	return true;
}

#define ARENA_MAX (1u << 20)

struct template_checker *template_checker_new(const struct template *t)
{
	struct template_checker *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->t = t;
	c->arena = arena_new(ARENA_MAX);
	buf_init(&c->html, MUSTACHE_MAX_OUTPUT);
	if (c->arena != NULL && prepare(c))
		return c;
	template_checker_free(c);
	return NULL;
}

void template_checker_free(struct template_checker *c)
{
	if (c == NULL)
		return;
	buf_free(&c->html);
	arena_free(c->arena);
	free(c);
}

size_t template_checker_names(const struct template_checker *c,
			      const struct str **names)
{
	*names = c->names;
	return c->n;
}

uint64_t template_checker_rendered(const struct template_checker *c)
{
	return c->rendered;
}

/* Rendering ------------------------------------------------------------------------*/

struct row {
	const struct template_checker *c;
	const struct str *values;
};

static struct mustache_value row_lookup(const void *ctx, struct str name)
{
	const struct row *r = ctx;
	size_t i = find(r->c, name);
	if (i == r->c->n || r->values[i].n == 0)
		return (struct mustache_value){.kind = MUSTACHE_ABSENT};
	return (struct mustache_value){MUSTACHE_TEXT, r->values[i]};
}

static bool render(struct template_checker *c, const struct str *values,
		   struct template_parts *scratch, struct error *err)
{
	const struct row row = {c, values};
	const struct mustache_values source = {row_lookup, &row};
	c->rendered++;
	return template_check_row(c->t, &source, scratch, NULL, err);
}

/* Shapes ---------------------------------------------------------------------------*/

/* When a value is asked for, what is written so far is what stands before it. */
struct probe {
	struct template_checker *c;
	struct shape *shape;
};

static struct mustache_value probe_lookup(const void *ctx, struct str name)
{
	const struct probe *p = ctx;
	size_t i = find(p->c, name);
	if (i == p->c->n)
		return (struct mustache_value){.kind = MUSTACHE_ABSENT};
	uint64_t bit = UINT64_C(1) << i;
	switch (html_url_place(buf_str(&p->c->html))) {
	case HTML_URL_ELSEWHERE:
		break;
	case HTML_URL_START:
		p->shape->start |= bit;
		break;
	case HTML_URL_OPEN:
		p->shape->open |= bit;
		break;
	}
	if ((p->shape->has & bit) == 0)
		return p->c->variables[i].standard;
	return (struct mustache_value){MUSTACHE_TEXT, STR("x")};
}

static struct shape *place_of(struct template_checker *c, uint64_t has)
{
	size_t i = (size_t)((has * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % SHAPES_SIZE;
	while (c->shapes[i].used && c->shapes[i].has != has)
		i = (i + 1) % SHAPES_SIZE;
	return &c->shapes[i];
}

/* After a row of this shape was rendered and is good. */
static void learn(struct template_checker *c, uint64_t has)
{
	struct shape *shape = place_of(c, has);
	struct shape found = {.has = has, .used = true};
	const struct probe probe = {c, &found};
	const struct mustache_values values = {probe_lookup, &probe};
	struct error err;
	if (shape->used || c->n_shapes == SHAPES_MAX)
		return;
	buf_clear(&c->html);
	if (c->t->html != NULL &&
	    !mustache_render(c->t->html, &values, &c->html, NULL, &err))
		return;
	*shape = found;
	c->n_shapes++;
}

static uint64_t shape_of(const struct template_checker *c, const struct str *values)
{
	uint64_t has = 0;
	for (size_t i = 0; i < c->n; i++)
		has |= (uint64_t)(values[i].n > 0) << i;
	return has;
}

/* False: it may be good or not. */
static bool is_surely_good(const struct template_checker *c, const struct shape *shape,
			   const struct str *values)
{
	struct fixed size = c->fixed;
	for (size_t i = 0; i < c->n; i++) {
		const struct variable *v = &c->variables[i];
		uint64_t bit = UINT64_C(1) << i;
		struct str value = values[i].n > 0 ? values[i] : v->standard.text;
		if (value.n > MUSTACHE_MAX_OUTPUT || !str_is_utf8(value))
			return false;
		if ((shape->start & bit) != 0 &&
		    !html_url_allowed_at(HTML_URL_START, value))
			return false;
		if ((shape->open & bit) != 0 &&
		    !html_url_allowed_at(HTML_URL_OPEN, value))
			return false;
		size.line += v->in_line * value.n;
		size.html += v->in_html * value.n;
		size.text += v->in_text * value.n;
	}
	return size.line <= TEMPLATE_MAX_LINE && size.html <= MUSTACHE_MAX_OUTPUT &&
	       size.text <= MUSTACHE_MAX_OUTPUT;
}

bool template_checker_row(struct template_checker *c, const struct str *values,
			  struct template_parts *scratch, struct error *err)
{
	if (!c->by_shape)
		return render(c, values, scratch, err);
	uint64_t has = shape_of(c, values);
	const struct shape *shape = place_of(c, has);
	if (shape->used && is_surely_good(c, shape, values))
		return true;
	if (!render(c, values, scratch, err))
		return false;
	learn(c, has);
	return true;
}
