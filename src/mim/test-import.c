/* SPDX-License-Identifier: Apache-2.0 */
/* Imports on a store that fails at every write in turn, and without memory: what can be
 * seen is always one version, whole, and the next start makes everything good. */
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/tenants-internal.h"
#include "mim/test-world.h"
#include "model/bundle-build.h"

#include "base/unit-malloc.h"

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

static void path_of(const struct place *p, const char *name, char out[300])
{
	snprintf(out, 300, "%s/%s", p->folder, name);
}

static void write_file(const struct place *p, const char *name, struct str text)
{
	char path[300];
	path_of(p, name, path);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fwrite(text.p, 1, text.n, f);
	fclose(f);
}

static void make_folder(const struct place *p, const char *name)
{
	char path[300];
	path_of(p, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void start_jobs(struct place *p)
{
	struct error err;
	p->mim.jobs = workers_new("test", 1, 100, &err);
	assert_non_null(p->mim.jobs);
}

/* Lets all jobs come to their end. */
static void finish_jobs(struct place *p)
{
	workers_free(p->mim.jobs);
	start_jobs(p);
}

static void make_settings(struct place *p)
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

static void declare_purpose(struct place *p)
{
	struct error err;
	const struct purpose_name name = {STR("en"), STR("News")};
	const struct purpose news = {.id = STR("news"), .names = &name, .n_names = 1};
	const struct user_schema schema = {.purposes = &news, .n_purposes = 1};
	assert_true(schema_store_purposes(p->w->db, &schema, &err));
}

static struct place *place_new(void)
{
	struct place *p = test_calloc(1, sizeof *p);
	struct error err;
	snprintf(p->folder, sizeof p->folder, "/tmp/test-import-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	make_folder(p, "datasource");
	make_folder(p, "datasource/t");
	make_folder(p, "datasource/t/b");
	make_folder(p, "datasource/t/b/templates");
	p->w = world_new(0);
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

static void place_free(struct place *p)
{
	static const char *const names[] = {"datasource/t/b/templates/t.json",
					    "datasource/t/b/campaign.json",
					    "datasource/t/b/recipients.csv",
					    "datasource/t/b/bundle.json",
					    "datasource/t/b/templates",
					    "datasource/t/b",
					    "datasource/t",
					    "datasource",
					    "tmp"};
	char path[300];
	workers_free(p->mim.jobs);
	tenant_runtime_release(p->t);
	tenants_free(p->mim.tenants);
	settings_free(p->settings);
	world_free(p->w);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		path_of(p, names[i], path);
		if (unlink(path) != 0)
			rmdir(path);
	}
	assert_int_equal(rmdir(p->folder), 0);
	test_free(p);
}

/* Bundles ------------------------------------------------------------------------*/

static bool read_source(void *ctx, struct str name, bundle_bytes_fn *take, void *tctx,
			struct error *err)
{
	return object_store_read(ctx, name, take, tctx, err);
}

/* Version v has rows for the users u0 ... u<n-1>, each with x=<version>. */
static void write_bundle(struct place *p, unsigned version, unsigned n)
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

/* Orders it and waits; how it ended, IMPORT_PHASES_COUNT if it could not be ordered. */
static enum import_phase load(struct place *p)
{
	struct import_document d;
	struct store_document doc;
	struct error err;
	const struct import_order o = {.kind = IMPORT_CAMPAIGN,
				       .prefix = STR("b"),
				       .activate = true,
				       .by = STR("test")};
	if (!import_order(p->t, &o, WORLD_NOW, p->w->arena, &d, &err))
		return IMPORT_PHASES_COUNT;
	finish_jobs(p);
	assert_true(sync_document_get(p->w->db, STORE_IMPORT, d.id, p->w->arena, &doc,
				      &err));
	assert_true(import_document_parse(doc.body, p->w->arena, &d, &err));
	return d.phase;
}

static void restart(struct place *p)
{
	imports_resume(&p->mim);
	finish_jobs(p);
}

/* Looking ------------------------------------------------------------------------*/

#define USERS 12 /* more than any file names */

static struct user_record user_of(struct place *p, unsigned n, const uint64_t *loads,
				  size_t n_loads)
{
	char name[16];
	struct user_record r;
	struct error err;
	snprintf(name, sizeof name, "u%u", n);
	assert_true(sync_user_read(p->w->db, str_of(name), loads, n_loads, p->w->arena,
				   &r, &err));
	return r;
}

static unsigned rows_of(unsigned version)
{
	return version == 1 ? 3 : 5;
}

/* What decisions see: one version with its rows, as stored and as the snapshot has it;
 * which. 0: none. */
static unsigned check_whole(struct place *p)
{
	struct error err;
	struct snapshot *stored =
		snapshot_build(p->w->db, &p->w->tenant, &p->w->key, 1, &err);
	if (stored == NULL)
		fail_msg("%s", err.message);
	const struct running_campaign *c = snapshot_campaign(stored, STR("c"));
	unsigned version = c != NULL ? c->state.active_version : 0;
	for (unsigned i = 0; i < USERS && version > 0; i++) {
		struct user_record r = user_of(p, i, &c->state.active_load, 1);
		assert_int_equal(r.n_rows, i < rows_of(version) ? 1 : 0);
		if (r.n_rows > 0)
			assert_int_equal(r.rows[0].values[0].p[0], '0' + (int)version);
	}
	struct snapshot *held = tenant_runtime_snapshot(p->t);
	const struct running_campaign *seen =
		held != NULL ? snapshot_campaign(held, STR("c")) : NULL;
	assert_int_equal(seen != NULL ? seen->state.active_version : 0, version);
	snapshot_release(held);
	snapshot_release(stored);
	return version;
}

/* No row of a load that is not the active one is left. */
static void check_swept(struct place *p, unsigned version)
{
	size_t n = 0;
	for (unsigned i = 0; i < USERS; i++)
		n += user_of(p, i, NULL, SIZE_MAX).n_rows;
	assert_int_equal(n, rows_of(version));
}

static struct place *with_version_1(void)
{
	struct place *p = place_new();
	struct error err;
	assert_true(tenant_runtime_rebuild(p->t, &err));
	write_bundle(p, 1, rows_of(1));
	assert_int_equal(load(p), IMPORT_DONE);
	assert_int_equal(check_whole(p), 1);
	write_bundle(p, 2, rows_of(2));
	return p;
}

/* How many writes an import makes. */
static uint64_t count_writes(void)
{
	struct place *p = with_version_1();
	store_faulty_arm(p->w->store, 0, 'b');
	assert_int_equal(load(p), IMPORT_DONE);
	uint64_t n = store_faulty_arm(p->w->store, 0, 'b');
	assert_int_equal(check_whole(p), 2);
	check_swept(p, 2);
	place_free(p);
	return n;
}

/* The n-th write fails: nothing can be seen but the old version, or the new one. */
static void fails_at(uint64_t n, char when)
{
	struct place *p = with_version_1();
	store_faulty_arm(p->w->store, n, when);
	enum import_phase end = load(p);
	store_faulty_arm(p->w->store, 0, 'b');
	unsigned version = check_whole(p);
	if (end == IMPORT_DONE && version != 2)
		fail_msg("write %d%c: done, but not active", (int)n, when);
	if (end == IMPORT_FAILED && version != 1)
		fail_msg("write %d%c: failed, but active", (int)n, when);
	restart(p);
	enum import_phase again = load(p);
	if (again != IMPORT_DONE)
		fail_msg("write %d%c: then it ends as %d", (int)n, when, (int)again);
	restart(p);
	assert_int_equal(check_whole(p), 2);
	check_swept(p, 2);
	place_free(p);
}

static void each_write_may_fail(void **state)
{
	(void)state;
	uint64_t n = count_writes();
	assert_true(n >= 10);
	for (uint64_t i = 1; i <= n; i++)
		fails_at(i, 'b');
}

static void the_outcome_of_each_write_may_be_unknown(void **state)
{
	(void)state;
	uint64_t n = count_writes();
	for (uint64_t i = 1; i <= n; i++)
		fails_at(i, 'a');
}

static void a_first_import_that_fails_leaves_no_campaign(void **state)
{
	(void)state;
	struct error err;
	for (uint64_t i = 1; i < 12; i++) {
		struct store_document_list list;
		struct place *p = place_new();
		assert_true(tenant_runtime_rebuild(p->t, &err));
		write_bundle(p, 1, rows_of(1));
		store_faulty_arm(p->w->store, i, 'b');
		enum import_phase end = load(p);
		store_faulty_arm(p->w->store, 0, 'b');
		assert_true(sync_document_list(p->w->db, STORE_CAMPAIGN, STR(""),
					       STR(""), 10, false, p->w->arena, &list,
					       &err));
		if (end == IMPORT_FAILED && list.n > 0)
			fail_msg("write %d failed and left the campaign", (int)i);
		assert_int_equal(check_whole(p), end == IMPORT_DONE ? 1 : 0);
		place_free(p);
	}
}

/* The n-th allocation fails, on whichever thread; false: it did not come. */
static bool starves_at(long n)
{
	struct place *p = with_version_1();
	struct import_document d;
	struct error err;
	const struct import_order o = {.kind = IMPORT_CAMPAIGN,
				       .prefix = STR("b"),
				       .activate = true,
				       .by = STR("test")};
	unit_malloc_fail(n);
	import_order(p->t, &o, WORLD_NOW, p->w->arena, &d, &err);
	workers_free(p->mim.jobs);
	bool came = !unit_malloc_stop();
	start_jobs(p);
	/* a snapshot that could not be made is made at the next change or start */
	assert_true(tenant_runtime_rebuild(p->t, &err));
	check_whole(p);
	restart(p);
	enum import_phase again = load(p);
	if (again != IMPORT_DONE)
		fail_msg("allocation %ld: then it ends as %d", n, (int)again);
	restart(p);
	assert_int_equal(check_whole(p), 2);
	check_swept(p, 2);
	place_free(p);
	return came;
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	long n = 1;
	/* thousands: the later, the more are left out */
	while (starves_at(n))
		n += 1 + n / 40;
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_write_may_fail),
		cmocka_unit_test(the_outcome_of_each_write_may_be_unknown),
		cmocka_unit_test(a_first_import_that_fails_leaves_no_campaign),
		cmocka_unit_test(each_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
