/* SPDX-License-Identifier: Apache-2.0 */
/* From the outbox into queues, and out of them. */
#include "store/conformance.h"

#define NOW (T0 + CLOCK_DAY)

static void arrive(struct fixture *f, unsigned first, size_t n, const char *point)
{
	struct store_outbox_row rows[64];
	struct store_user_change c = {.outbox = rows, .n_outbox = n};
	assert_true(n <= 64);
	for (unsigned i = 0; i < n; i++)
		rows[i] = (struct store_outbox_row){.event_id = id_of(first + i),
						    .instance = id_of(first + i + 1000),
						    .point = str_of(point),
						    .event_type = STR("read"),
						    .campaign = STR("spring"),
						    .at_ms = T0 + first + i};
	must_commit(f, "u", &c);
}

static size_t sort(struct fixture *f, int64_t now_ms, size_t limit)
{
	size_t moved = SIZE_MAX;
	store_outbox_sort(f->db, now_ms, limit, &moved, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return moved;
}

static struct store_queue_list queue_behind(struct fixture *f, const char *point,
					    int64_t due_ms, uint64_t sequence,
					    int64_t until_ms, size_t limit)
{
	struct store_queue_list l;
	store_queue_list(f->db, str_of(point), due_ms, sequence, until_ms, limit,
			 f->arena, &l, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return l;
}

static struct store_queue_list queue(struct fixture *f, const char *point,
				     int64_t until_ms)
{
	return queue_behind(f, point, 0, 0, until_ms, 1000);
}

static struct store_point point_of(struct fixture *f, const char *id)
{
	struct store_point_list l;
	store_point_list(f->db, f->arena, &l, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	for (size_t i = 0; i < l.n; i++)
		if (str_eqz(l.items[i].id, id))
			return l.items[i];
	return (struct store_point){0};
}

static bool settle(struct fixture *f, const char *point, const struct store_outcome *o,
		   size_t n, const struct store_point_state *state, int64_t now_ms,
		   struct error *err)
{
	store_queue_settle(f->db, str_of(point), o, n, state, now_ms, store_wait_done,
			   f->wait);
	return store_wait(f->wait, err);
}

static struct store_outcome outcome(const struct store_queue_row *row,
				    enum store_fate fate)
{
	return (struct store_outcome){
		.sequence = row->sequence, .due_ms = row->due_ms, .fate = fate};
}

static void must_settle(struct fixture *f, const char *point, struct store_outcome o,
			int64_t now_ms)
{
	struct store_point_state state = {0};
	assert_true(settle(f, point, &o, 1, &state, now_ms, NULL));
}

static struct store_dead_list dead(struct fixture *f, const char *point, uint64_t after,
				   size_t limit)
{
	struct store_dead_list l;
	store_dead_list(f->db, str_of(point), after, limit, f->arena, &l,
			store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return l;
}

static size_t order(struct fixture *f, const char *point, const uint64_t *sequences,
		    size_t n, enum store_dead_order what, int64_t now_ms)
{
	size_t moved = SIZE_MAX;
	store_dead_order(f->db, str_of(point), sequences, n, what, now_ms, &moved,
			 store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return moved;
}

static void rows_are_sorted_into_the_queue_of_their_point(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 3, "a");
	arrive(f, 4, 2, "ab");
	assert_int_equal(sort(f, NOW, 4), 4);
	assert_int_equal(store_outbox_count(f->db), 1);
	assert_int_equal(sort(f, NOW + 1, 4), 1);
	assert_int_equal(sort(f, NOW + 2, 4), 0);
	assert_int_equal(store_outbox_count(f->db), 0);
	struct store_queue_list l = queue(f, "a", NOW);
	assert_int_equal(l.n, 3);
	assert_false(l.more);
	assert_true(id16_eq(l.items[0].event.event_id, id_of(1)));
	assert_true(id16_eq(l.items[0].event.instance, id_of(1001)));
	assert_str(l.items[0].event.point, "a");
	assert_str(l.items[0].event.event_type, "read");
	assert_str(l.items[0].event.campaign, "spring");
	assert_int_equal(l.items[2].event.at_ms, T0 + 3);
	assert_int_equal(l.items[0].due_ms, NOW);
	assert_int_equal(l.items[0].queued_ms, NOW);
	assert_int_equal(l.items[0].attempts, 0);
	assert_true(l.items[0].sequence < l.items[1].sequence);
	assert_int_equal(queue(f, "ab", NOW).n, 1);
	assert_int_equal(queue(f, "ab", NOW + 1).n, 2);
	assert_int_equal(point_of(f, "a").waiting, 3);
	assert_int_equal(point_of(f, "ab").waiting, 2);
	assert_int_equal(point_of(f, "b").waiting, 0);
	/* what was sorted is known and does not come again */
	arrive(f, 1, 3, "a");
	assert_int_equal(sort(f, NOW + 3, 4), 0);
}

static void a_queue_is_read_from_any_place_on(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 5, "a");
	sort(f, NOW, 100);
	struct store_queue_list l = queue_behind(f, "a", 0, 0, NOW, 2);
	assert_int_equal(l.n, 2);
	assert_true(l.more);
	l = queue_behind(f, "a", l.items[1].due_ms, l.items[1].sequence, NOW, 3);
	assert_int_equal(l.n, 3);
	assert_false(l.more);
	assert_true(id16_eq(l.items[0].event.event_id, id_of(3)));
	l = queue_behind(f, "a", NOW, UINT64_MAX, NOW + 1, 3);
	assert_int_equal(l.n, 0);
}

static void what_was_sent_or_erased_is_gone_and_counted(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 3, "a");
	sort(f, NOW, 100);
	struct store_queue_list l = queue(f, "a", NOW);
	struct store_outcome o[2] = {outcome(&l.items[0], STORE_FATE_SENT),
				     outcome(&l.items[2], STORE_FATE_ERASED)};
	struct store_point_state s = {.sent_ms = NOW + 5};
	assert_true(settle(f, "a", o, 2, &s, NOW + 5, NULL));
	assert_true(settle(f, "a", o, 2, &s, NOW + 6, NULL)); /* passed over */
	struct store_point p = point_of(f, "a");
	assert_int_equal(p.waiting, 1);
	assert_int_equal(p.sent, 1);
	assert_int_equal(p.erased, 1);
	assert_int_equal(p.dead, 0);
	assert_int_equal(p.state.sent_ms, NOW + 5);
	l = queue(f, "a", NOW);
	assert_int_equal(l.n, 1);
	assert_true(id16_eq(l.items[0].event.event_id, id_of(2)));
}

static void what_failed_is_due_later_and_remembers_since_when(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 2, "a");
	sort(f, NOW, 100);
	struct store_queue_list l = queue(f, "a", NOW);
	struct store_outcome o = outcome(&l.items[0], STORE_FATE_LATER);
	o.next_ms = NOW + 1000;
	must_settle(f, "a", o, NOW + 10);
	l = queue(f, "a", NOW + 999);
	assert_int_equal(l.n, 1);
	assert_true(id16_eq(l.items[0].event.event_id, id_of(2)));
	l = queue(f, "a", NOW + 1000);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.items[1].attempts, 1);
	assert_int_equal(l.items[1].first_ms, NOW + 10);
	assert_int_equal(l.items[1].queued_ms, NOW);
	assert_int_equal(l.items[1].due_ms, NOW + 1000);
	o = outcome(&l.items[1], STORE_FATE_LATER);
	o.next_ms = NOW + 3000;
	must_settle(f, "a", o, NOW + 1000);
	l = queue(f, "a", NOW + 3000);
	assert_int_equal(l.items[1].attempts, 2);
	assert_int_equal(l.items[1].first_ms, NOW + 10);
	assert_int_equal(point_of(f, "a").waiting, 2);
}

