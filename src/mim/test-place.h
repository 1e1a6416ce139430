/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant with a folder of bundles on a store that can fail, and the pool that its
 * imports run in, for tests of imports. */
#ifndef INLAY_MIM_TEST_PLACE_H
#define INLAY_MIM_TEST_PLACE_H

#include "mim/campaign-state.h"
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/tenants-internal.h"
#include "mim/test-fault.h"
#include "mim/test-world.h"
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
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fwrite(text.p, 1, text.n, f);
	fclose(f);
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

static inline void make_settings(struct place *p)
{
	size_t n;
	char text[300];
	struct error_list errors;
	const struct setting *table = mim_settings_table(&n);
	snprintf(text, sizeof text, "inlay.data.directory=%s\n", p->folder);
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
	make_settings(p);
	start_jobs(p);
	p->mim.tenants = tenants_new(&p->mim, &err);
	assert_non_null(p->mim.tenants);
	struct tenant_config *c = tenant_config_new(&p->w->tenant, 1);
	p->t = tenant_runtime_new(&p->mim, c);
	assert_non_null(p->t);
	assert_true(store_db_open(p->w->store, STR("test"), STR("t"), &p->t->db, &err));
	p->t->key = p->w->key;
	p->t->open = true;
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

/* False: it could not be ordered. */
static inline bool order(struct place *p, struct str *id)
{
	struct import_document d;
	struct error err;
	const struct import_order o = {.kind = IMPORT_CAMPAIGN,
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

static inline void restart(struct place *p)
{
	imports_resume(&p->mim);
	finish_jobs(p);
}

#endif
