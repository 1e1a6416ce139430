/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reply.h"

void reply_init(struct reply *r)
{
	*r = (struct reply){.json = NULL};
	buf_init(&r->body, REPLY_MAX_BYTES);
}

void reply_free(struct reply *r)
{
	json_decref(r->json);
	buf_free(&r->body);
	reply_init(r);
}

struct str reply_text(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);
	if (!json_is_string(v))
		return (struct str){NULL, 0};
	return (struct str){json_string_value(v), json_string_length(v)};
}

/* By the last part of the problem's type, else by the status. */
static enum error_kind kind_of(struct str type, long status)
{
	size_t at = type.n;
	while (at > 0 && type.p[at - 1] != ':' && type.p[at - 1] != '/')
		at--;
	struct str slug = str_slice(type, at, type.n);
	for (int i = ERROR_NONE + 1; i < ERROR_KINDS_COUNT; i++)
		if (str_eqz(slug, error_kind_info((enum error_kind)i)->slug))
			return (enum error_kind)i;
	for (int i = ERROR_NONE + 1; i < ERROR_KINDS_COUNT; i++)
		if (error_kind_info((enum error_kind)i)->http_status == status)
			return (enum error_kind)i;
	return status >= 500 ? ERROR_UNAVAILABLE : ERROR_USAGE;
}

static void add_text(struct error_list *errors, enum error_kind kind, struct str where,
		     struct str message)
{
	struct error e;
	/* NUL-terminated for the error's own field */
	error_set(&e, kind, "", "%.*s", STR_ARG(message));
	struct str place = str_slice(where, 0, sizeof e.where - 1);
	if (place.n > 0 && place.p != NULL)
		memcpy(e.where, place.p, place.n);
	e.where[place.n] = '\0';
	error_list_add_error(errors, &e);
}

void reply_problem(const json_t *problem, struct error_list *errors)
{
	const json_t *list = json_object_get(problem, "errors"), *item;
	long status = (long)json_integer_value(json_object_get(problem, "status"));
	enum error_kind kind = kind_of(reply_text(problem, "type"), status);
	struct str text = reply_text(problem, "detail");
	size_t i;
	json_array_foreach(list, i, item)
	{
		struct str message = reply_text(item, "message");
		if (message.p != NULL)
			add_text(errors, kind, reply_text(item, "pointer"), message);
	}
	if (!error_list_empty(errors))
		return;
	if (text.p == NULL)
		text = reply_text(problem, "title");
	if (text.p == NULL)
		text = str_of(error_kind_info(kind)->meaning);
	add_text(errors, kind, (struct str){NULL, 0}, text);
}

void reply_errors(const struct reply *r, const char *where, const char *token_file,
		  struct error_list *errors)
{
	enum error_kind kind = kind_of((struct str){NULL, 0}, r->status);
	if (r->status == 401) {
		error_list_add(
			errors, ERROR_UNAUTHORIZED, "",
			"%s does not know the token in %s; mimd wrote the first "
			"admin token when it was started first, and its log says "
			"where; --token-file or INLAY_TOKEN_FILE names a file",
			where, token_file);
		return;
	}
	if (json_is_object(r->json) && strcmp(r->type, "application/problem+json") == 0)
		reply_problem(r->json, errors);
	else
		error_list_add(errors, kind, "",
			       "%s answered with status %ld and no problem document; "
			       "is it mimd that listens there?",
			       where, r->status);
	if (r->status == 403)
		error_list_add(errors, ERROR_FORBIDDEN, "",
			       "the token came from %s; one with a wider scope is "
			       "needed (inlay token create)",
			       token_file);
}
