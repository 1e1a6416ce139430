/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/test-world.h"

static struct decision decided(struct world *w)
{
	struct decision d;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	return d;
}

/* The campaigns that are injected, as "c00 c01". */
static struct str injected(struct world *w)
{
	struct decision d = decided(w);
	struct str all = STR("");
	for (size_t i = 0; i < d.n; i++)
		if (d.actions[i].op == ACTION_INJECT)
			all = arena_printf(
				w->arena, "%.*s%s%.*s", STR_ARG(all),
				all.n > 0 ? " " : "",
				STR_ARG(d.actions[i].campaign->definition->id));
	return all;
}

static const struct explanation *why(struct world *w, size_t campaign)
{
	struct explanation *all;
	size_t n;
	assert_true(
		decision_why(&w->snapshot, &w->user, WORLD_NOW, w->arena, &all, &n));
	assert_int_equal(n, w->snapshot.n_campaigns);
	return &all[campaign];
}

/* Nothing is injected, and this gate says so. */
static void assert_stopped(struct world *w, const char *gate, const char *facts)
{
	const struct explanation *e = why(w, 0);
	assert_str(injected(w), "");
	assert_str(e->outcome, "stopped");
	assert_str(e->gate, gate);
	if (facts != NULL)
		assert_str(e->facts, facts);
}

static void make_service(struct world *w, size_t i)
{
	w->definitions[i].legal_class = LEGAL_SERVICE;
	w->definitions[i].type = CAMPAIGN_SERVICE_ALERT;
	w->definitions[i].purpose = (struct str){NULL, 0};
}

static void a_user_who_consents_gets_one(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_INJECT);
	const struct assignment *a = &d.actions[0].assignment;
	assert_int_equal(a->state, ASSIGNMENT_PENDING);
	assert_int_equal(a->n, 1);
	assert_int_equal(a->k, 0);
	assert_int_equal(a->assigned_ms, WORLD_NOW);
	assert_str(a->node, "node-a");
	assert_true(id16_eq(a->instance, id_instance(&w->snapshot.key, STR("c00"),
						     STR(WORLD_USER), 1, 0)));
	assert_true(id16_eq(d.actions[0].guid,
			    id_guid(&w->snapshot.key, STR(WORLD_USER), a->instance)));
	assert_int_equal(d.next_check_ms, DECISION_CHECK_DEFAULT_MS);
	assert_str(why(w, 0)->outcome, "would inject");
	assert_str(why(w, 0)->facts, "{\"variant\":\"a\",\"n\":1}");
	world_free(w);
}

static void the_kill_switch_stops_by_its_scope(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	make_service(w, 1);
	w->snapshot.kill_switch = KILL_NON_SERVICE;
	assert_str(injected(w), "c01");
	assert_str(why(w, 0)->gate, "killSwitch");
	w->snapshot.kill_switch = KILL_ALL;
	assert_stopped(w, "killSwitch", "{\"scope\":\"all\"}");
	world_free(w);
}

static void only_active_campaigns_inject(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->running[0].state.status = CAMPAIGN_PAUSED;
	assert_stopped(w, "status", "{\"status\":\"paused\"}");
	w->running[0].state.status = CAMPAIGN_CANCELLED;
	assert_stopped(w, "status", "{\"status\":\"cancelled\"}");
	w->running[0].state.status = CAMPAIGN_STAGED;
	assert_stopped(w, "status", "{\"status\":\"staged\"}");
	world_free(w);
}

static void without_consent_nothing_is_injected(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->consents[0].granted = false;
	assert_stopped(w, "consent",
		       "{\"purpose\":\"newsletter\",\"userKnown\":true,"
		       "\"revoked\":\"2023-10-15T22:13:20Z\"}");
	w->user.profile.n_consents = 0;
	assert_stopped(w, "consent", NULL);
	w->user.known = false;
	assert_stopped(w, "consent",
		       "{\"purpose\":\"newsletter\",\"userKnown\":false}");
	world_free(w);
}

