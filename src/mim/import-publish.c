/* SPDX-License-Identifier: Apache-2.0 */
/* How a version comes to be: compared with what is there, claimed, published, flipped
 * to. The campaign's document is changed on the condition that it is as it was read,
 * under the tenant's `change` lock, and only by the holder of the import epoch. */
#include "mim/import-internal.h"
#include "mim/sync.h"
#include "mim/tenants-internal.h"

#include <inttypes.h>

#define ARENA_MAX (3 * (size_t)STORE_DOCUMENT_MAX)
#define TRIES_MAX 5

/* A campaign's document, as read and to be written back. */
struct campaign_edit {
	struct store_db *db;
	struct arena *arena;
	struct str id;
	uint64_t revision; /* 0: it was not there */
	struct campaign_document d;
};

static bool edit_read(struct campaign_edit *e, struct error *err)
{
	struct store_document doc;
	arena_reset(e->arena);
	if (!sync_document_get(e->db, STORE_CAMPAIGN, e->id, e->arena, &doc, err))
		return false;
	e->revision = doc.revision;
	e->d = (struct campaign_document){.state.status = CAMPAIGN_STAGED};
	return doc.revision == 0 ||
	       campaign_document_parse(doc.body, e->arena, &e->d, err);
}

/* A write whose outcome is unknown is looked up: what stands there is ours, or not. */
static bool is_written(struct campaign_edit *e, struct str body)
{
	struct store_document doc;
	struct error ignored;
	return sync_document_get(e->db, STORE_CAMPAIGN, e->id, e->arena, &doc,
				 &ignored) &&
	       doc.revision > e->revision && str_eq(doc.body, body);
}

