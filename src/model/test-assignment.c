/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "model/assignment-chain.h"

#define T0 INT64_C(1700000000000)
#define NOW (T0 + 3600000)

static struct assignment given(void)
{
	struct assignment a = {.campaign = STR("spring"), .n = 1, .assigned_ms = T0};
	memset(a.instance.b, 7, ID_LEN);
	return a;
}

static struct instance_event event(const struct assignment *a, enum wire_event_type t,
				   enum wire_cause cause, int64_t at_ms)
{
	return (struct instance_event){
		.instance = a->instance, .type = t, .cause = cause, .at_ms = at_ms};
}

static struct event_effect happens(struct assignment *a, enum wire_event_type t,
				   enum wire_cause cause, int64_t at_ms)
{
	struct instance_event e = event(a, t, cause, at_ms);
	return assignment_apply(a, &e, NOW);
}

static void one_that_is_never_confirmed_lapses(void **state)
{
	(void)state;
	struct assignment a = given();
	assert_int_equal(assignment_state_at(&a, T0 + ASSIGNMENT_LAPSE_MS - 1),
			 ASSIGNMENT_PENDING);
	assert_true(assignment_is_live(&a, T0 + ASSIGNMENT_LAPSE_MS - 1));
	assert_int_equal(assignment_state_at(&a, T0 + ASSIGNMENT_LAPSE_MS),
			 ASSIGNMENT_LAPSED);
	assert_false(assignment_is_live(&a, T0 + ASSIGNMENT_LAPSE_MS));
	assert_false(assignment_counts_in_n(&a));
}

static void a_late_confirmation_after_the_lapse_is_believed(void **state)
{
	(void)state;
	struct assignment a = given();
	struct event_effect e = happens(&a, WIRE_EVENT_INJECTED, 0, T0 + 5000);
	assert_true(e.changed);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_INJECTED);
	assert_int_equal(assignment_state_at(&a, NOW), ASSIGNMENT_UNREAD);
	assert_true(assignment_counts_in_n(&a));
}

static void a_lost_confirmation_is_counted_with_what_shows_it(void **state)
{
	(void)state;
	struct assignment a = given();
	struct event_effect e = happens(&a, WIRE_EVENT_READ, 0, T0 + 9000);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.statistic[0], STATISTIC_INJECTED);
	assert_int_equal(e.statistic[1], STATISTIC_READ);
	assert_true(id16_eq(e.event_id[0], id_event(a.instance, STR("injected"))));
	assert_true(id16_eq(e.event_id[1], id_event(a.instance, STR("read"))));
	assert_int_equal(a.state, ASSIGNMENT_READ);
	/* the confirmation itself comes later: the time gets better, no more */
	e = happens(&a, WIRE_EVENT_INJECTED, 0, T0 + 1000);
	assert_int_equal(e.n, 0);
	assert_int_equal(a.injected_ms, T0 + 1000);
	assert_int_equal(a.state, ASSIGNMENT_READ);
}

static void a_reinjection_is_counted_as_one(void **state)
{
	(void)state;
	struct assignment a = given();
	a.k = 2;
	struct event_effect e = happens(&a, WIRE_EVENT_REINJECTED, 0, T0 + 1);
	assert_int_equal(e.statistic[0], STATISTIC_REINJECTED);
	assert_true(id16_eq(e.event_id[0], id_event(a.instance, STR("reinjected"))));
}

