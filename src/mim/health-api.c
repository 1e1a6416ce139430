/* SPDX-License-Identifier: Apache-2.0 */
/* GET /health/live, /health/ready, /metrics */
#include "base/json.h"
#include "mim/deliver.h"
#include "mim/handlers.h"

#include <stdio.h>

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define NEARLY_FULL_PERCENT 90

enum check_status {
	CHECK_OK,
	CHECK_WARN,
	CHECK_FAIL,
};

static void live(struct request *q)
{
	buf_add_str(&q->out, STR("{\"status\":\"live\"}"));
	request_reply(q, 200);
}

static void put_check(struct json_writer *w, const char *name, enum check_status status,
		      const char *message)
{
	static const char *const words[] = {"ok", "warn", "fail"};
	json_put_object(w);
	json_kv_string(w, "name", str_of(name));
	json_kv_string(w, "status", str_of(words[status]));
	if (message[0] != '\0')
		json_kv_string(w, "message", str_of(message));
	json_put_object_end(w);
}

static enum check_status check_store(struct mim *mim, char *message, size_t size)
{
	struct store_usage u;
	message[0] = '\0';
	if (mim->store == NULL) {
		snprintf(message, size, "the store is not open yet");
		return CHECK_FAIL;
	}
	store_usage(mim->store, &u);
	if (u.full) {
		snprintf(message, size,
			 "the last write found no room: make room on the disk or raise "
			 "inlay.data.map-size");
		return CHECK_FAIL;
	}
	if (u.bytes_max > 0 &&
	    u.bytes_used / NEARLY_FULL_PERCENT * 100 >= u.bytes_max) {
		snprintf(message, size, "more than %d %% of its room are used",
			 NEARLY_FULL_PERCENT);
		return CHECK_WARN;
	}
	return CHECK_OK;
}

/* Names no tenant: whoever may ask this may not know them. */
static enum check_status check_tenants(struct request *q, char *message, size_t size)
{
	size_t n = 0, closed = 0;
	struct tenants *tenants = q->mim->tenants;
	struct tenant_runtime **all =
		tenants != NULL ? tenants_all(tenants, q->arena, &n) : NULL;
	for (size_t i = 0; all != NULL && i < n; i++) {
		closed += !all[i]->open;
		tenant_runtime_release(all[i]);
	}
	message[0] = '\0';
	if (closed == 0)
		return CHECK_OK;
	snprintf(message, size,
		 "%zu of %zu tenants have no database that can be opened: see the log",
		 closed, n);
	return CHECK_WARN;
}

/* As above. */
static enum check_status check_points(struct mim *mim, char *message, size_t size)
{
	struct deliver_counts n;
	deliver_counts(mim->deliver, &n);
	message[0] = '\0';
	if (n.failing == 0)
		return CHECK_OK;
	snprintf(message, size,
		 "%llu of %llu conversion points take no events: inlay point list "
		 "says which",
		 (unsigned long long)n.failing, (unsigned long long)n.points);
	return CHECK_WARN;
}

static void ready(struct request *q)
{
	char message[160];
	struct json_writer w;
	const char *starting = q->mim->not_ready;
	enum check_status store = check_store(q->mim, message, sizeof message);
	bool ok = starting == NULL && store != CHECK_FAIL;

	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_string(&w, "status", str_of(ok ? "ready" : "notReady"));
	json_put_key(&w, STR("checks"));
	json_put_array(&w);
	put_check(&w, "start", starting == NULL ? CHECK_OK : CHECK_FAIL,
		  starting != NULL ? starting : "");
	put_check(&w, "store", store, message);
	enum check_status tenants = check_tenants(q, message, sizeof message);
	put_check(&w, "tenants", tenants, message);
	enum check_status points = check_points(q->mim, message, sizeof message);
	put_check(&w, "conversionPoints", points, message);
	json_put_array_end(&w);
	json_put_object_end(&w);
	request_reply(q, ok ? 200 : 503);
}

static void metrics(struct request *q)
{
	if (q->mim->not_ready != NULL) {
		request_fail_with(q, ERROR_UNAVAILABLE, "", "%s", q->mim->not_ready);
		return;
	}
	metrics_write(q->mim, &q->out);
	request_reply_as(q, 200, OPENMETRICS_TYPE);
}

static const struct route rows[] = {
	{"GET", "/health/live", ROUTE_OPEN, ROUTE_ALWAYS, live, 0},
	{"GET", "/health/ready", ROUTE_MONITOR, ROUTE_ALWAYS, ready, 0},
	{"GET", "/metrics", ROUTE_MONITOR, ROUTE_ALWAYS, metrics, 0},
};
const struct route_table health_routes = ROUTE_TABLE(rows);
