/* SPDX-License-Identifier: Apache-2.0 */
/* inlay campaign ... and inlay kill ... */
#include "cli/path.h"
#include "cli/resource.h"
#include "cli/table.h"

#include <stdio.h>

#define CAMPAIGNS "/api/tenants/{}/campaigns"
#define CAMPAIGN CAMPAIGNS "/{}"

static const struct str nothing = {NULL, 0};

static const struct view_field campaign_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"STATUS", "status", VIEW_TEXT},
	{"VERSION", "activeVersion", VIEW_NUMBER},
	{"INJECTED", "counts.injected.count", VIEW_NUMBER},
	{"READ", "counts.read.count", VIEW_NUMBER},
	{"FROM", "definition.schedule.start", VIEW_TEXT},
	{"UNTIL", "definition.schedule.end", VIEW_TEXT},
	{"NAME", "definition.name", VIEW_LONG},
};
static const struct view_field campaign_fields[] = {
	{"id", "id", VIEW_TEXT},
	{"name", "definition.name", VIEW_TEXT},
	{"status", "status", VIEW_TEXT},
	{"active version", "activeVersion", VIEW_TEXT},
	{"changed", "changedAt", VIEW_TEXT},
	{"type", "definition.type", VIEW_TEXT},
	{"legal class", "definition.legalClass", VIEW_TEXT},
	{"purpose", "definition.purpose", VIEW_TEXT},
	{"label", "definition.label.text", VIEW_TEXT},
	{"audience", "definition.audience", VIEW_KEYS},
	{"from", "definition.schedule.start", VIEW_TEXT},
	{"until", "definition.schedule.end", VIEW_TEXT},
	{"priority", "definition.priority", VIEW_KEYS},
	{"repeat", "definition.repeat", VIEW_KEYS},
	{"placement", "definition.placement", VIEW_KEYS},
	{"recall", "recall", VIEW_TEXT},
	{"recalled before", "recalledBefore", VIEW_TEXT},
	{"injected", "counts.injected.count", VIEW_TEXT},
	{"read", "counts.read.count", VIEW_TEXT},
	{"expunged read", "counts.expungedRead.count", VIEW_TEXT},
	{"expunged unread", "counts.expungedUnread.count", VIEW_TEXT},
	{"moved", "counts.moved.count", VIEW_TEXT},
	{"recalled", "counts.recalled.count", VIEW_TEXT},
	{"copies out", "copies.out", VIEW_TEXT},
	{"taken back", "copies.takenBack", VIEW_TEXT},
	{"kept", "copies.kept", VIEW_TEXT},
	{"gone", "copies.gone", VIEW_TEXT},
	{"still out", "copies.stillOut", VIEW_TEXT},
};
static const struct view_field version_columns[] = {
	{"VERSION", "version", VIEW_NUMBER},
	{"ACTIVE", "active", VIEW_TEXT},
	{"RECIPIENTS", "recipients", VIEW_NUMBER},
	{"IMPORTED", "importedAt", VIEW_TEXT},
};

bool run_campaign_list(struct session *s, const struct args *a,
		       struct error_list *errors)
{
	static const struct resource r = {
		.pattern = CAMPAIGNS, .paged = true, RESOURCE_FIELDS(campaign_columns)};
	(void)a;
	return resource_list(s, &r, errors);
}

static bool print_versions(struct session *s, const json_t *campaign,
			   struct error_list *errors)
{
	const json_t *versions = json_object_get(campaign, "versions");
	struct buf out;
	if (s->json || json_array_size(versions) == 0)
		return true;
	buf_init(&out, 1 << 20);
	buf_add_char(&out, '\n');
	bool ok = view_list(&out, s->arena, version_columns,
			    sizeof version_columns / sizeof *version_columns, versions,
			    s->width) &&
		  session_print(buf_str(&out), errors);
	buf_free(&out);
	return ok;
}

bool run_campaign_show(struct session *s, const struct args *a,
		       struct error_list *errors)
{
	static const struct resource r = {.pattern = CAMPAIGN,
					  RESOURCE_FIELDS(campaign_fields)};
	struct str id = str_of(a->positional[0]);
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "GET", r.pattern, &id, 1, nothing, &reply, errors) &&
		  resource_print(s, &r, reply.json, errors) &&
		  print_versions(s, reply.json, errors);
	reply_free(&reply);
	return ok;
}

static json_int_t copies_of(const struct reply *campaign, const char *what)
{
	return json_integer_value(
		json_object_get(json_object_get(campaign->json, "copies"), what));
}