static void an_opt_out_beats_consent(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->opt_outs[0] = (struct opt_out){.at_ms = WORLD_NOW - 1000};
	w->user.profile.n_opt_outs = 1;
	assert_stopped(w, "optOut", NULL);
	world_free(w);
}

static void a_service_message_needs_no_consent_and_no_known_user(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	make_service(w, 0);
	w->user.known = false;
	w->user.profile.n_consents = 0;
	w->opt_outs[0] = (struct opt_out){.at_ms = WORLD_NOW - 1000};
	w->user.profile.n_opt_outs = 1;
	assert_str(injected(w), "c00");
	world_free(w);
}

static void recipients_need_a_row_of_the_active_load(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->definitions[0].from = AUDIENCE_RECIPIENTS;
	w->running[0].state.active_load = 7;
	assert_stopped(w, "audience", "{\"from\":\"recipients\",\"recipient\":false}");
	w->rows[0] = (struct recipient_row){.load = 6};
	w->user.n_rows = 1;
	assert_stopped(w, "audience", NULL);
	w->rows[0].load = 7;
	assert_str(injected(w), "c00");
	world_free(w);
}

static void an_excluded_campaign_that_reached_the_user_excludes(void **state)
{
	(void)state;
	static const struct str exclude = STR_INIT("c01");
	struct world *w = world_new(2);
	w->definitions[0].exclude_campaigns = &exclude;
	w->definitions[0].n_exclude_campaigns = 1;
	w->running[1].state.status = CAMPAIGN_PAUSED;
	struct assignment *a = world_gives(w, 1, 1, ASSIGNMENT_GONE, 9 * CLOCK_DAY);
	assert_stopped(w, "audience", NULL);
	a->state = ASSIGNMENT_PENDING; /* lapsed long ago: never reached them */
	a->injected_ms = 0;
	assert_str(injected(w), "c00");
	a->assigned_ms = WORLD_NOW - 1000; /* on its way */
	assert_stopped(w, "audience", NULL);
	world_free(w);
}

static void a_window_opens_at_its_start_and_closes_at_its_end(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->definitions[0].start_ms = WORLD_NOW + 5 * CLOCK_MINUTE;
	assert_stopped(w, "window", NULL);
	assert_int_equal(decided(w).next_check_ms, 5 * CLOCK_MINUTE);
	w->definitions[0].start_ms = WORLD_NOW + 5;
	assert_int_equal(decided(w).next_check_ms, DECISION_CHECK_MIN_MS);
	w->definitions[0].start_ms = WORLD_NOW;
	assert_str(injected(w), "c00");
	w->definitions[0].end_ms = WORLD_NOW + 1;
	assert_str(injected(w), "c00");
	w->definitions[0].end_ms = WORLD_NOW;
	assert_stopped(w, "window", NULL);
	assert_int_equal(decided(w).next_check_ms, DECISION_CHECK_DEFAULT_MS);
	world_free(w);
}

static void variables_come_from_row_then_profile_then_default(void **state)
{
	(void)state;
	static const struct template_variable needs[] = {{STR_INIT("city"), false},
							 {STR_INIT("name"), false},
							 {STR_INIT("offer"), true},
							 {STR_INIT("plan"), false}};
	static const struct str columns[] = {STR_INIT("name"), STR_INIT("city")};
	static const struct str values[] = {STR_INIT("Ada"), STR_INIT("")};
	static const struct attribute attributes[] = {
		{STR_INIT("city"), STR_INIT("Ulm")},
		{STR_INIT("name"), STR_INIT("X")},
		{STR_INIT("plan"), STR_INIT("a")}};
	struct world *w = world_new(1);
	w->variants[0].variables = needs;
	w->variants[0].n_variables = 4;
	w->running[0].columns = columns;
	w->running[0].n_columns = 2;
	w->running[0].state.active_load = 7;
	w->rows[0] = (struct recipient_row){.load = 7, .values = values, .n_values = 2};
	w->user.n_rows = 1;
	assert_stopped(w, "variables", "{\"missing\":\"city\"}");
	w->user.profile.attributes = attributes;
	w->user.profile.n_attributes = 3;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].n_variables, 3);
	assert_str(d.actions[0].variables[0].value, "Ulm");
	assert_str(d.actions[0].variables[1].value, "Ada");
	assert_str(d.actions[0].variables[2].name, "plan");
	world_free(w);
}

