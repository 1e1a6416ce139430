/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include "cli/table.h"

#include <assert.h>

#define TEXT_MAX 2000

static const json_t *find(const json_t *at, const char *path)
{
	struct str rest = str_of(path), key;
	while (rest.n > 0 && at != NULL && str_next_part(&rest, '.', &key))
		at = json_object_getn(at, key.p, key.n);
	return json_is_null(at) ? NULL : at;
}

static void add_value(struct buf *b, const json_t *v);

static void add_keys(struct buf *b, const json_t *object)
{
	const char *key;
	json_t *v;
	bool first = true;
	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		if (!first)
			buf_add_str(b, STR(", "));
		first = false;
		buf_add_str(b, str_of(key));
		buf_add_char(b, '=');
		add_value(b, v);
	}
}

static void add_list(struct buf *b, const json_t *array)
{
	const json_t *v;
	size_t i;
	json_array_foreach(array, i, v)
	{
		const json_t *id = json_object_get(v, "id");
		if (i > 0)
			buf_add_str(b, STR(", "));
		add_value(b, id != NULL ? id : v);
	}
}

static void add_value(struct buf *b, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		buf_add(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(b, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		buf_add_str(b, STR("yes"));
		break;
	case JSON_FALSE:
		buf_add_str(b, STR("no"));
		break;
	case JSON_ARRAY:
		add_list(b, v);
		break;
	case JSON_OBJECT:
		add_keys(b, v);
		break;
	case JSON_NULL:
		break;
	}
}

struct str view_text(struct arena *a, const json_t *document, const char *path,
		     enum view_kind kind)
{
	const json_t *v = find(document, path);
	struct str text = {NULL, 0};
	struct buf b;
	if (v == NULL)
		return text;
	if ((kind == VIEW_LIST && !json_is_array(v)) ||
	    (kind == VIEW_KEYS && !json_is_object(v)))
		return text;
	if (json_is_string(v)) /* the only ones that may be longer than TEXT_MAX */
		return arena_str(
			a, (struct str){json_string_value(v), json_string_length(v)});
	buf_init(&b, TEXT_MAX);
	add_value(&b, v);
	if (b.state == BUF_FULL) {
		b.state = BUF_OK;
		b.n -= b.n + 3 > TEXT_MAX ? b.n + 3 - TEXT_MAX : 0;
		buf_add_str(&b, STR("..."));
	}
	if (b.n > 0)
		text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

bool view_list(struct buf *out, struct arena *a, const struct view_field *fields,
	       size_t n_fields, const json_t *array, size_t width)
{
	struct table_column columns[TABLE_MAX_COLUMNS];
	size_t n = json_array_size(array), row;
	struct str *cells = arena_array(a, n * n_fields, sizeof *cells);
	const json_t *item;
	assert(n_fields <= TABLE_MAX_COLUMNS);
	if (cells == NULL)
		return false;
	for (size_t i = 0; i < n_fields; i++)
		columns[i] =
			(struct table_column){.title = fields[i].title,
					      .right = fields[i].kind == VIEW_NUMBER,
					      .shrink = fields[i].kind == VIEW_LONG ||
							fields[i].kind == VIEW_LIST ||
							fields[i].kind == VIEW_KEYS};
	json_array_foreach(array, row, item) for (size_t i = 0; i < n_fields; i++)
		cells[row * n_fields + i] =
			view_text(a, item, fields[i].path, fields[i].kind);
	return !arena_failed(a) && table_write(out, columns, n_fields, cells, n, width);
}

bool view_object(struct buf *out, struct arena *a, const struct view_field *fields,
		 size_t n_fields, const json_t *object, size_t width)
{
	static const struct table_column columns[] = {{.title = NULL},
						      {.shrink = true}};
	struct str *cells = arena_array(a, 2 * n_fields, sizeof *cells);
	size_t n = 0;
	if (cells == NULL)
		return false;
	for (size_t i = 0; i < n_fields; i++) {
		struct str text = view_text(a, object, fields[i].path, fields[i].kind);
		if (text.p == NULL)
			continue;
		cells[2 * n] = str_of(fields[i].title);
		cells[2 * n + 1] = text;
		n++;
	}
	return !arena_failed(a) && table_write(out, columns, 2, cells, n, width);
}
