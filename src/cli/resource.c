/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resource.h"

#include "cli/document.h"
#include "cli/path.h"

#include <stdio.h>

#define PAGE "1000"
#define PAGE_SIZE 1000
#define OUTPUT_MAX (64u << 20)

static const struct str nothing = {NULL, 0};

/* One page after `after` (absent: the first), appended to `all`; *last is the id of
 * its last entry, absent at the end. */
static bool get_page(struct session *s, const struct resource *r, struct str after,
		     json_t *all, struct str *last, struct error_list *errors)
{
	const struct str places[] = {str_of(s->tenant), r->inside};
	struct reply reply;
	struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	reply_init(&reply);
	path_write(&path, r->pattern, places,
		   r->no_tenant          ? 0
		   : r->inside.p != NULL ? 2
					 : 1);
	if (r->paged) {
		path_query(&path, "limit", PAGE);
		path_query(&path, "after", after.p);
	}
	const char *text = buf_cstr(&path);
	bool ok = text != NULL &&
		  session_call_plain(s, "GET", text, nothing, &reply, errors);
	size_t n = json_array_size(reply.json);
	*last = nothing;
	if (ok && !json_is_array(reply.json))
		ok = error_list_add(errors, ERROR_INTERNAL, "",
				    "%s answered without a list", s->url);
	if (ok && json_array_extend(all, reply.json) != 0)
		ok = error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	if (ok && r->paged && n == PAGE_SIZE)
		*last = arena_str(s->arena,
				  reply_text(json_array_get(reply.json, n - 1), "id"));
	reply_free(&reply);
	buf_free(&path);
	return ok;
}

static bool print_list(struct session *s, const struct resource *r, const json_t *all,
		       struct error_list *errors)
{
	struct buf out;
	if (s->json)
		return session_print_json(all, errors);
	buf_init(&out, OUTPUT_MAX);
	bool ok = view_list(&out, s->arena, r->fields, r->n_fields, all, s->width);
	ok = ok ? session_print(buf_str(&out), errors)
		: error_list_add(errors, ERROR_TOO_LARGE, "",
				 "the list is too long to be shown; --json prints it");
	buf_free(&out);
	return ok;
}

bool resource_list(struct session *s, const struct resource *r,
		   struct error_list *errors)
{
	json_t *all = json_array();
	struct str after = nothing;
	bool ok = all != NULL ||
		  error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	do
		ok = ok && get_page(s, r, after, all, &after, errors);
	while (ok && after.p != NULL);
	ok = ok && print_list(s, r, all, errors);
	json_decref(all);
	return ok;
}

bool resource_print(struct session *s, const struct resource *r, const json_t *object,
		    struct error_list *errors)
{
	struct buf out;
	if (s->json)
		return session_print_json(object, errors);
	buf_init(&out, OUTPUT_MAX);
	bool ok = view_object(&out, s->arena, r->fields, r->n_fields, object, s->width);
	ok = ok ? session_print(buf_str(&out), errors)
		: error_list_add(errors, ERROR_TOO_LARGE, "",
				 "it is too long to be shown; --json prints it");
	buf_free(&out);
	return ok;
}

bool resource_show(struct session *s, const struct resource *r,
		   const struct str *values, size_t n_values, struct error_list *errors)
{
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "GET", r->pattern, values, n_values, nothing, &reply,
			       errors) &&
		  resource_print(s, r, reply.json, errors);
	reply_free(&reply);
	return ok;
}

bool resource_act(struct session *s, const char *method, const char *pattern,
		  const struct str *values, size_t n_values, struct str body,
		  struct error_list *errors)
{
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, method, pattern, values, n_values, body, &reply,
			       errors);
	if (ok && s->json && reply.json != NULL)
		ok = session_print_json(reply.json, errors);
	reply_free(&reply);
	return ok;
}

bool resource_send(struct session *s, const char *method, const char *pattern,
		   const struct str *values, size_t n_values, const char *file,
		   struct error_list *errors)
{
	struct buf text;
	struct error err;
	bool ok = document_read(file, &text, NULL, &err) ||
		  error_list_add_error(errors, &err);
	ok = ok &&
	     resource_act(s, method, pattern, values, n_values, buf_str(&text), errors);
	buf_free(&text);
	return ok;
}
