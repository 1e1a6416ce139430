/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/test-world.h"

static bool changed[64];

static struct reconciled reconciled(struct world *w)
{
	struct reconciled r;
	memset(changed, 0, sizeof changed);
	assert_true(reconcile(&w->snapshot, STR(WORLD_USER), w->assignments,
			      w->user.n_assignments, changed, &w->mailbox, WORLD_NOW,
			      w->arena, &r));
	return r;
}

static void what_the_mailbox_shows_is_confirmed(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	world_shows(w, a, 42, false);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_known, 1);
	assert_ptr_equal(r.known[0], a);
	assert_ptr_equal(r.known_message[0], &w->present[0]);
	assert_int_equal(r.n_effects, 1);
	assert_int_equal(r.effects[0].statistic[0], STATISTIC_INJECTED);
	assert_ptr_equal(r.effect_of[0], a);
	assert_true(changed[0]);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	assert_int_equal(a->uid, 42);
	assert_int_equal(a->uidvalidity, 1);
	/* the same look again is no news */
	r = reconciled(w);
	assert_int_equal(r.n_known, 1);
	assert_int_equal(r.n_effects, 0);
	assert_false(changed[0]);
	world_free(w);
}

static void one_that_was_seen_is_read(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	world_shows(w, a, 42, true);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_effects, 2);
	assert_int_equal(r.effects[1].statistic[0], STATISTIC_READ);
	assert_int_equal(a->state, ASSIGNMENT_READ);
	world_free(w);
}

static void what_is_missing_from_a_complete_look_is_gone_and_not_counted(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	a->uid = 42;
	a->uidvalidity = 1;
	w->mailbox.complete = false;
	assert_int_equal(reconciled(w).n_effects, 0);
	w->mailbox.complete = true;
	w->mailbox.uidnext = 43;
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_true(changed[0]);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	assert_int_equal(a->cause, WIRE_CAUSE_UNKNOWN);
	/* an event that the look overtook is heard all the same */
	const struct instance_event gone = {.instance = a->instance,
					    .type = WIRE_EVENT_GONE,
					    .cause = WIRE_CAUSE_EXPUNGED,
					    .at_ms = WORLD_NOW};
	struct event_effect e = assignment_apply(a, &gone, WORLD_NOW);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.statistic[0], STATISTIC_EXPUNGED_UNREAD);
	world_free(w);
}

static void a_mailbox_from_before_the_message_ends_it_without_a_count(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	a->uid = 42;
	a->uidvalidity = 1;
	w->mailbox.uidnext = 42;
	/* the look may be older than the message as well */
	a->injected_ms = WORLD_NOW - 1000;
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	a->injected_ms = WORLD_NOW - GONE_FINAL_MS;
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_true(changed[0]);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	assert_true(a->gone_final);
	/* the mailbox grows beyond it: its end counts as nothing all the same */
	w->mailbox.uidnext = 50;
	assert_int_equal(reconciled(w).n_effects, 0);
	world_free(w);
}

static void what_another_node_lacks_is_not_gone(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct assignment *b = world_gives(w, 1, 1, ASSIGNMENT_READ, CLOCK_DAY);
	a->uid = b->uid = 42;
	a->uidvalidity = 1;
	b->uidvalidity = 7;
	w->mailbox.node = STR("node-b");
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	assert_int_equal(b->state, ASSIGNMENT_READ);
	/* once it has shown it, it is heard */
	world_shows(w, a, 44, false);
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_str(a->node, "node-b");
	assert_true(changed[0]);
	w->mailbox.n_present = 0;
	reconciled(w);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	world_free(w);
}

static void what_another_node_still_shows_has_not_come_back(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_GONE, CLOCK_DAY);
	world_shows(w, a, 42, false);
	w->mailbox.node = STR("node-b");
	a->ended_ms = WORLD_NOW - 5 * CLOCK_MINUTE;
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	assert_str(a->node, "node-a");
	a->ended_ms = WORLD_NOW - ASSIGNMENT_OTHER_NODE_MS;
	reconciled(w);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	assert_str(a->node, "node-b");
	world_free(w);
}

static void what_another_node_still_shows_is_taken_back_there_too(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_RECALLED, CLOCK_DAY);
	struct present_message *m = world_shows(w, a, 42, false);
	struct decision d;
	a->cause = WIRE_CAUSE_WITHDRAWN;
	a->ended_ms = WORLD_NOW - CLOCK_MINUTE;
	w->mailbox.node = STR("node-b");
	w->running[0].state.recall = RECALL_UNREAD;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 1);
	assert_int_equal(d.actions[0].op, ACTION_WITHDRAW);
	assert_true(id16_eq(d.actions[0].guid, m->guid));
	/* which a session must look for */
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	assert_true(d.must_look);
	assert_int_equal(d.n, 0);
	a->ended_ms = WORLD_NOW - 7 * CLOCK_DAY;
	assert_true(decide(&w->snapshot, &w->user, NULL, WORLD_NOW, w->arena, &d));
	assert_false(d.must_look);
	/* where it is not shown there is nothing to take, and a push names no mailbox
	 */
	struct action action;
	assert_int_equal(
		decision_withdrawals(&w->snapshot, &w->user, WORLD_NOW, &action, 1), 0);
	/* what the user took away is the user's own when it is back */
	a->state = ASSIGNMENT_GONE;
	a->cause = WIRE_CAUSE_MOVED;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 0);
	a->state = ASSIGNMENT_RECALLED;
	a->cause = WIRE_CAUSE_WITHDRAWN;
	w->mailbox.n_present = 0;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 0);
	world_free(w);
}

