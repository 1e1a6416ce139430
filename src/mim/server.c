/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/server.h"

#include "base/clock.h"
#include "base/uri.h"
#include "mim/admission.h"
#include "mim/descriptors.h"
#include "mim/public.h"
#include "mim/routes.h"
#include "net/http-server.h"
#include "net/problem.h"

#include <stdlib.h>
#include <unistd.h>

#define MAX_HEADERS (REQUEST_MAX_HEADERS + 1)
/* Of agents and the administration: 5 KiB of head, and the rest is for what the
 * library keeps of it and for the answer's. libmicrohttpd clears what it keeps for a
 * connection before each request, so it is paid every time, a quarter of a microsecond;
 * and each connection has it for good: 10,000 have 89 MB, with twice as much 170. */
#define MAX_HEAD 8192

struct server {
	struct mim *mim;
	struct http_server *http;
	int64_t drain_ms;
};

/* Refusals before there is a struct request ---------------------------------------*/

static void refuse(struct http_request *rq, const struct error *err, const char *header,
		   struct str value)
{
	const struct http_header headers[] = {{header, value}};
	int status = error_kind_info(err->kind)->http_status;
	struct buf body;
	buf_init(&body, 4096);
	problem_write(&body, status, err, 1, 0);
	http_respond(rq, (unsigned)status, PROBLEM_CONTENT_TYPE, buf_str(&body),
		     headers, header != NULL);
	buf_free(&body);
}

static void refuse_with(struct http_request *rq, enum error_kind kind,
			const char *message)
{
	struct error err;
	error_set(&err, kind, "", "%s", message);
	http_respond_error(rq, &err);
}

/* May this token do that? ---------------------------------------------------------*/

static bool names_tenant(const struct route *r)
{
	return str_starts(str_of(r->path), STR("/api/tenants/{tenantId}"));
}

static bool role_allows(enum token_scope token, enum route_scope route)
{
	switch (route) {
	case ROUTE_OPEN:
	case ROUTE_MONITOR:
		return true;
	case ROUTE_ADMIN:
		return token == TOKEN_ADMIN;
	case ROUTE_TENANT:
		return token == TOKEN_ADMIN || token == TOKEN_TENANT;
	case ROUTE_READ:
		return token == TOKEN_ADMIN || token == TOKEN_TENANT ||
		       token == TOKEN_READ;
	case ROUTE_DOVECOT:
		return token == TOKEN_ADMIN || token == TOKEN_TENANT ||
		       token == TOKEN_DOVECOT;
	}
	return false;
}

/* A tenant that the token does not cover is as one that is not there. */
static bool authorize(const struct request *q, struct error *err)
{
	if (names_tenant(q->route) && q->who.tenant[0] != '\0' &&
	    !str_eqz(q->params[0], q->who.tenant))
		return error_set(err, ERROR_NOT_FOUND, "", "there is no such tenant");
	if (!role_allows(q->who.scope, q->route->scope))
		return error_set(err, ERROR_FORBIDDEN, "",
				 "this token does not allow this call");
	return true;
}

/* Is there too much to do already? ------------------------------------------------*/

static enum admission_kind kind_of(const struct route *r)
{
	if (r->flags & ROUTE_PROMPT)
		return ADMISSION_DECISION;
	return r->flags & ROUTE_EVENTS ? ADMISSION_EVENTS : ADMISSION_OTHER;
}

static bool is_taken(const struct request *q)
{
	struct admission *a = q->mim->admission;
	struct http_request *rq = q->transport;
	struct admission_request ask = {.kind = kind_of(q->route),
					.waited_ms = -1,
					.quiet_ms = rq->quiet_ms,
					.now_us = rq->received_us};
	if (ask.kind == ADMISSION_OTHER)
		return true;
	if (admission_samples(a))
		ask.waited_ms = http_request_waited_ms(rq);
	enum admission_verdict verdict = admission_ask(a, &ask);
	if (verdict == ADMISSION_PAUSE)
		rq->pause_ms = admission_pause_ms(a);
	return verdict == ADMISSION_TAKE;
}

/* Answers ------------------------------------------------------------------------*/

static void count_answer(const struct request *q)
{
	int64_t micros = clock_mono_us() - q->started_us;
	admission_leave(q->mim->admission, kind_of(q->route), micros);
	metrics_request(q->mim->metrics, routes_index(q->route), q->status, micros);
	log_debug(q->mim->log, "http", "answered  method=%s route=%s status=%d us=%lld",
		  q->route->method, q->route->path, q->status, (long long)micros);
}

