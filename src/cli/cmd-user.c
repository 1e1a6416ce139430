/* SPDX-License-Identifier: Apache-2.0 */
/* inlay user ... (import is in cmd-import.c) */
#include "cli/resource.h"

#include <stdio.h>

#define USER "/api/tenants/{}/users/{}"

static const struct str nothing = {NULL, 0};

static const struct view_field user_fields[] = {
	{"user", "user", VIEW_TEXT},
	{"user id", "userId", VIEW_TEXT},
	{"e-mail", "email", VIEW_TEXT},
	{"aliases", "aliases", VIEW_LIST},
	{"attributes", "attributes", VIEW_KEYS},
};
static const struct view_field consent_columns[] = {
	{"CONSENT", "purpose", VIEW_TEXT}, {"GRANTED", "granted", VIEW_TEXT},
	{"AT", "at", VIEW_TEXT},           {"SOURCE", "source", VIEW_LONG},
	{"WORDING", "wording", VIEW_TEXT},
};
static const struct view_field opt_out_columns[] = {
	{"OPT-OUT", "purpose", VIEW_TEXT},
	{"AT", "at", VIEW_TEXT},
	{"SOURCE", "source", VIEW_LONG},
};
static const struct view_field why_columns[] = {
	{"CAMPAIGN", "campaign", VIEW_TEXT}, {"VERSION", "version", VIEW_NUMBER},
	{"OUTCOME", "outcome", VIEW_TEXT},   {"GATE", "gate", VIEW_TEXT},
	{"FACTS", "facts", VIEW_KEYS},
};

/* A list that hangs on an object, under a blank line; nothing if it is empty. */
static bool print_part(struct session *s, const json_t *object, const char *key,
		       const struct view_field *fields, size_t n,
		       struct error_list *errors)
{
	const json_t *list = json_object_get(object, key);
	struct buf out;
	if (s->json || json_array_size(list) == 0)
		return true;
	buf_init(&out, 1 << 20);
	buf_add_char(&out, '\n');
	bool ok = view_list(&out, s->arena, fields, n, list, s->width)
			  ? session_print(buf_str(&out), errors)
			  : error_list_add(errors, ERROR_TOO_LARGE, "",
					   "too long to be shown; --json prints it");
	buf_free(&out);
	return ok;
}
#define PART(s, object, key, fields, errors)                                           \
	print_part((s), (object), (key), (fields), sizeof(fields) / sizeof *(fields),  \
		   (errors))

bool run_user_show(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = USER,
					  RESOURCE_FIELDS(user_fields)};
	struct str user = str_of(a->positional[0]);
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "GET", USER, &user, 1, nothing, &reply, errors) &&
		  resource_print(s, &r, reply.json, errors) &&
		  PART(s, reply.json, "consents", consent_columns, errors) &&
		  PART(s, reply.json, "optOuts", opt_out_columns, errors);
	reply_free(&reply);
	return ok;
}

bool run_user_set(struct session *s, const struct args *a, struct error_list *errors)
{
	struct str user = str_of(a->positional[0]);
	bool patch = args_has(a, OPTION_PATCH);
	return resource_send(s, patch ? "PATCH" : "PUT", USER, &user, 1,
			     a->positional[1], errors) &&
	       session_say(s, errors, "user %s stored", a->positional[0]);
}

bool run_user_why(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct view_field head[] = {
		{"user", "user", VIEW_TEXT},
		{"known", "known", VIEW_TEXT},
		{"at", "at", VIEW_TEXT},
		{"kill switch", "killSwitch", VIEW_TEXT},
	};
	static const struct resource r = {.pattern = USER "/why",
					  RESOURCE_FIELDS(head)};
	struct str user = str_of(a->positional[0]);
	struct reply reply;
	reply_init(&reply);
	bool ok =
		session_call(s, "GET", r.pattern, &user, 1, nothing, &reply, errors) &&
		resource_print(s, &r, reply.json, errors) &&
		PART(s, reply.json, "campaigns", why_columns, errors);
	if (ok && json_array_size(json_object_get(reply.json, "campaigns")) == 0)
		ok = session_say(s, errors, "the tenant has no campaigns");
	reply_free(&reply);
	return ok;
}

bool run_user_export(struct session *s, const struct args *a, struct error_list *errors)
{
	struct str user = str_of(a->positional[0]);
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "GET", USER "/export", &user, 1, nothing, &reply,
			       errors) &&
		  session_print_json(reply.json, errors);
	reply_free(&reply);
	return ok;
}

bool run_user_erase(struct session *s, const struct args *a, struct error_list *errors)
{
	struct str user = str_of(a->positional[0]);
	char question[400];
	snprintf(question, sizeof question,
		 "Erase all that tenant %s knows of user %.200s?", s->tenant,
		 a->positional[0]);
	return session_confirm(s, question, errors) &&
	       resource_act(s, "DELETE", USER, &user, 1, nothing, errors) &&
	       session_say(s, errors, "user %s erased", a->positional[0]);
}