static void once_is_enough_by_default(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	world_gives(w, 0, 1, ASSIGNMENT_GONE, 9 * CLOCK_DAY);
	assert_stopped(w, "repeat", NULL);
	world_free(w);
}

static void a_repeat_waits_for_its_gap_and_for_the_end_of_the_last(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->definitions[0].repeat = (struct campaign_repeat){
		.max = 2, .min_gap_ms = 7 * CLOCK_DAY, .after = REPEAT_AFTER_READ};
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_READ,
					   7 * CLOCK_DAY - 10 * CLOCK_MINUTE);
	assert_stopped(w, "repeat", NULL);
	assert_int_equal(decided(w).next_check_ms, 10 * CLOCK_MINUTE);
	a->injected_ms = a->assigned_ms = WORLD_NOW - 7 * CLOCK_DAY;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].assignment.n, 2);
	a->state = ASSIGNMENT_UNREAD;
	a->was_read = false;
	assert_stopped(w, "repeat", NULL);
	a->state = ASSIGNMENT_GONE; /* but "gone" is not in `after` */
	assert_stopped(w, "repeat", NULL);
	world_free(w);
}

static void what_never_was_is_handed_out_again_under_its_id(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_REFUSED, 1000);
	a->reported = 1u << WIRE_EVENT_REFUSED;
	a->cause = WIRE_CAUSE_QUOTA;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_true(id16_eq(d.actions[0].assignment.instance, a->instance));
	assert_int_equal(d.actions[0].assignment.reported, a->reported);
	assert_int_equal(d.actions[0].assignment.state, ASSIGNMENT_PENDING);
	/* an uncertain one never is */
	a->state = ASSIGNMENT_UNCERTAIN;
	a->reported = 1u << WIRE_EVENT_UNCERTAIN;
	d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].assignment.n, 2);
	/* nor one that the mailbox's ledger knows */
	a->state = ASSIGNMENT_REFUSED;
	a->cause = WIRE_CAUSE_LEDGER;
	assert_stopped(w, "repeat", NULL);
	world_free(w);
}

static void one_on_its_way_is_not_given_twice_and_lapses(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	assert_stopped(w, "repeat", NULL);
	assert_int_equal(decided(w).next_check_ms, DECISION_CHECK_MIN_MS);
	a->assigned_ms = WORLD_NOW - ASSIGNMENT_LAPSE_MS;
	assert_str(injected(w), "c00");
	/* given to another node: its replica may hold it */
	a->node = STR("node-b");
	assert_int_equal(decided(w).n, 0);
	assert_int_equal(decided(w).next_check_ms, 9 * CLOCK_MINUTE);
	a->assigned_ms = WORLD_NOW - ASSIGNMENT_OTHER_NODE_MS;
	assert_str(injected(w), "c00");
	world_free(w);
}

static void two_unread_ones_are_enough(void **state)
{
	(void)state;
	struct world *w = world_new(3);
	struct assignment *a = world_gives(w, 1, 1, ASSIGNMENT_UNREAD, 2 * CLOCK_DAY);
	world_gives(w, 2, 1, ASSIGNMENT_UNREAD, 2 * CLOCK_DAY);
	assert_stopped(w, "liveLimit", "{\"unread\":2,\"max\":2}");
	a->state = ASSIGNMENT_READ;
	assert_str(injected(w), "c00");
	a->state = ASSIGNMENT_UNREAD;
	a->service = true; /* does not fill the limit */
	assert_str(injected(w), "c00");
	world_free(w);
}

