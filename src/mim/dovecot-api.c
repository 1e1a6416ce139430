/* SPDX-License-Identifier: Apache-2.0 */
/* What agents call (contracts.md §3). Nothing here waits: each handler starts a store
 * call and returns; its completion answers. */
#include "mim/answers.h"
#include "mim/handlers.h"

#include <stdlib.h>

/* What a request needs until its answer; lives in the request's arena. */
struct call {
	struct request *q;
	struct snapshot *snapshot; /* held */
	struct hello_request hello;
	struct decision_request decision;
	struct events_request events;
	struct opening opening;
	struct store_document template;
	bool begun; /* the answer */
};

/* With the tenant's present snapshot; answers and returns NULL when there is none. */
static struct call *call_new(struct request *q)
{
	struct call *c = arena_make(q->arena, struct call);
	if (c == NULL) {
		request_fail_with(q, ERROR_MEMORY, "", "no memory for a request");
		return NULL;
	}
	c->q = q;
	c->snapshot = tenant_runtime_snapshot(q->tenant);
	if (c->snapshot == NULL)
		request_fail_with(q, ERROR_UNAVAILABLE, "",
				  "the tenant's campaigns are not loaded yet");
	return c->snapshot != NULL ? c : NULL;
}

static void call_fail(struct call *c, const struct error *err)
{
	snapshot_release(c->snapshot);
	request_fail(c->q, err);
}

static void call_reply(struct call *c)
{
	snapshot_release(c->snapshot);
	request_reply(c->q, 200);
}

static struct str key_of(struct call *c, struct str user)
{
	const struct tenant *t = c->snapshot->tenant;
	return user_key_from_name(c->q->arena, user, t->hashed_email_addresses,
				  t->secret_key);
}

/* Starts the opening for a user; request NULL: dry. */
static void open_inbox(struct call *c, struct str user,
		       const struct decision_request *request, opening_done *done,
		       opening_early *early)
{
	struct mim *mim = c->q->mim;
	struct error err;
	c->opening = (struct opening){.db = c->q->tenant->db,
				      .snapshot = c->snapshot,
				      .request = request,
				      .user_key = key_of(c, user),
				      .arena = c->q->arena,
				      .now_ms = c->q->now_ms,
				      .metrics = mim->metrics,
				      .log = mim->log,
				      .done = done,
				      .early = early,
				      .ctx = c};
	if (c->opening.user_key.p == NULL) {
		error_set(&err, ERROR_MEMORY, "", "no memory for a request");
		call_fail(c, &err);
		return;
	}
	opening_start(&c->opening);
}

static void hello_done(struct opening *o, const struct error *err)
{
	struct call *c = o->ctx;
	if (err != NULL) {
		call_fail(c, err);
		return;
	}
	metrics_add(c->q->mim->metrics, METRIC_HELLOS, 1);
	answer_hello(&c->q->out, o);
	call_reply(c);
}

static void hello(struct request *q)
{
	struct error err;
	struct call *c = call_new(q);
	if (c == NULL)
		return;
	if (hello_request_parse(q->body, q->arena, &c->hello, &err))
		open_inbox(c, c->hello.user, NULL, hello_done, NULL);
	else
		call_fail(c, &err);
}

/* By type, whether or not the instance is known. */
static void count_events(struct mim *mim, const struct user_event *events, size_t n)
{
	static const enum metric metrics[] = {
		[WIRE_EVENT_INJECTED] = METRIC_EVENTS,
		[WIRE_EVENT_REINJECTED] = METRIC_EVENTS_REINJECTED,
		[WIRE_EVENT_READ] = METRIC_EVENTS_READ,
		[WIRE_EVENT_GONE] = METRIC_EVENTS_GONE,
		[WIRE_EVENT_REFUSED] = METRIC_EVENTS_REFUSED,
		[WIRE_EVENT_UNCERTAIN] = METRIC_EVENTS_UNCERTAIN,
	};
	for (size_t i = 0; i < n; i++)
		metrics_add(mim->metrics, metrics[events[i].event.type], 1);
}

/* What the agent makes of it, and the disk's work, go on side by side. */
static void decision_early(struct opening *o)
{
	struct call *c = o->ctx;
	answer_decision(&c->q->out, o);
	c->begun = request_reply_early(c->q);
	if (!c->begun)
		buf_clear(&c->q->out);
}