static void how_a_point_fares_is_kept(void **state)
{
	struct fixture *f = *state;
	struct store_point_state s = {.failing_since_ms = NOW,
				      .next_ms = NOW + 7,
				      .sent_ms = NOW - 1,
				      .error_ms = NOW + 2,
				      .error = STR("HTTP 500"),
				      .failures = 3};
	assert_true(settle(f, "a", NULL, 0, &s, NOW, NULL));
	if (f->kind->persists)
		fixture_reopen(f);
	struct store_point p = point_of(f, "a");
	assert_int_equal(p.state.failing_since_ms, NOW);
	assert_int_equal(p.state.next_ms, NOW + 7);
	assert_int_equal(p.state.sent_ms, NOW - 1);
	assert_int_equal(p.state.error_ms, NOW + 2);
	assert_str(p.state.error, "HTTP 500");
	assert_int_equal(p.state.failures, 3);
}

static void give_up_all(struct fixture *f, const char *point, size_t n)
{
	struct store_outcome o[64];
	struct store_point_state s = {.next_ms = NOW + CLOCK_DAY};
	struct store_queue_list l = queue(f, point, NOW);
	assert_int_equal(l.n, n);
	for (size_t i = 0; i < n; i++) {
		o[i] = outcome(&l.items[i], STORE_FATE_DEAD);
		o[i].error = STR("HTTP 410");
	}
	assert_true(settle(f, point, o, n, &s, NOW + 9, NULL));
}

