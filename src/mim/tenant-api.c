/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tenants: tenants, data sources, conversion points (contracts: the original's
 * calls, to the letter). */
#include "mim/handlers.h"
#include "mim/tenant-admin.h"
#include "mim/tenant-document.h"
#include "model/tenant-json.h"

#include <stdio.h>
#include <unistd.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define MAX_ERRORS 100

/* Answers ------------------------------------------------------------------------*/

typedef void print_fn(struct json_writer *w, const struct tenant *t,
		      enum tenant_form form);

static bool put_masked(struct arena *arena, struct json_writer *w,
		       const struct tenant *t, print_fn *print)
{
	struct tenant *copy = tenant_copy(arena, t);
	if (copy == NULL)
		return false;
	tenant_mask(copy);
	print(w, copy, TENANT_GIVEN);
	return true;
}

static void reply_with(struct request *q, int status, const struct tenant *t,
		       print_fn *print)
{
	struct json_writer w;
	json_writer_init(&w, &q->out);
	if (put_masked(q->arena, &w, t, print))
		request_reply(q, status);
	else
		request_fail_with(q, ERROR_MEMORY, "", "no memory for the answer");
}

static bool is_there(struct request *q)
{
	if (q->tenant != NULL)
		return true;
	request_fail_with(q, ERROR_NOT_FOUND, "", "there is no such tenant");
	return false;
}

static void show(struct request *q, print_fn *print)
{
	if (!is_there(q))
		return;
	struct tenant_config *c = tenant_runtime_config(q->tenant);
	reply_with(q, 200, c->tenant, print);
	tenant_config_release(c);
}

static void list(struct request *q)
{
	size_t limit, n, shown = 0;
	struct json_writer w;
	struct str after = request_query(q, "after");
	if (!request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit))
		return;
	struct tenant_runtime **all = tenants_all(q->mim->tenants, q->arena, &n);
	struct arena *one = arena_new(TENANT_ARENA_MAX); /* tenant at a time */
	bool ok = all != NULL && one != NULL;
	json_writer_init(&w, &q->out);
	json_put_array(&w);
	for (size_t i = 0; all != NULL && i < n; i++) {
		if (ok && shown < limit &&
		    str_cmp(tenant_runtime_id(all[i]), after) > 0) {
			struct tenant_config *c = tenant_runtime_config(all[i]);
			ok = put_masked(one, &w, c->tenant, tenant_print);
			tenant_config_release(c);
			arena_reset(one);
			shown++;
		}
		tenant_runtime_release(all[i]);
	}
	arena_free(one);
	if (!ok) {
		request_fail_with(q, ERROR_MEMORY, "", "no memory for the list");
		return;
	}
	json_put_array_end(&w);
	request_reply(q, 200);
}

static void get(struct request *q)
{
	show(q, tenant_print);
}

static void get_data_sources(struct request *q)
{
	show(q, tenant_print_data_sources);
}

static void get_conversion_points(struct request *q)
{
	show(q, tenant_print_conversion_points);
}

/* Changes ------------------------------------------------------------------------*/

static void check_zone(const struct tenant *t, struct error_list *errors)
{
	char path[128];
	if (t->time_zone.p == NULL)
		return;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", STR_ARG(t->time_zone));
	if (access(path, R_OK) != 0)
		error_list_add(errors, ERROR_BAD_VALUE, "/timeZone",
			       "this system knows no time zone of this name");
}

/* Reads the body into *t, which holds the configuration of before (for a part of it),
 * and puts stored secrets in place of masks. */
static bool read_body(struct request *q, enum tenant_part part,
		      const struct tenant *old, struct tenant *t)
{
	struct error_list errors;
	bool ok;
	json_t *body = request_json(q);
	if (body == NULL)
		return false;
	error_list_init(&errors, MAX_ERRORS);
	if (part == TENANT_WHOLE)
		ok = tenant_parse(body, TENANT_GIVEN, q->arena, t, &errors);
	else if (part == TENANT_DATA_SOURCES)
		ok = tenant_parse_data_sources(body, q->arena, t, &errors);
	else
		ok = tenant_parse_conversion_points(body, q->arena, t, &errors);
	json_decref(body);
	if (ok) {
		check_zone(t, &errors);
		tenant_unmask(t, old, part, &errors);
		if (q->who.scope != TOKEN_ADMIN)
			tenant_restrict(t, old, part, &errors);
		ok = error_list_empty(&errors);
	}
	if (!ok)
		request_fail_all(q, &errors);
	error_list_free(&errors);
	return ok;
}

