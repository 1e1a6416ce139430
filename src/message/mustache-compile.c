/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mustache-internal.h"

#include <stdlib.h>

struct compile {
	struct mustache *m;
	struct str source;
	const struct mustache_options *options;
	struct error *err;
	uint32_t open[MUSTACHE_MAX_DEPTH]; /* nodes of the sections around */
	uint32_t open_at[MUSTACHE_MAX_DEPTH];
	size_t depth;
	size_t shown; /* those of them that are not inverted */
};

void mustache_free(struct mustache *m)
{
	if (m == NULL)
		return;
	free(m->source);
	free(m->nodes);
	free(m->names);
	free(m);
}

static struct str name_of(const struct compile *c, const struct mustache_token *t)
{
	return str_slice(c->source, t->from, t->to);
}

/* Index of the name in the program's table, which it is added to if new. */
static bool intern(struct compile *c, const struct mustache_token *t, uint32_t *index)
{
	struct mustache *m = c->m;
	struct str name = name_of(c, t);
	for (size_t i = 0; i < m->n_names; i++)
		if (str_eq(m->names[i].name, name)) {
			*index = (uint32_t)i;
			return true;
		}
	if (m->n_names == MUSTACHE_MAX_NAMES)
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "more than %d different names",
					 MUSTACHE_MAX_NAMES);
	m->names[m->n_names] = (struct mustache_name){.name = name};
	*index = (uint32_t)m->n_names++;
	return true;
}

static bool may_be_raw(const struct compile *c, struct str name)
{
	for (size_t i = 0; i < c->options->n_raw; i++)
		if (str_eq(c->options->raw[i], name))
			return true;
	return false;
}

static bool add_variable(struct compile *c, const struct mustache_token *t)
{
	struct str name = name_of(c, t);
	struct mustache_node *node = &c->m->nodes[c->m->n_nodes];
	bool raw = t->kind == MUSTACHE_TOKEN_RAW;
	if (raw && !may_be_raw(c, name))
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "\"%.*s\" without escaping, but rawHtml does "
					 "not list it",
					 STR_ARG(name));
	*node = (struct mustache_node){.op = raw ? MUSTACHE_OP_RAW
						 : MUSTACHE_OP_VARIABLE};
	if (str_eq(name, STR("."))) {
		if (c->shown == 0)
			return mustache_error_at(c->source, t->at, c->err,
						 ERROR_UNPROCESSABLE,
						 "{{.}} outside every section");
		node->name = MUSTACHE_NAME_DOT;
	} else {
		if (!intern(c, t, &node->name))
			return false;
		if (c->depth == 0)
			c->m->names[node->name].always = true;
	}
	c->m->n_nodes++;
	return true;
}

static bool open_section(struct compile *c, const struct mustache_token *t)
{
	if (c->depth == MUSTACHE_MAX_DEPTH)
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "sections in sections, more than %d deep",
					 MUSTACHE_MAX_DEPTH);
	if (str_eq(name_of(c, t), STR(".")))
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "a section of {{.}}: there are no lists");
	struct mustache_node *node = &c->m->nodes[c->m->n_nodes];
	*node = (struct mustache_node){.op = t->kind == MUSTACHE_TOKEN_SECTION
						     ? MUSTACHE_OP_SECTION
						     : MUSTACHE_OP_INVERTED};
	if (!intern(c, t, &node->name))
		return false;
	c->open[c->depth] = (uint32_t)c->m->n_nodes++;
	c->open_at[c->depth++] = t->at;
	c->shown += node->op == MUSTACHE_OP_SECTION;
	return true;
}

static bool close_section(struct compile *c, const struct mustache_token *t)
{
	struct str name = name_of(c, t);
	if (c->depth == 0)
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "{{/%.*s}} closes no section", STR_ARG(name));
	struct mustache_node *opened = &c->m->nodes[c->open[c->depth - 1]];
	struct str want = c->m->names[opened->name].name;
	if (!str_eq(name, want))
		return mustache_error_at(c->source, t->at, c->err, ERROR_UNPROCESSABLE,
					 "{{/%.*s}} where {{/%.*s}} is due",
					 STR_ARG(name), STR_ARG(want));
	opened->to = (uint32_t)c->m->n_nodes;
	c->shown -= opened->op == MUSTACHE_OP_SECTION;
	c->m->nodes[c->m->n_nodes++] = (struct mustache_node){.op = MUSTACHE_OP_END};
	c->depth--;
	return true;
}

static bool add_token(struct compile *c, const struct mustache_token *t)
{
	switch (t->kind) {
	case MUSTACHE_TOKEN_TEXT:
		c->m->nodes[c->m->n_nodes++] = (struct mustache_node){
			.op = MUSTACHE_OP_TEXT, .from = t->from, .to = t->to};
		return true;
	case MUSTACHE_TOKEN_VARIABLE:
	case MUSTACHE_TOKEN_RAW:
		return add_variable(c, t);
	case MUSTACHE_TOKEN_SECTION:
	case MUSTACHE_TOKEN_INVERTED:
		return open_section(c, t);
	case MUSTACHE_TOKEN_END:
		return close_section(c, t);
	}
	return false;
}

static bool build(struct compile *c, const struct mustache_tokens *tokens)
{
	struct mustache *m = c->m;
	size_t n = tokens->n > 0 ? tokens->n : 1; /* one node a token */
	m->nodes = calloc(n, sizeof *m->nodes);
	m->names = calloc(n < MUSTACHE_MAX_NAMES ? n : MUSTACHE_MAX_NAMES,
			  sizeof *m->names);
	if (m->nodes == NULL || m->names == NULL)
		return error_set(c->err, ERROR_MEMORY, "", "out of memory");
	for (size_t i = 0; i < tokens->n; i++)
		if (!add_token(c, &tokens->items[i]))
			return false;
	if (c->depth == 0)
		return true;
	const struct mustache_node *opened = &m->nodes[c->open[c->depth - 1]];
	return mustache_error_at(c->source, c->open_at[c->depth - 1], c->err,
				 ERROR_UNPROCESSABLE,
				 "the section \"%.*s\" is not closed",
				 STR_ARG(m->names[opened->name].name));
}

struct mustache *mustache_compile(struct str source,
				  const struct mustache_options *options,
				  struct error *err)
{
	if (source.n > MUSTACHE_MAX_SOURCE) {
		error_set(err, ERROR_TOO_LARGE, "", "a template over %d bytes",
			  MUSTACHE_MAX_SOURCE);
		return NULL;
	}
	struct mustache *m = calloc(1, sizeof *m);
	if (m != NULL)
		m->source = malloc(source.n + 1);
	if (m == NULL || m->source == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		mustache_free(m);
		return NULL;
	}
	if (source.n > 0)
		memcpy(m->source, source.p, source.n);
	m->source[source.n] = '\0';
	m->source_n = source.n;
	m->escape = options->escape;
	struct compile c = {.m = m,
			    .source = {m->source, m->source_n},
			    .options = options,
			    .err = err};
	struct mustache_tokens tokens;
	bool ok = mustache_scan(c.source, &tokens, err) && build(&c, &tokens);
	free(tokens.items);
	if (!ok) {
		mustache_free(m);
		return NULL;
	}
	return m;
}

size_t mustache_names(const struct mustache *m, const struct mustache_name **names)
{
	*names = m->names;
	return m->n_names;
}

size_t mustache_memory(const struct mustache *m)
{
	return sizeof *m + m->source_n + 1 + m->n_nodes * sizeof *m->nodes +
	       m->n_names * sizeof *m->names;
}