static void send_answer(struct request *q)
{
	struct http_request *rq = q->transport;
	struct http_header headers[MAX_HEADERS];
	/* q goes with the answer; these do not */
	struct buf out = q->out;
	struct tenant_runtime *tenant = q->tenant;
	size_t n = 0;

	count_answer(q);
	for (; n < q->n_headers; n++)
		headers[n] =
			(struct http_header){q->headers[n].name.p, q->headers[n].value};
	http_respond(rq, (unsigned)q->status, q->reply_type, buf_str(&out), headers, n);
	buf_free(&out);
	tenant_runtime_release(tenant);
}

static void send_early(struct request *q)
{
	http_respond_early(q->transport, (unsigned)q->status, q->reply_type,
			   buf_str(&q->out));
}

static void send_end(struct request *q, bool whole)
{
	struct buf out = q->out;
	struct tenant_runtime *tenant = q->tenant;
	count_answer(q);
	http_respond_end(q->transport, whole);
	buf_free(&out);
	tenant_runtime_release(tenant);
}

/* Requests -----------------------------------------------------------------------*/

static struct request *request_new(struct server *s, struct http_request *rq)
{
	struct request *q = arena_make(rq->arena, struct request);
	if (q == NULL)
		return NULL;
	q->mim = s->mim;
	q->arena = rq->arena;
	q->send = send_answer;
	q->send_early = send_early;
	q->send_end = send_end;
	q->transport = rq;
	q->now_ms = clock_real_ms();
	q->started_us = rq->received_us;
	buf_init(&q->out, REQUEST_REPLY_MAX);
	return q;
}

/* Everything that can be known from the head: a body is read only for who may send
 * one. */
static void on_head(struct http_request *rq, void *ctx)
{
	struct server *s = ctx;
	struct error err;
	struct request *q = request_new(s, rq);
	if (q == NULL) {
		refuse_with(rq, ERROR_MEMORY, "no memory for the request");
		return;
	}
	struct str authorization = http_request_header(rq, "Authorization");
	if (arena_failed(rq->arena)) { /* which is no reason to say "unknown" */
		refuse_with(rq, ERROR_MEMORY, "no memory for the request");
		return;
	}
	bool known = tokens_check(s->mim->tokens, authorization, &q->who);
	rq->known = known;
	q->route = router_match(s->mim->router, rq->method, rq->path, rq->arena,
				q->params, &err);
	if (!known && (q->route == NULL || q->route->scope != ROUTE_OPEN)) {
		metrics_add(s->mim->metrics, METRIC_AUTH_FAILED, 1);
		error_set(&err, ERROR_UNAUTHORIZED, "",
			  authorization.p == NULL ? "a bearer token is needed"
						  : "this token is not known");
		refuse(rq, &err, "WWW-Authenticate", STR("Bearer"));
	} else if (q->route == NULL && err.kind == ERROR_METHOD) {
		struct str allowed = arena_str(rq->arena, str_of(err.message));
		error_set(&err, ERROR_METHOD, "", "allowed here: %.*s",
			  STR_ARG(allowed));
		refuse(rq, &err, allowed.p != NULL ? "Allow" : NULL, allowed);
	} else if (q->route == NULL || (known && !authorize(q, &err))) {
		http_respond_error(rq, &err);
	} else if (rq->early && kind_of(q->route) == ADMISSION_DECISION) {
		/* what else comes on this connection does not wait: an agent's carries
		 * events and templates of all its users, too */
		rq->hold = true;
	} else if (!is_taken(q)) {
		refuse_with(rq, ERROR_BUSY, "too much at once");
	} else {
		q->content_type = http_request_header(rq, "Content-Type");
		if (q->route->flags & ROUTE_WAITS)
			rq->answer_ms += ROUTE_WAIT_MS;
		rq->max_body =
			q->route->max_body > 0 ? q->route->max_body : ROUTE_MAX_BODY;
		rq->data = q;
	}
}

static bool read_query(struct request *q, struct str raw)
{
	struct uri_pair pairs[REQUEST_MAX_QUERY];
	if (!uri_parse_query(q->arena, raw, pairs, REQUEST_MAX_QUERY, &q->n_query))
		return false;
	for (size_t i = 0; i < q->n_query; i++)
		q->query[i] = (struct request_pair){pairs[i].name, pairs[i].value};
	return true;
}

static void work(void *ctx)
{
	struct request *q = ctx;
	struct error err;
	if (q->tenant != NULL && !(q->route->flags & ROUTE_CLOSED_TOO) &&
	    !tenant_runtime_open(q->tenant, false, &err)) {
		if (err.kind == ERROR_NOT_FOUND)
			error_set(&err, ERROR_UNAVAILABLE, "",
				  "the tenant's database is not there: create the "
				  "tenant with ?createDB=true");
		request_fail(q, &err);
		return;
	}
	q->route->handler(q);
}

