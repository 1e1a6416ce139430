/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of campaigns, kill switch, why and of the agents, called without HTTP. */
#include "mim/campaign-state.h"
#include "mim/handlers.h"
#include "mim/test-tenant.h"

#define ADA "ada@example.org"

struct server {
	struct world *w;
	struct mim mim;
	struct tenant_runtime *t;
	int64_t now_ms;
	int status; /* of the last answer */
	json_t *body;
	struct waiting *waiting;
};

static struct server *server_new(unsigned delay_ms)
{
	struct server *s = test_calloc(1, sizeof *s);
	s->w = world_new(delay_ms);
	s->now_ms = WORLD_NOW;
	s->mim.store = s->w->store;
	s->t = world_tenant(s->w, &s->mim);
	return s;
}

static void rebuild(struct server *s)
{
	struct error err;
	if (!tenant_runtime_rebuild(s->t, &err))
		fail_msg("%s", err.message);
}

static struct server *server_with(size_t campaigns, unsigned delay_ms)
{
	struct server *s = server_new(delay_ms);
	world_campaigns(s->w, campaigns);
	world_consents(s->w, ADA);
	rebuild(s);
	return s;
}

static void server_free(struct server *s)
{
	json_decref(s->body);
	tenant_runtime_release(s->t);
	world_free(s->w);
	test_free(s);
}

static void sent(struct request *q)
{
	struct server *s = q->transport;
	json_error_t why;
	s->status = q->status;
	s->body = q->out.n > 0 ? json_loadb(q->out.p, q->out.n, 0, &why) : NULL;
	if (q->out.n > 0 && s->body == NULL)
		print_error("%.*s\n", (int)q->out.n, q->out.p);
	buf_free(&q->out);
	arena_free(q->arena);
	waiting_ends(s->waiting, NULL);
}

static const struct route *route_of(const char *method, const char *path)
{
	const struct route_table *tables[] = {&campaign_routes, &kill_routes,
					      &why_routes, &dovecot_routes};
	for (size_t t = 0; t < 4; t++)
		for (size_t i = 0; i < tables[t]->n; i++)
			if (strcmp(tables[t]->routes[i].method, method) == 0 &&
			    strcmp(tables[t]->routes[i].path, path) == 0)
				return &tables[t]->routes[i];
	fail_msg("no route %s %s", method, path);
	return NULL;
}

/* The status; the answer is in s->body. path below /api/tenants/{tenantId}. */
static int calls(struct server *s, const char *method, const char *path,
		 const char *param, const char *body)
{
	struct request q = {.mim = &s->mim,
			    .tenant = s->t,
			    .arena = arena_new(REQUEST_ARENA_MAX),
			    .params = {STR("t"), str_of(param)},
			    .body = str_of(body),
			    .now_ms = s->now_ms,
			    .send = sent,
			    .transport = s};
	struct waiting x;
	char whole[128];
	snprintf(whole, sizeof whole, "/api/tenants/{tenantId}%s", path);
	q.route = route_of(method, whole);
	buf_init(&q.out, REQUEST_REPLY_MAX);
	json_decref(s->body);
	s->body = NULL;
	waiting_init(&x);
	s->waiting = &x;
	q.route->handler(&q);
	waiting_wait(&x);
	return s->status;
}

static const char *text_at(const struct server *s, const char *key)
{
	const char *text = json_string_value(json_object_get(s->body, key));
	return text != NULL ? text : "";
}

static json_int_t count_of(const struct server *s, const char *parent, const char *name)
{
	return json_integer_value(json_object_get(
		json_object_get(json_object_get(s->body, parent), name), "count"));
}

static const json_t *action(const struct server *s, size_t i)
{
	return json_array_get(json_object_get(s->body, "actions"), i);
}

#define OPEN                                                                           \
	"{\"node\":\"mail1\",\"user\":\"Ada@Example.org\",\"protocol\":\"imap\","      \
	"\"uidValidity\":1,\"uidNext\":10,\"complete\":true,\"present\":[],"           \
	"\"events\":[]}"

static int opens(struct server *s)
{
	return calls(s, "POST", "/dovecot/decisions", "", OPEN);
}

/* An event of the instance `id`. */
static int happens(struct server *s, const char *id, const char *type,
		   const char *cause)
{
	struct str body = arena_printf(
		s->w->arena,
		"{\"events\":[{\"user\":\"ADA@example.org\",\"instance\":\"%s\","
		"\"type\":\"%s\",\"at\":\"2023-11-14T22:13:21Z\"%s%s%s}]}",
		id, type, cause[0] != '\0' ? ",\"cause\":\"" : "", cause,
		cause[0] != '\0' ? "\"" : "");
	return calls(s, "POST", "/dovecot/events", "", body.p);
}

