/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/tenants/{tenantId}/users/{user}/why: a dry run with reasons. */
#include "base/json.h"
#include "decision/decide.h"
#include "mim/documents.h"
#include "mim/handlers.h"
#include "mim/user-find.h"

static void put_explanation(struct json_writer *w, const struct explanation *e)
{
	json_put_object(w);
	json_kv_string(w, "campaign", e->campaign->definition->id);
	json_kv_u64(w, "version", e->campaign->definition->version);
	json_kv_string(w, "outcome", e->outcome);
	if (e->gate.p != NULL)
		json_kv_string(w, "gate", e->gate);
	json_put_key(w, STR("facts"));
	json_put_raw(w, e->facts);
	json_put_object_end(w);
}

static bool put_why(struct request *q, const struct snapshot *s,
		    const struct user_record *user)
{
	struct explanation *all;
	struct json_writer w;
	size_t n;
	if (!decision_why(s, user, q->now_ms, q->arena, &all, &n))
		return false;
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_string(&w, "user", user->profile.user);
	json_kv_bool(&w, "known", user->known);
	json_kv_time(&w, "at", q->now_ms);
	json_kv_string(&w, "killSwitch", str_of(kill_switch_name(s->kill_switch)));
	json_put_key(&w, STR("campaigns"));
	json_put_array(&w);
	for (size_t i = 0; i < n; i++)
		put_explanation(&w, &all[i]);
	json_put_array_end(&w);
	json_put_object_end(&w);
	return true;
}

static void why(struct request *q)
{
	struct user_record record;
	struct str key;
	struct error err;
	struct snapshot *s = tenant_runtime_snapshot(q->tenant);
	if (s == NULL) {
		request_fail_with(q, ERROR_UNAVAILABLE, "",
				  "the tenant's campaigns are not loaded yet");
		return;
	}
	bool ok = user_find(q->tenant, q->params[1], q->arena, &key, &record, &err);
	if (ok && key.p == NULL)
		ok = error_set(&err, ERROR_BAD_VALUE, "", "this can be no user's name");
	if (ok) {
		record.profile.user = key;
		ok = put_why(q, s, &record) ||
		     error_set(&err, ERROR_MEMORY, "", "no memory for an explanation");
	}
	snapshot_release(s);
	if (ok)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

static const struct route rows[] = {
	{"GET", "/api/tenants/{tenantId}/users/{user}/why", ROUTE_READ, ROUTE_BLOCKING,
	 why, 0},
};
const struct route_table why_routes = ROUTE_TABLE(rows);
