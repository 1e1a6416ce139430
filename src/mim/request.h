/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the middleware after routing and authentication, and the ways to
 * answer it. A handler answers exactly once, by one of the functions "Answers"; it
 * may do so before it returns or later, from any thread (a store's completion). After
 * the answer the request must not be touched. A handler of a route with
 * ROUTE_BLOCKING runs on a worker thread and may wait (mim/sync.h); others run on an
 * HTTP thread and must not. */
#ifndef INLAY_MIM_REQUEST_H
#define INLAY_MIM_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "mim/mim.h"
#include "mim/tokens.h"

#include <jansson.h>

struct route;

#define REQUEST_MAX_PARAMS 6
#define REQUEST_MAX_QUERY 16
#define REQUEST_MAX_HEADERS 4
#define REQUEST_ARENA_MAX (8u << 20)
#define REQUEST_REPLY_MAX (16u << 20)

struct request_pair {
	struct str name, value;
};

struct request {
	struct mim *mim;
	const struct route *route;
	/* The tenant of the path, held, open unless the route has ROUTE_CLOSED_TOO;
	 * NULL where the route names none. */
	struct tenant_runtime *tenant;
	struct identity who; /* whose token it was */
	struct arena *arena; /* goes with the request */
	/* Decoded path segments that stand for {…} in the route's path, in order;
	 * below /api/tenants/{tenantId}/ the first is the tenant's id. */
	struct str params[REQUEST_MAX_PARAMS];
	struct request_pair query[REQUEST_MAX_QUERY]; /* decoded */
	size_t n_query;
	struct str body;
	struct str content_type;
	int64_t now_ms;     /* wall clock when it came */
	int64_t started_us; /* the same by clock_mono_us() */
	/* The answer. */
	struct buf out; /* bounded by REQUEST_REPLY_MAX */
	int status;
	const char *reply_type; /* content type, static text */
	struct request_pair headers[REQUEST_MAX_HEADERS];
	size_t n_headers;
	/* Gives the answer to whoever asked and frees the request. Set by the server
	 * (or by a unit test). */
	void (*send)(struct request *q);
	/* An answer in two steps; NULL: there is no such thing here. */
	void (*send_early)(struct request *q);
	void (*send_end)(struct request *q, bool whole);
	void *transport;
};

/* Questions ----------------------------------------------------------------------*/

/* Absent if not given. */
struct str request_query(const struct request *q, const char *name);
/* ?limit=: 1..max, `otherwise` if not given. On a bad value answers 400 and returns
 * false. */
bool request_limit(struct request *q, size_t otherwise, size_t max, size_t *limit);
/* ?name=true|false, absent false. As above. */
bool request_flag(struct request *q, const char *name, bool *value);
/* The body as JSON (object or array); on failure answers 400 and returns NULL. Freed
 * with json_decref. */
json_t *request_json(struct request *q);

/* Answers ------------------------------------------------------------------------*/

/* What was written into q->out, as JSON. Turns into 500 if it did not fit. */
void request_reply(struct request *q, int status);
/* The same in two steps: all of it but its last byte, a line's end; and that byte. With
 * whole false the connection is cut instead, by which the client knows that it has no
 * answer. In between the request may be touched, but not q->out. The first answers
 * false, and nothing has happened, where it cannot be done: then request_reply(). */
bool request_reply_early(struct request *q);
void request_reply_end(struct request *q, bool whole);
/* q->out as another type. */
void request_reply_as(struct request *q, int status, const char *content_type);
/* 204 */
void request_reply_nothing(struct request *q);
/* Problem documents (RFC 9457) with the status of the error's kind; the second with
 * all errors of a document, the status of the first. */
void request_fail(struct request *q, const struct error *err);
void request_fail_all(struct request *q, const struct error_list *errors);
void request_fail_with(struct request *q, enum error_kind kind, const char *where,
		       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A header of the answer; name is static text, value is copied into the arena. */
void request_header(struct request *q, const char *name, struct str value);

#endif
