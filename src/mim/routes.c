/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/routes.h"

#include "base/uri.h"
#include "mim/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct route_table *const tables[] = {
#define X(name) &name##_routes,
	HANDLER_TABLES(X)
#undef X
};
#define N_TABLES (sizeof tables / sizeof tables[0])

#define MAX_SEGMENTS 12

struct path {
	struct str segments[MAX_SEGMENTS];
	size_t n;
};

/* A route with its path cut up: literal segments; an absent one is a parameter. */
struct pattern {
	const struct route *route;
	struct path path;
	size_t n_params;
};

struct router {
	struct pattern *patterns; /* by number of segments, then of parameters */
	/* those of n segments are at [begin[n], begin[n + 1]) */
	size_t begin[MAX_SEGMENTS + 2];
};

/* "/a/b" and "/a/b/" are the segments a and b; an empty one stays. */
static bool split(struct str raw, struct path *p)
{
	struct str part;
	p->n = 0;
	if (raw.n == 0 || raw.p[0] != '/')
		return false;
	raw = str_slice(raw, 1, raw.n);
	if (raw.n > 0 && raw.p[raw.n - 1] == '/')
		raw.n--;
	if (raw.n == 0)
		return true;
	while (str_next_part(&raw, '/', &part)) {
		if (p->n == MAX_SEGMENTS)
			return false;
		p->segments[p->n++] = part;
	}
	return true;
}

size_t routes_count(void)
{
	size_t n = 0;
	for (size_t t = 0; t < N_TABLES; t++)
		n += tables[t]->n;
	return n;
}

size_t routes_index(const struct route *r)
{
	size_t before = 0;
	for (size_t t = 0; t < N_TABLES; t++) {
		const struct route *rows = tables[t]->routes;
		if (r >= rows && r < rows + tables[t]->n)
			return before + (size_t)(r - rows);
		before += tables[t]->n;
	}
	assert(!"a route of no table");
	return 0;
}

const struct route *routes_at(size_t index)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		if (index < tables[t]->n)
			return &tables[t]->routes[index];
		index -= tables[t]->n;
	}
	return NULL;
}

static const char *const scope_names[] = {
	[ROUTE_OPEN] = "none",   [ROUTE_MONITOR] = "monitor",
	[ROUTE_ADMIN] = "admin", [ROUTE_TENANT] = "tenant",
	[ROUTE_READ] = "read",   [ROUTE_DOVECOT] = "dovecot",
};

bool routes_write(struct buf *out)
{
	static const char of_tenant[] = "/api/tenants/{tenantId}/dovecot/";
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		const char *scope = scope_names[r->scope];
		buf_printf(out, "%s %s %s\n", r->method, r->path, scope);
		if (str_starts(str_of(r->path), str_of(of_tenant)))
			buf_printf(out, "%s /api/dovecot/%s %s\n", r->method,
				   r->path + sizeof of_tenant - 1, scope);
	}
	return buf_ok(out);
}

/* /api/dovecot/... is /api/tenants/default/dovecot/... */
static void name_default_tenant(struct path *p)
{
	if (p->n < 2 || p->n + 2 > MAX_SEGMENTS || !str_eqz(p->segments[0], "api") ||
	    !str_eqz(p->segments[1], "dovecot"))
		return;
	memmove(&p->segments[3], &p->segments[1], (p->n - 1) * sizeof p->segments[0]);
	p->segments[1] = STR("tenants");
	p->segments[2] = STR(TENANT_DEFAULT_ID);
	p->n += 2;
}

static int by_segments(const void *pa, const void *pb)
{
	const struct pattern *a = pa, *b = pb;
	if (a->path.n != b->path.n)
		return a->path.n < b->path.n ? -1 : 1;
	if (a->n_params != b->n_params)
		return a->n_params < b->n_params ? -1 : 1;
	return a->route < b->route ? -1 : a->route > b->route;
}

static void cut_up(const struct route *r, struct pattern *out)
{
	bool ok = split(str_of(r->path), &out->path);
	assert(ok);
	(void)ok;
	out->route = r;
	for (size_t i = 0; i < out->path.n; i++) {
		if (!str_starts(out->path.segments[i], STR("{")))
			continue;
		out->path.segments[i] = (struct str){NULL, 0};
		out->n_params++;
	}
	assert(out->n_params <= REQUEST_MAX_PARAMS);
}

struct router *router_new(void)
{
	size_t n = routes_count(), at = 0;
	struct router *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->patterns = calloc(n, sizeof *r->patterns);
	if (r->patterns == NULL) {
		free(r);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		cut_up(routes_at(i), &r->patterns[i]);
	qsort(r->patterns, n, sizeof *r->patterns, by_segments);
	for (size_t segments = 0; segments <= MAX_SEGMENTS + 1; segments++) {
		while (at < n && r->patterns[at].path.n < segments)
			at++;
		r->begin[segments] = at;
	}
	return r;
}

void router_free(struct router *r)
{
	if (r == NULL)
		return;
	free(r->patterns);
	free(r);
}

/* From the end, where paths differ: most begin with the same tenant's. */
static bool fits(const struct pattern *pattern, const struct path *p)
{
	for (size_t i = p->n; i-- > 0;) {
		struct str want = pattern->path.segments[i];
		if (want.p == NULL ? p->segments[i].n == 0
				   : !str_eq(want, p->segments[i]))
			return false;
	}
	return true;
}

/* No pattern of this path has the method. */
static void refuse(const struct router *r, const struct path *p, struct error *err)
{
	char allowed[64] = "";
	size_t n = 0;
	for (size_t i = r->begin[p->n]; i < r->begin[p->n + 1]; i++) {
		const char *method = r->patterns[i].route->method;
		if (!fits(&r->patterns[i], p) || strstr(allowed, method) != NULL)
			continue;
		snprintf(allowed + n, sizeof allowed - n, "%s%s", n > 0 ? ", " : "",
			 method);
		n = strlen(allowed);
	}
	if (n > 0)
		error_set(err, ERROR_METHOD, "", "%s", allowed);
	else
		error_set(err, ERROR_NOT_FOUND, "", "there is no such path");
}

static bool decode_params(const struct pattern *pattern, const struct path *p,
			  struct arena *arena, struct str params[REQUEST_MAX_PARAMS],
			  struct error *err)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (pattern->path.segments[i].p != NULL ||
		    uri_decode(arena, p->segments[i], &params[n++]))
			continue;
		if (arena_failed(arena))
			return error_set(err, ERROR_MEMORY, "",
					 "no memory for the path");
		return error_set(err, ERROR_BAD_VALUE, "",
				 "the path is not percent-encoded UTF-8");
	}
	return true;
}

const struct route *router_match(const struct router *r, struct str method,
				 struct str raw_path, struct arena *arena,
				 struct str params[REQUEST_MAX_PARAMS],
				 struct error *err)
{
	struct path p;
	if (str_eqz(method, "HEAD"))
		method = STR("GET");
	if (!split(raw_path, &p)) {
		error_set(err, ERROR_NOT_FOUND, "", "there is no such path");
		return NULL;
	}
	name_default_tenant(&p);
	for (size_t i = r->begin[p.n]; i < r->begin[p.n + 1]; i++) {
		const struct pattern *pattern = &r->patterns[i];
		if (fits(pattern, &p) && str_eqz(method, pattern->route->method))
			return decode_params(pattern, &p, arena, params, err)
				       ? pattern->route
				       : NULL;
	}
	refuse(r, &p, err);
	return NULL;
}
