/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/campaign-state.h"

#include "mim/feed.h"
#include "mim/sync.h"
#include "mim/tenants-internal.h"

/* Others that write the same document: imports, another middleware. */
#define TRIES 5
#define ARENA_MAX (2 * (size_t)STORE_DOCUMENT_MAX + (1u << 20))

/* What a status turns into; STAGED stands for "not allowed". */
static const enum campaign_status next_status[][CAMPAIGN_CANCELLED + 1] = {
	[CAMPAIGN_ORDER_PAUSE] = {[CAMPAIGN_ACTIVE] = CAMPAIGN_PAUSED,
				  [CAMPAIGN_PAUSED] = CAMPAIGN_PAUSED},
	[CAMPAIGN_ORDER_RESUME] = {[CAMPAIGN_ACTIVE] = CAMPAIGN_ACTIVE,
				   [CAMPAIGN_PAUSED] = CAMPAIGN_ACTIVE},
	[CAMPAIGN_ORDER_CANCEL] = {[CAMPAIGN_STAGED] = CAMPAIGN_CANCELLED,
				   [CAMPAIGN_ACTIVE] = CAMPAIGN_CANCELLED,
				   [CAMPAIGN_PAUSED] = CAMPAIGN_CANCELLED,
				   [CAMPAIGN_CANCELLED] = CAMPAIGN_CANCELLED},
	[CAMPAIGN_ORDER_RECALL] = {[CAMPAIGN_ACTIVE] = CAMPAIGN_ACTIVE,
				   [CAMPAIGN_PAUSED] = CAMPAIGN_PAUSED,
				   [CAMPAIGN_CANCELLED] = CAMPAIGN_CANCELLED},
};

bool campaign_state_order(struct campaign_state *s, enum campaign_order order,
			  enum recall_scope scope, int64_t now_ms, bool *changed,
			  struct error *err)
{
	enum campaign_status next = next_status[order][s->status];
	if (next == CAMPAIGN_STAGED)
		return error_set(err, ERROR_CONFLICT, "", "the campaign is %s",
				 campaign_status_name(s->status));
	*changed = next != s->status || order == CAMPAIGN_ORDER_RECALL;
	if (!*changed)
		return true;
	s->status = next;
	s->changed_ms = now_ms;
	if (order == CAMPAIGN_ORDER_RECALL) {
		s->recall = scope;
		s->recalled_before_ms = now_ms;
	}
	return true;
}

struct change {
	struct tenant_runtime *tenant;
	struct str campaign;
	enum campaign_order order;
	enum recall_scope scope;
	int64_t now_ms;
};