static void a_copy_is_succeeded_by_a_later_one_that_was_confirmed(void **state)
{
	(void)state;
	struct assignment all[3] = {given(), given(), given()};
	all[1].k = 1;
	all[1].instance.b[0] = 1;
	all[2].k = 2;
	all[2].n = 2; /* of another injection */
	all[2].instance.b[0] = 2;
	happens(&all[0], WIRE_EVENT_INJECTED, 0, T0 + 1);
	happens(&all[2], WIRE_EVENT_REINJECTED, 0, T0 + 2);
	assert_null(assignment_successor(all, 3, &all[0]));
	happens(&all[0], WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 3);
	assert_false(assignment_settle_replaced(&all[0], all, 3, NOW).changed);
	happens(&all[1], WIRE_EVENT_REINJECTED, 0, T0 + 4);
	assert_ptr_equal(assignment_successor(all, 3, &all[0]), &all[1]);
	assert_null(assignment_successor(all, 3, &all[1]));
	struct event_effect e = assignment_settle_replaced(&all[0], all, 3, NOW);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_REPLACED);
	assert_int_equal(all[0].cause, WIRE_CAUSE_REPLACED);
	assert_false(assignment_settle_replaced(&all[0], all, 3, NOW).changed);
	/* what counts as expunged for good stays so */
	all[0].cause = WIRE_CAUSE_UNKNOWN;
	all[0].gone_final = true;
	assert_false(assignment_settle_replaced(&all[0], all, 3, NOW).changed);
}

static void a_repeated_event_changes_nothing(void **state)
{
	(void)state;
	static const enum wire_event_type all[] = {
		WIRE_EVENT_REFUSED,  WIRE_EVENT_UNCERTAIN, WIRE_EVENT_INJECTED,
		WIRE_EVENT_INJECTED, WIRE_EVENT_READ,      WIRE_EVENT_GONE};
	struct assignment a = given();
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		happens(&a, all[i], WIRE_CAUSE_EXPUNGED, T0 + 1000);
		struct event_effect e =
			happens(&a, all[i], WIRE_CAUSE_EXPUNGED, T0 + 1000);
		assert_false(e.changed);
		assert_int_equal(e.n, 0);
		assert_int_equal(e.due_ms, 0);
	}
}

static void an_event_of_another_instance_or_no_type_changes_nothing(void **state)
{
	(void)state;
	struct assignment a = given();
	struct instance_event e = event(&a, WIRE_EVENT_READ, 0, T0);
	e.instance.b[0] ^= 1;
	assert_false(assignment_apply(&a, &e, NOW).changed);
	e = event(&a, (enum wire_event_type)0, 0, T0);
	assert_false(assignment_apply(&a, &e, NOW).changed);
	e = event(&a, (enum wire_event_type)77, 0, T0);
	assert_false(assignment_apply(&a, &e, NOW).changed);
}

static void times_are_clamped_to_the_life_of_the_instance(void **state)
{
	(void)state;
	struct assignment a = given();
	struct event_effect e = happens(&a, WIRE_EVENT_INJECTED, 0, T0 - 99999);
	assert_int_equal(e.at_ms[0], T0);
	e = happens(&a, WIRE_EVENT_READ, 0, NOW + 99999);
	assert_int_equal(e.at_ms[0], NOW);
	assert_int_equal(a.read_ms, NOW);
}

static void a_refusal_frees_and_an_uncertain_one_closes(void **state)
{
	(void)state;
	struct assignment a = given(), b = given();
	struct event_effect e =
		happens(&a, WIRE_EVENT_REFUSED, WIRE_CAUSE_QUOTA, T0 + 10);
	assert_int_equal(a.state, ASSIGNMENT_REFUSED);
	assert_int_equal(a.cause, WIRE_CAUSE_QUOTA);
	assert_int_equal(e.statistic[0], STATISTIC_REFUSED);
	assert_false(assignment_is_live(&a, T0 + 11));
	assert_false(assignment_counts_in_n(&a));
	e = happens(&b, WIRE_EVENT_UNCERTAIN, 0, T0 + 10);
	assert_int_equal(b.state, ASSIGNMENT_UNCERTAIN);
	assert_int_equal(e.statistic[0], STATISTIC_UNCERTAIN);
	assert_string_equal(statistic_point_event(e.statistic[0]), "");
	assert_false(assignment_is_live(&b, T0 + 11));
	assert_true(assignment_counts_in_n(&b));
}