static bool say_copies(struct session *s, const struct reply *campaign,
		       struct error_list *errors)
{
	return session_say(
		s, errors,
		"out %lld, taken back %lld, kept %lld, gone %lld, still out %lld",
		(long long)copies_of(campaign, "out"),
		(long long)copies_of(campaign, "takenBack"),
		(long long)copies_of(campaign, "kept"),
		(long long)copies_of(campaign, "gone"),
		(long long)copies_of(campaign, "stillOut"));
}

/* POST .../{action}; says what the campaign is now, and what more there is to say. */
static bool act_and_say(struct session *s, const char *pattern,
			const struct str *values, size_t n, struct str body,
			const char *then,
			bool (*more)(struct session *s, const struct reply *campaign,
				     struct error_list *errors),
			struct error_list *errors)
{
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, "POST", pattern, values, n, body, &reply, errors);
	if (ok && s->json)
		ok = session_print_json(reply.json, errors);
	struct str status = reply_text(reply.json, "status");
	ok = ok && session_say(s, errors, "campaign %.*s is %.*s%s", STR_ARG(values[0]),
			       STR_ARG(status), then);
	if (ok && more != NULL)
		ok = more(s, &reply, errors);
	reply_free(&reply);
	return ok;
}

static bool act(struct session *s, const char *pattern, const struct str *values,
		size_t n, const char *then, struct error_list *errors)
{
	return act_and_say(s, pattern, values, n, nothing, then, NULL, errors);
}

bool run_campaign_activate(struct session *s, const struct args *a,
			   struct error_list *errors)
{
	struct str values[] = {str_of(a->positional[0]), str_of(a->positional[1])};
	uint64_t version;
	if (!str_to_u64(values[1], UINT32_MAX, &version) || version == 0)
		return error_list_add(errors, ERROR_USAGE, "",
				      "\"%s\" is no version: a number from 1 on",
				      a->positional[1]);
	return act(s, CAMPAIGN "/versions/{}/activate", values, 2, "", errors);
}

bool run_campaign_pause(struct session *s, const struct args *a,
			struct error_list *errors)
{
	struct str id = str_of(a->positional[0]);
	return act(s, CAMPAIGN "/pause", &id, 1, "", errors);
}

bool run_campaign_resume(struct session *s, const struct args *a,
			 struct error_list *errors)
{
	struct str id = str_of(a->positional[0]);
	return act(s, CAMPAIGN "/resume", &id, 1, "", errors);
}

bool run_campaign_cancel(struct session *s, const struct args *a,
			 struct error_list *errors)
{
	struct str id = str_of(a->positional[0]);
	char question[256];
	snprintf(question, sizeof question, "Cancel campaign %.60s for good?",
		 a->positional[0]);
	return session_confirm(s, question, errors) &&
	       act(s, CAMPAIGN "/cancel", &id, 1,
		   "; messages in mailboxes stay, inlay campaign recall takes them "
		   "back",
		   errors);
}

bool run_campaign_recall(struct session *s, const struct args *a,
			 struct error_list *errors)
{
	struct str id = str_of(a->positional[0]);
	const char *scope = a->value[OPTION_RECALL_SCOPE];
	char question[256], body[64];
	if (scope == NULL)
		scope = "unread";
	if (strcmp(scope, "unread") != 0 && strcmp(scope, "all") != 0)
		return error_list_add(errors, ERROR_USAGE, "",
				      "--scope is unread or all, not \"%s\"", scope);
	snprintf(question, sizeof question,
		 "Take back all %smessages of campaign %.60s that users have now?",
		 strcmp(scope, "unread") == 0 ? "unread " : "", a->positional[0]);
	snprintf(body, sizeof body, "{\"scope\":\"%s\"}", scope);
	return session_confirm(s, question, errors) &&
	       act_and_say(s, CAMPAIGN "/recall", &id, 1, str_of(body),
			   "; its messages go from open inboxes now, from others when "
			   "they are opened next",
			   say_copies, errors);
}

static const struct view_field point_columns[] = {
	{"FROM", "at", VIEW_TEXT},
	{"INJECTED", "values.injected.count", VIEW_NUMBER},
	{"REINJECTED", "values.reinjected.count", VIEW_NUMBER},
	{"READ", "values.read.count", VIEW_NUMBER},
	{"EXPUNGED READ", "values.expungedRead.count", VIEW_NUMBER},
	{"UNREAD", "values.expungedUnread.count", VIEW_NUMBER},
	{"MOVED", "values.moved.count", VIEW_NUMBER},
	{"RECALLED", "values.recalled.count", VIEW_NUMBER},
};