static void what_was_given_up_is_listed_page_by_page(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 3, "a");
	arrive(f, 11, 1, "b");
	sort(f, NOW, 100);
	give_up_all(f, "a", 3);
	give_up_all(f, "b", 1);
	struct store_point p = point_of(f, "a");
	assert_int_equal(p.waiting, 0);
	assert_int_equal(p.dead, 3);
	struct store_dead_list l = dead(f, "a", 0, 2);
	assert_int_equal(l.n, 2);
	assert_true(l.more);
	assert_str(l.items[0].error, "HTTP 410");
	assert_int_equal(l.items[0].row.due_ms, NOW + 9);
	assert_true(id16_eq(l.items[0].row.event.event_id, id_of(1)));
	l = dead(f, "a", l.items[1].row.sequence, 2);
	assert_int_equal(l.n, 1);
	assert_false(l.more);
	assert_int_equal(queue(f, "a", CLOCK_MAX_MS).n, 0);
}

static void a_replayed_letter_is_as_if_it_had_just_arrived(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 2, "a");
	sort(f, NOW, 100);
	give_up_all(f, "a", 2);
	struct store_dead_list l = dead(f, "a", 0, 10);
	uint64_t which[3] = {l.items[1].row.sequence, l.items[1].row.sequence, 999};
	assert_int_equal(order(f, "a", which, 3, STORE_DEAD_REPLAY, NOW + 50), 1);
	assert_int_equal(order(f, "a", which, 3, STORE_DEAD_REPLAY, NOW + 60), 0);
	assert_int_equal(order(f, "b", which, 3, STORE_DEAD_REPLAY, NOW + 60), 0);
	struct store_queue_list q = queue(f, "a", NOW + 50);
	assert_int_equal(q.n, 1);
	assert_true(id16_eq(q.items[0].event.event_id, id_of(2)));
	assert_int_equal(q.items[0].queued_ms, NOW + 50);
	assert_int_equal(q.items[0].attempts, 0);
	struct store_point p = point_of(f, "a");
	assert_int_equal(p.waiting, 1);
	assert_int_equal(p.dead, 1);
	assert_int_equal(p.state.next_ms, 0); /* tried at once */
}

static void a_discarded_letter_is_gone(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 1, "a");
	sort(f, NOW, 100);
	give_up_all(f, "a", 1);
	uint64_t which = dead(f, "a", 0, 10).items[0].row.sequence;
	assert_int_equal(order(f, "a", &which, 1, STORE_DEAD_DISCARD, NOW), 1);
	assert_int_equal(dead(f, "a", 0, 10).n, 0);
	assert_int_equal(queue(f, "a", CLOCK_MAX_MS).n, 0);
	assert_int_equal(point_of(f, "a").dead, 0);
	assert_int_equal(point_of(f, "a").waiting, 0);
}

static void what_is_out_of_range_is_refused(void **state)
{
	struct fixture *f = *state;
	char longest[STORE_ERROR_MAX + 1];
	struct store_point_state s = {0};
	struct store_outcome o = {.fate = STORE_FATE_DEAD};
	struct error err;
	memset(longest, 'x', sizeof longest);
	assert_false(settle(f, "", &o, 1, &s, NOW, &err));
	assert_false(settle(f, "a", &o, STORE_SETTLE_MAX + 1, &s, NOW, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	o.error = (struct str){longest, sizeof longest};
	assert_false(settle(f, "a", &o, 1, &s, NOW, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	o.error = STR("");
	o.next_ms = -1;
	assert_false(settle(f, "a", &o, 1, &s, NOW, &err));
	o.next_ms = 0;
	s.error = (struct str){longest, sizeof longest};
	assert_false(settle(f, "a", &o, 1, &s, NOW, &err));
	assert_int_equal(point_of(f, "a").id.n, 0);
}

static const struct CMUnitTest tests[] = {
	TEST(rows_are_sorted_into_the_queue_of_their_point),
	TEST(a_queue_is_read_from_any_place_on),
	TEST(what_was_sent_or_erased_is_gone_and_counted),
	TEST(what_failed_is_due_later_and_remembers_since_when),
	TEST(how_a_point_fares_is_kept),
	TEST(what_was_given_up_is_listed_page_by_page),
	TEST(a_replayed_letter_is_as_if_it_had_just_arrived),
	TEST(a_discarded_letter_is_gone),
	TEST(what_is_out_of_range_is_refused),
};
SUBJECT(deliveries, tests);