static void injections_keep_their_distance(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a =
		world_gives(w, 1, 1, ASSIGNMENT_GONE, CLOCK_HOUR - CLOCK_MINUTE * 2);
	assert_stopped(w, "spacing", NULL);
	assert_int_equal(decided(w).next_check_ms, 2 * CLOCK_MINUTE);
	a->injected_ms = WORLD_NOW - CLOCK_HOUR;
	assert_str(injected(w), "c00");
	world_free(w);
}

static void service_passes_limits_but_not_its_window_or_repeat(void **state)
{
	(void)state;
	struct world *w = world_new(4);
	world_gives(w, 2, 1, ASSIGNMENT_UNREAD, 1000);
	world_gives(w, 3, 1, ASSIGNMENT_UNREAD, 1000);
	make_service(w, 0);
	make_service(w, 1);
	assert_int_equal(injected(w).n, strlen("c00 c01"));
	w->definitions[0].end_ms = WORLD_NOW;
	assert_str(injected(w), "c01");
	world_gives(w, 1, 1, ASSIGNMENT_READ, 1000);
	assert_str(injected(w), "");
	world_free(w);
}

static void an_answer_holds_no_more_than_its_limits(void **state)
{
	(void)state;
	struct world *w = world_new(12);
	for (size_t i = 0; i < 5; i++)
		make_service(w, i);
	struct decision d = decided(w);
	assert_int_equal(d.n, 3);
	assert_true(d.actions[0].assignment.service);
	assert_true(d.actions[1].assignment.service);
	assert_false(d.actions[2].assignment.service);
	/* a second one of the same answer is spaced like any other */
	w->tenant.limits.max_per_decision = 9;
	assert_int_equal(decided(w).n, 3);
	w->tenant.limits.min_spacing_ms = 0;
	assert_int_equal(decided(w).n, 4); /* live limit */
	w->tenant.limits.live_unread = 100;
	assert_int_equal(decided(w).n, DECISION_MAX_ACTIONS);
	w->tenant.limits.max_per_decision = 0;
	w->tenant.limits.service_per_decision = 0;
	assert_int_equal(decided(w).n, 0);
	assert_str(why(w, 11)->gate, "perDecision");
	world_free(w);
}

static void the_lower_tier_comes_first(void **state)
{
	(void)state;
	struct world *w = world_new(5);
	w->definitions[3].tier = 1;
	for (size_t i = 0; i < 5; i++)
		w->definitions[i].weight = i == 3 ? 1 : 1000;
	assert_str(injected(w), "c03");
	assert_str(why(w, 3)->outcome, "would inject");
	assert_str(why(w, 0)->outcome, "candidate");
	assert_str(why(w, 0)->gate, "tier");
	w->definitions[0].tier = 1;
	w->running[3].state.status = CAMPAIGN_PAUSED;
	w->definitions[1].tier = 1;
	assert_true(str_eqz(why(w, 0)->gate, "choice") ||
		    str_eqz(why(w, 1)->gate, "choice"));
	world_free(w);
}

static void shares_follow_the_weights_over_users(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	int first = 0;
	w->definitions[0].weight = 300;
	w->definitions[1].weight = 100;
	for (int i = 0; i < 4000; i++) {
		w->user.profile.user = arena_printf(w->arena, "user%d", i);
		first += str_eqz(injected(w), "c00");
	}
	assert_in_range(first, 2850, 3150); /* 3000 +- 5 sigma */
	world_free(w);
}