static void create(struct request *q)
{
	struct tenant t;
	struct error err;
	bool create_database;
	if (!request_flag(q, "createDB", &create_database) ||
	    !read_body(q, TENANT_WHOLE, NULL, &t))
		return;
	if (!tenant_create(q->mim, &t, create_database, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "tenant", "created  tenant=%.*s keyspace=%.*s by=%s",
		 STR_ARG(t.id), STR_ARG(t.keyspace), q->who.id);
	request_header(q, "Location",
		       arena_printf(q->arena, "/api/tenants/%.*s", STR_ARG(t.id)));
	reply_with(q, 201, &t, tenant_print);
}

static void replace_from(struct request *q, enum tenant_part part,
			 const struct tenant_config *old, print_fn *print)
{
	/* a copy: the stored one is read by others */
	struct tenant *t = tenant_copy(q->arena, old->tenant);
	struct error err;
	if (t == NULL) {
		request_fail_with(q, ERROR_MEMORY, "", "no memory for the tenant");
		return;
	}
	if (!read_body(q, part, old->tenant, t))
		return;
	if (!str_eq(t->id, old->tenant->id)) {
		request_fail_with(q, ERROR_BAD_VALUE, "/id",
				  "id must be that of the path");
		return;
	}
	if (!tenant_replace(q->mim, q->tenant, t, old->revision, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "tenant", "changed  tenant=%.*s by=%s", STR_ARG(t->id),
		 q->who.id);
	reply_with(q, 200, t, print);
}

static void replace_part(struct request *q, enum tenant_part part, print_fn *print)
{
	if (!is_there(q))
		return;
	struct tenant_config *old = tenant_runtime_config(q->tenant);
	replace_from(q, part, old, print);
	tenant_config_release(old);
}

static void replace(struct request *q)
{
	replace_part(q, TENANT_WHOLE, tenant_print);
}

static void replace_data_sources(struct request *q)
{
	replace_part(q, TENANT_DATA_SOURCES, tenant_print_data_sources);
}

static void replace_conversion_points(struct request *q)
{
	replace_part(q, TENANT_CONVERSION_POINTS, tenant_print_conversion_points);
}

static void delete (struct request *q)
{
	struct error err;
	if (!is_there(q))
		return;
	if (!tenant_delete(q->mim, q->tenant, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "tenant", "deleted, its data stay  tenant=%s by=%s",
		 q->tenant->id, q->who.id);
	request_reply_nothing(q);
}

#define TENANT "/api/tenants/{tenantId}"
#define ALSO_CLOSED (ROUTE_BLOCKING | ROUTE_CLOSED_TOO)
static const struct route rows[] = {
	{"GET", "/api/tenants", ROUTE_ADMIN, ROUTE_BLOCKING, list, 0},
	{"POST", "/api/tenants", ROUTE_ADMIN, ROUTE_BLOCKING, create, 0},
	{"GET", TENANT, ROUTE_READ, ALSO_CLOSED, get, 0},
	{"PUT", TENANT, ROUTE_TENANT, ALSO_CLOSED, replace, 0},
	{"DELETE", TENANT, ROUTE_ADMIN, ALSO_CLOSED, delete, 0},
	{"GET", TENANT "/dataSources", ROUTE_READ, ALSO_CLOSED, get_data_sources, 0},
	{"PUT", TENANT "/dataSources", ROUTE_TENANT, ALSO_CLOSED, replace_data_sources,
	 0},
	{"GET", TENANT "/conversionPoints", ROUTE_READ, ALSO_CLOSED,
	 get_conversion_points, 0},
	{"PUT", TENANT "/conversionPoints", ROUTE_TENANT, ALSO_CLOSED,
	 replace_conversion_points, 0},
};
const struct route_table tenant_routes = ROUTE_TABLE(rows);