/* The instance that an opening hands out. */
static const char *given(struct server *s)
{
	assert_int_equal(opens(s), 200);
	const char *id = json_string_value(json_object_get(action(s, 0), "instance"));
	assert_non_null(id);
	return arena_str(s->w->arena, str_of(id)).p;
}

static void an_agent_is_told_what_to_inject(void **state)
{
	(void)state;
	for (unsigned delay_ms = 0; delay_ms < 3; delay_ms += 2) {
		struct server *s = server_with(1, delay_ms);
		assert_int_equal(calls(s, "POST", "/dovecot/hello", "",
				       "{\"user\":\"ada@EXAMPLE.org\","
				       "\"protocol\":\"imap\"}"),
				 200);
		assert_true(json_is_true(json_object_get(s->body, "open")));
		assert_string_equal(text_at(s, "nextCheck"), "PT15M");
		assert_int_equal(opens(s), 200);
		const json_t *a = action(s, 0);
		static const char *const fields[] = {
			"op",        "campaign",  "instance",   "guid",
			"proof",     "template",  "label",      "validFor",
			"variables", "placement", "unsubscribe"};
		for (size_t i = 0; i < 11; i++)
			if (json_object_get(a, fields[i]) == NULL)
				fail_msg("no %s", fields[i]);
		assert_int_equal(json_object_size(a), 11);
		assert_string_equal(json_string_value(json_object_get(a, "op")),
				    "inject");
		assert_string_equal(json_string_value(json_object_get(a, "template")),
				    WORLD_TEMPLATE);
		assert_string_equal(json_string_value(json_object_get(a, "validFor")),
				    "PT30S");
		struct str link =
			str_of(json_string_value(json_object_get(a, "unsubscribe")));
		assert_true(str_starts(link, STR("https://mail.example.org/u/")));
		assert_int_equal(opens(s), 200); /* nothing more now */
		assert_null(action(s, 0));
		server_free(s);
	}
}

static void a_bad_request_is_refused_with_its_field(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	assert_int_equal(calls(s, "POST", "/dovecot/hello", "", "{\"user\":\"a\"}"),
			 400);
	const json_t *e = json_array_get(json_object_get(s->body, "errors"), 0);
	assert_string_equal(json_string_value(json_object_get(e, "pointer")),
			    "/protocol");
	assert_int_equal(calls(s, "POST", "/dovecot/decisions", "", "{"), 400);
	assert_int_equal(calls(s, "POST", "/dovecot/events", "", ""), 400);
	server_free(s);
}

static void templates_are_given_by_their_hash(void **state)
{
	(void)state;
	struct server *s = server_with(1, 2);
	struct buf body;
	buf_init(&body, 100);
	buf_add_str(&body, STR("{\"subject\":\"x\"}"));
	world_put(s->w, STORE_TEMPLATE, STR(WORLD_TEMPLATE), &body);
	assert_int_equal(
		calls(s, "GET", "/dovecot/templates/{sha256}", WORLD_TEMPLATE, ""),
		200);
	assert_string_equal(text_at(s, "subject"), "x");
	assert_int_equal(calls(s, "GET", "/dovecot/templates/{sha256}", "abc", ""),
			 400);
	char other[] = WORLD_TEMPLATE;
	other[0] = 'f';
	assert_int_equal(calls(s, "GET", "/dovecot/templates/{sha256}", other, ""),
			 404);
	server_free(s);
}

static void events_show_in_counts_and_series(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	const char *id = given(s);
	assert_int_equal(happens(s, id, "read", ""), 200);
	assert_int_equal(json_integer_value(json_object_get(s->body, "stored")), 1);
	assert_int_equal(happens(s, id, "gone", "expunged"), 200);
	assert_int_equal(calls(s, "GET", "/campaigns/{campaignId}", "c0", ""), 200);
	assert_string_equal(text_at(s, "id"), "c0");
	assert_string_equal(text_at(s, "status"), "active");
	assert_int_equal(count_of(s, "counts", "injected"), 1);
	assert_int_equal(count_of(s, "counts", "read"), 1);
	assert_int_equal(count_of(s, "counts", "expungedRead"), 1);
	assert_int_equal(count_of(s, "counts", "moved"), 0);
	assert_int_equal(json_array_size(json_object_get(s->body, "versions")), 1);
	assert_non_null(json_object_get(s->body, "definition"));
	assert_int_equal(
		calls(s, "GET", "/campaigns/{campaignId}/statistics", "c0", ""), 200);
	assert_int_equal(count_of(s, "totals", "injected"), 1);
	const json_t *point = json_array_get(json_object_get(s->body, "series"), 0);
	assert_string_equal(json_string_value(json_object_get(point, "at")),
			    "2023-11-14T22:00:00Z");
	assert_int_equal(json_object_size(json_object_get(point, "values")), 3);
	assert_int_equal(
		calls(s, "GET", "/campaigns/{campaignId}/statistics", "none", ""), 404);
	assert_int_equal(calls(s, "GET", "/campaigns/{campaignId}", "none", ""), 404);
	server_free(s);
}