/* An older copy and the reinjection that took its place. */
static struct assignment *world_replaces(struct world *w, struct assignment **old)
{
	*old = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	(*old)->uid = 42;
	(*old)->uidvalidity = 1;
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	a->k = 1;
	a->instance = id_instance(&w->snapshot.key, a->campaign, STR(WORLD_USER), 1, 1);
	return a;
}

static void a_copy_that_a_reinjection_replaced_is_not_lost(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *old, *a = world_replaces(w, &old);
	world_shows(w, a, 43, false);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_effects, 2);
	assert_int_equal(r.effects[0].statistic[0], STATISTIC_REINJECTED);
	assert_ptr_equal(r.effect_of[0], a);
	assert_int_equal(r.effects[1].n, 1);
	assert_int_equal(r.effects[1].statistic[0], STATISTIC_REPLACED);
	assert_ptr_equal(r.effect_of[1], old);
	assert_int_equal(old->state, ASSIGNMENT_GONE);
	assert_int_equal(old->cause, WIRE_CAUSE_REPLACED);
	world_free(w);
}

static void its_cause_is_known_when_the_reinjection_shows_later(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *old, *a = world_replaces(w, &old);
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(old->cause, WIRE_CAUSE_UNKNOWN);
	world_shows(w, a, 43, false);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_effects, 2);
	assert_int_equal(r.effects[1].statistic[0], STATISTIC_REPLACED);
	assert_int_equal(old->cause, WIRE_CAUSE_REPLACED);
	/* what the user did is known better */
	old->cause = WIRE_CAUSE_EXPUNGED;
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(old->cause, WIRE_CAUSE_EXPUNGED);
	world_free(w);
}

static void where_it_lay_must_be_known(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	assert_int_equal(reconciled(w).n_effects, 0);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	world_free(w);
}

static void another_uidvalidity_ends_it_without_a_count(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct assignment *b = world_gives(w, 1, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	a->uid = b->uid = 42;
	a->uidvalidity = b->uidvalidity = 7;
	world_shows(w, b, 3, false);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_effects, 0);
	assert_true(changed[0]);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	assert_true(a->gone_final);
	assert_int_equal(b->state, ASSIGNMENT_UNREAD);
	assert_int_equal(b->uid, 3);
	assert_int_equal(b->uidvalidity, 1);
	world_free(w);
}

static void of_several_copies_the_lowest_uid_counts(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	world_shows(w, a, 50, true);
	world_shows(w, a, 40, false);
	world_shows(w, a, 60, true);
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_known, 1);
	assert_int_equal(r.known_message[0]->uid, 40);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	world_free(w);
}

static void a_stranger_is_not_known(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_PENDING, 1000);
	world_shows(w, a, 42, false)->guid.b[0] ^= 1;
	assert_int_equal(reconciled(w).n_known, 0);
	assert_int_equal(a->state, ASSIGNMENT_PENDING);
	world_free(w);
}

/* The header's value, "instance; mac". */
static struct str proof_of(struct world *w, const struct assignment *a,
			   const char *separator)
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	char instance[ID_TEXT_LEN + 1], text[2 * CRYPTO_SHA256_LEN + 1];
	id16_text(a->instance, instance);
	id_proof(&w->snapshot.key, STR(WORLD_USER), a->instance, mac);
	crypto_hex(text, mac, sizeof mac);
	return arena_printf(w->arena, "%s%s%s", instance, separator, text);
}

static void a_lost_guid_is_proven_by_the_header(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct present_message *m = world_shows(w, a, 42, false);
	memset(m->guid.b, 1, sizeof m->guid.b);
	m->proof = proof_of(w, a, "; ");
	assert_int_equal(reconciled(w).n_known, 1);
	/* and a withdrawal names the GUID that the mailbox knows */
	w->running[0].state.recall = RECALL_UNREAD;
	w->running[0].state.recalled_before_ms = WORLD_NOW;
	struct decision d;
	assert_true(
		decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, w->arena, &d));
	assert_int_equal(d.n, 1);
	assert_true(id16_eq(d.actions[0].guid, m->guid));
	world_free(w);
}