static bool edit_write(struct campaign_edit *e, struct error *err)
{
	struct buf body;
	buf_init(&body, STORE_DOCUMENT_MAX);
	bool ok = campaign_document_write(&body, &e->d)
			  ? sync_document_put(e->db, STORE_CAMPAIGN, e->id,
					      buf_str(&body), e->revision, NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	if (!ok && store_outcome_unknown(err))
		ok = is_written(e, buf_str(&body));
	buf_free(&body);
	return ok;
}

/* Reads, changes, writes; again if another mimd was first. */
static bool edit(struct store_db *db, struct str id,
		 bool (*change)(struct campaign_edit *e, void *ctx, struct error *err),
		 void *ctx, struct error *err)
{
	struct campaign_edit e = {.db = db, .id = id, .arena = arena_new(ARENA_MAX)};
	bool ok = e.arena != NULL || error_set(err, ERROR_MEMORY, "", "no memory");
	for (int try = 1; ok; try++) {
		ok = edit_read(&e, err) && change(&e, ctx, err);
		if (!ok || edit_write(&e, err))
			break;
		ok = err->kind == ERROR_CONFLICT && try < TRIES_MAX;
	}
	arena_free(e.arena);
	return ok;
}

static bool get_version(struct store_db *db, struct str campaign, uint32_t version,
			struct arena *arena, struct version_document *out, bool *found,
			struct error *err)
{
	struct store_document doc;
	struct str id = version_document_id(arena, campaign, version);
	if (id.p == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	if (!sync_document_get(db, STORE_VERSION, id, arena, &doc, err))
		return false;
	*found = doc.revision > 0;
	if (*found && !version_document_parse(doc.body, arena, out, err))
		return false;
	*found = *found && out->ready;
	return true;
}

/* Comparing ----------------------------------------------------------------------*/

#define VERSION_POINTER "/campaign/version"
#define NEEDS_SERVICE "a service message needs a token with the right \"service\""

/* The same version was imported before. */
static enum import_news compare_same(struct import_job *j,
				     const struct campaign_document *d,
				     const struct version_document *v)
{
	char sha256[2 * CRYPTO_SHA256_LEN + 1];
	const struct campaign *c = &j->check->bundle.campaign;
	crypto_hex(sha256, j->check->bundle.sha256, CRYPTO_SHA256_LEN);
	if (!str_eqz(v->bundle_sha256, sha256)) {
		error_list_add(&j->problem, ERROR_CONFLICT, VERSION_POINTER,
			       "version %" PRIu32 " was imported with another content: "
			       "publish this one with a higher number",
			       c->version);
		return IMPORT_NOT_TAKEN;
	}
	if (!j->doc.activate || d->state.active_version >= c->version) {
		j->doc.rows_accepted = v->rows;
		return IMPORT_KNOWN;
	}
	if (campaign_is_service(&v->campaign) && !j->doc.service) {
		error_list_add(&j->problem, ERROR_FORBIDDEN, "/campaign/legalClass",
			       NEEDS_SERVICE);
		return IMPORT_NOT_TAKEN;
	}
	j->load = v->load;
	j->doc.rows_accepted = v->rows;
	return IMPORT_TO_FLIP;
}

static enum import_news compare(struct import_job *j, struct campaign_edit *e,
				struct error *err)
{
	const struct campaign *c = &j->check->bundle.campaign;
	struct version_document v;
	bool found;
	e->id = c->id;
	if (!edit_read(e, err) ||
	    !get_version(e->db, c->id, c->version, e->arena, &v, &found, err))
		return IMPORT_NOT_TAKEN;
	/* one that the campaign does not know of is what a crash left: it is made anew
	 */
	if (found && c->version <= e->d.newest_version)
		return compare_same(j, &e->d, &v);
	if (e->d.state.status == CAMPAIGN_CANCELLED) {
		error_list_add(&j->problem, ERROR_CONFLICT, "/campaign/id",
			       "the campaign was cancelled for good: another one needs "
			       "a new id");
		return IMPORT_NOT_TAKEN;
	}
	if (c->version < e->d.newest_version) {
		error_list_add(&j->problem, ERROR_CONFLICT, VERSION_POINTER,
			       "version %" PRIu32
			       " was imported already: a version must "
			       "be higher than all before it",
			       e->d.newest_version);
		return IMPORT_NOT_TAKEN;
	}
	return IMPORT_NEWS;
}

enum import_news import_compare(struct import_job *j)
{
	struct error err = {0};
	struct campaign_edit e = {.db = j->tenant->db, .arena = arena_new(ARENA_MAX)};
	enum import_news news = IMPORT_NOT_TAKEN;
	if (e.arena == NULL)
		error_set(&err, ERROR_MEMORY, "", "no memory");
	else
		news = compare(j, &e, &err);
	if (err.kind != ERROR_NONE)
		import_fail(j, &err);
	arena_free(e.arena);
	return news;
}

/* Claiming -----------------------------------------------------------------------*/

/* Another import may have run since import_compare, or run beside this one: versions
 * only ever grow. */
static bool is_newest(const struct import_job *j, const struct campaign_edit *e,
		      struct error *err)
{
	return j->check->bundle.campaign.version > e->d.newest_version ||
	       error_set(err, ERROR_CONFLICT, VERSION_POINTER,
			 "version %" PRIu32 " was imported meanwhile",
			 e->d.newest_version);
}

/* The epoch goes to who claims last, so a lower version must not come after a higher
 * one that is still being loaded: that one would fail for it. */
static bool is_free(const struct import_job *j, const struct campaign_edit *e,
		    struct error *err)
{
	bool over;
	if (j->check->bundle.campaign.version > e->d.claimed_version ||
	    str_eq(e->d.claimed_by, j->doc.id))
		return true;
	return import_is_over(j->tenant, e->d.claimed_by, e->arena, &over, err) &&
	       (over || error_set(err, ERROR_CONFLICT, VERSION_POINTER,
				  "version %" PRIu32 " is being imported",
				  e->d.claimed_version));
}

static bool claim(struct campaign_edit *e, void *ctx, struct error *err)
{
	struct import_job *j = ctx;
	if (!is_newest(j, e, err) || !is_free(j, e, err))
		return false;
	j->epoch = e->d.state.import_epoch + 1;
	e->d.state.import_epoch = j->epoch;
	e->d.claimed_version = j->check->bundle.campaign.version;
	e->d.claimed_by = j->doc.id;
	return true;
}

bool import_claim(struct import_job *j)
{
	struct error err = {0};
	pthread_mutex_lock(&j->tenant->change);
	bool ok = edit(j->tenant->db, j->check->bundle.campaign.id, claim, j, &err);
	pthread_mutex_unlock(&j->tenant->change);
	return ok || import_fail(j, &err);
}

/* Publishing ---------------------------------------------------------------------*/

static void flip_to(struct campaign_document *d, uint32_t version, uint64_t load,
		    int64_t now_ms)
{
	if (d->state.status == CAMPAIGN_STAGED)
		d->state.status = CAMPAIGN_ACTIVE;
	d->state.active_version = version;
	d->state.active_load = load;
	d->state.changed_ms = now_ms;
	d->shown_version = version;
}

/* The load that is found again must not have been given up meanwhile. */
static bool load_is_there(struct import_job *j, struct arena *arena, struct error *err)
{
	char id[LOAD_ID_LEN + 1];
	struct store_document doc;
	struct load_document d;
	if (j->load == 0)
		return true;
	load_document_id(j->load, id);
	if (!sync_document_get(j->tenant->db, STORE_LOAD, str_of(id), arena, &doc, err))
		return false;
	if (doc.revision > 0 && !load_document_parse(doc.body, arena, &d, err))
		return false;
	if (doc.revision > 0 && d.state == LOAD_COMPLETE)
		return true;
	return error_set(err, ERROR_CONFLICT, "",
			 "the loaded rows were given up meanwhile: import it again");
}

static bool may_publish(struct import_job *j, struct campaign_edit *e,
			struct error *err)
{
	if (e->d.state.import_epoch != j->epoch)
		return error_set(err, ERROR_CONFLICT, "",
				 "another import of this campaign came in between");
	if (!is_newest(j, e, err))
		return false;
	if (e->d.state.status == CAMPAIGN_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "", "the campaign was cancelled");
	return load_is_there(j, e->arena, err);
}

static bool publish(struct campaign_edit *e, void *ctx, struct error *err)
{
	struct import_job *j = ctx;
	const struct campaign *c = &j->check->bundle.campaign;
	int64_t now = clock_real_ms();
	if (!may_publish(j, e, err))
		return false;
	e->d.newest_version = c->version;
	if (j->doc.activate)
		flip_to(&e->d, c->version, j->load, now);
	else if (e->d.state.active_version == 0)
		e->d.shown_version = c->version;
	e->d.state.changed_ms = now;
	return true;
}

static bool put_templates(struct import_job *j, struct error *err)
{
	const struct bundle_check *c = j->check;
	for (size_t i = 0; i < c->n_templates; i++)
		if (!sync_document_put(j->tenant->db, STORE_TEMPLATE,
				       str_of(c->templates[i].sha256_text),
				       c->templates[i].json, STORE_ANY, NULL, err))
			return false;
	return true;
}

/* Before anything is put: who comes too late leaves no trace. *old: the revision of a
 * version of that number, 0 if there is none. One that is there is above the newest,
 * so a crash left it. */
static bool look_first(struct import_job *j, uint64_t *old, struct error *err)
{
	struct store_document doc;
	const struct campaign *c = &j->check->bundle.campaign;
	struct str id = version_document_id(j->arena, c->id, c->version);
	struct campaign_edit e = {
		.db = j->tenant->db, .id = c->id, .arena = arena_new(ARENA_MAX)};
	bool ok =
		e.arena != NULL && id.p != NULL
			? sync_document_get(e.db, STORE_VERSION, id, e.arena, &doc, err)
			: error_set(err, ERROR_MEMORY, "", "no memory");
	if (ok)
		*old = doc.revision;
	ok = ok && edit_read(&e, err) && may_publish(j, &e, err);
	arena_free(e.arena);
	return ok;
}

static bool put_version(struct import_job *j, uint64_t old, struct error *err)
{
	char sha256[2 * CRYPTO_SHA256_LEN + 1];
	const struct campaign *c = &j->check->bundle.campaign;
	struct str id = version_document_id(j->arena, c->id, c->version);
	const struct version_document v = {
		.campaign = *c,
		.bundle_sha256 = {sha256, sizeof sha256 - 1},
		.import = j->doc.id,
		.load = j->load,
		.rows = j->doc.rows_accepted,
		.rejected = j->doc.rows_rejected,
		.imported_ms = clock_real_ms(),
		.ready = true,
	};
	struct buf body;
	crypto_hex(sha256, j->check->bundle.sha256, CRYPTO_SHA256_LEN);
	buf_init(&body, STORE_DOCUMENT_MAX);
	bool ok = id.p != NULL && version_document_write(&body, &v)
			  ? sync_document_put(j->tenant->db, STORE_VERSION, id,
					      buf_str(&body), old, NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	buf_free(&body);
	return ok;
}

/* A crash between the version and the campaign leaves a version above the campaign's
 * newest: nobody takes it for loaded, and the next attempt replaces it. */
bool import_publish(struct import_job *j)
{
	struct error err = {0};
	const struct campaign *c = &j->check->bundle.campaign;
	uint64_t old = STORE_ABSENT;
	pthread_mutex_lock(&j->tenant->change);
	bool ok = look_first(j, &old, &err) && put_templates(j, &err) &&
		  put_version(j, old, &err) &&
		  edit(j->tenant->db, c->id, publish, j, &err);
	/* also after a failure: what is stored may have changed. If it cannot be looked
	 * at now, decisions see it a little later. */
	struct error late;
	if (!tenant_runtime_rebuild_locked(j->tenant, &late))
		log_warn(j->mim->log, "import", "snapshot  tenant=%s reason=%s",
			 j->tenant->id, late.message);
	pthread_mutex_unlock(&j->tenant->change);
	return ok || import_fail(j, &err);
}

/* Flipping to what is loaded already ---------------------------------------------*/

struct flip {
	uint32_t version;
	uint64_t load;
	int64_t now_ms;
	bool done; /* it is the active one already */
};

static bool flip(struct campaign_edit *e, void *ctx, struct error *err)
{
	struct flip *f = ctx;
	f->done = e->d.state.active_version == f->version;
	if (e->d.state.status == CAMPAIGN_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "",
				 "the campaign was cancelled for good");
	if (e->d.state.active_version > f->version)
		return error_set(err, ERROR_CONFLICT, "",
				 "version %" PRIu32 " is active: going back is done by "
				 "publishing the old content as a higher version",
				 e->d.state.active_version);
	if (e->d.newest_version < f->version)
		return error_set(err, ERROR_NOT_FOUND, "",
				 "no version %" PRIu32 " of this campaign is loaded",
				 f->version);
	if (!f->done)
		flip_to(&e->d, f->version, f->load, f->now_ms);
	return true;
}

static bool flip_locked(struct tenant_runtime *t, struct str campaign, struct flip *f,
			struct error *err)
{
	pthread_mutex_lock(&t->change);
	bool ok = edit(t->db, campaign, flip, f, err) &&
		  tenant_runtime_rebuild_locked(t, err);
	if (!ok)
		tenant_runtime_failed(t, err);
	pthread_mutex_unlock(&t->change);
	return ok;
}

bool import_flip(struct import_job *j)
{
	struct error err = {0};
	const struct campaign *c = &j->check->bundle.campaign;
	struct flip f = {c->version, j->load, clock_real_ms(), false};
	return flip_locked(j->tenant, c->id, &f, &err) || import_fail(j, &err);
}

static bool activate(struct tenant_runtime *t, struct str campaign, uint32_t version,
		     bool service, int64_t now_ms, struct arena *arena,
		     struct error *err)
{
	struct version_document v;
	bool found;
	if (!get_version(t->db, campaign, version, arena, &v, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_NOT_FOUND, "",
				 "no version %" PRIu32 " of this campaign is loaded",
				 version);
	if (campaign_is_service(&v.campaign) && !service)
		return error_set(err, ERROR_FORBIDDEN, "", NEEDS_SERVICE);
	struct flip f = {version, v.load, now_ms, false};
	return flip_locked(t, campaign, &f, err);
}

bool import_activate(struct tenant_runtime *t, struct str campaign, uint32_t version,
		     bool service, int64_t now_ms, struct error *err)
{
	struct arena *arena = arena_new(ARENA_MAX);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	bool ok = activate(t, campaign, version, service, now_ms, arena, err);
	if (ok)
		import_sweep_later(t); /* of the version before */
	arena_free(arena);
	return ok;
}

/* Giving up ----------------------------------------------------------------------*/

/* A campaign that was made for this import only goes with it. */
void import_give_up(struct import_job *j)
{
	struct error err = {0};
	struct campaign_edit e = {.db = j->tenant->db,
				  .arena = arena_new(ARENA_MAX),
				  .id = j->check->bundle.campaign.id};
	if (e.arena == NULL || j->epoch == 0) {
		arena_free(e.arena);
		return;
	}
	pthread_mutex_lock(&j->tenant->change);
	if (edit_read(&e, &err) && e.revision > 0 && e.d.newest_version == 0 &&
	    e.d.state.import_epoch == j->epoch)
		sync_document_put(e.db, STORE_CAMPAIGN, e.id, (struct str){NULL, 0},
				  e.revision, NULL, &err);
	pthread_mutex_unlock(&j->tenant->change);
	arena_free(e.arena);
}
