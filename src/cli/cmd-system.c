/* SPDX-License-Identifier: Apache-2.0 */
/* inlay health, inlay help. */
#include "cli/help.h"
#include "cli/resource.h"

static const struct view_field check_columns[] = {
	{"CHECK", "name", VIEW_TEXT},
	{"STATUS", "status", VIEW_TEXT},
	{"MESSAGE", "message", VIEW_LONG},
};

bool run_health(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = "/health/ready",
					  RESOURCE_FIELDS(check_columns)};
	struct error_list found;
	struct reply reply;
	struct buf out;
	(void)a;
	error_list_init(&found, 10);
	reply_init(&reply);
	bool ready = session_call_plain(s, "GET", r.pattern, (struct str){NULL, 0},
					&reply, &found);
	const json_t *checks = json_object_get(reply.json, "checks");
	if (checks == NULL) { /* no answer, or one of somebody else */
		for (size_t i = 0; i < found.n; i++)
			error_list_add_error(errors, &found.items[i]);
		if (ready)
			ready = error_list_add(errors, ERROR_INTERNAL, "",
					       "%s answered without checks", s->url);
		error_list_free(&found);
		reply_free(&reply);
		return ready;
	}
	buf_init(&out, 1 << 20);
	bool ok = s->json ? session_print_json(reply.json, errors)
			  : view_list(&out, s->arena, r.fields, r.n_fields, checks,
				      s->width) &&
				    session_print(buf_str(&out), errors);
	if (ok && !ready)
		ok = error_list_add(errors, ERROR_UNAVAILABLE, "",
				    "mimd is not ready; the checks say why");
	buf_free(&out);
	error_list_free(&found);
	reply_free(&reply);
	return ok;
}

bool run_help(struct session *s, const struct args *a, struct error_list *errors)
{
	const char *first = a->positional[0], *second = a->positional[1];
	size_t used;
	struct buf out;
	bool known = true;
	(void)s;
	buf_init(&out, 1 << 20);
	if (args_has(a, OPTION_MDOC)) {
		help_write_mdoc(&out);
	} else if (a->n == 0) {
		help_write(&out);
	} else {
		const struct command *c = commands_find(first, second, &used);
		if (c != NULL && used == a->n)
			help_write_command(&out, c);
		else if (a->n == 1 && commands_is_group(first))
			help_write_group(&out, first);
		else
			known = error_list_add(errors, ERROR_USAGE, "",
					       "there is no command \"%s%s%s\"", first,
					       a->n > 1 ? " " : "",
					       a->n > 1 ? second : "");
	}
	bool ok = known && session_print(buf_str(&out), errors);
	buf_free(&out);
	return ok;
}