static void an_old_refusal_heard_again_does_not_free_a_new_grant(void **state)
{
	(void)state;
	struct assignment a = given();
	happens(&a, WIRE_EVENT_REFUSED, WIRE_CAUSE_QUOTA, T0 + 10);
	/* handed out again: same instance, what was reported is kept */
	a.state = ASSIGNMENT_PENDING;
	a.cause = WIRE_CAUSE_NONE;
	a.ended_ms = 0;
	a.assigned_ms = T0 + 20000;
	struct event_effect e =
		happens(&a, WIRE_EVENT_REFUSED, WIRE_CAUSE_QUOTA, T0 + 10);
	assert_false(e.changed);
	assert_int_equal(a.state, ASSIGNMENT_PENDING);
	e = happens(&a, WIRE_EVENT_REFUSED, WIRE_CAUSE_LATE, T0 + 20001);
	assert_true(e.changed);
	assert_int_equal(e.n, 0); /* counted once already */
	assert_int_equal(a.state, ASSIGNMENT_REFUSED);
}

static void a_cause_gets_surer_and_the_count_follows(void **state)
{
	(void)state;
	static const struct {
		enum wire_cause cause;
		enum statistic statistic;
		enum assignment_state state;
	} steps[] = {
		{WIRE_CAUSE_UNKNOWN, STATISTIC_GONE_PENDING, ASSIGNMENT_GONE},
		{WIRE_CAUSE_EXPUNGED, STATISTIC_EXPUNGED_UNREAD, ASSIGNMENT_GONE},
		{WIRE_CAUSE_MOVED, STATISTIC_MOVED, ASSIGNMENT_GONE},
		{WIRE_CAUSE_REPLACED, STATISTIC_REPLACED, ASSIGNMENT_GONE},
		{WIRE_CAUSE_WITHDRAWN, STATISTIC_RECALLED, ASSIGNMENT_RECALLED},
	};
	struct assignment a = given();
	happens(&a, WIRE_EVENT_INJECTED, 0, T0 + 1);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct event_effect e =
			happens(&a, WIRE_EVENT_GONE, steps[i].cause, T0 + 100);
		assert_int_equal(e.n, 1);
		assert_int_equal(e.statistic[0], steps[i].statistic);
		assert_true(id16_eq(e.event_id[0], id_event(a.instance, STR("gone"))));
		assert_int_equal(a.state, steps[i].state);
		assert_int_equal(e.due_ms, i == 0 ? NOW + GONE_FINAL_MS : 0);
		for (size_t j = 0; j < i; j++) /* a less sure one is no news */
			assert_false(
				happens(&a, WIRE_EVENT_GONE, steps[j].cause, T0 + 100)
					.changed);
	}
}

static void an_unknown_cause_is_final_after_a_minute(void **state)
{
	(void)state;
	struct assignment a = given();
	happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 100);
	assert_false(assignment_finalize(&a, T0 + 100 + GONE_FINAL_MS - 1).changed);
	struct event_effect e = assignment_finalize(&a, T0 + 100 + GONE_FINAL_MS);
	assert_true(e.changed);
	assert_int_equal(e.statistic[0], STATISTIC_EXPUNGED_UNREAD);
	assert_string_equal(statistic_point_event(e.statistic[0]), "expunged");
	assert_false(happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_MOVED, T0 + 99).changed);
	assert_false(assignment_finalize(&a, NOW).changed);
	/* that it had been read is still worth knowing */
	e = happens(&a, WIRE_EVENT_READ, 0, T0 + 50);
	assert_int_equal(e.n, 3);
	assert_int_equal(e.statistic[0], STATISTIC_READ);
	assert_int_equal(e.statistic[1], STATISTIC_EXPUNGED_READ);
	assert_int_equal(e.statistic[2], STATISTIC_ENDED_READ);
}

