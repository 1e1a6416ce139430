/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-internal.h"

#include "base/clock.h"
#include "net/problem.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

/* An unwanted body up to this is read and thrown away, so that the client sees the
 * answer and may keep the connection; behind it the connection is closed. */
#define UNWANTED_MAX (64u * 1024)
#define PROBLEM_MAX 4096
/* So much of a body is given room before it is there. */
#define FIRST_ROOM 4096

/* --- life ---------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

/* An idle connection's deadline says since when it is that. */
static int64_t quiet_ms(const struct http_server *s, const struct connection *conn)
{
	int64_t may = conn->used ? s->o.idle_ms : s->o.header_ms;
	return may - (connection_stage(conn).deadline_us - clock_mono_us()) / 1000;
}

void *call_begin(void *server, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *s = server;
	struct connection *conn = connection_of(mhd);
	struct call *c = conn != NULL ? calloc(1, sizeof *c) : NULL;
	if (c == NULL)
		return NULL;
	*c = (struct call){.server = s, .mhd = mhd, .conn = conn, .refs = 1};
	c->rq.arena = arena_new(s->o.arena_max + s->o.max_head);
	c->rq.answer_ms = s->o.answer_ms;
	if (c->rq.arena != NULL)
		c->rq.path = arena_str(c->rq.arena, str_of(target));
	if (c->rq.path.p == NULL) {
		arena_free(c->rq.arena);
		free(c);
		return NULL;
	}
	buf_init(&c->body, 0);
	buf_init(&c->early, 0);
	pthread_mutex_init(&c->lock, NULL);
	c->rq.quiet_ms = quiet_ms(s, conn);
	connection_enter(conn, PHASE_HEAD, s->o.header_ms);
	return c;
}

