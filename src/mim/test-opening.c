/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/test-world.h"

#include <stdatomic.h>

#define ADA "ada@example.org"

/* A campaign's only instance of a user. */
static struct id16 first_instance(struct world *w, const char *campaign)
{
	return id_instance(&w->key, str_of(campaign), STR(ADA), 1, 0);
}

static void an_assignment_is_durable_before_the_answer(void **state)
{
	(void)state;
	for (unsigned delay_ms = 0; delay_ms < 3; delay_ms += 2) {
		struct world *w = world_new(delay_ms);
		world_campaigns(w, 1);
		world_consents(w, ADA);
		struct opening o = world_decides(w, ADA, WORLD_NOW);
		assert_int_equal(o.decision.n, 1);
		assert_int_equal(o.decision.actions[0].op, ACTION_INJECT);
		struct user_record r = world_user(w, ADA);
		assert_int_equal(r.n_assignments, 1);
		assert_true(
			id16_eq(r.assignments[0].instance, first_instance(w, "c0")));
		assert_int_equal(r.assignments[0].state, ASSIGNMENT_PENDING);
		assert_str(r.assignments[0].node, "mail1");
		assert_true(r.assignments[0].nonce == o.nonce && o.nonce != 0);
		/* another session finds it on its way */
		assert_int_equal(world_decides(w, ADA, WORLD_NOW + 1).decision.n, 0);
		world_free(w);
	}
}

static void an_opening_with_nothing_to_do_writes_nothing(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 3);
	store_faulty_arm(w->store, 0, 'b');
	assert_int_equal(world_decides(w, "nobody", WORLD_NOW).decision.n, 0);
	assert_int_equal(store_faulty_arm(w->store, 0, 'b'), 0);
	world_free(w);
}

static void hello_assigns_nothing(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	struct opening o;
	world_campaigns(w, 1);
	world_consents(w, ADA);
	store_faulty_arm(w->store, 0, 'b');
	assert_true(world_opens(w, ADA, NULL, WORLD_NOW, w->arena, &o, NULL));
	assert_int_equal(o.decision.n, 1);
	assert_int_equal(store_faulty_arm(w->store, 0, 'b'), 0);
	assert_int_equal(world_user(w, ADA).n_assignments, 0);
	assert_true(world_opens(w, "bert", NULL, WORLD_NOW, w->arena, &o, NULL));
	assert_int_equal(o.decision.n, 0);
	world_free(w);
}

static void a_write_that_fails_gives_an_empty_answer(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	world_consents(w, ADA);
	store_faulty_arm(w->store, 1, 'b');
	struct opening o = world_decides(w, ADA, WORLD_NOW);
	assert_int_equal(o.decision.n, 0);
	assert_int_equal(o.decision.next_check_ms, DECISION_CHECK_MIN_MS);
	assert_int_equal(world_user(w, ADA).n_assignments, 0);
	assert_int_equal(world_decides(w, ADA, WORLD_NOW).decision.n, 1);
	world_free(w);
}

static void a_write_of_unknown_outcome_is_known_by_its_nonce(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	world_consents(w, ADA);
	store_faulty_arm(w->store, 1, 'a');
	struct opening o = world_decides(w, ADA, WORLD_NOW);
	assert_int_equal(o.decision.n, 1);
	assert_int_equal(world_user(w, ADA).n_assignments, 1);
	world_free(w);
}

/* An opening that wants to be told early; how often it was. done false: it failed. */
static unsigned told_early;

static void count_early(struct opening *o)
{
	assert_int_equal(o->decision.n, 1);
	told_early++;
}

static bool opens_early(struct world *w, struct opening *o, struct error *err)
{
	const struct decision_request request = {
		.mailbox = {.node = STR("mail1"), .uidnext = 10, .complete = true}};
	struct waiting x;
	waiting_init(&x);
	told_early = 0;
	*o = (struct opening){.db = w->db,
			      .snapshot = w->snapshot,
			      .request = &request,
			      .user_key = STR(ADA),
			      .arena = w->arena,
			      .now_ms = WORLD_NOW,
			      .done = world_opened,
			      .early = count_early,
			      .ctx = &x};
	opening_start(o);
	bool ok = waiting_wait(&x);
	*err = x.err;
	return ok;
}

