/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/routes.h"

#include "mim/handlers.h"
#include "mim/uri.h"

#include <assert.h>
#include <stdio.h>

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

/* Which segments of the request stand for parameters (raw); -1: no match. A route
 * with fewer parameters is the better match: .../users/import, not .../users/{user}. */
static int match(const char *pattern, const struct path *p,
		 struct str params[REQUEST_MAX_PARAMS])
{
	struct str rest = str_slice(str_of(pattern), 1, SIZE_MAX), want;
	int n = 0;
	size_t i = 0;
	for (; str_next_part(&rest, '/', &want); i++) {
		if (i == p->n)
			return -1;
		if (want.n > 0 && want.p[0] == '{') {
			if (p->segments[i].n == 0)
				return -1;
			assert(n < REQUEST_MAX_PARAMS);
			params[n++] = p->segments[i];
		} else if (!str_eq(want, p->segments[i])) {
			return -1;
		}
	}
	return i == p->n ? n : -1;
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

static void add_allowed(char *allowed, size_t size, const char *method)
{
	size_t n = strlen(allowed);
	if (strstr(allowed, method) == NULL)
		snprintf(allowed + n, size - n, "%s%s", n > 0 ? ", " : "", method);
}

const struct route *routes_match(struct str method, struct str raw_path,
				 struct arena *arena,
				 struct str params[REQUEST_MAX_PARAMS],
				 struct error *err)
{
	struct path p;
	struct str found[REQUEST_MAX_PARAMS], raw[REQUEST_MAX_PARAMS];
	char allowed[64] = "";
	const struct route *best = NULL;
	int fewest = REQUEST_MAX_PARAMS + 1;

	if (str_eqz(method, "HEAD"))
		method = STR("GET");
	if (!split(raw_path, &p)) {
		error_set(err, ERROR_NOT_FOUND, "", "there is no such path");
		return NULL;
	}
	name_default_tenant(&p);
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		int n = match(r->path, &p, found);
		if (n < 0)
			continue;
		add_allowed(allowed, sizeof allowed, r->method);
		if (n >= fewest || !str_eqz(method, r->method))
			continue;
		best = r;
		fewest = n;
		memcpy(raw, found, sizeof raw);
	}
	if (best == NULL) {
		if (allowed[0] != '\0')
			error_set(err, ERROR_METHOD, "", "%s", allowed);
		else
			error_set(err, ERROR_NOT_FOUND, "", "there is no such path");
		return NULL;
	}
	for (int i = 0; i < fewest; i++) {
		if (uri_decode(arena, raw[i], &params[i]))
			continue;
		if (arena_failed(arena))
			error_set(err, ERROR_MEMORY, "", "no memory for the path");
		else
			error_set(err, ERROR_BAD_VALUE, "",
				  "the path is not percent-encoded UTF-8");
		return NULL;
	}
	return best;
}
