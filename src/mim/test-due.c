/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/due.h"
#include "mim/test-fault.h"
#include "mim/test-world.h"

#define ADA "ada@example.org"

static size_t run_at(struct world *w, int64_t now_ms)
{
	size_t done;
	struct error err;
	if (!due_run(w->db, w->snapshot, now_ms, &done, &err))
		fail_msg("%s", err.message);
	return done;
}

static struct id16 given(struct world *w, const char *user)
{
	world_consents(w, user);
	struct opening o = world_decides(w, user, WORLD_NOW);
	assert_int_equal(o.decision.n, 1);
	return o.decision.actions[0].assignment.instance;
}

static void an_unknown_end_is_final_after_a_minute_and_sent_then(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	struct id16 id = given(w, ADA);
	world_happens(w, ADA, id, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, WORLD_NOW + 500);
	assert_int_equal(store_outbox_count(w->db), 1); /* injected */
	assert_int_equal(run_at(w, WORLD_NOW + 500 + GONE_FINAL_MS - 1), 0);
	assert_int_equal(world_count(w, "c0", STATISTIC_GONE_PENDING), 1);
	assert_int_equal(run_at(w, WORLD_NOW + 500 + GONE_FINAL_MS), 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_GONE_PENDING), 0);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), 1);
	assert_int_equal(store_outbox_count(w->db), 2);
	assert_true(world_user(w, ADA).assignments[0].gone_final);
	assert_int_equal(run_at(w, WORLD_NOW + CLOCK_DAY), 0); /* the mark is gone */
	world_free(w);
}

static void a_surer_cause_in_between_leaves_nothing_to_do(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	struct id16 id = given(w, ADA);
	world_happens(w, ADA, id, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, WORLD_NOW + 500);
	world_happens(w, ADA, id, WIRE_EVENT_GONE, WIRE_CAUSE_MOVED, WORLD_NOW + 500);
	assert_int_equal(run_at(w, WORLD_NOW + CLOCK_HOUR), 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_MOVED), 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), 0);
	assert_int_equal(run_at(w, WORLD_NOW + CLOCK_HOUR), 0);
	world_free(w);
}

static void many_users_are_done_page_by_page(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	size_t users = DUE_PAGE + 10, pages = 0;
	world_campaigns(w, 1);
	for (size_t i = 0; i < users; i++) {
		const char *user = arena_printf(w->arena, "user%zu", i).p;
		world_happens(w, user, given(w, user), WIRE_EVENT_GONE,
			      WIRE_CAUSE_UNKNOWN, WORLD_NOW + 500);
	}
	while (run_at(w, WORLD_NOW + CLOCK_HOUR) > 0)
		pages++;
	assert_int_equal(pages, 2);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), users);
	world_free(w);
}

#define USERS 3

/* Whom something was given, and who is gone for a reason that is not known. */
static void lose_some(struct world *w)
{
	world_campaigns(w, 1);
	for (size_t i = 0; i < USERS; i++) {
		const char *user = arena_printf(w->arena, "user%zu", i).p;
		world_happens(w, user, given(w, user), WIRE_EVENT_GONE,
			      WIRE_CAUSE_UNKNOWN, WORLD_NOW + 500);
	}
}

/* False: the fault did not come. */
static bool fails_at(const struct fault *f)
{
	char folder[64];
	size_t done, descriptors = unit_descriptors();
	struct error err;
	make_folder_of_own(folder, sizeof folder, "due");
	const struct store_options options = fault_options(f->kind, folder);
	struct world *w = world_new_on(&options);
	lose_some(w);
	fault_arm(f, w->store);
	bool ok = due_run(w->db, w->snapshot, WORLD_NOW + CLOCK_HOUR, &done, &err);
	bool came = fault_disarm(f, w->store);
	if (!ok && !(came && error_kind_info(err.kind)->retryable))
		fail_msg("%s: %s", fault_text(f), err.message);
	while (run_at(w, WORLD_NOW + CLOCK_HOUR) > 0)
		continue;
	uint64_t expunged = world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD);
	if (expunged != USERS || store_outbox_count(w->db) != 2 * (uint64_t)USERS)
		fail_msg("%s: %d expunged, %d to send", fault_text(f), (int)expunged,
			 (int)store_outbox_count(w->db));
	assert_int_equal(world_count(w, "c0", STATISTIC_GONE_PENDING), 0);
	world_free(w);
	remove_folder(folder);
	assert_int_equal(unit_descriptors(), descriptors);
	return came;
}

static void what_fails_is_done_again_and_counted_once(void **state)
{
	(void)state;
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		f.nth = 1;
		while (fails_at(&f))
			f.nth++;
		assert_true(f.nth > 1 || f.kind == FAULT_DISK_NAME);
	}
}

static void one_that_fails_holds_up_nobody(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	struct error err;
	size_t done;
	lose_some(w);
	store_faulty_arm(w->store, 1, 'b');
	assert_false(due_run(w->db, w->snapshot, WORLD_NOW + CLOCK_HOUR, &done, &err));
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), USERS - 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_end_is_final_after_a_minute_and_sent_then),
		cmocka_unit_test(a_surer_cause_in_between_leaves_nothing_to_do),
		cmocka_unit_test(many_users_are_done_page_by_page),
		cmocka_unit_test(what_fails_is_done_again_and_counted_once),
		cmocka_unit_test(one_that_fails_holds_up_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