static void on_handle(struct http_request *rq, void *ctx)
{
	struct server *s = ctx;
	struct request *q = rq->data;
	const struct route *r = q->route;
	q->body = rq->body;
	admission_enter(s->mim->admission, kind_of(r));
	if (!(r->flags & ROUTE_ALWAYS) && s->mim->not_ready != NULL) {
		request_fail_with(q, ERROR_UNAVAILABLE, "", "%s", s->mim->not_ready);
		return;
	}
	if (!read_query(q, rq->query)) {
		bool has_memory = !arena_failed(q->arena);
		request_fail_with(
			q, has_memory ? ERROR_USAGE : ERROR_MEMORY, "",
			has_memory
				? "the query is not percent-encoded UTF-8, or too long"
				: "no memory for the query");
		return;
	}
	if (names_tenant(r)) {
		q->tenant = tenants_find(s->mim->tenants, q->params[0]);
		if (q->tenant == NULL && !(r->flags & ROUTE_CLOSED_TOO)) {
			request_fail_with(q, ERROR_NOT_FOUND, "",
					  "there is no such tenant");
			return;
		}
	}
	bool closed =
		q->tenant != NULL && !q->tenant->open && !(r->flags & ROUTE_CLOSED_TOO);
	struct workers *pool = closed                      ? s->mim->workers
			       : r->flags & ROUTE_EVENTS   ? s->mim->events
			       : r->flags & ROUTE_OUTSIDE  ? s->mim->outside
			       : r->flags & ROUTE_BLOCKING ? s->mim->workers
							   : NULL;
	if (pool == NULL)
		r->handler(q);
	else if (!workers_run(pool, work, q))
		request_fail_with(q, ERROR_BUSY, "", "too many calls wait already");
}

/* Start and end ------------------------------------------------------------------*/

static struct server *start(struct mim *mim, const char *address, const char *port,
			    void (*head)(struct http_request *, void *),
			    void (*handle)(struct http_request *, void *),
			    struct error *err)
{
	const struct settings *s = mim->settings;
	struct server *server = calloc(1, sizeof *server);
	int64_t threads = settings_int(s, "inlay.http.threads");
	int64_t limit = settings_int(s, "inlay.http.request-timeout");
	struct http_options o = http_options_default;
	if (server == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for a listener");
		return NULL;
	}
	if (threads == 0)
		threads = sysconf(_SC_NPROCESSORS_ONLN);
	server->mim = mim;
	server->drain_ms = limit;
	o.address = settings_str(s, address).p;
	o.port = (uint16_t)settings_int(s, port);
	o.threads = threads < 1 ? 1 : (unsigned)threads;
	o.max_connections = descriptors_raise(s, mim->log);
	o.max_per_address = (unsigned)settings_int(
		s, head == on_head ? "inlay.http.max-connections-per-address"
				   : "inlay.public.max-connections-per-address");
	/* not of browsers: they bring all cookies of the public name's domain along */
	if (head == on_head) {
		mim->feed_room.most = o.max_connections / 4;
		o.max_head = MAX_HEAD;
	}
	o.arena_max = REQUEST_ARENA_MAX;
	o.body_ms = limit;
	o.answer_ms = limit;
	o.send_ms = limit;
	o.idle_ms = settings_int(s, "inlay.http.idle-timeout");
	o.log = mim->log;
	o.stats = &mim->http;
	o.head = head;
	o.handle = handle;
	o.ctx = server;
	server->http = http_server_start(&o, err);
	if (server->http != NULL)
		return server;
	free(server);
	return NULL;
}

struct server *server_start_api(struct mim *mim, struct error *err)
{
	return start(mim, "server.address", "server.port", on_head, on_handle, err);
}

static void on_public_head(struct http_request *rq, void *ctx)
{
	(void)ctx;
	rq->max_body = PUBLIC_MAX_BODY;
}

static void on_public(struct http_request *rq, void *ctx)
{
	struct server *s = ctx;
	public_handle(s->mim, rq);
}

bool server_start_public(struct mim *mim, struct server **out, struct error *err)
{
	*out = NULL;
	if (settings_str(mim->settings, "inlay.public.address").p == NULL)
		return true;
	*out = start(mim, "inlay.public.address", "inlay.public.port", on_public_head,
		     on_public, err);
	return *out != NULL;
}

unsigned server_port(const struct server *s)
{
	return http_server_port(s->http);
}

void server_stop(struct server *s)
{
	if (s == NULL)
		return;
	http_server_stop(s->http, s->drain_ms);
	free(s);
}
