/* SPDX-License-Identifier: Apache-2.0 */
/* inlay point ...: how conversion points fare, and their dead letters. */
#include "cli/resource.h"

#include <stdlib.h>

#define POINTS "/api/tenants/{}/conversionPoints"
#define POINT POINTS "/{}"

static const struct view_field point_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"EVENT", "eventType", VIEW_TEXT},
	{"SENT", "sent", VIEW_NUMBER},
	{"WAITING", "waiting", VIEW_NUMBER},
	{"DEAD", "dead", VIEW_NUMBER},
	{"FAILING SINCE", "failingSince", VIEW_TEXT},
	{"LAST ERROR", "lastError", VIEW_LONG},
};
static const struct view_field point_fields[] = {
	{"id", "id", VIEW_TEXT},
	{"kind", "type", VIEW_TEXT},
	{"event", "eventType", VIEW_TEXT},
	{"sent", "sent", VIEW_TEXT},
	{"waiting", "waiting", VIEW_TEXT},
	{"dead", "dead", VIEW_TEXT},
	{"erased", "erased", VIEW_TEXT},
	{"last sent", "lastSent", VIEW_TEXT},
	{"failing since", "failingSince", VIEW_TEXT},
	{"failures", "failures", VIEW_TEXT},
	{"next attempt", "nextAttempt", VIEW_TEXT},
	{"last error", "lastError", VIEW_TEXT},
	{"at", "lastErrorAt", VIEW_TEXT},
};
static const struct view_field letter_columns[] = {
	{"ID", "id", VIEW_TEXT},           {"CAMPAIGN", "campaignId", VIEW_TEXT},
	{"EVENT", "eventType", VIEW_TEXT}, {"HAPPENED", "timestamp", VIEW_TEXT},
	{"DIED", "diedAt", VIEW_TEXT},     {"ATTEMPTS", "attempts", VIEW_NUMBER},
	{"ERROR", "error", VIEW_LONG},
};

static bool name_point(const struct args *a, struct str *point,
		       struct error_list *errors)
{
	*point = str_of(a->positional[0]);
	return str_is_id(*point) ||
	       error_list_add(errors, ERROR_USAGE, "",
			      "\"%s\" cannot be a conversion point", a->positional[0]);
}

bool run_point_list(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = POINTS "/status",
					  RESOURCE_FIELDS(point_columns)};
	(void)a;
	return resource_list(s, &r, errors);
}

bool run_point_status(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	static const struct resource r = {.pattern = POINT "/status",
					  RESOURCE_FIELDS(point_fields)};
	struct str point;
	return name_point(a, &point, errors) && resource_show(s, &r, &point, 1, errors);
}

bool run_point_dead(struct session *s, const struct args *a, struct error_list *errors)
{
	struct resource r = {.pattern = POINT "/deadLetters",
			     .paged = true,
			     RESOURCE_FIELDS(letter_columns)};
	return name_point(a, &r.inside, errors) && resource_list(s, &r, errors);
}

struct moved {
	json_int_t n;
	bool more;
};

static bool replay_some(struct session *s, struct str point, struct str body,
			struct moved *m, struct error_list *errors)
{
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "POST", POINT "/deadLetters/replay", &point, 1, body,
			       &reply, errors);
	m->n += json_integer_value(json_object_get(reply.json, "replayed"));
	m->more = ok && json_is_true(json_object_get(reply.json, "more"));
	reply_free(&reply);
	return ok;
}

bool run_point_replay(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	struct str point, body = {NULL, 0};
	struct moved m = {0};
	bool ok = name_point(a, &point, errors);
	if (ok && a->n > 1) {
		json_t *ids = json_pack("{s:[s]}", "ids", a->positional[1]);
		char *text = ids != NULL ? json_dumps(ids, 0) : NULL;
		body = arena_str(s->arena, str_of(text));
		free(text);
		json_decref(ids);
		ok = body.p != NULL ||
		     error_list_add(errors, ERROR_USAGE, "",
				    "\"%s\" cannot be a letter", a->positional[1]);
	}
	do
		ok = ok && replay_some(s, point, body, &m, errors);
	while (ok && m.more);
	if (ok && s->json) {
		json_t *told = json_pack("{s:I}", "replayed", m.n);
		ok = session_print_json(told, errors);
		json_decref(told);
	}
	return ok && session_say(s, errors, "%lld dead letters of %.*s are sent again",
				 (long long)m.n, STR_ARG(point));
}
