/* SPDX-License-Identifier: Apache-2.0 */
/* inlay datasource test, inlay datasource bundles: what the middleware finds when it
 * asks a data source. */
#include "cli/path.h"
#include "cli/resource.h"

#define SOURCES "/api/tenants/{}/dataSources"
#define SOURCE SOURCES "/{}"

static const struct view_field check_columns[] = {
	{"CHECK", "check", VIEW_TEXT},
	{"OK", "ok", VIEW_TEXT},
	{"MS", "milliseconds", VIEW_NUMBER},
	{"WHY NOT", "message", VIEW_TEXT},
};
static const struct view_field bundle_columns[] = {
	{"PREFIX", "prefix", VIEW_TEXT},
	{"MANIFEST BYTES", "bytes", VIEW_NUMBER},
};

static bool find_default(struct session *s, struct str *id, struct error_list *errors)
{
	struct reply reply;
	size_t i;
	json_t *source;
	reply_init(&reply);
	bool ok = session_call(s, "GET", SOURCES, NULL, 0, (struct str){NULL, 0},
			       &reply, errors);
	json_array_foreach(reply.json, i, source)
	{
		if (json_is_true(json_object_get(source, "defaultDataSource")))
			*id = arena_str(s->arena, reply_text(source, "id"));
	}
	reply_free(&reply);
	if (ok && id->p == NULL)
		return error_list_add(errors, ERROR_NOT_FOUND, "",
				      "tenant %s has no default data source",
				      s->tenant);
	return ok;
}

/* The first argument, else the default one. */
static bool name_source(struct session *s, const struct args *a, struct str *id,
			struct error_list *errors)
{
	*id = (struct str){NULL, 0};
	if (a->n == 0)
		return find_default(s, id, errors);
	*id = str_of(a->positional[0]);
	return str_is_id(*id) ||
	       error_list_add(errors, ERROR_USAGE, "", "\"%s\" cannot be a data source",
			      a->positional[0]);
}

static bool show_list(struct session *s, const struct view_field *fields, size_t n,
		      const json_t *array, struct error_list *errors)
{
	struct buf text;
	buf_init(&text, 16 << 20);
	bool ok = view_list(&text, s->arena, fields, n, array, s->width) ||
		  error_list_add(errors, ERROR_MEMORY, "", "no memory for the table");
	ok = ok && session_print(buf_str(&text), errors);
	buf_free(&text);
	return ok;
}

/* The test -----------------------------------------------------------------------*/

/* Listing was refused, reading was not tried. */
static bool may_be_read(const json_t *told)
{
	const json_t *checks = json_object_get(told, "checks");
	const json_t *last = json_array_get(checks, json_array_size(checks) - 1);
	return str_eqz(reply_text(last, "check"), "list") &&
	       str_eqz(reply_text(last, "kind"), "forbidden");
}

static bool show_test(struct session *s, struct str id, const json_t *told,
		      struct error_list *errors)
{
	bool ok = s->json ? session_print_json(told, errors)
			  : show_list(s, check_columns,
				      sizeof check_columns / sizeof *check_columns,
				      json_object_get(told, "checks"), errors);
	if (ok && !json_is_true(json_object_get(told, "ok")))
		return error_list_add(
			errors, ERROR_UNPROCESSABLE, "",
			"data source %.*s cannot be used as it is%s", STR_ARG(id),
			may_be_read(told) ? ", or its key may read but not list: "
					    "name the prefix of a bundle, too"
					  : "");
	return ok &&
	       session_say(s, errors, "data source %.*s can be used", STR_ARG(id));
}

bool run_datasource_test(struct session *s, const struct args *a,
			 struct error_list *errors)
{
	struct reply reply;
	struct str id, body = {NULL, 0};
	json_t *wanted = NULL;
	char *text = NULL;
	if (!name_source(s, a, &id, errors))
		return false;
	if (a->n > 1) {
		wanted = json_pack("{s:s}", "prefix", a->positional[1]);
		text = json_dumps(wanted, 0);
		json_decref(wanted);
		if (text == NULL)
			return error_list_add(errors, ERROR_USAGE, "",
					      "the prefix must be UTF-8");
		body = str_of(text);
	}
	reply_init(&reply);
	bool ok =
		session_call(s, "POST", SOURCE "/test", &id, 1, body, &reply, errors) &&
		show_test(s, id, reply.json, errors);
	reply_free(&reply);
	free(text);
	return ok;
}

/* Bundles ------------------------------------------------------------------------*/

/* One page; *next: where the list goes on, absent at its end. */
static bool get_page(struct session *s, struct str id, json_t *all, struct str *next,
		     struct error_list *errors)
{
	struct reply reply;
	struct buf pattern;
	const struct str values[] = {id, *next};
	bool first = next->n == 0;
	buf_init(&pattern, 256);
	buf_add_str(&pattern, STR(SOURCE "/bundles"));
	buf_add_str(&pattern, first ? STR("") : STR("?after={}"));
	reply_init(&reply);
	bool ok = session_call(s, "GET", buf_cstr(&pattern), values, first ? 1 : 2,
			       (struct str){NULL, 0}, &reply, errors);
	struct str before = *next;
	*next = arena_str(s->arena, reply_text(reply.json, "next"));
	if (ok && next->n > 0 && str_cmp(*next, before) <= 0)
		ok = error_list_add(errors, ERROR_INTERNAL, "",
				    "%s answers a list that does not go on", s->url);
	ok = ok &&
	     (json_array_extend(all, json_object_get(reply.json, "bundles")) == 0 ||
	      error_list_add(errors, ERROR_INTERNAL, "", "%s answered without a list",
			     s->url));
	reply_free(&reply);
	buf_free(&pattern);
	return ok;
}

bool run_datasource_bundles(struct session *s, const struct args *a,
			    struct error_list *errors)
{
	struct str id, next = {NULL, 0};
	json_t *all = json_array();
	bool ok = name_source(s, a, &id, errors);
	do
		ok = ok && get_page(s, id, all, &next, errors);
	while (ok && next.n > 0);
	if (ok)
		ok = s->json ? session_print_json(all, errors)
			     : show_list(s, bundle_columns,
					 sizeof bundle_columns / sizeof *bundle_columns,
					 all, errors);
	json_decref(all);
	return ok;
}
