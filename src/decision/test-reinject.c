/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/test-world.h"

/* The k-th reinjection of the first injection of campaign i. */
static struct assignment *copy_of(struct world *w, size_t i, uint32_t k,
				  enum assignment_state state, int64_t ago_ms)
{
	struct assignment *a = world_gives(w, i, 1, state, ago_ms);
	a->k = k;
	a->instance = id_instance(&w->snapshot.key, a->campaign, STR(WORLD_USER), 1, k);
	return a;
}

/* One campaign whose unread copy lies in the mailbox under UID 10 for three days, and
 * may be put in anew after two days, twice. */
static struct world *world_with_copy(void)
{
	struct world *w = world_new(1);
	w->definitions[0].reinjection = (struct campaign_reinjection){
		.after_ms = 2 * CLOCK_DAY, .max_times = 2};
	world_shows(w, copy_of(w, 0, 0, ASSIGNMENT_UNREAD, 3 * CLOCK_DAY), 10, false);
	return w;
}

static void keep_on_top(struct world *w, uint32_t after_newer, uint32_t max_times)
{
	w->definitions[0].reinjection.max_times = 0;
	w->definitions[0].keep_on_top =
		(struct campaign_keep_on_top){after_newer, max_times};
}

static struct decision decided(struct world *w)
{
	struct decision d;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	return d;
}

static struct decision decided_dry(struct world *w)
{
	struct decision d;
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	return d;
}

static const struct explanation *why(struct world *w, size_t campaign)
{
	struct explanation *all;
	size_t n;
	assert_true(
		decision_why(&w->snapshot, &w->user, WORLD_NOW, w->arena, &all, &n));
	return &all[campaign];
}

static void assert_reinjects(struct world *w, uint32_t k)
{
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_REINJECT);
	assert_int_equal(d.actions[0].assignment.k, k);
}

/* Nothing is done, and this gate of the reinjection says so. */
static void assert_stays(struct world *w, const char *gate)
{
	assert_int_equal(decided(w).n, 0);
	struct str facts = arena_str(w->arena, why(w, 0)->facts);
	struct str want = arena_printf(w->arena, "\"gate\":\"%s\"", gate);
	const char *nested = strstr(facts.p, "\"reinjection\":{");
	if (nested == NULL || strstr(nested, want.p) == NULL)
		fail_msg("%s is not said of the reinjection in %s", want.p, facts.p);
}

static void an_unread_copy_is_replaced_when_its_time_has_come(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	const struct action *a = &d.actions[0];
	assert_int_equal(a->op, ACTION_REINJECT);
	assert_int_equal(a->by, AGAIN_REINJECTION);
	assert_int_equal(a->assignment.n, 1);
	assert_int_equal(a->assignment.k, 1);
	assert_int_equal(a->assignment.state, ASSIGNMENT_PENDING);
	assert_true(id16_eq(
		a->assignment.instance,
		id_instance(&w->snapshot.key, STR("c00"), STR(WORLD_USER), 1, 1)));
	assert_true(id16_eq(a->guid, id_guid(&w->snapshot.key, STR(WORLD_USER),
					     a->assignment.instance)));
	assert_true(id16_eq(a->replaces, w->present[0].guid));
	assert_str(why(w, 0)->outcome, "would reinject");
	assert_str(why(w, 0)->facts, "{\"variant\":\"a\",\"n\":1,\"k\":1,"
				     "\"by\":\"reinjection\"}");
	world_free(w);
}

static void before_its_time_it_stays_and_the_next_check_is_then(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	w->assignments[0].injected_ms = WORLD_NOW - 2 * CLOCK_DAY + 7 * CLOCK_MINUTE;
	assert_stays(w, "due");
	assert_int_equal(decided(w).next_check_ms, 7 * CLOCK_MINUTE);
	w->assignments[0].injected_ms = WORLD_NOW - 2 * CLOCK_DAY;
	assert_reinjects(w, 1);
	world_free(w);
}

