/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant with a folder of bundles on a store that can fail, and the pool that its
 * imports run in, for tests of imports. */
#ifndef INLAY_MIM_TEST_PLACE_H
#define INLAY_MIM_TEST_PLACE_H

#include "mim/campaign-state.h"
#include "mim/feed.h"
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/test-fault.h"
#include "mim/test-tenant.h"
#include "model/bundle-build.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	struct world *w;
	struct mim mim;
	struct tenant_runtime *t;
	struct data_source source;
	struct settings *settings;
	enum import_kind kind; /* of what is ordered: campaigns at first */
	char folder[64];
};

static inline void path_of(const struct place *p, const char *name, char out[300])
{
	snprintf(out, 300, "%s/%s", p->folder, name);
}

static inline void write_file(const struct place *p, const char *name, struct str text)
{
	char path[300];
	path_of(p, name, path);
	write_file_at(path, text);
}

static inline void make_folder(const struct place *p, const char *name)
{
	char path[300];
	path_of(p, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static inline void start_jobs(struct place *p)
{
	struct error err;
	p->mim.jobs = workers_new("test", 1, 100, WORKERS_PROMPT, &err);
	assert_non_null(p->mim.jobs);
}

/* Lets all jobs come to their end. */
static inline void finish_jobs(struct place *p)
{
	workers_free(p->mim.jobs);
	start_jobs(p);
}

/* more: lines of settings, or "". */
static inline void make_settings(struct place *p, const char *more)
{
	size_t n;
	char text[300];
	struct error_list errors;
	const struct setting *table = mim_settings_table(&n);
	snprintf(text, sizeof text, "inlay.data.directory=%s\n%s", p->folder, more);
	error_list_init(&errors, 10);
	p->settings = settings_parse(table, n, str_of(text), "test", &errors, &errors);
	assert_non_null(p->settings);
	error_list_free(&errors);
	p->mim.settings = p->settings;
}

static inline void declare_purpose(struct place *p)
{
	struct error err;
	const struct purpose_name name = {STR("en"), STR("News")};
	const struct purpose news = {.id = STR("news"), .names = &name, .n_names = 1};
	const struct user_schema schema = {.purposes = &news, .n_purposes = 1};
	assert_true(schema_store_purposes(p->w->db, &schema, &err));
}

/* On a store in which such a fault can come. */
static inline struct place *place_new_for(enum fault_kind kind)
{
	struct place *p = test_calloc(1, sizeof *p);
	struct error err;
	char store[300];
	make_folder_of_own(p->folder, sizeof p->folder, "import");
	path_of(p, "store", store);
	make_folder(p, "datasource");
	make_folder(p, "datasource/t");
	make_folder(p, "datasource/t/b");
	make_folder(p, "datasource/t/b/templates");
	const struct store_options options = fault_options(kind, store);
	p->w = world_new_on(&options);
	p->source = (struct data_source){.id = STR("default"),
					 .default_data_source = true,
					 .authorization = AUTHORIZATION_DIRECTORY,
					 .endpoint = STR(".")};
	p->w->tenant.data_sources = &p->source;
	p->w->tenant.n_data_sources = 1;
	p->w->tenant.accept_unknown_users = true;
	p->mim.store = p->w->store;
	make_settings(p, "");
	start_jobs(p);
	p->mim.tenants = tenants_new(&p->mim, &err);
	assert_non_null(p->mim.tenants);
	p->t = world_tenant(p->w, &p->mim);
	assert_true(tenants_add(p->mim.tenants, p->t));
	declare_purpose(p);
	return p;
}

static inline struct place *place_new(void)
{
	return place_new_for(FAULT_CALL);
}

static inline void place_free(struct place *p)
{
	workers_free(p->mim.jobs);
	tenant_runtime_release(p->t);
	tenants_free(p->mim.tenants);
	settings_free(p->settings);
	world_free(p->w);
	remove_folder(p->folder);
	test_free(p);
}

static inline void keep_news(struct request *q)
{
	struct buf *out = q->transport;
	buf_clear(out);
	buf_add_str(out, buf_str(&q->out));
	buf_free(&q->out);
}

/* The answer to an agent that asks for the first time: other news, another one. */
static inline struct str news_of(struct place *p)
{
	struct buf answer;
	struct request q = {.send = keep_news, .transport = &answer};
	buf_init(&answer, REQUEST_REPLY_MAX);
	buf_init(&q.out, REQUEST_REPLY_MAX);
	feed_ask(p->t->feed, &q, (struct str){NULL, 0}, 0);
	struct str text = arena_str(p->w->arena, buf_str(&answer));
	buf_free(&answer);
	return text;
}

/* Bundles ------------------------------------------------------------------------*/

static inline bool read_source(void *ctx, struct str name, bundle_bytes_fn *take,
			       void *tctx, struct error *err)
{
	return object_store_read(ctx, name, take, tctx, err);
}

/* Version v has rows for the users u0 ... u<n-1>, each with x=<version>. */
static inline void write_bundle(struct place *p, unsigned version, unsigned n)
{
	struct buf text;
	struct error err;
	struct error_list errors;
	char root[300];
	buf_init(&text, 1 << 20);
	buf_printf(
		&text,
		"{\"id\":\"c\",\"version\":%u,\"name\":\"C\",\"type\":\"newsletter\","
		"\"legalClass\":\"own_marketing\",\"purpose\":\"news\","
		"\"label\":{\"text\":\"Ad\"},\"audience\":{\"from\":\"recipients\"},"
		"\"schedule\":{\"start\":\"2020-01-01T00:00:00Z\","
		"\"end\":\"2090-01-01T00:00:00Z\"},"
		"\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"t\"}}]}",
		version);
	write_file(p, "datasource/t/b/campaign.json", buf_str(&text));
	write_file(p, "datasource/t/b/templates/t.json",
		   STR("{\"from\":{\"address\":\"a@example.org\"},\"subject\":\"s\","
		       "\"html\":\"{{x}}\"}"));
	buf_clear(&text);
	buf_add_str(&text, STR("user,x\n"));
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, "u%u,%u\n", i, version);
	write_file(p, "datasource/t/b/recipients.csv", buf_str(&text));
	buf_clear(&text);
	path_of(p, "datasource", root);
	struct object_store *o = object_store_directory(root, STR("t"), STR("b"), &err);
	assert_non_null(o);
	const struct bundle_source source = {o, read_source};
	error_list_init(&errors, 10);
	if (!bundle_build(&source, &text, &errors))
		fail_msg("%s: %s", errors.items[0].where, errors.items[0].message);
	write_file(p, "datasource/t/b/bundle.json", buf_str(&text));
	object_store_close(o);
	error_list_free(&errors);
	buf_free(&text);
}

static inline struct import_document import_of(struct place *p, struct str id)
{
	struct import_document d;
	struct store_document doc;
	struct error err;
	if (!sync_document_get(p->w->db, STORE_IMPORT, id, p->w->arena, &doc, &err))
		fail_msg("%s", err.message);
	assert_true(import_document_parse(doc.body, p->w->arena, &d, &err));
	return d;
}

/* As the API shows it; the caller's. */
static inline json_t *import_shown(struct place *p, struct str id)
{
	struct store_document doc;
	struct str shown;
	struct error err;
	assert_true(
		sync_document_get(p->w->db, STORE_IMPORT, id, p->w->arena, &doc, &err));
	assert_true(import_document_shown(doc.body, &shown, p->w->arena, &err));
	json_t *v = json_loadb(shown.p, shown.n, 0, NULL);
	assert_non_null(v);
	return v;
}

/* One that failed blames what failed: not the bundle, not what is stored. */
static inline void check_blame(struct place *p, struct str id, const struct fault *f)
{
	json_t *v = import_shown(p, id), *problem = json_object_get(v, "problem");
	const struct str prefix = STR("urn:inlay:problem:");
	struct str type = str_of(json_string_value(json_object_get(problem, "type")));
	bool is_ours = false;
	assert_true(str_starts(type, prefix));
	type = str_slice(type, prefix.n, type.n);
	for (enum error_kind k = 0; k < ERROR_KINDS_COUNT; k++)
		is_ours = is_ours || (error_kind_info(k)->retryable &&
				      str_eqz(type, error_kind_info(k)->slug));
	if (!is_ours)
		fail_msg("%s: %s", fault_text(f),
			 json_string_value(json_object_get(problem, "detail")));
	json_decref(v);
}

/* False: it could not be ordered. */
static inline bool order(struct place *p, struct str *id)
{
	struct import_document d;
	struct error err;
	const struct import_order o = {.kind = p->kind,
				       .prefix = STR("b"),
				       .activate = true,
				       .by = STR("test")};
	if (!import_order(p->t, &o, WORLD_NOW, p->w->arena, &d, &err))
		return false;
	*id = d.id;
	return true;
}

/* Orders it and waits; how it ended, IMPORT_PHASES_COUNT if it could not be ordered. */
static inline enum import_phase load(struct place *p)
{
	struct str id;
	if (!order(p, &id))
		return IMPORT_PHASES_COUNT;
	finish_jobs(p);
	return import_of(p, id).phase;
}

/* An import while it fails; how it ended, and which it was, if it could be ordered. */
static inline enum import_phase load_with(struct place *p, const struct fault *f,
					  bool *came, struct str *id)
{
	fault_arm(f, p->w->store);
	bool ordered = order(p, id);
	workers_free(p->mim.jobs);
	*came = fault_disarm(f, p->w->store);
	start_jobs(p);
	if (!ordered) /* an arena without memory stays so */
		arena_reset(p->w->arena);
	return ordered ? import_of(p, *id).phase : IMPORT_PHASES_COUNT;
}

static inline void restart(struct place *p)
{
	imports_resume(&p->mim);
	finish_jobs(p);
}

#endif
