/* SPDX-License-Identifier: Apache-2.0 */
/* Imports on a store that fails at every write in turn, and without memory: what can be
 * seen is always one version, whole, and the next start makes everything good. */
#include "mim/test-place.h"

#include "base/unit-malloc.h"

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