static void the_campaign_and_the_user_can_stop_it(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	w->snapshot.kill_switch = KILL_NON_SERVICE;
	assert_stays(w, "killSwitch");
	w->snapshot.kill_switch = KILL_NOTHING;
	w->running[0].state.status = CAMPAIGN_PAUSED;
	assert_stays(w, "status");
	w->running[0].state.status = CAMPAIGN_CANCELLED;
	assert_stays(w, "status");
	w->running[0].state.status = CAMPAIGN_ACTIVE;
	w->definitions[0].end_ms = WORLD_NOW;
	assert_stays(w, "window");
	w->definitions[0].end_ms = WORLD_NOW + 1;
	assert_reinjects(w, 1);
	world_free(w);
}

/* What is unwanted is taken back, never put in anew. */
static void without_consent_it_is_withdrawn_instead(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	w->consents[0].granted = false;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	w->consents[0].granted = true;
	w->opt_outs[0] = (struct opt_out){.at_ms = WORLD_NOW - 1000};
	w->user.profile.n_opt_outs = 1;
	d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	w->user.profile.n_opt_outs = 0;
	w->running[0].state.recall = RECALL_UNREAD;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	assert_int_equal(d.actions[0].cause, WIRE_WITHDRAW_RECALL);
	world_free(w);
}

static void what_was_read_or_has_ended_never_comes_back(void **state)
{
	(void)state;
	static const struct {
		enum assignment_state state;
		enum wire_cause cause;
	} ends[] = {{ASSIGNMENT_READ, WIRE_CAUSE_NONE},
		    {ASSIGNMENT_GONE, WIRE_CAUSE_EXPUNGED},
		    {ASSIGNMENT_GONE, WIRE_CAUSE_MOVED},
		    {ASSIGNMENT_GONE, WIRE_CAUSE_UNKNOWN},
		    {ASSIGNMENT_RECALLED, WIRE_CAUSE_WITHDRAWN},
		    {ASSIGNMENT_EXPIRED, WIRE_CAUSE_WITHDRAWN},
		    {ASSIGNMENT_UNCERTAIN, WIRE_CAUSE_NONE}};
	struct world *w = world_with_copy();
	w->definitions[0].keep_on_top = (struct campaign_keep_on_top){1, 9};
	w->definitions[0].repeat.max = 1;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		w->assignments[0].state = ends[i].state;
		w->assignments[0].cause = ends[i].cause;
		struct decision d = decided(w), dry = decided_dry(w);
		for (size_t j = 0; j < d.n; j++)
			assert_int_not_equal(d.actions[j].op, ACTION_REINJECT);
		for (size_t j = 0; j < dry.n; j++)
			assert_int_not_equal(dry.actions[j].op, ACTION_REINJECT);
	}
	/* unread again, but it was read once */
	w->assignments[0].state = ASSIGNMENT_UNREAD;
	w->assignments[0].was_read = true;
	assert_int_equal(decided_dry(w).n, 0);
	world_free(w);
}

static void the_copy_must_be_seen_in_the_whole_mailbox(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	w->mailbox.complete = false;
	assert_int_equal(decided(w).n, 0);
	w->mailbox.complete = true;
	w->present[0].seen = true;
	assert_int_equal(decided(w).n, 0);
	w->present[0].seen = false;
	w->mailbox.pop3 = true;
	assert_int_equal(decided(w).n, 0);
	w->mailbox.pop3 = false;
	w->mailbox.n_present = 0;
	assert_int_equal(decided(w).n, 0);
	w->mailbox.n_present = 1;
	assert_reinjects(w, 1);
	world_free(w);
}

static void no_more_often_than_the_campaign_says(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	struct assignment *first = &w->assignments[0];
	struct assignment *second = copy_of(w, 0, 1, ASSIGNMENT_UNREAD, 3 * CLOCK_DAY);
	first->state = ASSIGNMENT_GONE;
	first->cause = WIRE_CAUSE_REPLACED;
	w->mailbox.n_present = 0;
	world_shows(w, second, 11, false);
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].assignment.k, 2);
	assert_true(id16_eq(d.actions[0].replaces, w->present[0].guid));
	w->definitions[0].reinjection.max_times = 1;
	assert_stays(w, "due");
	world_free(w);
}