static void campaigns_are_listed_by_id(void **state)
{
	(void)state;
	struct server *s = server_with(3, 0);
	assert_int_equal(calls(s, "GET", "/campaigns", "", ""), 200);
	assert_int_equal(json_array_size(s->body), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(s->body, 2), "id")),
		"c2");
	server_free(s);
}

static void a_paused_campaign_waits_until_it_is_resumed(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			calls(s, "POST", "/campaigns/{campaignId}/pause", "c0", "{}"),
			200);
		assert_string_equal(text_at(s, "status"), "paused");
	}
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0));
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/resume", "c0", ""),
			 200);
	assert_string_equal(text_at(s, "status"), "active");
	given(s);
	assert_int_equal(
		calls(s, "POST", "/campaigns/{campaignId}/pause", "c0", "{\"a\":1}"),
		400);
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/pause", "no", ""),
			 404);
	server_free(s);
}

/* Written, but the answer of the store was lost. */
static void a_pause_of_unknown_outcome_holds_soon(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	struct error err;
	store_faulty_arm(s->w->store, 1, 'a');
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/pause", "c0", "{}"),
			 500);
	assert_true(s->t->stale);
	assert_true(tenant_runtime_refresh(s->t, &err));
	assert_false(s->t->stale);
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0));
	/* nothing is read while somebody changes something */
	s->t->stale = true;
	pthread_mutex_lock(&s->t->change);
	uint64_t serial = s->t->serial;
	assert_true(tenant_runtime_refresh(s->t, &err));
	assert_int_equal(s->t->serial, serial);
	pthread_mutex_unlock(&s->t->change);
	assert_true(tenant_runtime_refresh(s->t, &err));
	assert_int_equal(s->t->serial, serial + 1);
	/* and the kill switch */
	store_faulty_arm(s->w->store, 1, 'a');
	assert_false(kill_switch_set(s->t, KILL_ALL, s->now_ms, &err));
	assert_true(s->t->stale);
	server_free(s);
}

static void a_cancelled_campaign_is_not_resumed(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/cancel", "c0", ""),
			 200);
	assert_string_equal(text_at(s, "status"), "cancelled");
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0));
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/resume", "c0", ""),
			 409);
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/pause", "c0", ""),
			 409);
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/recall", "c0", ""),
			 200);
	server_free(s);
}

static void a_recall_takes_back_what_was_handed_out_before(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	const char *id = given(s);
	assert_int_equal(happens(s, id, "injected", ""), 200);
	s->now_ms += 5000;
	assert_int_equal(calls(s, "POST", "/campaigns/{campaignId}/recall", "c0",
			       "{\"scope\":\"unread\"}"),
			 200);
	assert_string_equal(text_at(s, "recall"), "unread");
	assert_string_equal(text_at(s, "recalledBefore"), "2023-11-14T22:13:25Z");
	struct id16 instance;
	char guid[ID_TEXT_LEN + 1];
	assert_true(id16_parse(str_of(id), &instance));
	id16_text(id_guid(&s->w->key, STR(ADA), instance), guid);
	struct str body = arena_printf(
		s->w->arena,
		"{\"node\":\"mail1\",\"user\":\"%s\",\"protocol\":\"imap\","
		"\"uidValidity\":1,\"uidNext\":10,\"complete\":true,\"present\":["
		"{\"guid\":\"%s\",\"uid\":3,\"seen\":false,\"newer\":0}],"
		"\"events\":[]}",
		ADA, guid);
	assert_int_equal(calls(s, "POST", "/dovecot/decisions", "", body.p), 200);
	const json_t *a = action(s, 0);
	assert_string_equal(json_string_value(json_object_get(a, "op")), "withdraw");
	assert_string_equal(json_string_value(json_object_get(a, "guid")), guid);
	assert_string_equal(json_string_value(json_object_get(a, "cause")), "recall");
	const json_t *known = json_array_get(json_object_get(s->body, "known"), 0);
	assert_string_equal(json_string_value(json_object_get(known, "instance")), id);
	assert_int_equal(happens(s, id, "gone", "withdrawn"), 200);
	assert_int_equal(calls(s, "GET", "/campaigns/{campaignId}", "c0", ""), 200);
	assert_int_equal(count_of(s, "counts", "recalled"), 1);
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0)); /* once is enough */
	server_free(s);
}

