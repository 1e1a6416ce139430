/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants made, changed and deleted while the store fails at every write in turn,
 * before or after it was done: whoever tries again gets there, and what is served is
 * what is stored. */
#include "mim/secrets.h"
#include "mim/tenant-admin.h"

#include "base/unit.h"

#include <stdio.h>
#include <unistd.h>

#define MAX_WRITES 40

struct world {
	struct store *inner, *store;
	struct master_key key;
	struct mim mim;
};

static struct conversion_point point = {
	.id = STR_INIT("hook"),
	.type = CONVERSION_POINT_WEBHOOK,
	.event_type = STR_INIT("read"),
	.url = STR_INIT("https://example.org/"),
	.secret = STR_INIT("webhook secret"),
};

static struct tenant tenant(const char *id, const char *name)
{
	return (struct tenant){.id = str_of(id),
			       .name = str_of(name),
			       .keyspace = STR("ks"),
			       .secret_key = STR("secret"),
			       .conversion_points = &point,
			       .n_conversion_points = 1};
}

static void world_open_slow(struct world *w, unsigned delay_ms)
{
	struct error err;
	const struct store_options inner = {.backend = "memory", .delay_ms = delay_ms};
	*w = (struct world){.key = {{7}, "0123456789abcdef"}};
	assert_true(store_open(&inner, &w->inner, &err));
	const struct store_options faulty = {.backend = "faulty", .inner = w->inner};
	assert_true(store_open(&faulty, &w->store, &err));
	w->mim.store = w->store;
	w->mim.master_key = &w->key;
	assert_true(store_db_create(w->store, STR(""), STR(""), &w->mim.system, &err));
	w->mim.tenants = tenants_new(&w->mim, &err);
	assert_non_null(w->mim.tenants);
}

static void world_open(struct world *w)
{
	world_open_slow(w, 0);
}

static void world_close(struct world *w)
{
	tenants_free(w->mim.tenants);
	store_db_close(w->mim.system);
	store_close(w->store);
	store_close(w->inner);
}

static void assert_served(struct world *w, const char *id, const char *name)
{
	struct tenant_runtime *r = tenants_find(w->mim.tenants, str_of(id));
	assert_non_null(r);
	assert_true(r->open);
	struct tenant_config *c = tenant_runtime_config(r);
	struct snapshot *s = tenant_runtime_snapshot(r);
	assert_str(c->tenant->name, name);
	assert_str(c->tenant->conversion_points[0].secret, "webhook secret");
	assert_str(s->tenant->name, name);
	snapshot_release(s);
	tenant_config_release(c);
	tenant_runtime_release(r);
}

/* As after a restart: what is stored is served again. */
static void assert_stored(struct world *w, const char *id, const char *name)
{
	struct error err;
	tenants_free(w->mim.tenants);
	w->mim.tenants = tenants_new(&w->mim, &err);
	assert_true(tenants_load(w->mim.tenants, &err));
	assert_served(w, id, name);
}

static bool replace(struct world *w, const char *name, struct error *err)
{
	struct tenant t = tenant("a", name);
	struct tenant_runtime *r = tenants_find(w->mim.tenants, STR("a"));
	struct tenant_config *c = tenant_runtime_config(r);
	bool ok = tenant_replace(&w->mim, r, &t, c->revision, err);
	tenant_config_release(c);
	tenant_runtime_release(r);
	return ok;
}

static void making_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	int failures = 0;
	for (int i = 0; i < 2 * MAX_WRITES; i++) {
		struct world w;
		struct error err;
		struct tenant t = tenant("a", "A");
		world_open(&w);
		store_faulty_arm(w.store, (uint64_t)i / 2 + 1, i % 2 ? 'a' : 'b');
		bool first = tenant_create(&w.mim, &t, true, &err);
		store_faulty_arm(w.store, 0, 'b');
		failures += !first;
		/* made now, or said to be there: then it was the first try */
		if (!first && !tenant_create(&w.mim, &t, true, &err))
			assert_string_equal(err.where, "/id");
		assert_served(&w, "a", "A");
		assert_stored(&w, "a", "A");
		world_close(&w);
	}
	assert_true(failures >= 6); /* key, identity, document: before and after */
}