/* Read before the mailbox was another one, or heard of behind it: the same counts. */
static void the_end_of_a_lost_one_counts_as_nothing(void **state)
{
	(void)state;
	struct assignment early = given(), late = given();
	happens(&early, WIRE_EVENT_READ, 0, T0 + 50);
	assignment_lose(&early, T0 + 100);
	happens(&late, WIRE_EVENT_INJECTED, 0, T0 + 10);
	assignment_lose(&late, T0 + 100);
	struct event_effect e = happens(&late, WIRE_EVENT_READ, 0, T0 + 50);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_READ);
	assert_int_equal(late.state, early.state);
	assert_false(
		happens(&late, WIRE_EVENT_GONE, WIRE_CAUSE_EXPUNGED, T0 + 60).changed);
	/* it comes back, and ends as any other */
	assert_int_equal(assignment_revive(&late).n, 0);
	e = happens(&late, WIRE_EVENT_GONE, WIRE_CAUSE_EXPUNGED, T0 + 200);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.statistic[0], STATISTIC_EXPUNGED_READ);
	assert_int_equal(e.statistic[1], STATISTIC_ENDED_READ);
	/* one that was counted once, came back and is lost then */
	assignment_revive(&late);
	assignment_lose(&late, T0 + 300);
	assert_int_equal(assignment_revive(&late).n, 0);
}

static void the_end_of_a_missed_one_counts_once_it_is_told(void **state)
{
	(void)state;
	struct assignment a = given();
	happens(&a, WIRE_EVENT_READ, 0, T0 + 50);
	assignment_miss(&a, T0 + 100);
	assert_int_equal(assignment_finalize(&a, T0 + 100 + GONE_FINAL_MS).n, 0);
	struct event_effect e =
		happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 60);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.statistic[0], STATISTIC_GONE_PENDING);
	assert_int_equal(e.statistic[1], STATISTIC_ENDED_READ);
	assert_int_equal(happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 60).n,
			 0);
	e = happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_EXPUNGED, T0 + 60);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_EXPUNGED_READ);
}

static void a_read_copy_that_ends_is_counted_so_once(void **state)
{
	(void)state;
	struct assignment a = given();
	happens(&a, WIRE_EVENT_READ, 0, T0 + 50);
	struct event_effect e =
		happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 100);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.statistic[1], STATISTIC_ENDED_READ);
	struct id16 id = e.event_id[1];
	/* a surer cause, or the same again, adds nothing */
	e = happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_MOVED, T0 + 100);
	assert_int_equal(e.n, 1);
	/* moved back, it is kept again */
	e = assignment_revive(&a);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_UNDONE);
	assert_true(id16_eq(e.event_id[0], id));
	e = happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_WITHDRAWN, T0 + 300);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.statistic[0], STATISTIC_RECALLED);
	assert_int_equal(e.statistic[1], STATISTIC_ENDED_READ);
	assert_true(id16_eq(e.event_id[1], id));
}

static void what_shows_itself_again_is_live_again(void **state)
{
	(void)state;
	struct assignment a = given();
	happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_UNKNOWN, T0 + 100);
	struct event_effect e = assignment_revive(&a);
	assert_int_equal(e.statistic[0], STATISTIC_UNDONE);
	assert_int_equal(a.state, ASSIGNMENT_UNREAD);
	assert_int_equal(a.ended_ms, 0);
	e = happens(&a, WIRE_EVENT_GONE, WIRE_CAUSE_EXPUNGED, T0 + 200);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_EXPUNGED_UNREAD);
}

/* Property: every order, with repetitions, of a set of events ends the same. -------*/

struct counts {
	struct id16 id[8];
	enum statistic statistic[8];
	size_t n;
};

/* As the store counts: once per event id, moved if known otherwise. */
static void tally(struct counts *c, const struct event_effect *e)
{
	for (size_t i = 0; i < e->n; i++) {
		size_t j = 0;
		while (j < c->n && !id16_eq(c->id[j], e->event_id[i]))
			j++;
		assert_true(j < 8);
		c->id[j] = e->event_id[i];
		c->statistic[j] = e->statistic[i];
		if (j == c->n)
			c->n++;
	}
}