/* It may have been passed on: no other answer can follow. */
static void what_was_told_early_and_is_not_written_is_an_error(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	struct opening o;
	struct error err;
	world_campaigns(w, 1);
	world_consents(w, ADA);
	store_faulty_arm(w->store, 1, 'b');
	assert_false(opens_early(w, &o, &err));
	assert_int_equal(told_early, 1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(world_user(w, ADA).n_assignments, 0);
	/* written, but not heard of: found by its nonce */
	store_faulty_arm(w->store, 1, 'a');
	assert_true(opens_early(w, &o, &err));
	assert_int_equal(told_early, 1);
	assert_int_equal(o.decision.n, 1);
	assert_int_equal(world_user(w, ADA).n_assignments, 1);
	/* nothing to assign: nothing to tell */
	assert_true(opens_early(w, &o, &err));
	assert_int_equal(told_early, 0);
	world_free(w);
}

/* The same instance is there, but of a hand-out before. */
static void a_write_that_was_lost_is_not_taken_for_an_older_one(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	world_consents(w, ADA);
	struct opening first = world_decides(w, ADA, WORLD_NOW), o;
	assert_int_equal(first.decision.n, 1);
	struct user_event events[] = {
		{.event = {.instance = first_instance(w, "c0"),
			   .type = WIRE_EVENT_REFUSED,
			   .cause = WIRE_CAUSE_LATE,
			   .at_ms = WORLD_NOW + 500}},
	};
	struct decision_request request = {.mailbox = {.node = STR("mail1"),
						       .uidvalidity = 1,
						       .uidnext = 10,
						       .complete = true},
					   .events = events,
					   .n_events = 1};
	store_faulty_arm(w->store, 1, 'b');
	world_opens(w, ADA, &request, WORLD_NOW + 1000, w->arena, &o, NULL);
	assert_int_equal(store_faulty_arm(w->store, 0, 'b'), 1);
	assert_int_equal(o.decision.n, 0);
	struct user_record r = world_user(w, ADA);
	assert_int_equal(r.n_assignments, 1);
	assert_true(r.assignments[0].nonce == first.nonce);
	world_free(w);
}

static void events_of_the_request_come_first(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	world_consents(w, ADA);
	world_decides(w, ADA, WORLD_NOW);
	struct user_event events[] = {
		{.event = {.instance = first_instance(w, "c0"),
			   .type = WIRE_EVENT_REFUSED,
			   .cause = WIRE_CAUSE_LATE,
			   .at_ms = WORLD_NOW + 500}},
		{.event = {.instance = {{1}}, .type = WIRE_EVENT_READ}},
	};
	struct decision_request request = {.mailbox = {.node = STR("mail1"),
						       .uidvalidity = 1,
						       .uidnext = 10,
						       .complete = true},
					   .events = events,
					   .n_events = 2};
	struct opening o;
	assert_true(
		world_opens(w, ADA, &request, WORLD_NOW + 1000, w->arena, &o, NULL));
	assert_int_equal(o.dropped, 1);
	assert_int_equal(o.decision.n, 1); /* freed at once, and given again */
	assert_int_equal(world_count(w, "c0", STATISTIC_REFUSED), 1);
	struct user_record r = world_user(w, ADA);
	assert_int_equal(r.n_assignments, 1);
	assert_int_equal(r.assignments[0].state, ASSIGNMENT_PENDING);
	assert_int_equal(r.assignments[0].assigned_ms, WORLD_NOW + 1000);
	world_free(w);
}

static size_t sort_events(struct world *w)
{
	size_t moved;
	struct store_wait *wait = store_wait_new();
	assert_non_null(wait);
	store_outbox_sort(w->db, WORLD_NOW, 10, &moved, store_wait_done, wait);
	assert_true(store_wait(wait, NULL));
	store_wait_free(wait);
	return moved;
}

static size_t events_for(struct world *w, const char *point)
{
	struct store_queue_list l;
	struct error err;
	assert_true(sync_queue_list(w->db, str_of(point), 0, 0, WORLD_NOW, 10, w->arena,
				    &l, &err));
	return l.n;
}

static void a_lost_confirmation_is_counted_and_sent_once(void **state)
{
	(void)state;
	struct world *w = world_new(0);
	world_campaigns(w, 1);
	world_consents(w, ADA);
	world_decides(w, ADA, WORLD_NOW);
	struct present_message m = {
		.guid = id_guid(&w->key, STR(ADA), first_instance(w, "c0")),
		.uid = 7,
		.seen = true};
	struct decision_request request = {.mailbox = {.node = STR("mail1"),
						       .uidvalidity = 1,
						       .uidnext = 10,
						       .complete = true,
						       .present = &m,
						       .n_present = 1}};
	struct opening o;
	for (int i = 0; i < 3; i++) {
		store_faulty_arm(w->store, 0, 'b');
		assert_true(world_opens(w, ADA, &request, WORLD_NOW + 90000 + i,
					w->arena, &o, NULL));
		assert_int_equal(o.reconciled.n_known, 1);
		assert_int_equal(o.decision.n, 0);
		assert_int_equal(store_faulty_arm(w->store, 0, 'b'), i == 0 ? 1 : 0);
	}
	assert_int_equal(world_count(w, "c0", STATISTIC_INJECTED), 1);
	assert_int_equal(world_count(w, "c0", STATISTIC_READ), 1);
	assert_int_equal(sort_events(w), 2);
	assert_int_equal(events_for(w, "p-injected"), 1);
	assert_int_equal(events_for(w, "p-read"), 1);
	assert_int_equal(world_user(w, ADA).assignments[0].uid, 7);
	/* gone from a complete look: the mailbox may be one from a backup */
	request.mailbox.n_present = 0;
	assert_true(
		world_opens(w, ADA, &request, WORLD_NOW + 100000, w->arena, &o, NULL));
	assert_int_equal(world_user(w, ADA).assignments[0].state, ASSIGNMENT_GONE);
	assert_int_equal(world_count(w, "c0", STATISTIC_GONE_PENDING), 0);
	world_free(w);
}

static void the_snapshot_holds_what_is_stored(void **state)
{
	(void)state;
	static const struct str columns[] = {STR_INIT("name")};
	struct world *w = world_new(0);
	struct load_document load = {.campaign = STR("b"),
				     .sha256 = STR(WORLD_TEMPLATE),
				     .content = STR(WORLD_TEMPLATE),
				     .import = STR("i"),
				     .columns = columns,
				     .n_columns = 1,
				     .state = LOAD_COMPLETE};
	struct kill_document kill = {KILL_NON_SERVICE, WORLD_NOW};
	struct campaign_document staged = {.newest_version = 1};
	struct buf body;
	buf_init(&body, 1 << 16);
	load_document_write(&body, &load);
	world_put(w, STORE_LOAD, STR("0000000000000007"), &body);
	kill_document_write(&body, &kill);
	world_put(w, STORE_SETTING, STR(DOCUMENT_KILL_ID), &body);
	campaign_document_write(&body, &staged); /* its import is under way */
	world_put(w, STORE_CAMPAIGN, STR("aa"), &body);
	for (int i = 0; i < 120; i++) { /* more than a page */
		struct campaign c =
			world_campaign(w, arena_printf(w->arena, "c%03d", i).p);
		world_activate(w, &c, 0);
	}
	struct campaign b = world_campaign(w, "b");
	world_activate(w, &b, 7);
	world_rebuild(w);
	assert_int_equal(w->snapshot->n_campaigns, 121);
	assert_int_equal(w->snapshot->kill_switch, KILL_NON_SERVICE);
	assert_int_equal(w->snapshot->n_loads, 1);
	assert_int_equal(w->snapshot->loads[0], 7);
	assert_int_equal(w->snapshot->serial, 1);
	const struct running_campaign *c = snapshot_campaign(w->snapshot, STR("b"));
	assert_non_null(c);
	assert_int_equal(c->n_columns, 1);
	assert_str(c->columns[0], "name");
	assert_str(c->definition->variants[0].template_sha256, WORLD_TEMPLATE);
	assert_non_null(snapshot_campaign(w->snapshot, STR("c119")));
	assert_null(snapshot_campaign(w->snapshot, STR("aa")));
	world_free(w);
}

static void recipients_are_read_with_the_user(void **state)
{
	(void)state;
	static const struct template_variable needs = {STR_INIT("name"), false};
	static const struct str columns[] = {STR_INIT("name")};
	static const struct str values[] = {STR_INIT("Ada")};
	struct world *w = world_new(0);
	struct load_document load = {.campaign = STR("b"),
				     .sha256 = STR(WORLD_TEMPLATE),
				     .content = STR(WORLD_TEMPLATE),
				     .import = STR("i"),
				     .columns = columns,
				     .n_columns = 1,
				     .state = LOAD_COMPLETE};
	struct store_row row = {.values = values, .n_values = 1};
	struct store_document progress = {.id = STR("i"), .body = STR("{}")};
	struct error err;
	struct buf body;
	buf_init(&body, 1 << 16);
	load_document_write(&body, &load);
	world_put(w, STORE_LOAD, STR("0000000000000007"), &body);
	store_sort_key(STR(ADA), row.sort_key);
	assert_true(sync_rows_write(w->db, 7, &row, 1, STORE_IMPORT, &progress, &err));
	w->variant.variables = &needs;
	w->variant.n_variables = 1;
	struct campaign b = world_campaign(w, "b");
	b.from = AUDIENCE_RECIPIENTS;
	world_activate(w, &b, 7);
	world_rebuild(w);
	world_consents(w, ADA);
	world_consents(w, "bert");
	struct opening o = world_decides(w, ADA, WORLD_NOW);
	assert_int_equal(o.decision.n, 1);
	assert_int_equal(o.decision.actions[0].n_variables, 1);
	assert_str(o.decision.actions[0].variables[0].value, "Ada");
	assert_int_equal(world_decides(w, "bert", WORLD_NOW).decision.n, 0);
	world_free(w);
}

/* Twenty sessions of one user at once, many campaigns, completions late and out of
 * order: at no time more than the limits allow (storage.md "Assignment"). ----------*/

#define THREADS 20
#define ROUNDS 25
#define RACE_CAMPAIGNS 40
#define RACE_SPACING (2 * CLOCK_SECOND)
/* Between two openings: in all less than the time in which an assignment lapses, for
 * one that lapses is handed out a second time. */
#define RACE_STEP ((ASSIGNMENT_LAPSE_MS - 1) / (THREADS * ROUNDS))

struct race {
	struct world *w;
	_Atomic int64_t now_ms;
	atomic_uint injected, broken;
};

/* The invariants of one look at the partition. */
static bool within_limits(const struct race *race, const struct user_record *r,
			  int64_t now_ms)
{
	const struct tenant_limits *limits = &race->w->tenant.limits;
	uint32_t live = 0;
	for (size_t i = 0; i < r->n_assignments; i++) {
		const struct assignment *a = &r->assignments[i];
		enum assignment_state s = assignment_state_at(a, now_ms);
		live += s == ASSIGNMENT_PENDING || s == ASSIGNMENT_UNREAD;
		for (size_t j = 0; j < i; j++) {
			const struct assignment *b = &r->assignments[j];
			int64_t apart = a->assigned_ms - b->assigned_ms;
			if (id16_eq(a->instance, b->instance))
				return false;
			if (apart > -limits->min_spacing_ms &&
			    apart < limits->min_spacing_ms && a->injected_ms != 0 &&
			    b->injected_ms != 0)
				return false;
			if (str_eq(a->campaign, b->campaign) && a->n == b->n)
				return false;
		}
	}
	return live <= limits->live_unread;
}

static bool event_happens(struct race *race, struct id16 instance,
			  enum wire_event_type type, int64_t now_ms)
{
	struct instance_event e = {.instance = instance,
				   .type = type,
				   .cause = type == WIRE_EVENT_GONE
						    ? WIRE_CAUSE_EXPUNGED
						    : WIRE_CAUSE_NONE,
				   .at_ms = now_ms};
	struct keyed_event keyed = {STR(ADA), &e};
	struct event_batch_result r;
	return world_events(race->w, &keyed, 1, now_ms, &r) && r.stored == 1;
}

static bool session_opens(struct race *race, struct arena *arena)
{
	struct decision_request request = {
		.mailbox = {.node = STR("mail1"), .uidvalidity = 1, .uidnext = 10}};
	struct opening o;
	struct user_record r;
	int64_t now_ms = atomic_fetch_add(&race->now_ms, RACE_STEP);
	if (!world_opens(race->w, ADA, &request, now_ms, arena, &o, NULL))
		return false;
	for (size_t i = 0; i < o.decision.n; i++) {
		struct id16 instance = o.decision.actions[i].assignment.instance;
		race->injected++;
		if (!event_happens(race, instance, WIRE_EVENT_INJECTED, now_ms) ||
		    !event_happens(race, instance, WIRE_EVENT_GONE, now_ms))
			return false;
	}
	return sync_user_read(race->w->db, STR(ADA), NULL, 0, arena, &r, NULL) &&
	       within_limits(race, &r, now_ms);
}

static void *session(void *ctx)
{
	struct race *race = ctx;
	struct arena *arena = arena_new(64 << 20);
	for (int i = 0; i < ROUNDS; i++) {
		if (arena == NULL || !session_opens(race, arena))
			race->broken++;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void twenty_sessions_never_get_more_than_the_limits_allow(void **state)
{
	(void)state;
	for (unsigned delay_ms = 0; delay_ms < 4; delay_ms += 3) {
		struct world *w = world_new(delay_ms);
		struct race race = {.w = w, .now_ms = WORLD_NOW};
		pthread_t threads[THREADS];
		w->tenant.limits =
			(struct tenant_limits){.max_per_decision = 2,
					       .min_spacing_ms = RACE_SPACING,
					       .live_unread = 1,
					       .service_per_decision = 2};
		world_campaigns(w, RACE_CAMPAIGNS);
		world_consents(w, ADA);
		for (size_t i = 0; i < THREADS; i++)
			assert_int_equal(
				pthread_create(&threads[i], NULL, session, &race), 0);
		for (size_t i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(race.broken, 0);
		/* and the race was one: some, and no campaign twice */
		assert_in_range(race.injected, 3, RACE_CAMPAIGNS);
		uint64_t counted = 0;
		for (int i = 0; i < RACE_CAMPAIGNS; i++) {
			const char *id = arena_printf(w->arena, "c%d", i).p;
			uint64_t n = world_count(w, id, STATISTIC_INJECTED);
			assert_true(n <= 1);
			counted += n;
		}
		assert_int_equal(counted, race.injected);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assignment_is_durable_before_the_answer),
		cmocka_unit_test(an_opening_with_nothing_to_do_writes_nothing),
		cmocka_unit_test(hello_assigns_nothing),
		cmocka_unit_test(a_write_that_fails_gives_an_empty_answer),
		cmocka_unit_test(a_write_of_unknown_outcome_is_known_by_its_nonce),
		cmocka_unit_test(a_write_that_was_lost_is_not_taken_for_an_older_one),
		cmocka_unit_test(what_was_told_early_and_is_not_written_is_an_error),
		cmocka_unit_test(events_of_the_request_come_first),
		cmocka_unit_test(a_lost_confirmation_is_counted_and_sent_once),
		cmocka_unit_test(the_snapshot_holds_what_is_stored),
		cmocka_unit_test(recipients_are_read_with_the_user),
		cmocka_unit_test(twenty_sessions_never_get_more_than_the_limits_allow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