static void and_from_then_on_by_what_was_said_of_it(void **state)
{
	(void)state;
	struct world *w = world_new(2);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct assignment *b = world_gives(w, 1, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct present_message *m = world_shows(w, a, 42, false);
	world_shows(w, b, 43, false);
	a->uid = 42;
	b->uid = 43;
	a->uidvalidity = b->uidvalidity = w->mailbox.uidvalidity;
	/* the header is not looked at any more */
	memset(m->guid.b, 1, sizeof m->guid.b);
	m->confirmed = true;
	m->instance = a->instance;
	struct reconciled r = reconciled(w);
	assert_int_equal(r.n_known, 2);
	assert_int_equal(r.n_effects, 0);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	/* that is said of no other */
	m->instance.b[0] ^= 1;
	assert_int_equal(reconciled(w).n_known, 1);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	assert_int_equal(b->state, ASSIGNMENT_UNREAD);
	world_free(w);
}

static void a_proof_counts_only_where_guids_were_lost(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct present_message *m = world_shows(w, a, 50, false);
	memset(m->guid.b, 1, sizeof m->guid.b);
	m->proof = proof_of(w, a, "; ");
	/* the mailbox is as it was: the user has put a copy there */
	a->uid = 42;
	a->uidvalidity = 1;
	assert_int_equal(reconciled(w).n_known, 0);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	/* that it is gone was heard before any look */
	a->uid = a->uidvalidity = 0;
	a->ended_ms = WORLD_NOW - CLOCK_HOUR;
	assert_int_equal(reconciled(w).n_known, 0);
	/* another uidvalidity, and then the same again */
	a->uid = 42;
	a->uidvalidity = 7;
	assert_int_equal(reconciled(w).n_known, 1);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	assert_int_equal(a->uid, 50);
	assert_int_equal(reconciled(w).n_known, 1);
	world_free(w);
}

static void a_forged_proof_proves_nothing(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_UNREAD, CLOCK_DAY);
	struct present_message *m = world_shows(w, a, 42, false);
	memset(m->guid.b, 1, sizeof m->guid.b);
	struct str good = proof_of(w, a, ";");
	char *bad = arena_alloc(w->arena, good.n);
	memcpy(bad, good.p, good.n);
	bad[good.n - 1] = bad[good.n - 1] == '0' ? '1' : '0';
	const struct str forged[] = {{bad, good.n},
				     str_slice(good, 0, good.n - 1),
				     str_slice(good, 0, ID_TEXT_LEN),
				     str_slice(good, 0, ID_TEXT_LEN + 1),
				     STR(""),
				     STR(";"),
				     STR("; ;")};
	for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
		m->proof = forged[i];
		assert_int_equal(reconciled(w).n_known, 0);
	}
	m->proof = good;
	assert_int_equal(reconciled(w).n_known, 1);
	world_free(w);
}

static void what_came_back_is_live_again_but_not_at_once(void **state)
{
	(void)state;
	struct world *w = world_new(1);
	struct assignment *a = world_gives(w, 0, 1, ASSIGNMENT_GONE, CLOCK_DAY);
	world_shows(w, a, 42, false);
	a->ended_ms = WORLD_NOW - 1000; /* an event overtook this look */
	reconciled(w);
	assert_int_equal(a->state, ASSIGNMENT_GONE);
	a->ended_ms = WORLD_NOW - CLOCK_HOUR;
	reconciled(w);
	assert_int_equal(a->state, ASSIGNMENT_UNREAD);
	assert_true(changed[0]);
	assert_int_equal(a->uid, 42);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_mailbox_shows_is_confirmed),
		cmocka_unit_test(one_that_was_seen_is_read),
		cmocka_unit_test(
			what_is_missing_from_a_complete_look_is_gone_and_not_counted),
		cmocka_unit_test(
			a_mailbox_from_before_the_message_ends_it_without_a_count),
		cmocka_unit_test(what_another_node_lacks_is_not_gone),
		cmocka_unit_test(what_another_node_still_shows_has_not_come_back),
		cmocka_unit_test(what_another_node_still_shows_is_taken_back_there_too),
		cmocka_unit_test(a_copy_that_a_reinjection_replaced_is_not_lost),
		cmocka_unit_test(its_cause_is_known_when_the_reinjection_shows_later),
		cmocka_unit_test(where_it_lay_must_be_known),
		cmocka_unit_test(another_uidvalidity_ends_it_without_a_count),
		cmocka_unit_test(of_several_copies_the_lowest_uid_counts),
		cmocka_unit_test(a_stranger_is_not_known),
		cmocka_unit_test(a_lost_guid_is_proven_by_the_header),
		cmocka_unit_test(and_from_then_on_by_what_was_said_of_it),
		cmocka_unit_test(a_proof_counts_only_where_guids_were_lost),
		cmocka_unit_test(a_forged_proof_proves_nothing),
		cmocka_unit_test(what_came_back_is_live_again_but_not_at_once),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
