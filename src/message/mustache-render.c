/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html.h"
#include "message/mustache-internal.h"

#include <assert.h>
#include <stdlib.h>

bool mustache_is_true(struct mustache_value v)
{
	switch (v.kind) {
	case MUSTACHE_ABSENT:
		return false;
	case MUSTACHE_TEXT:
		return v.text.n > 0;
	case MUSTACHE_BOOL:
		return str_eq(v.text, STR("true"));
	case MUSTACHE_NUMBER:
		/* zero in any spelling: 0, -0, 0.00, 0e5 */
		for (size_t i = 0; i < v.text.n; i++) {
			char c = v.text.p[i];
			if (c == 'e' || c == 'E')
				return false;
			if (c >= '1' && c <= '9')
				return true;
		}
		return false;
	}
	return false;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct mustache_pair *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

bool mustache_pairs_sort(struct mustache_pair *pairs, size_t n)
{
	if (n > 1)
		qsort(pairs, n, sizeof *pairs, compare_pairs);
	for (size_t i = 1; i < n; i++)
		if (str_eq(pairs[i - 1].name, pairs[i].name))
			return false;
	return true;
}

static struct mustache_value table_lookup(const void *ctx, struct str name)
{
	const struct mustache_table *t = ctx;
	struct mustache_pair key = {.name = name};
	const struct mustache_pair *hit =
		t->n == 0 ? NULL
			  : bsearch(&key, t->pairs, t->n, sizeof key, compare_pairs);
	return hit != NULL ? hit->value : (struct mustache_value){0};
}

struct mustache_values mustache_table_values(const struct mustache_table *table)
{
	return (struct mustache_values){.lookup = table_lookup, .ctx = table};
}

/* U+0085, U+2028 and U+2029 end a line as well: bytes of such a character at the
 * start of s, else 0. */
static size_t unicode_break(struct str s)
{
	if (str_starts(s, STR("\xC2\x85")))
		return 2;
	if (str_starts(s, STR("\xE2\x80\xA8")) || str_starts(s, STR("\xE2\x80\xA9")))
		return 3;
	return 0;
}

static void write_plain(struct buf *out, struct str v)
{
	size_t from = 0;
	for (size_t i = 0; i < v.n;) {
		unsigned char c = (unsigned char)v.p[i];
		size_t n = c >= 0xC2 ? unicode_break(str_slice(v, i, v.n)) : 0;
		if (n == 0 && c >= 0x20 && c != 0x7F) {
			i++;
			continue;
		}
		buf_add(out, v.p + from, i - from);
		if (n == 0)
			n = str_starts(str_slice(v, i, v.n), STR("\r\n")) ? 2 : 1;
		if (n > 1 || c == '\n' || c == '\r' || c == '\t')
			buf_add_char(out, ' ');
		i += n;
		from = i;
	}
	if (from < v.n)
		buf_add(out, v.p + from, v.n - from);
}

struct render {
	const struct mustache *m;
	const struct mustache_values *values;
	struct buf *out;
	size_t start; /* where in `out` this render began */
	struct mustache_report *report;
	struct mustache_value stack[MUSTACHE_MAX_DEPTH];
	struct str stack_names[MUSTACHE_MAX_DEPTH];
	size_t depth;
	struct error *err;
};

static bool write_value(struct render *r, const struct mustache_node *node)
{
	struct mustache_value v;
	struct str name;
	if (node->name == MUSTACHE_NAME_DOT) {
		assert(r->depth > 0 && r->depth <= MUSTACHE_MAX_DEPTH);
		v = r->stack[r->depth - 1];
		name = r->stack_names[r->depth - 1];
	} else {
		name = r->m->names[node->name].name;
		v = r->values->lookup(r->values->ctx, name);
	}
	if (v.kind == MUSTACHE_ABSENT) {
		r->report->missing = name;
		return error_set(r->err, ERROR_UNPROCESSABLE, "",
				 "variable \"%.*s\" has no value and no default",
				 STR_ARG(name));
	}
	if (!str_is_utf8(v.text))
		return error_set(r->err, ERROR_BAD_VALUE, "",
				 "variable \"%.*s\" is not UTF-8", STR_ARG(name));
	if (r->m->escape == MUSTACHE_PLAIN) {
		write_plain(r->out, v.text);
		return true;
	}
	struct str before = str_slice(buf_str(r->out), r->start, r->out->n);
	if (!html_url_allowed(before, v.text)) {
		if (r->report->bad_url.p == NULL)
			r->report->bad_url = name;
		buf_add_char(r->out, '#');
	} else if (node->op == MUSTACHE_OP_RAW) {
		buf_add_str(r->out, v.text);
	} else {
		html_escape(r->out, v.text);
	}
	return true;
}

/* {{.}} is this value now; in an inverted section it stays what it was. */
static void push(struct render *r, enum mustache_op op, struct mustache_value v,
		 struct str name)
{
	assert(r->depth < MUSTACHE_MAX_DEPTH); /* compiled so */
	if (op == MUSTACHE_OP_INVERTED && r->depth > 0) {
		v = r->stack[r->depth - 1];
		name = r->stack_names[r->depth - 1];
	}
	r->stack[r->depth] = v;
	r->stack_names[r->depth++] = name;
}

/* Runs one node; *next is the index to go on with. */
static bool step(struct render *r, size_t at, size_t *next)
{
	const struct mustache_node *node = &r->m->nodes[at];
	*next = at + 1;
	switch (node->op) {
	case MUSTACHE_OP_TEXT:
		buf_add(r->out, r->m->source + node->from, node->to - node->from);
		return true;
	case MUSTACHE_OP_VARIABLE:
	case MUSTACHE_OP_RAW:
		return write_value(r, node);
	case MUSTACHE_OP_SECTION:
	case MUSTACHE_OP_INVERTED: {
		struct str name = r->m->names[node->name].name;
		struct mustache_value v = r->values->lookup(r->values->ctx, name);
		if (mustache_is_true(v) != (node->op == MUSTACHE_OP_SECTION)) {
			*next = node->to + 1;
			return true;
		}
		push(r, node->op, v, name);
		return true;
	}
	case MUSTACHE_OP_END:
		assert(r->depth > 0);
		r->depth--;
		return true;
	}
	return true;
}

bool mustache_render(const struct mustache *m, const struct mustache_values *values,
		     struct buf *out, struct mustache_report *report, struct error *err)
{
	struct mustache_report unused;
	struct render r = {.m = m,
			   .values = values,
			   .out = out,
			   .start = out->n,
			   .report = report != NULL ? report : &unused,
			   .err = err};
	*r.report = (struct mustache_report){0};
	for (size_t at = 0; at < m->n_nodes && buf_ok(out);)
		if (!step(&r, at, &at))
			return false;
	if (out->state == BUF_FULL)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "the result is over %zu bytes", out->max);
	if (out->state == BUF_NOMEM)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	return true;
}
