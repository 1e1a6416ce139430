/* SPDX-License-Identifier: Apache-2.0 */
/* The tenant's kill switch: /api/tenants/{tenantId}/pause and /resume. */
#include "base/json.h"
#include "mim/campaign-state.h"
#include "mim/handlers.h"
#include "mim/order-body.h"

static void reply_kill_switch(struct request *q)
{
	struct json_writer w;
	enum kill_switch now;
	struct error err;
	if (!kill_switch_read(q->tenant, &now, &err)) {
		request_fail(q, &err);
		return;
	}
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_string(&w, "killSwitch", str_of(kill_switch_name(now)));
	json_put_object_end(&w);
	request_reply(q, 200);
}

static bool read_scope(struct request *q, enum kill_switch *scope)
{
	static const char *const names[] = {"all", "nonService"};
	unsigned choice = 0;
	if (!order_body_read(q, "scope", names, 2, &choice))
		return false;
	*scope = choice == 0 ? KILL_ALL : KILL_NON_SERVICE;
	return true;
}

static void pause_tenant(struct request *q)
{
	enum kill_switch scope;
	struct error err;
	if (!read_scope(q, &scope))
		return;
	if (!kill_switch_set(q->tenant, scope, q->now_ms, &err)) {
		request_fail(q, &err);
		return;
	}
	log_warn(q->mim->log, "tenant", "paused  tenant=%s scope=%s", q->tenant->id,
		 kill_switch_name(scope));
	reply_kill_switch(q);
}

static void resume_tenant(struct request *q)
{
	enum kill_switch scope;
	struct error err;
	if (!read_scope(q, &scope))
		return;
	if (!kill_switch_lift(q->tenant, scope, q->now_ms, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "tenant", "resumed  tenant=%s", q->tenant->id);
	reply_kill_switch(q);
}

static const struct route rows[] = {
	{"GET", "/api/tenants/{tenantId}/pause", ROUTE_READ, ROUTE_BLOCKING,
	 reply_kill_switch, 0},
	{"POST", "/api/tenants/{tenantId}/pause", ROUTE_TENANT, ROUTE_BLOCKING,
	 pause_tenant, 0},
	{"POST", "/api/tenants/{tenantId}/resume", ROUTE_TENANT, ROUTE_BLOCKING,
	 resume_tenant, 0},
};
const struct route_table kill_routes = ROUTE_TABLE(rows);
