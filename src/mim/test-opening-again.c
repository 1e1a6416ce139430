/* SPDX-License-Identifier: Apache-2.0 */
/* A reinjection in the store: what is written with it, and what is counted. */
#include "mim/test-world.h"

#define ADA "ada@example.org"
#define LATER (WORLD_NOW + 3 * CLOCK_DAY)

static struct id16 copy_id(struct world *w, uint32_t k)
{
	return id_instance(&w->key, STR("c0"), STR(ADA), 1, k);
}

/* An OPEN that shows these copies. */
static struct opening opens(struct world *w, const uint32_t *k, size_t n,
			    const struct user_event *events, size_t n_events,
			    int64_t now_ms)
{
	struct present_message present[4];
	struct decision_request request = {.mailbox = {.node = STR("mail1"),
						       .uidvalidity = 1,
						       .uidnext = 100,
						       .complete = true,
						       .present = present,
						       .n_present = n},
					   .events = events,
					   .n_events = n_events};
	struct opening o;
	struct error err;
	for (size_t i = 0; i < n; i++)
		present[i] = (struct present_message){
			.guid = id_guid(&w->key, STR(ADA), copy_id(w, k[i])),
			.uid = k[i] + 1};
	if (!world_opens(w, ADA, &request, now_ms, w->arena, &o, &err))
		fail_msg("%s", err.message);
	return o;
}

/* A user whose first copy lies unread, of a campaign that puts it in anew daily. */
static struct world *world_with_copy(void)
{
	static const uint32_t first[] = {0};
	struct world *w = world_new(0);
	struct campaign c = world_campaign(w, "c0");
	c.reinjection =
		(struct campaign_reinjection){.after_ms = CLOCK_DAY, .max_times = 1};
	world_activate(w, &c, 0);
	world_rebuild(w);
	world_consents(w, ADA);
	assert_int_equal(world_decides(w, ADA, WORLD_NOW).decision.n, 1);
	assert_int_equal(opens(w, first, 1, NULL, 0, WORLD_NOW + 1000).decision.n, 0);
	return w;
}

static void assert_counts(struct world *w, uint64_t replaced, uint64_t reinjected)
{
	assert_int_equal(world_count(w, "c0", STATISTIC_INJECTED), 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_REINJECTED), reinjected);
	assert_int_equal(world_count(w, "c0", STATISTIC_REPLACED), replaced);
	assert_int_equal(world_count(w, "c0", STATISTIC_GONE_PENDING), 0);
	assert_int_equal(world_count(w, "c0", STATISTIC_EXPUNGED_UNREAD), 0);
}

static void it_is_durable_before_the_answer(void **state)
{
	(void)state;
	static const uint32_t first[] = {0};
	static const char faults[] = {0, 'a'}; /* 'a': the outcome is unknown */
	for (size_t i = 0; i < sizeof faults; i++) {
		struct world *w = world_with_copy();
		if (faults[i] != 0)
			store_faulty_arm(w->store, 1, faults[i]);
		struct opening o = opens(w, first, 1, NULL, 0, LATER);
		assert_int_equal(o.decision.n, 1);
		assert_int_equal(o.decision.actions[0].op, ACTION_REINJECT);
		assert_true(id16_eq(o.decision.actions[0].assignment.instance,
				    copy_id(w, 1)));
		struct user_record r = world_user(w, ADA);
		assert_int_equal(r.n_assignments, 2);
		/* another session finds it on its way */
		assert_int_equal(opens(w, first, 1, NULL, 0, LATER + 1).decision.n, 0);
		assert_counts(w, 0, 0);
		world_free(w);
	}
}

static void a_write_that_fails_reinjects_nothing(void **state)
{
	(void)state;
	static const uint32_t first[] = {0};
	struct world *w = world_with_copy();
	store_faulty_arm(w->store, 1, 'b');
	assert_int_equal(opens(w, first, 1, NULL, 0, LATER).decision.n, 0);
	assert_int_equal(world_user(w, ADA).n_assignments, 1);
	world_free(w);
}

/* Whatever comes first, and whatever is lost: one replaced, one reinjected. */
static void events_in_any_order_count_the_same(void **state)
{
	(void)state;
	static const uint32_t first[] = {0}, second[] = {1};
	enum { CONFIRMED, REPLACED, UNKNOWN };
	static const int orders[][3] = {{CONFIRMED, REPLACED, -1},
					{REPLACED, CONFIRMED, -1},
					{UNKNOWN, CONFIRMED, -1},
					{CONFIRMED, UNKNOWN, -1},
					{UNKNOWN, CONFIRMED, REPLACED},
					{CONFIRMED, -1, -1},
					{UNKNOWN, -1, -1},
					{-1, -1, -1}};
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		struct world *w = world_with_copy();
		opens(w, first, 1, NULL, 0, LATER);
		struct user_event all[] = {{.event = {.instance = copy_id(w, 1),
						      .type = WIRE_EVENT_REINJECTED,
						      .at_ms = LATER + 1}},
					   {.event = {.instance = copy_id(w, 0),
						      .type = WIRE_EVENT_GONE,
						      .cause = WIRE_CAUSE_REPLACED,
						      .at_ms = LATER + 2}},
					   {.event = {.instance = copy_id(w, 0),
						      .type = WIRE_EVENT_GONE,
						      .cause = WIRE_CAUSE_UNKNOWN,
						      .at_ms = LATER + 2}}};
		struct user_event told[3];
		size_t n = 0;
		for (size_t j = 0; j < 3 && orders[i][j] >= 0; j++)
			told[n++] = all[orders[i][j]];
		/* the mailbox shows the rest */
		assert_int_equal(opens(w, second, 1, told, n, LATER + 3000).decision.n,
				 0);
		assert_counts(w, 1, 1);
		world_free(w);
	}
}

static void a_copy_that_is_there_beside_its_successor_goes(void **state)
{
	(void)state;
	static const uint32_t first[] = {0}, both[] = {0, 1};
	struct world *w = world_with_copy();
	opens(w, first, 1, NULL, 0, LATER);
	struct opening o = opens(w, both, 2, NULL, 0, LATER + 1000);
	assert_int_equal(o.decision.n, 1);
	assert_int_equal(o.decision.actions[0].op, ACTION_WITHDRAW);
	assert_int_equal(o.decision.actions[0].cause, WIRE_WITHDRAW_REPLACED);
	assert_true(id16_eq(o.decision.actions[0].guid,
			    id_guid(&w->key, STR(ADA), copy_id(w, 0))));
	assert_counts(w, 0, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_durable_before_the_answer),
		cmocka_unit_test(a_write_that_fails_reinjects_nothing),
		cmocka_unit_test(events_in_any_order_count_the_same),
		cmocka_unit_test(a_copy_that_is_there_beside_its_successor_goes),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