static bool change_once(const struct change *c, struct arena *arena, bool *changed,
			struct error *err)
{
	struct store_db *db = c->tenant->db;
	struct store_document doc;
	struct campaign_document d;
	struct buf body;
	if (!sync_document_get(db, STORE_CAMPAIGN, c->campaign, arena, &doc, err))
		return false;
	if (doc.revision == 0)
		return error_set(err, ERROR_NOT_FOUND, "", "there is no such campaign");
	if (!campaign_document_parse(doc.body, arena, &d, err) ||
	    !campaign_state_order(&d.state, c->order, c->scope, c->now_ms, changed,
				  err))
		return false;
	if (!*changed)
		return true;
	buf_init(&body, STORE_DOCUMENT_MAX);
	bool ok = campaign_document_write(&body, &d)
			  ? sync_document_put(db, STORE_CAMPAIGN, c->campaign,
					      buf_str(&body), doc.revision, NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory for a change");
	buf_free(&body);
	if (!ok && err->kind == ERROR_CONFLICT)
		error_set(err, ERROR_BUSY, "",
			  "the campaign is being changed by somebody else");
	return ok;
}

static bool change_locked(const struct change *c, struct arena *arena,
			  struct error *err)
{
	bool changed = false, ok = false;
	for (int i = 0; i < TRIES && !ok; i++) {
		arena_reset(arena);
		ok = change_once(c, arena, &changed, err);
		if (!ok && err->kind != ERROR_BUSY)
			return false;
	}
	return ok && (!changed || tenant_runtime_rebuild_locked(c->tenant, err));
}

bool campaign_change(struct tenant_runtime *t, struct str campaign,
		     enum campaign_order order, enum recall_scope scope, int64_t now_ms,
		     struct error *err)
{
	const struct change c = {t, campaign, order, scope, now_ms};
	struct arena *arena = arena_new(ARENA_MAX);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a change");
	pthread_mutex_lock(&t->change);
	bool ok = change_locked(&c, arena, err);
	if (!ok)
		tenant_runtime_failed(t, err);
	pthread_mutex_unlock(&t->change);
	arena_free(arena);
	if (ok && order == CAMPAIGN_ORDER_RECALL)
		feed_campaign(t->feed, campaign);
	return ok;
}

/* The kill switch ----------------------------------------------------------------*/

static bool kill_read(struct tenant_runtime *t, struct arena *arena,
		      struct kill_document *out, uint64_t *revision, struct error *err)
{
	struct store_document doc;
	*out = (struct kill_document){.scope = KILL_NOTHING};
	if (!sync_document_get(t->db, STORE_SETTING, STR(DOCUMENT_KILL_ID), arena, &doc,
			       err))
		return false;
	*revision = doc.revision;
	return doc.revision == 0 || kill_document_parse(doc.body, arena, out, err);
}

static bool kill_write(struct tenant_runtime *t, enum kill_switch scope, int64_t now_ms,
		       uint64_t revision, struct error *err)
{
	const struct kill_document d = {scope, now_ms};
	struct buf body;
	buf_init(&body, 1024);
	bool ok =
		kill_document_write(&body, &d)
			? sync_document_put(t->db, STORE_SETTING, STR(DOCUMENT_KILL_ID),
					    buf_str(&body), revision, NULL, err)
			: error_set(err, ERROR_MEMORY, "", "no memory for a change");
	buf_free(&body);
	if (!ok)
		tenant_runtime_failed(t, err);
	if (!ok && err->kind == ERROR_CONFLICT)
		error_set(err, ERROR_BUSY, "",
			  "the kill switch is being changed by somebody else");
	return ok && tenant_runtime_rebuild_locked(t, err);
}

bool kill_switch_set(struct tenant_runtime *t, enum kill_switch scope, int64_t now_ms,
		     struct error *err)
{
	/* in an emergency whatever was there gives way */
	pthread_mutex_lock(&t->change);
	bool ok = kill_write(t, scope, now_ms, STORE_ANY, err);
	pthread_mutex_unlock(&t->change);
	return ok;
}

static bool lift_locked(struct tenant_runtime *t, enum kill_switch scope,
			int64_t now_ms, struct arena *arena, struct error *err)
{
	struct kill_document d;
	uint64_t revision;
	if (!kill_read(t, arena, &d, &revision, err))
		return false;
	if (d.scope == KILL_NOTHING)
		return true;
	if (scope == KILL_NON_SERVICE && d.scope == KILL_ALL)
		return error_set(err, ERROR_CONFLICT, "/scope",
				 "all is paused: resume with scope all");
	return kill_write(t, KILL_NOTHING, now_ms, revision, err);
}

bool kill_switch_lift(struct tenant_runtime *t, enum kill_switch scope, int64_t now_ms,
		      struct error *err)
{
	struct arena *arena = arena_new(ARENA_MAX);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a change");
	pthread_mutex_lock(&t->change);
	bool ok = lift_locked(t, scope, now_ms, arena, err);
	pthread_mutex_unlock(&t->change);
	arena_free(arena);
	return ok;
}

bool kill_switch_read(struct tenant_runtime *t, enum kill_switch *now,
		      struct error *err)
{
	struct kill_document d;
	uint64_t revision;
	struct arena *arena = arena_new(ARENA_MAX);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	bool ok = kill_read(t, arena, &d, &revision, err);
	*now = d.scope;
	arena_free(arena);
	return ok;
}
