/* SPDX-License-Identifier: Apache-2.0 */
/* POST and GET of imports, of campaigns and of users. */
#include "mim/handlers.h"
#include "mim/import.h"
#include "mim/order-body.h"
#include "mim/sync.h"
#include "net/object-store.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

static void read_source(struct json_table_reader *r, const json_t *v)
{
	struct import_order *o = r->out;
	json_table_id(r, v, &o->data_source);
}

static void read_prefix(struct json_table_reader *r, const json_t *v)
{
	struct import_order *o = r->out;
	json_table_line(r, v, OBJECT_KEY_MAX, &o->prefix);
}

static void read_activate(struct json_table_reader *r, const json_t *v)
{
	struct import_order *o = r->out;
	if (json_is_boolean(v))
		o->activate = json_is_true(v);
	else
		json_table_error(r, ERROR_BAD_VALUE, "must be true or false");
}

static const struct json_field campaign_fields[] = {
	{"/dataSource", read_source, JSON_OPTIONAL},
	{"/prefix", read_prefix, JSON_NEEDED},
	{"/activate", read_activate, JSON_OPTIONAL},
};
static const struct json_field user_fields[] = {
	{"/dataSource", read_source, JSON_OPTIONAL},
	{"/prefix", read_prefix, JSON_NEEDED},
};

/* As the stored document shows it. */
static bool reply_shown(struct request *q, struct str body, struct error *err)
{
	struct str shown;
	if (!import_document_shown(body, &shown, q->arena, err))
		return false;
	buf_add_str(&q->out, shown);
	return true;
}

static void reply_new(struct request *q, const struct import_document *d)
{
	struct buf body;
	struct error err;
	buf_init(&body, IMPORT_DOCUMENT_MAX);
	bool ok = import_document_write(&body, d, NULL, NULL) ||
		  error_set(&err, ERROR_MEMORY, "", "no memory for the answer");
	ok = ok && reply_shown(q, buf_str(&body), &err);
	buf_free(&body);
	if (!ok) {
		request_fail(q, &err);
		return;
	}
	request_header(q, "Location",
		       arena_printf(q->arena, "/api/tenants/%s/imports/%.*s",
				    q->tenant->id, STR_ARG(d->id)));
	request_reply(q, 202);
}

static void order(struct request *q, enum import_kind kind,
		  const struct json_field *fields, size_t n)
{
	struct import_document d;
	struct error err;
	struct import_order o = {.kind = kind,
				 .activate = true,
				 .service = q->who.service,
				 .by = str_of(q->who.id)};
	if (!order_body_table(q, fields, n, &o))
		return;
	if (!import_order(q->tenant, &o, q->now_ms, q->arena, &d, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "import", "ordered  tenant=%s import=%.*s by=%s",
		 q->tenant->id, STR_ARG(d.id), q->who.id);
	reply_new(q, &d);
}

static void post_import(struct request *q)
{
	order(q, IMPORT_CAMPAIGN, campaign_fields,
	      sizeof campaign_fields / sizeof *campaign_fields);
}

static void post_users(struct request *q)
{
	order(q, IMPORT_USERS, user_fields, sizeof user_fields / sizeof *user_fields);
}

static void get_import(struct request *q)
{
	struct store_document doc;
	struct error err;
	if (!sync_document_get(q->tenant->db, STORE_IMPORT, q->params[1], q->arena,
			       &doc, &err))
		request_fail(q, &err);
	else if (doc.revision == 0)
		request_fail_with(q, ERROR_NOT_FOUND, "", "there is no such import");
	else if (reply_shown(q, doc.body, &err))
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

static void list_imports(struct request *q)
{
	struct store_document_list list;
	struct error err;
	size_t limit;
	struct str after = request_query(q, "after");
	bool ok;
	if (!request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit))
		return;
	ok = sync_document_list(q->tenant->db, STORE_IMPORT, STR(""),
				after.p != NULL ? after : STR(""), limit, true,
				q->arena, &list, &err);
	buf_add_char(&q->out, '[');
	for (size_t i = 0; ok && i < list.n; i++) {
		if (i > 0)
			buf_add_char(&q->out, ',');
		ok = reply_shown(q, list.items[i].body, &err);
	}
	buf_add_char(&q->out, ']');
	if (ok)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

#define TENANT "/api/tenants/{tenantId}"
static const struct route rows[] = {
	{"POST", TENANT "/imports", ROUTE_TENANT, ROUTE_BLOCKING, post_import, 0},
	{"GET", TENANT "/imports", ROUTE_READ, ROUTE_BLOCKING, list_imports, 0},
	{"GET", TENANT "/imports/{importId}", ROUTE_READ, ROUTE_BLOCKING, get_import,
	 0},
	{"POST", TENANT "/users/import", ROUTE_TENANT, ROUTE_BLOCKING, post_users, 0},
};
const struct route_table import_routes = ROUTE_TABLE(rows);
