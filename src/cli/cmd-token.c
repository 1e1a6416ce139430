/* SPDX-License-Identifier: Apache-2.0 */
/* inlay token ...: who may call. */
#include "cli/path.h"
#include "cli/resource.h"

#include <stdio.h>

static const struct view_field token_columns[] = {
	{"ID", "id", VIEW_TEXT},           {"SCOPE", "scope", VIEW_TEXT},
	{"SERVICE", "service", VIEW_TEXT}, {"CREATED", "createdAt", VIEW_TEXT},
	{"NAME", "name", VIEW_LONG},
};

bool run_token_list(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = "/api/tokens",
					  .no_tenant = true,
					  .paged = true,
					  RESOURCE_FIELDS(token_columns)};
	(void)a;
	return resource_list(s, &r, errors);
}

/* Only the token goes to standard output, so that it can be put into a file. */
static bool print_token(struct session *s, const json_t *answer,
			struct error_list *errors)
{
	struct str token = reply_text(answer, "token"), id = reply_text(answer, "id");
	if (s->json)
		return session_print_json(answer, errors);
	if (token.p == NULL)
		return error_list_add(errors, ERROR_INTERNAL, "",
				      "%s answered without a token", s->url);
	fprintf(stderr, "token %.*s made; its text is not shown again\n", STR_ARG(id));
	return session_print(token, errors) && session_print(STR("\n"), errors);
}

bool run_token_create(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	const char *name = a->value[OPTION_NAME];
	struct reply reply;
	json_t *wanted = json_pack("{s:s, s:b}", "scope", a->positional[0], "service",
				   args_has(a, OPTION_SERVICE));
	if (name != NULL && wanted != NULL)
		json_object_set_new(wanted, "name", json_string(name));
	char *body = json_dumps(wanted, 0);
	json_decref(wanted);
	if (body == NULL)
		return error_list_add(errors, ERROR_USAGE, "",
				      "scope and name must be UTF-8");
	reply_init(&reply);
	bool ok = session_call_plain(s, "POST", "/api/tokens", str_of(body), &reply,
				     errors) &&
		  print_token(s, reply.json, errors);
	reply_free(&reply);
	free(body);
	return ok;
}

bool run_token_revoke(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	char question[160], path[160];
	const char *id = a->positional[0];
	struct reply reply;
	if (!str_is_id(str_of(id)))
		return error_list_add(errors, ERROR_USAGE, "",
				      "\"%s\" is no token's id; inlay token list "
				      "shows them",
				      id);
	snprintf(question, sizeof question,
		 "Revoke token %s? Who uses it is locked out at once.", id);
	if (!session_confirm(s, question, errors))
		return false;
	snprintf(path, sizeof path, "/api/tokens/%s", id);
	reply_init(&reply);
	bool ok = session_call_plain(s, "DELETE", path, (struct str){NULL, 0}, &reply,
				     errors);
	reply_free(&reply);
	return ok && session_say(s, errors, "token %s revoked", id);
}