static void shares_follow_the_weights_for_one_user_over_time(void **state)
{
	(void)state;
	struct world *w = world_new(3);
	int first = 0;
	w->definitions[0].weight = 300;
	w->running[2].state.status = CAMPAIGN_PAUSED;
	struct assignment *many = test_calloc(400, sizeof *many);
	for (size_t i = 0; i < 400; i++) {
		w->user.n_assignments = 0;
		many[i] = *world_gives(w, 2, (uint32_t)i + 1, ASSIGNMENT_GONE,
				       9 * CLOCK_DAY);
		w->user.n_assignments = i + 1;
		w->user.assignments = many;
		first += str_eqz(injected(w), "c00");
	}
	assert_in_range(first, 255, 345); /* 300 +- 5 sigma */
	test_free(many);
	world_free(w);
}

/* Else the next session would draw the same campaign again while it is on its way. */
static void one_on_its_way_counts_in_the_draw(void **state)
{
	(void)state;
	struct world *w = world_new(3);
	int others = 0;
	w->running[2].state.status = CAMPAIGN_PAUSED;
	w->tenant.limits.min_spacing_ms = 0;
	struct assignment *a = world_gives(w, 2, 1, ASSIGNMENT_PENDING, 1000);
	for (int i = 0; i < 400; i++) {
		w->user.profile.user = arena_printf(w->arena, "user%d", i);
		w->user.n_assignments = 0;
		struct str alone = injected(w);
		assert_int_equal(alone.n, 3);
		w->user.n_assignments = 1;
		a->assigned_ms = WORLD_NOW - 1000;
		others += !str_eq(injected(w), alone);
		/* one that lapsed is as if it had never been */
		a->assigned_ms = WORLD_NOW - 30 * CLOCK_DAY;
		assert_true(str_eq(injected(w), alone));
	}
	assert_in_range(others, 150, 250); /* half of them +- 5 sigma */
	world_free(w);
}

static void a_full_list_takes_no_more(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *many = test_calloc(USER_MAX_ASSIGNMENTS, sizeof *many);
	for (size_t i = 0; i < USER_MAX_ASSIGNMENTS; i++) {
		w->user.n_assignments = 0;
		many[i] = *world_gives(w, 1, (uint32_t)i + 1, ASSIGNMENT_GONE,
				       9 * CLOCK_DAY);
	}
	w->user.assignments = many;
	w->user.n_assignments = USER_MAX_ASSIGNMENTS;
	assert_stopped(w, "room", NULL);
	test_free(many);
	world_free(w);
}

static void a_recall_takes_back_what_is_unread(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct assignment *b = world_gives(w, 0, 2, ASSIGNMENT_READ, CLOCK_DAY);
	world_gives(w, 0, 3, ASSIGNMENT_UNREAD, CLOCK_DAY); /* not in the mailbox */
	world_shows(w, a, 10, false);
	world_shows(w, b, 11, true);
	w->running[1].state.status = CAMPAIGN_PAUSED;
	assert_int_equal(decided(w).n, 0);
	w->running[0].state.recall = RECALL_UNREAD;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	assert_int_equal(d.actions[0].cause, WIRE_WITHDRAW_RECALL);
	assert_true(id16_eq(d.actions[0].guid, w->present[0].guid));
	assert_false(d.actions[0].takes_read);
	w->running[0].state.recall = RECALL_ALL;
	assert_int_equal(decided(w).n, 2);
	assert_true(decided(w).actions[0].takes_read);
	assert_str(why(w, 0)->outcome, "would withdraw");
	/* what was given after the recall stays */
	w->running[0].state.recalled_before_ms = WORLD_NOW - 2 * CLOCK_DAY;
	assert_int_equal(decided(w).n, 0);
	/* and in the same millisecond */
	w->running[0].state.recalled_before_ms = WORLD_NOW - CLOCK_DAY;
	assert_int_equal(decided(w).n, 0);
	w->running[0].state.recalled_before_ms++;
	assert_int_equal(decided(w).n, 2);
	world_free(w);
}

