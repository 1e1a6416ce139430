/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/schema-store.h"

#include "base/json-tree.h"
#include "mim/sync.h"

typedef bool parse_fn(json_t *list, struct arena *arena, struct user_schema *out,
		      struct error_list *errors);
typedef void print_fn(struct json_writer *w, const struct user_schema *s);

static bool load(struct store_db *db, const char *id, parse_fn *parse,
		 struct arena *arena, struct user_schema *out, struct error *err)
{
	struct store_document doc;
	struct error_list errors;
	if (!sync_document_get(db, STORE_SETTING, str_of(id), arena, &doc, err))
		return false;
	if (doc.revision == 0)
		return true;
	error_list_init(&errors, 1);
	struct error why = {0};
	json_t *list = json_tree_read(doc.body, &why);
	bool ok = list != NULL && parse(list, arena, out, &errors);
	json_decref(list);
	error_list_free(&errors);
	if (ok)
		return true;
	if (arena_failed(arena) || why.kind == ERROR_MEMORY)
		return error_set(err, ERROR_MEMORY, "", "no memory for %s", id);
	return error_set(err, ERROR_CORRUPT, "", "the stored %s cannot be read", id);
}

bool schema_load(struct store_db *db, struct arena *arena, struct user_schema *out,
		 struct error *err)
{
	*out = (struct user_schema){0};
	return load(db, SCHEMA_ATTRIBUTES_ID, schema_parse_attributes, arena, out,
		    err) &&
	       load(db, SCHEMA_PURPOSES_ID, schema_parse_purposes, arena, out, err);
}

static bool store(struct store_db *db, const char *id, print_fn *print,
		  const struct user_schema *s, struct error *err)
{
	struct buf body;
	struct json_writer w;
	buf_init(&body, STORE_DOCUMENT_MAX);
	json_writer_init(&w, &body);
	print(&w, s);
	bool ok;
	if (buf_ok(&body))
		ok = sync_document_put(db, STORE_SETTING, str_of(id), buf_str(&body),
				       STORE_ANY, NULL, err);
	else if (body.state == BUF_NOMEM)
		ok = error_set(err, ERROR_MEMORY, "", "no memory for the list");
	else
		ok = error_set(err, ERROR_TOO_LARGE, "", "the list is too large");
	buf_free(&body);
	return ok;
}

bool schema_store_attributes(struct store_db *db, const struct user_schema *s,
			     struct error *err)
{
	return store(db, SCHEMA_ATTRIBUTES_ID, schema_print_attributes, s, err);
}

bool schema_store_purposes(struct store_db *db, const struct user_schema *s,
			   struct error *err)
{
	return store(db, SCHEMA_PURPOSES_ID, schema_print_purposes, s, err);
}
