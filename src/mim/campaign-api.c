/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns: list, show, statistics, and what is done to them by hand (contracts.md
 * §2). */
#include "mim/campaign-state.h"
#include "mim/handlers.h"
#include "mim/import.h"
#include "mim/order-body.h"
#include "mim/statistics-print.h"
#include "mim/sync.h"
#include "model/campaign-json.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define PAGE_ARENA_MAX (256u << 20)
#define VERSIONS_MAX 1000

/* Showing ------------------------------------------------------------------------*/

/* What is read to show one campaign. */
struct shown {
	struct str id;
	struct campaign_document state;
	struct version_document *versions; /* those that are ready, ascending */
	size_t n_versions;
	struct store_statistic *statistics;
	size_t n_statistics;
};

static bool read_versions(struct store_db *db, struct arena *arena, struct shown *s,
			  struct error *err)
{
	struct store_document_list list;
	struct str prefix = arena_printf(arena, "%.*s/", STR_ARG(s->id));
	if (prefix.p == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a campaign");
	if (!sync_document_list(db, STORE_VERSION, prefix, STR(""), VERSIONS_MAX, true,
				arena, &list, err))
		return false;
	s->versions = arena_array(arena, list.n, sizeof *s->versions);
	if (s->versions == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a campaign");
	for (size_t i = 0; i < list.n; i++) {
		struct version_document *v = &s->versions[s->n_versions];
		if (!version_document_parse(list.items[i].body, arena, v, err))
			return false;
		s->n_versions += v->ready;
	}
	return true;
}

static bool read_campaign(struct store_db *db, const struct store_document *doc,
			  struct arena *arena, struct shown *s, struct error *err)
{
	*s = (struct shown){.id = doc->id};
	return campaign_document_parse(doc->body, arena, &s->state, err) &&
	       read_versions(db, arena, s, err) &&
	       sync_statistics_read(db, s->id, 0, CLOCK_MAX_MS, arena, &s->statistics,
				    &s->n_statistics, err);
}

static void put_versions(struct json_writer *w, const struct shown *s)
{
	json_put_key(w, STR("versions"));
	json_put_array(w);
	for (size_t i = 0; i < s->n_versions; i++) {
		const struct version_document *v = &s->versions[i];
		uint32_t version = v->campaign.version;
		json_put_object(w);
		json_kv_u64(w, "version", version);
		json_kv_time(w, "importedAt", v->imported_ms);
		json_kv_bool(w, "active", version == s->state.state.active_version);
		if (v->campaign.from == AUDIENCE_RECIPIENTS)
			json_kv_u64(w, "recipients", v->rows);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

/* The active version's, else the newest's. */
static const struct campaign *definition_of(const struct shown *s)
{
	for (size_t i = 0; i < s->n_versions; i++)
		if (s->versions[i].campaign.version == s->state.state.active_version)
			return &s->versions[i].campaign;
	return s->n_versions > 0 ? &s->versions[s->n_versions - 1].campaign : NULL;
}

static void put_campaign(struct json_writer *w, const struct shown *s)
{
	const struct campaign_state *state = &s->state.state;
	const struct campaign *definition = definition_of(s);
	json_put_object(w);
	json_kv_string(w, "id", s->id);
	json_kv_string(w, "status", str_of(campaign_status_name(state->status)));
	if (state->active_version != 0)
		json_kv_u64(w, "activeVersion", state->active_version);
	put_versions(w, s);
	json_kv_string(w, "recall", str_of(recall_scope_name(state->recall)));
	if (state->recall != RECALL_NONE)
		json_kv_time(w, "recalledBefore", state->recalled_before_ms);
	json_kv_time(w, "changedAt", state->changed_ms);
	if (definition != NULL) {
		json_put_key(w, STR("definition"));
		campaign_put_json(w, definition);
	}
	json_put_key(w, STR("counts"));
	statistics_put_totals(w, s->statistics, s->n_statistics);
	json_put_key(w, STR("copies"));
	statistics_put_copies(w, s->statistics, s->n_statistics);
	json_put_object_end(w);
}

static bool fetch(struct request *q, struct str id, struct arena *arena,
		  struct store_document *doc, struct error *err)
{
	if (!sync_document_get(q->tenant->db, STORE_CAMPAIGN, id, arena, doc, err))
		return false;
	return doc->revision != 0 ||
	       error_set(err, ERROR_NOT_FOUND, "", "there is no such campaign");
}

static void reply_campaign(struct request *q)
{
	struct store_document doc;
	struct shown s;
	struct json_writer w;
	struct error err = {0};
	struct arena *arena = arena_new(PAGE_ARENA_MAX);
	json_writer_init(&w, &q->out);
	if (arena == NULL)
		error_set(&err, ERROR_MEMORY, "", "no memory for a campaign");
	else if (fetch(q, q->params[1], arena, &doc, &err) &&
		 read_campaign(q->tenant->db, &doc, arena, &s, &err) &&
		 (s.state.newest_version > 0 ||
		  error_set(&err, ERROR_NOT_FOUND, "", "there is no such campaign")))
		put_campaign(&w, &s);
	arena_free(arena);
	if (err.kind == ERROR_NONE)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

static void list(struct request *q)
{
	struct store_document_list page;
	struct json_writer w;
	struct error err = {0};
	size_t limit;
	struct str after = request_query(q, "after");
	if (!request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit))
		return;
	bool ok = sync_document_list(q->tenant->db, STORE_CAMPAIGN, STR(""),
				     after.p != NULL ? after : STR(""), limit, true,
				     q->arena, &page, &err);
	json_writer_init(&w, &q->out);
	json_put_array(&w);
	for (size_t i = 0; ok && i < page.n; i++) {
		struct shown s;
		struct arena *arena = arena_new(PAGE_ARENA_MAX);
		ok = arena != NULL ? read_campaign(q->tenant->db, &page.items[i], arena,
						   &s, &err)
				   : error_set(&err, ERROR_MEMORY, "",
					       "no memory for a campaign");
		/* one whose first import is not at its end is not there yet */
		if (ok && s.state.newest_version > 0)
			put_campaign(&w, &s);
		arena_free(arena);
	}
	if (!ok) {
		request_fail(q, &err);
		return;
	}
	json_put_array_end(&w);
	request_reply(q, 200);
}

/* Orders -------------------------------------------------------------------------*/

static const char *const order_names[] = {
#define X(name, text) text,
	CAMPAIGN_ORDERS(X)
#undef X
};

static void order(struct request *q, enum campaign_order what, enum recall_scope scope)
{
	struct error err;
	if (!campaign_change(q->tenant, q->params[1], what, scope, q->now_ms, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "campaign", "ordered  tenant=%s campaign=%.*s order=%s",
		 q->tenant->id, STR_ARG(q->params[1]), order_names[what]);
	reply_campaign(q);
}

static void pause_campaign(struct request *q)
{
	if (order_body_read(q, NULL, NULL, 0, NULL))
		order(q, CAMPAIGN_ORDER_PAUSE, RECALL_NONE);
}

static void resume_campaign(struct request *q)
{
	if (order_body_read(q, NULL, NULL, 0, NULL))
		order(q, CAMPAIGN_ORDER_RESUME, RECALL_NONE);
}

static void cancel_campaign(struct request *q)
{
	if (order_body_read(q, NULL, NULL, 0, NULL))
		order(q, CAMPAIGN_ORDER_CANCEL, RECALL_NONE);
}

static void recall_campaign(struct request *q)
{
	static const char *const scopes[] = {"unread", "all"};
	unsigned scope = 0;
	if (order_body_read(q, "scope", scopes, 2, &scope))
		order(q, CAMPAIGN_ORDER_RECALL,
		      scope == 0 ? RECALL_UNREAD : RECALL_ALL);
}

static void activate_version(struct request *q)
{
	struct error err;
	uint64_t version;
	if (!order_body_read(q, NULL, NULL, 0, NULL))
		return;
	if (!str_to_u64(q->params[2], UINT32_MAX, &version) || version == 0) {
		request_fail_with(q, ERROR_NOT_FOUND, "",
				  "a version is a number from 1");
		return;
	}
	if (!import_activate(q->tenant, q->params[1], (uint32_t)version, q->who.service,
			     q->now_ms, &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "campaign",
		 "activated  tenant=%s campaign=%.*s version=%u", q->tenant->id,
		 STR_ARG(q->params[1]), (unsigned)version);
	reply_campaign(q);
}

/* Statistics ---------------------------------------------------------------------*/

struct span {
	int64_t from_ms, to_ms, width_ms; /* width 0: no series */
	struct str interval;
};

static bool read_time(struct request *q, const char *name, int64_t *ms)
{
	struct error err = {0};
	struct str text = request_query(q, name);
	if (text.p == NULL || clock_parse_rfc3339(text, ms, &err))
		return true;
	request_fail_with(q, ERROR_USAGE, "", "the query's %s: %s", name, err.message);
	return false;
}

static bool read_span(struct request *q, struct span *s)
{
	struct str interval = request_query(q, "interval");
	*s = (struct span){.to_ms = CLOCK_MAX_MS,
			   .width_ms = CLOCK_HOUR,
			   .interval = interval.p != NULL ? interval : STR("hour")};
	if (str_eqz(s->interval, "day"))
		s->width_ms = CLOCK_DAY;
	else if (str_eqz(s->interval, "none"))
		s->width_ms = 0;
	else if (!str_eqz(s->interval, "hour")) {
		request_fail_with(q, ERROR_USAGE, "",
				  "the query's interval must be hour, day or none");
		return false;
	}
	return read_time(q, "from", &s->from_ms) && read_time(q, "to", &s->to_ms);
}

static void put_statistics(struct request *q, const struct span *s,
			   const struct store_statistic *rows, size_t n)
{
	struct json_writer w;
	int64_t from_ms = s->from_ms, to_ms = s->to_ms;
	if (to_ms == CLOCK_MAX_MS)
		/* what was counted while the clock was ahead is counted */
		to_ms = n > 0 && rows[n - 1].hour_ms > q->now_ms ? rows[n - 1].hour_ms
								 : q->now_ms;
	if (from_ms == 0)
		from_ms = n > 0 ? rows[0].hour_ms : to_ms;
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_string(&w, "campaign", q->params[1]);
	json_kv_string(&w, "interval", s->interval);
	json_kv_time(&w, "from", from_ms);
	json_kv_time(&w, "to", to_ms);
	json_put_key(&w, STR("totals"));
	statistics_put_totals(&w, rows, n);
	if (s->width_ms != 0) {
		json_put_key(&w, STR("series"));
		statistics_put_series(&w, rows, n, s->width_ms);
	}
	json_put_object_end(&w);
}

static void statistics(struct request *q)
{
	struct store_document doc;
	struct store_statistic *rows;
	struct span s;
	struct error err;
	size_t n;
	if (!read_span(q, &s))
		return;
	if (!fetch(q, q->params[1], q->arena, &doc, &err) ||
	    !sync_statistics_read(q->tenant->db, q->params[1],
				  s.from_ms - s.from_ms % CLOCK_HOUR, s.to_ms, q->arena,
				  &rows, &n, &err)) {
		request_fail(q, &err);
		return;
	}
	put_statistics(q, &s, rows, n);
	request_reply(q, 200);
}

#define CAMPAIGNS "/api/tenants/{tenantId}/campaigns"
#define CAMPAIGN CAMPAIGNS "/{campaignId}"
static const struct route rows[] = {
	{"GET", CAMPAIGNS, ROUTE_READ, ROUTE_BLOCKING, list, 0},
	{"GET", CAMPAIGN, ROUTE_READ, ROUTE_BLOCKING, reply_campaign, 0},
	{"GET", CAMPAIGN "/statistics", ROUTE_READ, ROUTE_BLOCKING, statistics, 0},
	{"POST", CAMPAIGN "/pause", ROUTE_TENANT, ROUTE_BLOCKING, pause_campaign, 0},
	{"POST", CAMPAIGN "/resume", ROUTE_TENANT, ROUTE_BLOCKING, resume_campaign, 0},
	{"POST", CAMPAIGN "/cancel", ROUTE_TENANT, ROUTE_BLOCKING, cancel_campaign, 0},
	{"POST", CAMPAIGN "/recall", ROUTE_TENANT, ROUTE_BLOCKING, recall_campaign, 0},
	{"POST", CAMPAIGN "/versions/{version}/activate", ROUTE_TENANT, ROUTE_BLOCKING,
	 activate_version, 0},
};
const struct route_table campaign_routes = ROUTE_TABLE(rows);