static void revoked_consent_takes_back_what_is_unread(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	make_service(w, 1);
	struct assignment *b = world_gives(w, 1, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	world_shows(w, a, 10, false);
	world_shows(w, b, 11, false);
	assert_int_equal(decided(w).n, 0);
	w->opt_outs[0] = (struct opt_out){.at_ms = WORLD_NOW - 1000};
	w->user.profile.n_opt_outs = 1;
	struct decision d = decided(w);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	assert_true(id16_eq(d.actions[0].guid, w->present[0].guid));
	world_free(w);
}

static void more_than_an_answer_holds_is_asked_for_again_soon(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	w->running[0].state.recall = RECALL_ALL;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	for (uint32_t i = 1; i <= 9; i++)
		world_shows(w, world_gives(w, 0, i, ASSIGNMENT_UNREAD, CLOCK_DAY), i,
			    false);
	struct decision d = decided(w);
	assert_int_equal(d.n, DECISION_MAX_ACTIONS);
	assert_int_equal(d.next_check_ms, DECISION_CHECK_MIN_MS);
	world_free(w);
}

static void a_dry_decision_says_whether_there_is_anything_to_do(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct decision d;
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 1);
	world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 0);
	w->running[0].state.recall = RECALL_UNREAD;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 1);
	world_free(w);
}

/* Property: whatever the order of the campaigns, the answer is the same, and never
 * more than the limits allow. -------------------------------------------------------*/

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void random_campaign(struct world *w, size_t i, uint32_t *seed)
{
	static const enum campaign_status statuses[] = {
		CAMPAIGN_ACTIVE, CAMPAIGN_ACTIVE, CAMPAIGN_ACTIVE, CAMPAIGN_PAUSED};
	struct campaign *c = &w->definitions[i];
	if (next_random(seed) % 5 == 0)
		make_service(w, i);
	c->tier = 1 + next_random(seed) % 3;
	c->weight = 1 + next_random(seed) % 1000;
	c->repeat.max = 1 + next_random(seed) % 3;
	c->repeat.min_gap_ms = (int64_t)(next_random(seed) % 3) * CLOCK_DAY;
	if (next_random(seed) % 3 == 0) {
		c->exclude_campaigns = &w->definitions[next_random(seed) % 20].id;
		c->n_exclude_campaigns = 1;
	}
	w->running[i].state.status = statuses[next_random(seed) % 4];
	w->running[i].state.recall =
		next_random(seed) % 4 == 0 ? RECALL_UNREAD : RECALL_NONE;
	w->running[i].state.recalled_before_ms = WORLD_NOW;
}

static void random_world(struct world *w, uint32_t *seed)
{
	for (size_t i = 0; i < w->snapshot.n_campaigns; i++)
		random_campaign(w, i, seed);
	w->tenant.limits.max_per_decision = next_random(seed) % 4;
	w->tenant.limits.live_unread = next_random(seed) % 6;
	w->tenant.limits.min_spacing_ms = next_random(seed) % 2 ? CLOCK_HOUR : 0;
	w->tenant.limits.service_per_decision = next_random(seed) % 3;
	size_t n = next_random(seed) % 8;
	for (size_t i = 0; i < n; i++) {
		struct assignment *a = world_gives(
			w, next_random(seed) % 20, 1 + (uint32_t)i,
			(enum assignment_state)(next_random(seed) % 4),
			(int64_t)(1 + next_random(seed) % 100) * CLOCK_HOUR);
		if (next_random(seed) % 2)
			world_shows(w, a, 1 + (uint32_t)i, false);
	}
}

static void assert_same_decision(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->next_check_ms, b->next_check_ms);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->actions[i].op, b->actions[i].op);
		assert_true(id16_eq(a->actions[i].assignment.instance,
				    b->actions[i].assignment.instance));
	}
}