static void one_on_its_way_is_waited_for_and_given_again_when_it_lapsed(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	struct assignment *next = copy_of(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	assert_stays(w, "pending");
	next->assigned_ms = WORLD_NOW - ASSIGNMENT_LAPSE_MS;
	assert_reinjects(w, 1);
	next->node = STR("node-b"); /* its replica may hold it */
	assert_int_equal(decided(w).n, 0);
	next->assigned_ms = WORLD_NOW - ASSIGNMENT_OTHER_NODE_MS;
	assert_reinjects(w, 1);
	next->state = ASSIGNMENT_REFUSED;
	next->cause = WIRE_CAUSE_CHANGED;
	assert_reinjects(w, 1);
	/* an uncertain one may lie there: its id is never given again */
	next->state = ASSIGNMENT_UNCERTAIN;
	next->reported = 1u << WIRE_EVENT_UNCERTAIN;
	assert_reinjects(w, 2);
	world_free(w);
}

static void on_top_is_kept_what_others_came_upon(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	keep_on_top(w, 10, 3);
	w->present[0].newer = 9;
	assert_int_equal(decided(w).n, 0);
	w->present[0].newer = 10;
	assert_reinjects(w, 1);
	assert_int_equal(decided(w).actions[0].by, AGAIN_KEEP_ON_TOP);
	/* a dry decision does not see the mailbox: there may be something to do */
	assert_int_equal(decided_dry(w).n, 1);
	assert_str(why(w, 0)->facts, "{\"variant\":\"a\",\"n\":1,\"k\":1,"
				     "\"by\":\"keepOnTop\",\"afterNewer\":10}");
	world_free(w);
}

static void on_top_is_kept_once_a_day_at_most(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	keep_on_top(w, 1, 3);
	w->assignments[0].state = ASSIGNMENT_GONE;
	w->assignments[0].cause = WIRE_CAUSE_REPLACED;
	struct assignment *second =
		copy_of(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY - 5 * CLOCK_MINUTE);
	w->mailbox.n_present = 0;
	world_shows(w, second, 11, false)->newer = 50;
	assert_stays(w, "due");
	assert_int_equal(decided(w).next_check_ms, 5 * CLOCK_MINUTE);
	assert_int_equal(decided_dry(w).n, 0);
	second->injected_ms = WORLD_NOW - CLOCK_DAY;
	assert_reinjects(w, 2);
	w->definitions[0].keep_on_top.max_times = 1;
	assert_stays(w, "due");
	world_free(w);
}

static void a_reinjection_is_no_injection(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	/* the copies of one injection use up one of its repeats */
	w->definitions[0].repeat =
		(struct campaign_repeat){.max = 2, .after = REPEAT_AFTER_READ};
	w->assignments[0].state = ASSIGNMENT_GONE;
	w->assignments[0].cause = WIRE_CAUSE_REPLACED;
	w->mailbox.n_present = 0;
	copy_of(w, 0, 1, ASSIGNMENT_READ, 2 * CLOCK_DAY);
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_INJECT);
	assert_int_equal(d.actions[0].assignment.n, 2);
	assert_int_equal(d.actions[0].assignment.k, 0);
	world_free(w);
}

static void a_reinjection_fills_no_place_of_its_own(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	w->tenant.limits.live_unread = 2;
	w->tenant.limits.min_spacing_ms = 0;
	w->definitions[0].reinjection =
		(struct campaign_reinjection){.after_ms = CLOCK_DAY, .max_times = 1};
	world_shows(w, copy_of(w, 0, 0, ASSIGNMENT_UNREAD, 3 * CLOCK_DAY), 10, false);
	struct decision d = decided(w);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.actions[0].op, ACTION_REINJECT);
	assert_int_equal(d.actions[1].op, ACTION_INJECT);
	/* but what the user sees is spaced */
	w->tenant.limits.min_spacing_ms = CLOCK_HOUR;
	assert_reinjects(w, 1);
	world_free(w);
}

