/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants made, changed and deleted while everything fails in turn: whoever tries again
 * gets there, and what is served is what is stored. */
#include "base/json-tree.h"
#include "mim/secrets.h"
#include "mim/tenant-admin.h"
#include "mim/test-fault.h"

#include <stdlib.h>
#include <unistd.h>

struct world {
	char folder[64];
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

static void world_open_on(struct world *w, const struct store_options *inner)
{
	struct error err;
	w->key = (struct master_key){{7}, "0123456789abcdef"};
	w->mim = (struct mim){0};
	assert_true(store_open(inner, &w->inner, &err));
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
	const struct store_options inner = {.backend = "memory"};
	w->folder[0] = '\0';
	world_open_on(w, &inner);
}

static void world_open_for(struct world *w, enum fault_kind kind)
{
	make_folder_of_own(w->folder, sizeof w->folder, "tenants");
	const struct store_options inner = fault_options(kind, w->folder);
	world_open_on(w, &inner);
}

static void world_close(struct world *w)
{
	tenants_free(w->mim.tenants);
	store_db_close(w->mim.system);
	store_close(w->store);
	store_close(w->inner);
	if (w->folder[0] != '\0')
		remove_folder(w->folder);
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

typedef bool action_fn(struct world *w, struct error *err);

static bool create(struct world *w, struct error *err)
{
	struct tenant t = tenant("a", "A");
	return tenant_create(&w->mim, &t, true, err);
}

static bool change(struct world *w, struct error *err)
{
	return replace(w, "B", err);
}

static bool delete (struct world *w, struct error *err)
{
	struct tenant_runtime *r = tenants_find(w->mim.tenants, STR("a"));
	bool ok = r == NULL || tenant_delete(&w->mim, r, err);
	tenant_runtime_release(r);
	return ok;
}

/* True if the fault has come. Then the action, made once more, has its effect; `at`:
 * the place of an error that says so. */
static bool fails(struct world *w, const struct fault *f, action_fn *action,
		  const char *at)
{
	struct error err;
	fault_arm(f, w->store);
	bool ok = action(w, &err);
	bool came = fault_disarm(f, w->store);
	if (!came && !ok)
		fail_msg("behind %s: %s", fault_text(f), err.message);
	if (!ok && !action(w, &err) && (at == NULL || strcmp(err.where, at) != 0))
		fail_msg("after %s: %s: %s", fault_text(f), err.where, err.message);
	return came;
}

/* For each kind of fault, until the action goes through. */
static void torture(action_fn *action, bool on_one, const char *at, const char *name)
{
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		bool came = true;
		for (f.nth = 1; came; f.nth++) {
			struct world w;
			struct error err;
			size_t before = unit_descriptors();
			world_open_for(&w, f.kind);
			if (on_one)
				assert_true(create(&w, &err));
			came = fails(&w, &f, action, at);
			if (name == NULL) {
				struct tenant t = tenant("a", "A");
				assert_null(tenants_find(w.mim.tenants, STR("a")));
				/* made again, it finds its database */
				assert_true(tenant_create(&w.mim, &t, false, &err));
			}
			assert_served(&w, "a", name != NULL ? name : "A");
			assert_stored(&w, "a", name != NULL ? name : "A");
			world_close(&w);
			assert_int_equal(unit_descriptors(), before);
		}
		assert_true(f.nth > 2 || f.kind == FAULT_DISK_NAME);
	}
}

static void making_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	torture(create, false, "/id", "A"); /* there is one: it was the first try */
}

static void changing_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	torture(change, true, NULL, "B");
}

static void deleting_one_again_after_a_failure_gets_there(void **state)
{
	(void)state;
	torture(delete, true, NULL, NULL);
}

/* As a start does it. True if the fault has come. */
static bool loading_fails(struct world *w, const struct fault *f)
{
	struct error err;
	tenants_free(w->mim.tenants);
	w->mim.tenants = tenants_new(&w->mim, &err);
	assert_non_null(w->mim.tenants);
	fault_arm(f, w->store);
	bool ok = tenants_load(w->mim.tenants, &err);
	bool came = fault_disarm(f, w->store);
	if (!ok && !(came && error_kind_info(err.kind)->retryable))
		fail_msg("%s: %s", fault_text(f), err.message);
	struct tenant_runtime *r = tenants_find(w->mim.tenants, STR("a"));
	if (ok && r == NULL)
		fail_msg("%s: the tenant is not served", fault_text(f));
	/* one that is closed is opened by who asks for it */
	if (ok && !tenant_runtime_open(r, false, &err))
		fail_msg("after %s: %s", fault_text(f), err.message);
	tenant_runtime_release(r);
	if (ok)
		assert_served(w, "a", "A");
	return came;
}

static void a_start_serves_all_or_says_why_not(void **state)
{
	(void)state;
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		struct world w;
		struct error err;
		bool came = true;
		size_t before = unit_descriptors();
		world_open_for(&w, f.kind);
		assert_true(create(&w, &err));
		for (f.nth = 1; came; f.nth++)
			came = loading_fails(&w, &f);
		assert_stored(&w, "a", "A");
		world_close(&w);
		assert_int_equal(unit_descriptors(), before);
		assert_true(f.nth > 2 || f.kind >= FAULT_WRITE_BEFORE);
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
	const struct store_options slow = {.backend = "memory", .delay_ms = 20};
	w.folder[0] = '\0';
	world_open_on(&w, &slow);
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
		cmocka_unit_test(a_start_serves_all_or_says_why_not),
		cmocka_unit_test(one_is_deleted_while_the_store_works_for_it),
		cmocka_unit_test(changing_one_again_after_a_failure_gets_there),
		cmocka_unit_test(deleting_one_again_after_a_failure_gets_there),
		cmocka_unit_test(a_keyspace_is_one_tenants_even_before_it_is_there),
		cmocka_unit_test(a_change_of_what_somebody_else_changed_is_refused),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