static void assert_within_limits(struct world *w, const struct decision *d)
{
	const struct tenant_limits *limits = &w->tenant.limits;
	uint32_t service = 0, other = 0, live = 0;
	for (size_t i = 0; i < d->n; i++) {
		if (d->actions[i].op != ACTION_INJECT)
			continue;
		if (d->actions[i].assignment.service)
			service++;
		else
			other++;
		for (size_t j = 0; j < i; j++)
			assert_false(id16_eq(d->actions[i].assignment.instance,
					     d->actions[j].assignment.instance));
	}
	for (size_t i = 0; i < w->user.n_assignments; i++) {
		enum assignment_state s =
			assignment_state_at(&w->assignments[i], WORLD_NOW);
		live += !w->assignments[i].service &&
			(s == ASSIGNMENT_UNREAD || s == ASSIGNMENT_PENDING);
	}
	assert_true(service <= limits->service_per_decision);
	assert_true(other <= limits->max_per_decision);
	assert_true(other == 0 || live + other <= limits->live_unread);
	assert_true(limits->min_spacing_ms == 0 || other <= 1);
}

static void the_order_of_campaigns_does_not_matter(void **state)
{
	(void)state;
	uint32_t seed = 7;
	size_t actions = 0;
	for (int round = 0; round < 300; round++) {
		struct world *w = world_new(20);
		random_world(w, &seed);
		struct decision want = decided(w);
		actions += want.n;
		assert_within_limits(w, &want);
		for (int order = 0; order < 5; order++) {
			for (size_t i = 19; i > 0; i--) {
				size_t j = next_random(&seed) % (i + 1);
				struct running_campaign t = w->running[i];
				w->running[i] = w->running[j];
				w->running[j] = t;
			}
			struct decision got = decided(w);
			assert_same_decision(&got, &want);
		}
		world_free(w);
	}
	assert_true(actions > 300); /* or the worlds were too dull */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_who_consents_gets_one),
		cmocka_unit_test(the_kill_switch_stops_by_its_scope),
		cmocka_unit_test(only_active_campaigns_inject),
		cmocka_unit_test(without_consent_nothing_is_injected),
		cmocka_unit_test(an_opt_out_beats_consent),
		cmocka_unit_test(a_service_message_needs_no_consent_and_no_known_user),
		cmocka_unit_test(recipients_need_a_row_of_the_active_load),
		cmocka_unit_test(an_excluded_campaign_that_reached_the_user_excludes),
		cmocka_unit_test(a_window_opens_at_its_start_and_closes_at_its_end),
		cmocka_unit_test(variables_come_from_row_then_profile_then_default),
		cmocka_unit_test(once_is_enough_by_default),
		cmocka_unit_test(
			a_repeat_waits_for_its_gap_and_for_the_end_of_the_last),
		cmocka_unit_test(what_never_was_is_handed_out_again_under_its_id),
		cmocka_unit_test(one_on_its_way_is_not_given_twice_and_lapses),
		cmocka_unit_test(two_unread_ones_are_enough),
		cmocka_unit_test(injections_keep_their_distance),
		cmocka_unit_test(service_passes_limits_but_not_its_window_or_repeat),
		cmocka_unit_test(an_answer_holds_no_more_than_its_limits),
		cmocka_unit_test(the_lower_tier_comes_first),
		cmocka_unit_test(shares_follow_the_weights_over_users),
		cmocka_unit_test(shares_follow_the_weights_for_one_user_over_time),
		cmocka_unit_test(one_on_its_way_counts_in_the_draw),
		cmocka_unit_test(a_full_list_takes_no_more),
		cmocka_unit_test(a_recall_takes_back_what_is_unread),
		cmocka_unit_test(revoked_consent_takes_back_what_is_unread),
		cmocka_unit_test(more_than_an_answer_holds_is_asked_for_again_soon),
		cmocka_unit_test(a_dry_decision_says_whether_there_is_anything_to_do),
		cmocka_unit_test(the_order_of_campaigns_does_not_matter),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
