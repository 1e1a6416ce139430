/* SPDX-License-Identifier: Apache-2.0 */
/* Renders for npm/compare.js: reads lines of JSON with a template and its values,
 * answers each with a line that has the output or the error.
 *
 *   {"template":TEXT, "plain":BOOL, "values":{NAME:[KIND,TEXT], ...}}
 *   {"out":TEXT} or {"compile":MESSAGE} or {"render":MESSAGE}
 *
 * A value is a text, a number or a boolean, the last two as they are written. */
#include "message/mustache.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 64

struct task {
	struct str template;
	bool plain;
	struct mustache_pair pairs[NAMES_MAX];
	struct str names[NAMES_MAX]; /* each may stand without escaping */
	size_t n;
};

static struct str text_of(const json_t *v)
{
	if (!json_is_string(v))
		abort();
	return (struct str){json_string_value(v), json_string_length(v)};
}

static enum mustache_kind kind_of(struct str s)
{
	if (str_eq(s, STR("text")))
		return MUSTACHE_TEXT;
	if (str_eq(s, STR("number")))
		return MUSTACHE_NUMBER;
	if (!str_eq(s, STR("boolean")))
		abort();
	return MUSTACHE_BOOL;
}

static void read_task(json_t *doc, struct task *t)
{
	const char *name;
	json_t *value;
	*t = (struct task){.template = text_of(json_object_get(doc, "template")),
			   .plain = json_is_true(json_object_get(doc, "plain"))};
	json_object_foreach(json_object_get(doc, "values"), name, value)
	{
		if (t->n == NAMES_MAX)
			abort();
		t->names[t->n] = str_of(name);
		t->pairs[t->n++] = (struct mustache_pair){
			str_of(name),
			{kind_of(text_of(json_array_get(value, 0))),
			 text_of(json_array_get(value, 1))}};
	}
	if (!mustache_pairs_sort(t->pairs, t->n))
		abort();
}

static void answer(const char *name, struct str text)
{
	json_t *doc = json_object();
	if (json_object_set_new(doc, name, json_stringn(text.p, text.n)) != 0 ||
	    json_dumpf(doc, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF)
		abort();
	json_decref(doc);
}

static void render(const struct task *t)
{
	const struct mustache_options options = {.escape = t->plain ? MUSTACHE_PLAIN
								    : MUSTACHE_HTML,
						 .raw = t->names,
						 .n_raw = t->n};
	struct mustache_table table = {t->pairs, t->n};
	struct mustache_values values = mustache_table_values(&table);
	struct error err = {0};
	struct buf out;
	struct mustache *m = mustache_compile(t->template, &options, &err);
	if (m == NULL) {
		answer("compile", str_of(err.message));
		return;
	}
	buf_init(&out, MUSTACHE_MAX_OUTPUT);
	if (mustache_render(m, &values, &out, NULL, &err))
		answer("out", out.n > 0 ? buf_str(&out) : STR(""));
	else
		answer("render", str_of(err.message));
	buf_free(&out);
	mustache_free(m);
}

int main(void)
{
	struct task t;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	while ((n = getline(&line, &room, stdin)) > 0) {
		json_t *doc = json_loadb(line, (size_t)n, 0, NULL);
		if (doc == NULL)
			abort();
		read_task(doc, &t);
		render(&t);
		json_decref(doc);
	}
	free(line);
	return 0;
}