static void decision_done(struct opening *o, const struct error *err)
{
	struct call *c = o->ctx;
	if (c->begun) {
		snapshot_release(c->snapshot);
		request_reply_end(c->q, err == NULL);
		return;
	}
	if (err != NULL) {
		call_fail(c, err);
		return;
	}
	answer_decision(&c->q->out, o);
	call_reply(c);
}

static void decisions(struct request *q)
{
	struct error err;
	struct call *c = call_new(q);
	if (c == NULL)
		return;
	if (!decision_request_parse(q->body, q->arena, &c->decision, &err)) {
		call_fail(c, &err);
		return;
	}
	count_events(q->mim, c->decision.events, c->decision.n_events);
	open_inbox(c, c->decision.user, &c->decision, decision_done,
		   c->decision.early ? decision_early : NULL);
}

static void events_done(void *ctx, const struct event_batch_result *r,
			const struct error *err)
{
	struct call *c = ctx;
	if (err != NULL) {
		call_fail(c, err);
		return;
	}
	metrics_add(c->q->mim->metrics, METRIC_EVENTS_UNKNOWN, r->dropped);
	answer_events(&c->q->out, r);
	call_reply(c);
}

static void events(struct request *q)
{
	struct error err;
	struct call *c = call_new(q);
	if (c == NULL)
		return;
	if (!events_request_parse(q->body, q->arena, &c->events, &err)) {
		call_fail(c, &err);
		return;
	}
	struct keyed_event *keyed = arena_array(q->arena, c->events.n, sizeof *keyed);
	bool ok = keyed != NULL;
	for (size_t i = 0; ok && i < c->events.n; i++) {
		keyed[i].event = &c->events.events[i].event;
		keyed[i].user_key = key_of(c, c->events.events[i].user);
		ok = keyed[i].user_key.p != NULL;
	}
	if (!ok) {
		error_set(&err, ERROR_MEMORY, "", "no memory for events");
		call_fail(c, &err);
		return;
	}
	count_events(q->mim, c->events.events, c->events.n);
	event_batch_start(q->tenant->db, c->snapshot, keyed, c->events.n, q->now_ms,
			  q->mim->events, events_done, c);
}

static void template_done(void *ctx, const struct error *err)
{
	struct call *c = ctx;
	struct request *q = c->q;
	if (err != NULL) {
		request_fail(q, err);
		return;
	}
	if (c->template.revision == 0) {
		request_fail_with(q, ERROR_NOT_FOUND, "",
				  "no campaign of this tenant has such a template");
		return;
	}
	metrics_add(q->mim->metrics, METRIC_TEMPLATES, 1);
	request_header(q, "Cache-Control", STR("private, max-age=31536000, immutable"));
	buf_add_str(&q->out, c->template.body);
	request_reply(q, 200);
}

/* A template lies in a tenant's database because a version of a campaign brought it
 * there; no other tenant's is reached by this. */
static void templates(struct request *q)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	char id[2 * CRYPTO_SHA256_LEN + 1];
	struct call *c = arena_make(q->arena, struct call);
	if (!crypto_unhex(q->params[1], sha256, sizeof sha256)) {
		request_fail_with(q, ERROR_BAD_VALUE, "",
				  "a template is named by 64 hex digits");
		return;
	}
	crypto_hex(id, sha256, sizeof sha256);
	struct str name = arena_str(q->arena, str_of(id));
	if (c == NULL || name.p == NULL) {
		request_fail_with(q, ERROR_MEMORY, "", "no memory for a request");
		return;
	}
	c->q = q;
	store_document_get(q->tenant->db, STORE_TEMPLATE, name, q->arena, &c->template,
			   template_done, c);
}

#define PREFIX "/api/tenants/{tenantId}/dovecot"
static const struct route rows[] = {
	{"POST", PREFIX "/hello", ROUTE_DOVECOT, ROUTE_PROMPT, hello, 16384},
	{"POST", PREFIX "/decisions", ROUTE_DOVECOT, ROUTE_PROMPT, decisions, 0},
	{"POST", PREFIX "/events", ROUTE_DOVECOT, ROUTE_EVENTS, events, 0},
	{"GET", PREFIX "/templates/{sha256}", ROUTE_DOVECOT, 0, templates, 0},
};
const struct route_table dovecot_routes = ROUTE_TABLE(rows);