/* One row for each statistic: name, count, users. */
static bool print_totals(struct session *s, const json_t *statistics, struct buf *out)
{
	static const struct table_column columns[] = {
		{.title = "WHAT"},
		{.title = "MESSAGES", .right = true},
		{.title = "USERS", .right = true},
	};
	const json_t *totals = json_object_get(statistics, "totals"), *v;
	size_t n = json_object_size(totals), row = 0;
	struct str *cells = arena_array(s->arena, 3 * n, sizeof *cells);
	const char *key;
	if (cells == NULL)
		return false;
	json_object_foreach((json_t *)(uintptr_t)totals, key, v)
	{
		cells[3 * row] = str_of(key);
		cells[3 * row + 1] = view_text(s->arena, v, "count", VIEW_NUMBER);
		cells[3 * row + 2] = view_text(s->arena, v, "unique", VIEW_NUMBER);
		row++;
	}
	return table_write(out, columns, 3, cells, row, s->width);
}

static bool print_statistics(struct session *s, const json_t *statistics,
			     struct error_list *errors)
{
	const json_t *series = json_object_get(statistics, "series");
	struct buf out;
	if (s->json)
		return session_print_json(statistics, errors);
	buf_init(&out, 16 << 20);
	bool ok = print_totals(s, statistics, &out);
	if (ok && json_array_size(series) > 0) {
		buf_add_char(&out, '\n');
		ok = view_list(&out, s->arena, point_columns,
			       sizeof point_columns / sizeof *point_columns, series,
			       s->width);
	}
	ok = ok ? session_print(buf_str(&out), errors)
		: error_list_add(errors, ERROR_TOO_LARGE, "",
				 "the series is too long to be shown; --json prints "
				 "it");
	buf_free(&out);
	return ok;
}

bool run_campaign_stats(struct session *s, const struct args *a,
			struct error_list *errors)
{
	const char *interval = a->value[OPTION_INTERVAL];
	struct str values[] = {str_of(s->tenant), str_of(a->positional[0])};
	struct reply reply;
	struct buf path;
	if (values[1].n == 0)
		return error_list_add(errors, ERROR_USAGE, "",
				      "an empty name names nothing");
	buf_init(&path, PATH_MAX_BYTES);
	reply_init(&reply);
	path_write(&path, CAMPAIGN "/statistics", values, 2);
	path_query(&path, "interval", interval != NULL ? interval : "none");
	path_query(&path, "from", a->value[OPTION_FROM]);
	path_query(&path, "to", a->value[OPTION_TO]);
	const char *text = buf_cstr(&path);
	bool ok = text != NULL
			  ? session_call_plain(s, "GET", text, nothing, &reply, errors)
			  : error_list_add(errors, ERROR_TOO_LARGE, "",
					   "a name in the call is too long");
	ok = ok && print_statistics(s, reply.json, errors);
	reply_free(&reply);
	buf_free(&path);
	return ok;
}

static bool kill_switch(struct session *s, const char *method, const char *pattern,
			struct str body, struct error_list *errors)
{
	struct reply reply;
	reply_init(&reply);
	bool ok = session_call(s, method, pattern, NULL, 0, body, &reply, errors);
	if (ok && json_object_get(reply.json, "killSwitch") == NULL)
		ok = error_list_add(errors, ERROR_INTERNAL, "",
				    "%s answered without the kill switch", s->url);
	if (ok && s->json)
		ok = session_print_json(reply.json, errors);
	struct str now = reply_text(reply.json, "killSwitch");
	const char *means = str_eqz(now, "all") ? "on: nothing is injected"
			    : str_eqz(now, "nonService")
				    ? "on: nothing but service messages is injected"
				    : "off";
	ok = ok && session_say(s, errors, "the kill switch of tenant %s is %s",
			       s->tenant, means);
	reply_free(&reply);
	return ok;
}

bool run_kill_on(struct session *s, const struct args *a, struct error_list *errors)
{
	const char *scope = a->value[OPTION_KILL_SCOPE];
	char body[64];
	if (scope == NULL)
		scope = "all";
	if (strcmp(scope, "all") != 0 && strcmp(scope, "nonService") != 0)
		return error_list_add(errors, ERROR_USAGE, "",
				      "--scope is all or nonService, not \"%s\"",
				      scope);
	snprintf(body, sizeof body, "{\"scope\":\"%s\"}", scope);
	return kill_switch(s, "POST", "/api/tenants/{}/pause", str_of(body), errors);
}

bool run_kill_off(struct session *s, const struct args *a, struct error_list *errors)
{
	(void)a;
	return kill_switch(s, "POST", "/api/tenants/{}/resume", nothing, errors);
}

bool run_kill_show(struct session *s, const struct args *a, struct error_list *errors)
{
	(void)a;
	return kill_switch(s, "GET", "/api/tenants/{}/pause", nothing, errors);
}
