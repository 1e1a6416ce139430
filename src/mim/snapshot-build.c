/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/snapshot-build.h"

#include "mim/documents.h"
#include "mim/sync.h"
#include "model/tenant-json.h"

#include <stdlib.h>

#define SNAPSHOT_ARENA_MAX (512u << 20)
#define PAGE 50
#define PAGE_ARENA_MAX (PAGE * (size_t)STORE_DOCUMENT_MAX + (1u << 20))
#define DOCUMENT_ARENA_MAX (2 * (size_t)STORE_DOCUMENT_MAX + (1u << 20))

struct builder {
	struct store_db *db;
	struct snapshot *s;
	struct arena *scratch; /* of one document */
	struct running_campaign *campaigns;
	size_t n, cap;
	struct error *err;
};

static bool no_memory(struct builder *b)
{
	return error_set(b->err, ERROR_MEMORY, "", "no memory for the campaigns");
}

/* A document that must be there. */
static bool fetch(struct builder *b, enum store_collection c, struct str id,
		  struct store_document *doc)
{
	if (id.p == NULL)
		return no_memory(b);
	arena_reset(b->scratch);
	if (!sync_document_get(b->db, c, id, b->scratch, doc, b->err))
		return false;
	if (doc->revision == 0)
		return error_set(b->err, ERROR_CORRUPT, "",
				 "a document is missing: %.*s", STR_ARG(id));
	return true;
}

/* A document names the campaign that it spoils. */
static bool spoilt(struct builder *b, struct str campaign)
{
	char message[sizeof b->err->message];
	memcpy(message, b->err->message, sizeof message);
	message[sizeof message - 1] = '\0';
	return error_set(b->err, b->err->kind, b->err->where, "campaign %.*s: %s",
			 STR_ARG(campaign), message);
}

static bool add_columns(struct builder *b, struct running_campaign *c)
{
	char id[LOAD_ID_LEN + 1];
	struct store_document doc;
	struct load_document load;
	if (c->state.active_load == 0)
		return true;
	load_document_id(c->state.active_load, id);
	if (!fetch(b, STORE_LOAD, str_of(id), &doc) ||
	    !load_document_parse(doc.body, b->s->arena, &load, b->err))
		return false;
	c->columns = load.columns;
	c->n_columns = load.n_columns;
	return true;
}

static bool add_definition(struct builder *b, struct running_campaign *c, struct str id,
			   uint32_t version)
{
	struct store_document doc;
	struct version_document v;
	struct campaign *definition = arena_make(b->s->arena, struct campaign);
	struct str name = version_document_id(b->s->arena, id, version);
	if (definition == NULL)
		return no_memory(b);
	if (!fetch(b, STORE_VERSION, name, &doc) ||
	    !version_document_parse(doc.body, b->s->arena, &v, b->err))
		return false;
	*definition = v.campaign;
	c->definition = definition;
	return true;
}

static bool grow(struct builder *b)
{
	if (b->n < b->cap)
		return true;
	size_t more = b->cap == 0 ? 16 : 2 * b->cap;
	struct running_campaign *all = arena_array(b->s->arena, more, sizeof *all);
	if (all == NULL)
		return no_memory(b);
	if (b->n > 0)
		memcpy(all, b->campaigns, b->n * sizeof *all);
	b->campaigns = all;
	b->cap = more;
	return true;
}

static bool add_campaign(struct builder *b, const struct store_document *doc)
{
	struct campaign_document d;
	struct running_campaign c = {.definition = NULL};
	if (!campaign_document_parse(doc->body, b->s->arena, &d, b->err))
		return spoilt(b, doc->id);
	uint32_t shown =
		d.state.active_version != 0 ? d.state.active_version : d.shown_version;
	if (shown == 0)
		return true; /* its first import has not come to an end */
	c.state = d.state;
	if (!add_definition(b, &c, doc->id, shown) || !add_columns(b, &c))
		return spoilt(b, doc->id);
	if (!grow(b))
		return false;
	b->campaigns[b->n++] = c;
	return true;
}

/* By id, as the store lists them, so they stand in the order of the snapshot. */
static bool add_campaigns(struct builder *b)
{
	struct store_document_list page = {.more = true};
	char after[STORE_ID_MAX + 1] = "";
	bool ok = true;
	while (ok && page.more) {
		struct arena *arena = arena_new(PAGE_ARENA_MAX);
		if (arena == NULL)
			return no_memory(b);
		ok = sync_document_list(b->db, STORE_CAMPAIGN, STR(""), str_of(after),
					PAGE, true, arena, &page, b->err);
		for (size_t i = 0; ok && i < page.n; i++)
			ok = add_campaign(b, &page.items[i]);
		if (ok && page.n > 0) {
			struct str last = page.items[page.n - 1].id;
			memcpy(after, last.p, last.n);
			after[last.n] = '\0';
		}
		arena_free(arena);
	}
	return ok;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool add_loads(struct builder *b)
{
	uint64_t *loads = arena_array(b->s->arena, b->n, sizeof *loads);
	size_t n = 0, unique = 0;
	if (loads == NULL)
		return no_memory(b);
	for (size_t i = 0; i < b->n; i++)
		if (b->campaigns[i].state.active_load != 0)
			loads[n++] = b->campaigns[i].state.active_load;
	if (n > 1)
		qsort(loads, n, sizeof *loads, by_number);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || loads[i] != loads[unique - 1])
			loads[unique++] = loads[i];
	b->s->loads = loads;
	b->s->n_loads = unique;
	return true;
}

static bool add_kill_switch(struct builder *b)
{
	struct store_document doc;
	struct kill_document kill;
	arena_reset(b->scratch);
	if (!sync_document_get(b->db, STORE_SETTING, STR(DOCUMENT_KILL_ID), b->scratch,
			       &doc, b->err))
		return false;
	if (doc.revision == 0)
		return true;
	if (!kill_document_parse(doc.body, b->s->arena, &kill, b->err))
		return false;
	b->s->kill_switch = kill.scope;
	return true;
}

static struct snapshot *begin(struct arena *arena, const struct tenant *tenant,
			      const struct tenant_key *key, uint64_t serial)
{
	struct snapshot *s = arena_make(arena, struct snapshot);
	if (s == NULL)
		return NULL;
	s->arena = arena;
	s->references = 1;
	s->serial = serial;
	s->key = *key;
	s->tenant = tenant_copy(arena, tenant);
	return s->tenant != NULL ? s : NULL;
}

struct snapshot *snapshot_build(struct store_db *db, const struct tenant *tenant,
				const struct tenant_key *key, uint64_t serial,
				struct error *err)
{
	struct arena *arena = arena_new(SNAPSHOT_ARENA_MAX);
	struct builder b = {.db = db, .err = err};
	b.scratch = arena_new(DOCUMENT_ARENA_MAX);
	b.s = arena != NULL ? begin(arena, tenant, key, serial) : NULL;
	bool ok = (b.s != NULL && b.scratch != NULL) || no_memory(&b);
	ok = ok && add_kill_switch(&b) && add_campaigns(&b) && add_loads(&b);
	arena_free(b.scratch);
	if (!ok) {
		arena_free(arena);
		return NULL;
	}
	b.s->campaigns = b.campaigns;
	b.s->n_campaigns = b.n;
	return b.s;
}
