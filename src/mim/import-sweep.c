/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of loads that no version will ever use go, a slice at a time. What is dead is
 * decided by the documents alone, under the lock that a new load takes to make its
 * own, so that no row of a load that begins meanwhile is taken for dead. */
#include "mim/import-internal.h"
#include "mim/sync.h"

#include <stdlib.h>

#define PAGE 200
#define PAGE_ARENA_MAX (256u << 20)
#define SLICE_ARENA_MAX (1u << 20)
#define LOADS_MAX 10000

struct loads {
	uint64_t ids[LOADS_MAX];
	size_t n;
};

/* Calls f for every document of a collection whose id begins with prefix. */
static bool each_document(struct store_db *db, enum store_collection c,
			  struct str prefix,
			  bool (*f)(void *ctx, const struct store_document *doc,
				    struct arena *arena, struct error *err),
			  void *ctx, struct error *err)
{
	struct store_document_list page = {.more = true};
	char after[STORE_ID_MAX + 1];
	struct str from = STR("");
	bool ok = true;
	while (ok && page.more) {
		struct arena *arena = arena_new(PAGE_ARENA_MAX);
		if (arena == NULL)
			return error_set(err, ERROR_MEMORY, "", "no memory");
		ok = sync_document_list(db, c, prefix, from, PAGE, true, arena, &page,
					err);
		for (size_t i = 0; ok && i < page.n; i++)
			ok = f(ctx, &page.items[i], arena, err);
		if (ok && page.n > 0) {
			from = page.items[page.n - 1].id;
			memcpy(after, from.p, from.n);
			from.p = after;
		}
		arena_free(arena);
	}
	return ok;
}

/* Is a load used? ----------------------------------------------------------------*/

struct use {
	struct tenant_runtime *tenant;
	uint64_t load;
	uint32_t active, newest;
	bool used;
};

static bool look_at_version(void *ctx, const struct store_document *doc,
			    struct arena *arena, struct error *err)
{
	struct use *u = ctx;
	struct version_document v;
	if (!version_document_parse(doc->body, arena, &v, err))
		return false;
	if (v.ready && v.load == u->load && v.campaign.version >= u->active &&
	    v.campaign.version <= u->newest)
		u->used = true;
	return true;
}

static bool look_at_campaign(struct use *u, struct str campaign, struct arena *arena,
			     struct error *err)
{
	struct store_document doc;
	struct campaign_document d;
	if (!sync_document_get(u->tenant->db, STORE_CAMPAIGN, campaign, arena, &doc,
			       err))
		return false;
	if (doc.revision == 0)
		return true;
	if (!campaign_document_parse(doc.body, arena, &d, err))
		return false;
	u->active = d.state.active_version;
	u->newest = d.newest_version;
	u->used = d.state.active_load == u->load;
	struct str prefix = arena_printf(arena, "%.*s/", STR_ARG(campaign));
	return u->used || each_document(u->tenant->db, STORE_VERSION, prefix,
					look_at_version, u, err);
}

bool import_load_is_used(struct tenant_runtime *t, struct str campaign, uint64_t load,
			 bool *used, struct error *err)
{
	struct use u = {.tenant = t, .load = load};
	struct arena *arena = arena_new(PAGE_ARENA_MAX);
	bool ok = arena != NULL ? look_at_campaign(&u, campaign, arena, err)
				: error_set(err, ERROR_MEMORY, "", "no memory");
	arena_free(arena);
	*used = u.used;
	return ok;
}

/* Burying --------------------------------------------------------------------------*/