void call_unref(struct call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	if (c->response != NULL)
		MHD_destroy_response(c->response);
	buf_free(&c->body);
	buf_free(&c->early);
	arena_free(c->rq.arena);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void call_completed(void *server, struct MHD_Connection *mhd, void **req,
		    enum MHD_RequestTerminationCode how)
{
	struct http_server *s = server;
	struct call *c = *req;
	(void)mhd;
	(void)how;
	if (c == NULL)
		return;
	*req = NULL;
	if (c->registered)
		connection_wait(s, c->conn, NULL);
	pthread_mutex_lock(&c->lock);
	c->state = CALL_ANSWERED;
	pthread_mutex_unlock(&c->lock);
	c->conn->used = true;
	connection_enter(c->conn, PHASE_IDLE, s->o.idle_ms);
	call_unref(c);
}

/* --- answers ------------------------------------------------------------- */

static struct MHD_Response *make_response(struct str body, const char *content_type)
{
	/* the library takes a pointer to what it only reads */
	union {
		const char *in;
		void *out;
	} p = {.in = body.n > 0 ? body.p : ""};
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.n, p.out,
		body.n > 0 ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
	if (r != NULL && content_type != NULL)
		MHD_add_response_header(r, "Content-Type", content_type);
	return r;
}

static struct MHD_Response *make_problem(const struct error *err, unsigned *status)
{
	struct buf text;
	buf_init(&text, PROBLEM_MAX);
	*status = (unsigned)error_kind_info(err->kind)->http_status;
	problem_write(&text, (int)*status, err, 1, 0);
	if (!buf_ok(&text))
		buf_clear(&text);
	struct MHD_Response *r = make_response(buf_str(&text), PROBLEM_CONTENT_TYPE);
	if (r != NULL && *status == 503)
		MHD_add_response_header(r, "Retry-After", "1");
	buf_free(&text);
	return r;
}

bool call_settle(struct call *c, struct MHD_Response *r, unsigned status)
{
	pthread_mutex_lock(&c->lock);
	enum call_state before = c->state;
	assert(before != CALL_BODY);
	if (before != CALL_ANSWERED) {
		c->response = r;
		c->status = status;
		c->state = CALL_ANSWERED;
		if (before == CALL_SUSPENDED)
			MHD_resume_connection(c->mhd);
	}
	pthread_mutex_unlock(&c->lock);
	if (before == CALL_ANSWERED && r != NULL)
		MHD_destroy_response(r);
	return before != CALL_ANSWERED;
}

static void answer(struct call *c, struct MHD_Response *r, unsigned status)
{
	/* in head() the connection's reference is the only one */
	bool head = c->state == CALL_HEAD;
	call_settle(c, r, status);
	if (!head)
		call_unref(c);
}

void http_respond(struct http_request *rq, unsigned status, const char *content_type,
		  struct str body, const struct http_header *headers, size_t n_headers)
{
	struct MHD_Response *r = make_response(body, content_type);
	for (size_t i = 0; r != NULL && i < n_headers; i++) {
		struct str value = arena_str(rq->arena, headers[i].value);
		if (value.p != NULL)
			MHD_add_response_header(r, headers[i].name, value.p);
	}
	answer((struct call *)rq, r, status);
}

void http_respond_error(struct http_request *rq, const struct error *err)
{
	unsigned status;
	struct MHD_Response *r = make_problem(err, &status);
	answer((struct call *)rq, r, status);
}

bool call_give_up(struct call *c, const struct error *err)
{
	unsigned status;
	struct MHD_Response *r = make_problem(err, &status);
	return call_settle(c, r, status) || early_end(c, TAIL_CUT);
}

/* The server's own answer, before the handler has the request. */
static void refuse(struct call *c, enum error_kind kind, const char *why)
{
	struct error err;
	unsigned status;
	error_set(&err, kind, "", "%s", why);
	c->server->stats->refused++;
	pthread_mutex_lock(&c->lock);
	c->response = make_problem(&err, &status);
	c->status = status;
	c->state = CALL_ANSWERED;
	pthread_mutex_unlock(&c->lock);
}

static enum MHD_Result queue(struct call *c)
{
	struct http_server *s = c->server;
	if (c->response == NULL)
		return MHD_NO;
	connection_enter(c->conn, PHASE_BUSY, s->o.send_ms);
	if (c->close || s->draining)
		MHD_add_response_header(c->response, "Connection", "close");
	return MHD_queue_response(c->mhd, c->status, c->response);
}

/* --- the stages of a request --------------------------------------------- */

struct str http_request_header(struct http_request *rq, const char *name)
{
	struct call *c = (struct call *)rq;
	const char *value = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
	return arena_str(rq->arena, str_of(value));
}

int64_t http_request_waited_ms(const struct http_request *rq)
{
	const struct call *c = (const struct call *)rq;
	struct tcp_info info;
	socklen_t n = sizeof info;
	if (c->was_held ||
	    getsockopt(c->conn->fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 ||
	    n < offsetof(struct tcp_info, tcpi_last_data_recv) +
			    sizeof info.tcpi_last_data_recv)
		return -1;
	return info.tcpi_last_data_recv;
}

static bool is_answered(struct call *c)
{
	return c->state == CALL_ANSWERED;
}

static void take_target(struct http_request *rq)
{
	size_t mark = str_find_char(rq->path, '?');
	if (mark < rq->path.n) {
		rq->query = str_slice(rq->path, mark + 1, rq->path.n);
		rq->path = str_slice(rq->path, 0, mark);
	}
}

/* Of a connection for which no other made room. */
static void take_place(struct call *c)
{
	if (c->rq.known && c->conn->place == PLACE_SPARE) {
		c->conn->place = PLACE_OWN;
		return;
	}
	c->close = true;
	if (!is_answered(c))
		refuse(c, ERROR_BUSY, "too many connections");
}

/* Once a request: false without memory. */
static bool begin_head(struct call *c, const char *method, const char *version)
{
	c->server->stats->requests++;
	c->rq.method = arena_str(c->rq.arena, str_of(method));
	if (c->rq.method.p == NULL)
		return false;
	const char *wrong =
		http_check_head(c->mhd, method, version, c->rq.path.p, &c->announced);
	if (wrong == NULL) {
		take_target(&c->rq);
	} else {
		/* nobody knows for sure where the next request begins */
		c->close = true;
		refuse(c, ERROR_SYNTAX, wrong);
	}
	return true;
}

/* False: it is to be held. */
static bool ask_head(struct call *c)
{
	struct http_server *s = c->server;
	struct connection *conn = c->conn;
	c->rq.received_us = clock_mono_us();
	c->rq.early = c->rq.received_us < conn->pause_until_us && !s->closing;
	c->rq.hold = false;
	if (s->closing)
		refuse(c, ERROR_UNAVAILABLE, "the server is stopping");
	else if (s->o.head != NULL)
		s->o.head(&c->rq, s->o.ctx);
	if (c->rq.known && !conn->known)
		conn->known = true;
	if (c->rq.hold && c->rq.early && !is_answered(c))
		return false;
	if (c->rq.pause_ms > 0)
		conn->pause_until_us = c->rq.received_us + c->rq.pause_ms * 1000;
	if (conn->place != PLACE_OWN)
		take_place(c);
	if (!is_answered(c) && c->announced != HTTP_BODY_UNKNOWN &&
	    c->announced > c->rq.max_body)
		refuse(c, ERROR_TOO_LARGE, "the body is larger than this call takes");
	return true;
}

static enum MHD_Result hold(struct call *c)
{
	c->was_held = true;
	connection_enter(c->conn, PHASE_BUSY, 0);
	connection_pause(c->server, c->conn);
	return MHD_YES;
}

static enum MHD_Result take_head(struct call *c, const char *method,
				 const char *version)
{
	struct http_server *s = c->server;
	if (c->rq.method.p == NULL && !begin_head(c, method, version))
		return MHD_NO;
	if (c->was_held && connection_is_gone(c->conn))
		return MHD_NO;
	connection_enter(c->conn, PHASE_BODY, s->o.body_ms);
	if (!is_answered(c) && !ask_head(c))
		return hold(c); /* and it begins again here */
	if (is_answered(c)) {
		/* with a small body the connection can be kept */
		if (!c->close && c->announced <= UNWANTED_MAX)
			return MHD_YES;
		c->close = true;
		return queue(c);
	}
	c->body.max = c->rq.max_body;
	/* at once what most need; a large body must come before it has its room */
	if (c->announced > 0 && c->announced <= FIRST_ROOM)
		buf_reserve(&c->body, (size_t)c->announced);
	c->state = CALL_BODY;
	return MHD_YES;
}

static enum MHD_Result take_body(struct call *c, const char *data, size_t *size)
{
	size_t n = *size;
	*size = 0;
	if (c->state == CALL_BODY && buf_add(&c->body, data, n))
		return MHD_YES;
	if (c->state == CALL_BODY) {
		bool full = c->body.state == BUF_FULL;
		buf_free(&c->body);
		refuse(c, full ? ERROR_TOO_LARGE : ERROR_MEMORY,
		       full ? "the body is larger than this call takes"
			    : "no memory for the body");
	}
	c->unwanted += n;
	return c->unwanted <= UNWANTED_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result run_handler(struct call *c)
{
	struct http_server *s = c->server;
	int64_t wait_us = c->rq.answer_ms * 1000;
	c->rq.body = buf_str(&c->body);
	c->answer_deadline_us = clock_mono_coarse_us() + wait_us;
	connection_enter(c->conn, PHASE_BUSY, 0);
	c->refs++; /* the handler's */
	c->state = CALL_HANDLING;
	s->o.handle(&c->rq, s->o.ctx);
	if (is_answered(c) && c->tail == TAIL_NONE)
		return queue(c);
	c->registered = true;
	connection_wait(s, c->conn, c);
	pthread_mutex_lock(&c->lock);
	bool answered = c->state == CALL_ANSWERED;
	if (!answered) {
		c->state = CALL_SUSPENDED;
		MHD_suspend_connection(c->mhd);
	}
	pthread_mutex_unlock(&c->lock);
	return answered ? queue(c) : MHD_YES;
}

enum MHD_Result call_go_on(void *server, struct MHD_Connection *mhd, const char *url,
			   const char *method, const char *version, const char *data,
			   size_t *data_size, void **req)
{
	struct call *c = *req;
	(void)server;
	(void)mhd;
	(void)url;
	if (c == NULL) /* no memory */
		return MHD_NO;
	if (c->state == CALL_HEAD)
		return take_head(c, method, version);
	if (*data_size > 0)
		return take_body(c, data, data_size);
	return is_answered(c) ? queue(c) : run_handler(c);
}
