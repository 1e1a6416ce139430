/* SPDX-License-Identifier: Apache-2.0 */
/* Read by our own reader: jansson's does not look whether the buffer grew into which it
 * reads a string, and without memory cuts the string short or writes beyond it (2.14,
 * load.c, lex_save and lex_scan_string). Its trees are made with care. */
#include "base/json-tree.h"

#include "base/json.h"

struct tree {
	struct json_reader r;
	struct arena *arena; /* texts that had escapes, and names */
};

static json_t *value(struct tree *t, enum json_event e);

/* Why there is no value: what the reader said stays. */
static json_t *fails(struct tree *t, enum error_kind kind, const char *message)
{
	if (t->r.err.kind == ERROR_NONE)
		error_set(&t->r.err, kind, "", "%s", message);
	return NULL;
}

static json_t *made(struct tree *t, json_t *v)
{
	return v != NULL ? v : fails(t, ERROR_MEMORY, "no memory for a JSON document");
}

static bool add_member(struct tree *t, json_t *object)
{
	struct str name = arena_str(t->arena, t->r.text); /* with a NUL behind it */
	if (name.p == NULL)
		return made(t, NULL) != NULL;
	if (json_object_get(object, name.p) != NULL)
		return fails(t, ERROR_SYNTAX, "a name is there twice") != NULL;
	json_t *v = value(t, json_next(&t->r));
	return v != NULL &&
	       (json_object_set_new_nocheck(object, name.p, v) == 0 || made(t, NULL));
}

static json_t *object(struct tree *t)
{
	json_t *v = made(t, json_object());
	enum json_event e = JSON_AT_ERROR;
	while (v != NULL && (e = json_next(&t->r)) == JSON_AT_KEY)
		if (!add_member(t, v))
			break;
	if (e == JSON_AT_OBJECT_END)
		return v;
	json_decref(v);
	return NULL;
}

static json_t *array(struct tree *t)
{
	json_t *v = made(t, json_array());
	enum json_event e = JSON_AT_ERROR;
	while (v != NULL && (e = json_next(&t->r)) != JSON_AT_ARRAY_END) {
		json_t *item = value(t, e);
		if (item == NULL)
			break;
		if (json_array_append_new(v, item) != 0) {
			made(t, NULL);
			break;
		}
	}
	if (e == JSON_AT_ARRAY_END)
		return v;
	json_decref(v);
	return NULL;
}

static json_t *number(struct tree *t)
{
	int64_t i;
	double d;
	if (json_reader_i64(&t->r, &i))
		return made(t, json_integer(i));
	return made(t, json_reader_double(&t->r, &d) ? json_real(d) : NULL);
}

/* Whose first event it is. Not deeper than JSON_MAX_DEPTH. */
static json_t *value(struct tree *t, enum json_event e)
{
	switch (e) {
	case JSON_AT_OBJECT:
		return object(t);
	case JSON_AT_ARRAY:
		return array(t);
	case JSON_AT_STRING:
		return made(t, json_stringn_nocheck(t->r.text.p, t->r.text.n));
	case JSON_AT_NUMBER:
		return number(t);
	case JSON_AT_TRUE:
		return json_true();
	case JSON_AT_FALSE:
		return json_false();
	case JSON_AT_NULL:
		return json_null();
	case JSON_AT_ERROR:
	case JSON_AT_END:
	case JSON_AT_KEY:
	case JSON_AT_OBJECT_END:
	case JSON_AT_ARRAY_END:
		break;
	}
	return NULL; /* the reader says why */
}

/* Of the byte that stopped the reader, as an editor counts. */
static void say_where(const struct tree *t, struct error *err)
{
	int line = 1, column = 1;
	for (size_t i = 0; i < t->r.at && i < t->r.in.n; i++) {
		column = t->r.in.p[i] == '\n' ? 1 : column + 1;
		line += t->r.in.p[i] == '\n';
	}
	error_set(err, ERROR_SYNTAX, "", "line %d, column %d: %s", line, column,
		  t->r.err.message);
}

json_t *json_tree_read(struct str text, struct error *err)
{
	struct tree t = {.arena = arena_new(2 * text.n + 4096)};
	if (t.arena == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for a JSON document");
		return NULL;
	}
	json_reader_init(&t.r, text, t.arena);
	json_t *v = value(&t, json_next(&t.r));
	if (v != NULL && json_next(&t.r) != JSON_AT_END) {
		json_decref(v);
		v = NULL;
	}
	if (v == NULL && t.r.err.kind == ERROR_MEMORY)
		*err = t.r.err;
	else if (v == NULL)
		say_where(&t, err);
	arena_free(t.arena);
	return v;
}
