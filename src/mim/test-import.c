/* SPDX-License-Identifier: Apache-2.0 */
/* Imports while everything fails in turn: what can be seen is always one version,
 * whole, and the next start makes everything good. */
#include "mim/test-place.h"

#include <limits.h>

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

static struct place *with_version_1(enum fault_kind kind)
{
	struct place *p = place_new_for(kind);
	struct error err;
	assert_true(tenant_runtime_rebuild(p->t, &err));
	write_bundle(p, 1, rows_of(1));
	assert_int_equal(load(p), IMPORT_DONE);
	assert_int_equal(check_whole(p), 1);
	write_bundle(p, 2, rows_of(2));
	return p;
}

/* An import while it fails; how it ended. */
static enum import_phase import_with(struct place *p, const struct fault *f, bool *came)
{
	struct str id;
	struct error err;
	enum import_phase end = load_with(p, f, came, &id);
	if (end == IMPORT_FAILED)
		check_blame(p, id, f);
	/* a snapshot that could not be made is made soon */
	assert_true(tenant_runtime_refresh(p->t, &err));
	return end;
}

/* Nothing can be seen but the old version, or the new one. False: the fault did not
 * come. */
static bool fails_at(const struct fault *f)
{
	bool came;
	size_t descriptors = unit_descriptors();
	struct place *p = with_version_1(f->kind);
	enum import_phase end = import_with(p, f, &came);
	unsigned version = check_whole(p);
	if (end == IMPORT_DONE && version != 2)
		fail_msg("%s: done, but not active", fault_text(f));
	if (end == IMPORT_FAILED && version != 1)
		fail_msg("%s: failed, but active", fault_text(f));
	if (!came && end != IMPORT_DONE)
		fail_msg("behind %s: it ends as %d", fault_text(f), (int)end);
	restart(p);
	enum import_phase again = load(p);
	if (again != IMPORT_DONE)
		fail_msg("%s: then it ends as %d", fault_text(f), (int)again);
	restart(p);
	assert_int_equal(check_whole(p), 2);
	check_swept(p, 2);
	place_free(p);
	assert_int_equal(unit_descriptors(), descriptors);
	return came;
}

static void torture(enum fault_kind kind, long least)
{
	struct fault f = {.kind = kind, .nth = 1};
#ifdef INLAY_ARENA_MALLOC
	/* many more allocations, and slower ones: the later, the more are left out */
	long skip = 40;
#else
	long skip = LONG_MAX;
#endif
	while (fails_at(&f))
		f.nth += 1 + f.nth / skip;
	assert_true(f.nth > least);
}

static void each_write_may_fail(void **state)
{
	(void)state;
	torture(FAULT_WRITE_BEFORE, 10);
}

static void the_outcome_of_each_write_may_be_unknown(void **state)
{
	(void)state;
	torture(FAULT_WRITE_AFTER, 10);
}

static void each_call_of_the_store_may_fail(void **state)
{
	(void)state;
	torture(FAULT_CALL, 20);
}

static void each_change_of_a_file_may_fail(void **state)
{
	(void)state;
	torture(FAULT_DISK_NAME, 0);
	torture(FAULT_DISK_WRITE, 20);
	torture(FAULT_DISK_SYNC, 20);
	torture(FAULT_DISK_FULL, 20);
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	torture(FAULT_ALLOCATION, 100);
}

/* False: the fault did not come. */
static bool first_fails_at(const struct fault *f)
{
	struct error err;
	struct store_document_list list;
	bool came;
	struct place *p = place_new_for(f->kind);
	assert_true(tenant_runtime_rebuild(p->t, &err));
	write_bundle(p, 1, rows_of(1));
	enum import_phase end = import_with(p, f, &came);
	assert_true(sync_document_list(p->w->db, STORE_CAMPAIGN, STR(""), STR(""), 10,
				       false, p->w->arena, &list, &err));
	if (end == IMPORT_FAILED && list.n > 0)
		fail_msg("%s left the campaign", fault_text(f));
	unsigned version = check_whole(p);
	/* else its last word is not known, and the next start looks */
	if (end == IMPORT_DONE || end == IMPORT_FAILED)
		assert_int_equal(version, end == IMPORT_DONE ? 1 : 0);
	place_free(p);
	return came;
}

static void a_first_import_that_fails_leaves_no_campaign(void **state)
{
	(void)state;
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		f.nth = 1;
		while (first_fails_at(&f))
			f.nth++;
		assert_true(f.nth > 10 || f.kind == FAULT_DISK_NAME);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_write_may_fail),
		cmocka_unit_test(the_outcome_of_each_write_may_be_unknown),
		cmocka_unit_test(each_call_of_the_store_may_fail),
		cmocka_unit_test(each_change_of_a_file_may_fail),
		cmocka_unit_test(a_first_import_that_fails_leaves_no_campaign),
		cmocka_unit_test(each_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