static bool put_state(struct tenant_runtime *t, const struct store_document *doc,
		      struct load_document *d, enum load_state state, struct error *err)
{
	struct buf body;
	buf_init(&body, STORE_DOCUMENT_MAX);
	d->state = state;
	bool ok = load_document_write(&body, d)
			  ? sync_document_put(t->db, STORE_LOAD, doc->id,
					      buf_str(&body), doc->revision, NULL, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	buf_free(&body);
	return ok;
}

struct burial {
	struct tenant_runtime *tenant;
	struct str import; /* only its unfinished loads; absent: all that are dead */
	struct loads *dead, *live; /* may be NULL */
};

/* An unfinished load belongs to an import that goes on, or is dead with it. */
bool import_is_over(struct tenant_runtime *t, struct str import, struct arena *arena,
		    bool *over, struct error *err)
{
	struct store_document doc;
	struct import_document d;
	if (!sync_document_get(t->db, STORE_IMPORT, import, arena, &doc, err))
		return false;
	*over = doc.revision == 0;
	if (*over)
		return true;
	if (!import_document_parse(doc.body, arena, &d, err))
		return false;
	*over = d.phase == IMPORT_DONE || d.phase == IMPORT_FAILED;
	return true;
}

static bool is_dead(const struct burial *b, uint64_t load,
		    const struct load_document *d, struct arena *arena, bool *dead,
		    struct error *err)
{
	bool used = true;
	*dead = d->state == LOAD_DEAD;
	if (*dead)
		return true;
	if (b->import.p != NULL) {
		*dead = d->state == LOAD_LOADING && str_eq(d->import, b->import);
		return true;
	}
	if (d->state == LOAD_LOADING)
		return import_is_over(b->tenant, d->import, arena, dead, err);
	/* complete, but perhaps not published yet */
	if (!import_is_over(b->tenant, d->import, arena, dead, err))
		return false;
	if (*dead && !import_load_is_used(b->tenant, d->campaign, load, &used, err))
		return false;
	*dead = *dead && !used;
	return true;
}

static bool keep(struct loads *list, uint64_t load, struct error *err)
{
	if (list == NULL)
		return true;
	if (list->n == LOADS_MAX)
		return error_set(err, ERROR_TOO_LARGE, "", "more than %d loads",
				 LOADS_MAX);
	/* documents come by their ids, which are the numbers as hex: ascending */
	list->ids[list->n++] = load;
	return true;
}

static bool bury(void *ctx, const struct store_document *doc, struct arena *arena,
		 struct error *err)
{
	struct burial *b = ctx;
	struct load_document d;
	uint64_t load;
	bool dead;
	if (!load_document_id_parse(doc->id, &load))
		return error_set(err, ERROR_CORRUPT, "", "a stored load is damaged");
	if (!load_document_parse(doc->body, arena, &d, err))
		return false;
	if (!is_dead(b, load, &d, arena, &dead, err))
		return false;
	if (dead && d.state != LOAD_DEAD &&
	    !put_state(b->tenant, doc, &d, LOAD_DEAD, err))
		return false;
	return keep(dead ? b->dead : b->live, load, err);
}

bool import_bury_attempts(struct import_job *j, struct error *err)
{
	struct burial b = {.tenant = j->tenant, .import = j->doc.id};
	pthread_mutex_lock(&j->tenant->change);
	bool ok = each_document(j->tenant->db, STORE_LOAD, STR(""), bury, &b, err);
	pthread_mutex_unlock(&j->tenant->change);
	return ok;
}

/* Sweeping -------------------------------------------------------------------------*/

struct sweep {
	struct tenant_runtime *tenant;
	struct loads dead, live;   /* as of the last look */
	struct loads buried;       /* dead before the pass began */
	char resume[STORE_ID_MAX]; /* of the store */
	size_t n_resume;
	uint64_t removed;
};

static bool look(struct sweep *s, struct error *err)
{
	struct burial b = {.tenant = s->tenant, .dead = &s->dead, .live = &s->live};
	s->dead.n = s->live.n = 0;
	return each_document(s->tenant->db, STORE_LOAD, STR(""), bury, &b, err);
}

static bool sweep_slice(struct sweep *s, struct arena *arena, bool *more,
			struct error *err)
{
	struct str resume = {NULL, 0}, next = {NULL, 0};
	uint64_t removed = 0;
	if (s->n_resume > 0)
		resume = (struct str){s->resume, s->n_resume};
	if (!sync_rows_sweep(s->tenant->db, s->live.ids, s->live.n, resume, arena,
			     &next, &removed, err))
		return false;
	s->removed += removed;
	*more = next.p != NULL;
	if (next.n > sizeof s->resume)
		return error_set(err, ERROR_INTERNAL, "", "a long resume key");
	s->n_resume = next.n;
	if (next.n > 0)
		memcpy(s->resume, next.p, next.n);
	return true;
}

/* One slice under the lock: others get their turn in between. */
static bool sweep_step(struct sweep *s, bool *more, struct error *err)
{
	struct arena *arena = arena_new(SLICE_ARENA_MAX);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	pthread_mutex_lock(&s->tenant->change);
	bool ok = look(s, err) && sweep_slice(s, arena, more, err);
	pthread_mutex_unlock(&s->tenant->change);
	arena_free(arena);
	return ok;
}

/* After a whole pass nothing is left of what was dead when it began. */
static bool forget(struct sweep *s, struct error *err)
{
	for (size_t i = 0; i < s->buried.n; i++) {
		char id[LOAD_ID_LEN + 1];
		load_document_id(s->buried.ids[i], id);
		if (!sync_document_put(s->tenant->db, STORE_LOAD, str_of(id),
				       (struct str){NULL, 0}, STORE_ANY, NULL, err))
			return false;
	}
	return true;
}

static bool sweep_all(struct sweep *s, struct error *err)
{
	bool more = true;
	pthread_mutex_lock(&s->tenant->change);
	bool ok = look(s, err);
	pthread_mutex_unlock(&s->tenant->change);
	if (!ok || s->dead.n == 0)
		return ok;
	s->buried = s->dead;
	while (more) {
		if (s->tenant->mim->stopping)
			return true; /* the documents say what is left to do */
		if (!sweep_step(s, &more, err))
			return false;
	}
	return forget(s, err);
}

void import_sweep(struct tenant_runtime *t)
{
	struct error err = {0};
	struct sweep *s = calloc(1, sizeof *s);
	if (s == NULL)
		return;
	s->tenant = t;
	if (!sweep_all(s, &err))
		log_warn(t->mim->log, "import", "cannot sweep  tenant=%s: %s", t->id,
			 err.message);
	else if (s->buried.n > 0)
		log_info(t->mim->log, "import", "swept  tenant=%s loads=%zu rows=%llu",
			 t->id, s->buried.n, (unsigned long long)s->removed);
	free(s);
}