static void changing_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	int failures = 0;
	for (int i = 0; i < 2 * MAX_WRITES; i++) {
		struct world w;
		struct error err;
		struct tenant t = tenant("a", "A");
		world_open(&w);
		assert_true(tenant_create(&w.mim, &t, true, &err));
		store_faulty_arm(w.store, (uint64_t)i / 2 + 1, i % 2 ? 'a' : 'b');
		bool first = replace(&w, "B", &err);
		store_faulty_arm(w.store, 0, 'b');
		failures += !first;
		if (!first)
			assert_true(replace(&w, "B", &err));
		assert_served(&w, "a", "B");
		assert_stored(&w, "a", "B");
		world_close(&w);
	}
	assert_true(failures >= 2);
}

static void deleting_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world w;
		struct error err;
		struct tenant t = tenant("a", "A");
		world_open(&w);
		assert_true(tenant_create(&w.mim, &t, true, &err));
		store_faulty_arm(w.store, (uint64_t)i / 2 + 1, i % 2 ? 'a' : 'b');
		struct tenant_runtime *r = tenants_find(w.mim.tenants, t.id);
		bool first = tenant_delete(&w.mim, r, &err);
		store_faulty_arm(w.store, 0, 'b');
		assert_true(first || tenant_delete(&w.mim, r, &err));
		tenant_runtime_release(r);
		assert_null(tenants_find(w.mim.tenants, t.id));
		/* made again, it finds its database */
		assert_true(tenant_create(&w.mim, &t, false, &err));
		assert_stored(&w, "a", "A");
		world_close(&w);
	}
}

static void a_keyspace_is_one_tenants_even_before_it_is_there(void **state)
{
	(void)state;
	struct world w;
	struct error err;
	struct tenant a = tenant("a", "A"), b = tenant("b", "B");
	world_open(&w);
	assert_true(tenant_create(&w.mim, &a, false, &err));
	assert_false(tenant_create(&w.mim, &b, true, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.where, "/keyspaceName");
	world_close(&w);
}

static void a_change_of_what_somebody_else_changed_is_refused(void **state)
{
	(void)state;
	struct world w;
	struct error err;
	struct tenant t = tenant("a", "A");
	world_open(&w);
	assert_true(tenant_create(&w.mim, &t, true, &err));
	struct tenant_runtime *r = tenants_find(w.mim.tenants, t.id);
	struct tenant_config *old = tenant_runtime_config(r);
	assert_true(replace(&w, "B", &err));
	t = tenant("a", "C");
	assert_false(tenant_replace(&w.mim, r, &t, old->revision, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_served(&w, "a", "B");
	tenant_config_release(old);
	tenant_runtime_release(r);
	world_close(&w);
}

struct last_call {
	struct tenant_runtime *tenant;
	struct arena *arena;
	struct user_record record;
	struct store_wait *wait;
};

/* As the answer to a request does it. */
static void last_call_ends(void *ctx, const struct error *err)
{
	struct last_call *c = ctx;
	tenant_runtime_release(c->tenant);
	store_wait_done(c->wait, err);
}

static void one_is_deleted_while_the_store_works_for_it(void **state)
{
	(void)state;
	struct world w;
	struct error err;
	struct tenant t = tenant("a", "A");
	world_open_slow(&w, 20);
	alarm(60);
	assert_true(tenant_create(&w.mim, &t, true, &err));
	struct last_call c = {.tenant = tenants_find(w.mim.tenants, STR("a")),
			      .arena = arena_new(1 << 20),
			      .wait = store_wait_new()};
	struct tenant_runtime *r = tenants_find(w.mim.tenants, STR("a"));
	assert_true(tenant_delete(&w.mim, r, &err));
	tenant_runtime_release(r);
	store_user_read(c.tenant->db, STR("ada"), NULL, 0, c.arena, &c.record,
			last_call_ends, &c);
	assert_true(store_wait(c.wait, &err));
	store_wait_free(c.wait);
	arena_free(c.arena);
	tenants_collect(w.mim.tenants);
	assert_true(tenant_create(&w.mim, &t, false, &err));
	assert_served(&w, "a", "A");
	alarm(0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making_one_again_after_a_failure_gets_there),
		cmocka_unit_test(one_is_deleted_while_the_store_works_for_it),
		cmocka_unit_test(changing_one_again_after_a_failure_gets_there),
		cmocka_unit_test(deleting_one_again_after_a_failure_gets_there),
		cmocka_unit_test(a_keyspace_is_one_tenants_even_before_it_is_there),
		cmocka_unit_test(a_change_of_what_somebody_else_changed_is_refused),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