static void assert_same_counts(const struct counts *a, const struct counts *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;
		for (size_t j = 0; j < b->n; j++)
			found = found || (id16_eq(a->id[i], b->id[j]) &&
					  a->statistic[i] == b->statistic[j]);
		assert_true(found);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct instance_event random_event(const struct assignment *a, uint32_t *seed)
{
	static const enum wire_event_type types[] = {
		WIRE_EVENT_INJECTED, WIRE_EVENT_READ,      WIRE_EVENT_GONE,
		WIRE_EVENT_REFUSED,  WIRE_EVENT_UNCERTAIN, WIRE_EVENT_GONE};
	struct instance_event e = event(a, types[next_random(seed) % 6], 0,
					T0 + (int64_t)(next_random(seed) % 100));
	if (e.type == WIRE_EVENT_GONE) {
		e.cause = (enum wire_cause)(next_random(seed) % 6);
		e.seen = next_random(seed) % 2 == 0;
	} else if (e.type == WIRE_EVENT_REFUSED) {
		e.cause = (enum wire_cause)(16 + next_random(seed) % 7);
	}
	return e;
}

static void assert_same_assignment(const struct assignment *a,
				   const struct assignment *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->reported, b->reported);
	assert_int_equal(a->was_read, b->was_read);
	assert_int_equal(a->injected_ms, b->injected_ms);
	assert_int_equal(a->read_ms, b->read_ms);
	assert_int_equal(a->ended_ms, b->ended_ms);
}

static void any_order_and_repetition_ends_the_same(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (int round = 0; round < 3000; round++) {
		struct instance_event set[6];
		struct assignment base = given();
		base.k = next_random(&seed) % 2;
		size_t n = 1 + next_random(&seed) % 6;
		for (size_t i = 0; i < n; i++)
			set[i] = random_event(&base, &seed);
		struct assignment first = base;
		struct counts want = {.n = 0};
		for (size_t i = 0; i < n; i++) {
			struct event_effect e = assignment_apply(&first, &set[i], NOW);
			tally(&want, &e);
		}
		for (int order = 0; order < 8; order++) {
			struct assignment a = base;
			struct counts got = {.n = 0};
			for (size_t i = n - 1; i > 0; i--) { /* Fisher-Yates */
				size_t j = next_random(&seed) % (i + 1);
				struct instance_event t = set[i];
				set[i] = set[j];
				set[j] = t;
			}
			for (size_t i = 0; i < n; i++) {
				struct event_effect e =
					assignment_apply(&a, &set[i], NOW);
				tally(&got, &e);
				/* one already heard, anywhere in between */
				size_t again = next_random(&seed) % (i + 1);
				e = assignment_apply(&a, &set[again], NOW);
				assert_false(e.changed);
			}
			assert_same_assignment(&a, &first);
			assert_same_counts(&got, &want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_never_confirmed_lapses),
		cmocka_unit_test(a_late_confirmation_after_the_lapse_is_believed),
		cmocka_unit_test(a_lost_confirmation_is_counted_with_what_shows_it),
		cmocka_unit_test(a_reinjection_is_counted_as_one),
		cmocka_unit_test(a_copy_is_succeeded_by_a_later_one_that_was_confirmed),
		cmocka_unit_test(a_repeated_event_changes_nothing),
		cmocka_unit_test(
			an_event_of_another_instance_or_no_type_changes_nothing),
		cmocka_unit_test(times_are_clamped_to_the_life_of_the_instance),
		cmocka_unit_test(a_refusal_frees_and_an_uncertain_one_closes),
		cmocka_unit_test(an_old_refusal_heard_again_does_not_free_a_new_grant),
		cmocka_unit_test(a_cause_gets_surer_and_the_count_follows),
		cmocka_unit_test(an_unknown_cause_is_final_after_a_minute),
		cmocka_unit_test(the_end_of_a_lost_one_counts_as_nothing),
		cmocka_unit_test(the_end_of_a_missed_one_counts_once_it_is_told),
		cmocka_unit_test(a_read_copy_that_ends_is_counted_so_once),
		cmocka_unit_test(what_shows_itself_again_is_live_again),
		cmocka_unit_test(any_order_and_repetition_ends_the_same),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
