/* SPDX-License-Identifier: Apache-2.0 */
/* inlay import, inlay user import, inlay imports, inlay follow: starts an import and
 * shows how it goes until it ends. The import itself runs in the middleware: who stops
 * looking at it does not stop it. */
#include "base/clock.h"
#include "cli/follow.h"
#include "cli/resource.h"

#include <stdio.h>

static bool start(struct session *s, const struct args *a, const char *pattern,
		  bool has_activate, struct error_list *errors)
{
	const char *source = a->value[OPTION_DATA_SOURCE];
	struct reply reply;
	json_t *wanted = json_pack("{s:s}", "prefix", a->positional[0]);
	if (wanted != NULL && source != NULL)
		json_object_set_new(wanted, "dataSource", json_string(source));
	if (wanted != NULL && has_activate && args_has(a, OPTION_NO_ACTIVATE))
		json_object_set_new(wanted, "activate", json_false());
	char *body = json_dumps(wanted, 0);
	json_decref(wanted);
	if (body == NULL)
		return error_list_add(errors, ERROR_USAGE, "",
				      "prefix and data source must be UTF-8");
	reply_init(&reply);
	bool ok =
		session_call(s, "POST", pattern, NULL, 0, str_of(body), &reply, errors);
	free(body);
	struct str id = arena_str(s->arena, reply_text(reply.json, "id"));
	if (ok && id.p == NULL)
		ok = error_list_add(errors, ERROR_INTERNAL, "",
				    "%s answered without the import's id", s->url);
	if (ok && args_has(a, OPTION_NO_WAIT)) {
		ok = s->json ? session_print_json(reply.json, errors)
			     : session_say(s, errors,
					   "import %s started; inlay follow %s shows "
					   "how it goes",
					   id.p, id.p);
	} else if (ok) {
		if (!s->json)
			fprintf(stderr,
				"import %s started (it goes on by itself; inlay follow "
				"%s takes a look again)\n",
				id.p, id.p);
		ok = follow_import(s, id, FOLLOW_PATIENCE_US, errors);
	}
	reply_free(&reply);
	return ok;
}

bool run_import(struct session *s, const struct args *a, struct error_list *errors)
{
	return start(s, a, "/api/tenants/{}/imports", true, errors);
}

bool run_user_import(struct session *s, const struct args *a, struct error_list *errors)
{
	return start(s, a, "/api/tenants/{}/users/import", false, errors);
}

bool run_imports(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct view_field columns[] = {
		{"ID", "id", VIEW_TEXT},
		{"KIND", "kind", VIEW_TEXT},
		{"PHASE", "phase", VIEW_TEXT},
		{"CAMPAIGN", "campaign", VIEW_TEXT},
		{"VERSION", "version", VIEW_NUMBER},
		{"ACCEPTED", "rows.accepted", VIEW_NUMBER},
		{"REJECTED", "rows.rejected", VIEW_NUMBER},
		{"PREFIX", "prefix", VIEW_LONG},
	};
	static const struct resource r = {.pattern = "/api/tenants/{}/imports",
					  .paged = true,
					  RESOURCE_FIELDS(columns)};
	(void)a;
	return resource_list(s, &r, errors);
}

bool run_follow(struct session *s, const struct args *a, struct error_list *errors)
{
	return follow_import(s, str_of(a->positional[0]), FOLLOW_NO_PATIENCE, errors);
}