static void what_was_replaced_and_is_there_is_withdrawn_as_replaced(void **state)
{
	(void)state;
	struct world *w = world_with_copy();
	w->definitions[0].reinjection.max_times = 0;
	world_shows(w, copy_of(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_HOUR), 11, false);
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	assert_int_equal(d.actions[0].cause, WIRE_WITHDRAW_REPLACED);
	assert_true(id16_eq(d.actions[0].guid, w->present[0].guid));
	assert_false(d.actions[0].takes_read);
	/* unless the user has read it */
	w->assignments[0].state = ASSIGNMENT_READ;
	w->assignments[0].was_read = true;
	assert_int_equal(decided(w).n, 0);
	w->assignments[0].was_read = false;
	/* by a backup, or by an index that was made anew */
	w->assignments[0].state = ASSIGNMENT_GONE;
	w->assignments[0].cause = WIRE_CAUSE_REPLACED;
	assert_int_equal(decided(w).n, 1);
	assert_int_equal(decided(w).actions[0].cause, WIRE_WITHDRAW_REPLACED);
	assert_true(decided(w).actions[0].takes_read);
	assert_int_equal(decided_dry(w).n, 0);
	w->assignments[0].state = ASSIGNMENT_UNREAD;
	/* until the later one is confirmed, nobody knows */
	w->assignments[1].state = ASSIGNMENT_PENDING;
	w->assignments[1].injected_ms = 0;
	assert_int_equal(decided(w).n, 0);
	world_free(w);
}

/* Property: whatever the order of the campaigns, the same copies are put in anew, none
 * twice, and no answer is too long. */
static void the_order_of_campaigns_does_not_matter(void **state)
{
	(void)state;
	uint32_t seed = 11;
	size_t actions = 0;
	for (int round = 0; round < 200; round++) {
		struct world *w = world_new(20);
		for (size_t i = 0; i < 16; i++) {
			struct campaign *c = &w->definitions[i];
			seed = seed * 1664525u + 1013904223u;
			c->reinjection = (struct campaign_reinjection){
				.after_ms = CLOCK_DAY, .max_times = seed >> 8 & 1};
			c->keep_on_top = (struct campaign_keep_on_top){
				1 + (seed >> 10 & 3), seed >> 9 & 1};
			w->running[i].state.status = (seed >> 12 & 3) == 0
							     ? CAMPAIGN_PAUSED
							     : CAMPAIGN_ACTIVE;
			world_shows(w,
				    copy_of(w, i, 0, ASSIGNMENT_UNREAD,
					    (int64_t)(seed >> 14 & 3) * CLOCK_DAY),
				    (uint32_t)i + 1, false)
				->newer = seed >> 16 & 7;
		}
		struct decision want = decided(w);
		actions += want.n;
		for (size_t i = 0; i < want.n; i++)
			for (size_t j = 0; j < i; j++)
				assert_false(id16_eq(want.actions[i].replaces,
						     want.actions[j].replaces));
		for (size_t i = 19; i > 0; i--) {
			seed = seed * 1664525u + 1013904223u;
			size_t j = (seed >> 8) % (i + 1);
			struct running_campaign t = w->running[i];
			w->running[i] = w->running[j];
			w->running[j] = t;
		}
		struct decision got = decided(w);
		assert_int_equal(got.n, want.n);
		for (size_t i = 0; i < got.n; i++)
			assert_true(id16_eq(got.actions[i].guid, want.actions[i].guid));
		world_free(w);
	}
	assert_true(actions > 500); /* or the worlds were too dull */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unread_copy_is_replaced_when_its_time_has_come),
		cmocka_unit_test(before_its_time_it_stays_and_the_next_check_is_then),
		cmocka_unit_test(the_campaign_and_the_user_can_stop_it),
		cmocka_unit_test(without_consent_it_is_withdrawn_instead),
		cmocka_unit_test(what_was_read_or_has_ended_never_comes_back),
		cmocka_unit_test(the_copy_must_be_seen_in_the_whole_mailbox),
		cmocka_unit_test(no_more_often_than_the_campaign_says),
		cmocka_unit_test(
			one_on_its_way_is_waited_for_and_given_again_when_it_lapsed),
		cmocka_unit_test(on_top_is_kept_what_others_came_upon),
		cmocka_unit_test(on_top_is_kept_once_a_day_at_most),
		cmocka_unit_test(a_reinjection_is_no_injection),
		cmocka_unit_test(a_reinjection_fills_no_place_of_its_own),
		cmocka_unit_test(
			what_was_replaced_and_is_there_is_withdrawn_as_replaced),
		cmocka_unit_test(the_order_of_campaigns_does_not_matter),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
