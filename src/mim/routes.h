/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of the API, in one place: each file with handlers exports a table, and
 * routes.c lists the tables. Authentication, metrics and the test against
 * docs/openapi.yaml come from them. */
#ifndef INLAY_MIM_ROUTES_H
#define INLAY_MIM_ROUTES_H

#include "mim/request.h"

/* What a token must be for it. admin may do everything; tenant:{id} everything of
 * READ, TENANT and DOVECOT in its tenant; read:{id} READ; dovecot:{id} DOVECOT;
 * monitor MONITOR. */
enum route_scope {
	ROUTE_OPEN,    /* no token: /health/live only */
	ROUTE_MONITOR, /* any token that is known */
	ROUTE_ADMIN,
	ROUTE_TENANT,
	ROUTE_READ,
	ROUTE_DOVECOT,
};

enum route_flag {
	ROUTE_BLOCKING = 1,   /* runs on a worker thread, may wait */
	ROUTE_CLOSED_TOO = 2, /* also for a tenant whose database is not open, or that
				 does not exist (q->tenant is NULL then) */
	ROUTE_ALWAYS = 4,     /* also while the middleware is not ready */
	ROUTE_PROMPT = 8,  /* a late answer is worth nothing: refused under overload */
	ROUTE_EVENTS = 16, /* bounded apart and on a thread of its own, so that
			      decisions do not wait for it */
	ROUTE_WAITS = 32,  /* a long poll: ROUTE_WAIT_MS more for its answer */
	/* blocks for somebody else's server: on threads of their own, so that what an
	 * operator orders does not wait for it */
	ROUTE_OUTSIDE = 64,
};

struct route {
	const char *method;
	/* As in docs/openapi.yaml: "/api/tenants/{tenantId}/users/{user}", without a
	 * final slash; both forms are served. What begins with
	 * /api/tenants/{tenantId}/dovecot/ is also served below /api/dovecot/, for the
	 * tenant "default". A segment in braces never matches an empty one. */
	const char *path;
	enum route_scope scope;
	unsigned flags;
	void (*handler)(struct request *q);
	size_t max_body; /* 0: ROUTE_MAX_BODY; more than it answers 413 */
};
#define ROUTE_MAX_BODY (1u << 20)
#define ROUTE_WAIT_MS (60 * 1000)

struct route_table {
	const struct route *routes;
	size_t n;
};
#define ROUTE_TABLE(rows)                                                              \
	{                                                                              \
		rows, sizeof(rows) / sizeof((rows)[0])                                 \
	}

size_t routes_count(void);
/* Index of a route over all tables, for metrics; and back. */
size_t routes_index(const struct route *r);
const struct route *routes_at(size_t index);

/* One line a route, "METHOD /path scope", with what is served below /api/dovecot/ too.
 * The test against docs/openapi.yaml reads it. */
bool routes_write(struct buf *out);

/* The same routes, prepared for finding one. NULL without memory. */
struct router;
struct router *router_new(void);
void router_free(struct router *r); /* NULL is fine */
/* Finds the route of a method and a raw (percent-encoded) path and decodes the
 * parameters into `arena`; of two that fit, the one with fewer parameters:
 * .../users/import, not .../users/{user}. NULL with kind NOT_FOUND, METHOD
 * (err->message names those that are allowed) or BAD_VALUE (bad encoding). */
const struct route *router_match(const struct router *r, struct str method,
				 struct str raw_path, struct arena *arena,
				 struct str params[REQUEST_MAX_PARAMS],
				 struct error *err);

#endif
