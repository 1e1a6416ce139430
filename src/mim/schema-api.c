/* SPDX-License-Identifier: Apache-2.0 */
/* GET and PUT of a tenant's attributes and purposes. */
#include "mim/handlers.h"
#include "mim/schema-store.h"

#define MAX_ERRORS 100

static void show(struct request *q,
		 void (*print)(struct json_writer *, const struct user_schema *))
{
	struct user_schema s;
	struct error err;
	struct json_writer w;
	if (!schema_load(q->tenant->db, q->arena, &s, &err)) {
		request_fail(q, &err);
		return;
	}
	json_writer_init(&w, &q->out);
	print(&w, &s);
	request_reply(q, 200);
}

static bool read_body(struct request *q,
		      bool (*parse)(json_t *, struct arena *, struct user_schema *,
				    struct error_list *),
		      struct user_schema *s)
{
	struct error_list errors;
	json_t *body = request_json(q);
	if (body == NULL)
		return false;
	*s = (struct user_schema){0};
	error_list_init(&errors, MAX_ERRORS);
	bool ok = parse(body, q->arena, s, &errors);
	json_decref(body);
	if (!ok)
		request_fail_all(q, &errors);
	error_list_free(&errors);
	return ok;
}

static void get_attributes(struct request *q)
{
	show(q, schema_print_attributes);
}

static void get_purposes(struct request *q)
{
	show(q, schema_print_purposes);
}

static void put_attributes(struct request *q)
{
	struct user_schema s;
	struct error err;
	if (!read_body(q, schema_parse_attributes, &s))
		return;
	if (schema_store_attributes(q->tenant->db, &s, &err))
		get_attributes(q);
	else
		request_fail(q, &err);
}

static void put_purposes(struct request *q)
{
	struct user_schema s;
	struct error err;
	if (!read_body(q, schema_parse_purposes, &s))
		return;
	if (schema_store_purposes(q->tenant->db, &s, &err))
		get_purposes(q);
	else
		request_fail(q, &err);
}

#define TENANT "/api/tenants/{tenantId}"
static const struct route rows[] = {
	{"GET", TENANT "/attributes", ROUTE_READ, ROUTE_BLOCKING, get_attributes, 0},
	{"PUT", TENANT "/attributes", ROUTE_TENANT, ROUTE_BLOCKING, put_attributes, 0},
	{"GET", TENANT "/purposes", ROUTE_READ, ROUTE_BLOCKING, get_purposes, 0},
	{"PUT", TENANT "/purposes", ROUTE_TENANT, ROUTE_BLOCKING, put_purposes, 0},
};
const struct route_table schema_routes = ROUTE_TABLE(rows);