static void the_kill_switch_acts_at_once(void **state)
{
	(void)state;
	struct server *s = server_with(1, 0);
	assert_int_equal(calls(s, "GET", "/pause", "", ""), 200);
	assert_string_equal(text_at(s, "killSwitch"), "none");
	assert_int_equal(calls(s, "POST", "/pause", "", ""), 200);
	assert_string_equal(text_at(s, "killSwitch"), "all");
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0));
	assert_int_equal(calls(s, "POST", "/resume", "", "{\"scope\":\"nonService\"}"),
			 409);
	assert_int_equal(calls(s, "POST", "/pause", "", "{\"scope\":\"nonService\"}"),
			 200);
	assert_int_equal(opens(s), 200);
	assert_null(action(s, 0));
	assert_int_equal(calls(s, "POST", "/resume", "", "{\"scope\":\"nonService\"}"),
			 200);
	assert_string_equal(text_at(s, "killSwitch"), "none");
	given(s);
	assert_int_equal(calls(s, "POST", "/resume", "", ""), 200);
	assert_int_equal(calls(s, "POST", "/pause", "", "{\"scope\":\"x\"}"), 400);
	server_free(s);
}

static void why_tells_the_first_gate_of_each_campaign(void **state)
{
	(void)state;
	struct server *s = server_with(2, 0);
	assert_int_equal(calls(s, "GET", "/users/{user}/why", "Ada@Example.ORG", ""),
			 200);
	assert_string_equal(text_at(s, "user"), ADA);
	assert_true(json_is_true(json_object_get(s->body, "known")));
	assert_int_equal(json_array_size(json_object_get(s->body, "campaigns")), 2);
	assert_int_equal(calls(s, "GET", "/users/{user}/why", "bert", ""), 200);
	const json_t *c = json_array_get(json_object_get(s->body, "campaigns"), 0);
	assert_string_equal(json_string_value(json_object_get(c, "outcome")),
			    "stopped");
	assert_string_equal(json_string_value(json_object_get(c, "gate")), "consent");
	assert_true(json_is_object(json_object_get(c, "facts")));
	server_free(s);
}

static void a_hashed_tenant_never_stores_a_plain_name(void **state)
{
	(void)state;
	struct server *s = server_new(0);
	s->w->tenant.hashed_email_addresses = true;
	struct tenant_config *c = tenant_config_new(&s->w->tenant, 2);
	assert_non_null(c);
	tenant_runtime_set_config(s->t, c);
	world_campaigns(s->w, 1);
	rebuild(s);
	struct str key = user_key_from_name(s->w->arena, STR(ADA), true, STR("secret"));
	world_consents(s->w, arena_str(s->w->arena, key).p);
	const char *id = given(s);
	assert_int_equal(happens(s, id, "injected", ""), 200);
	assert_int_equal(json_integer_value(json_object_get(s->body, "stored")), 1);
	assert_int_equal(world_user(s->w, ADA).revision, 0);
	assert_int_equal(world_user(s->w, key.p).n_assignments, 1);
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_is_told_what_to_inject),
		cmocka_unit_test(a_bad_request_is_refused_with_its_field),
		cmocka_unit_test(templates_are_given_by_their_hash),
		cmocka_unit_test(events_show_in_counts_and_series),
		cmocka_unit_test(campaigns_are_listed_by_id),
		cmocka_unit_test(a_paused_campaign_waits_until_it_is_resumed),
		cmocka_unit_test(a_pause_of_unknown_outcome_holds_soon),
		cmocka_unit_test(a_cancelled_campaign_is_not_resumed),
		cmocka_unit_test(a_recall_takes_back_what_was_handed_out_before),
		cmocka_unit_test(the_kill_switch_acts_at_once),
		cmocka_unit_test(why_tells_the_first_gate_of_each_campaign),
		cmocka_unit_test(a_hashed_tenant_never_stores_a_plain_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
