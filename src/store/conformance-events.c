/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, and what is put into the outbox. */
#include "store/conformance.h"

static void count(struct fixture *f, const char *user, const struct store_event *e,
		  size_t n)
{
	struct store_user_change c = {.events = e, .n_events = n};
	must_commit(f, user, &c);
}

static void an_event_counts_once_however_often_it_comes(void **state)
{
	struct fixture *f = *state;
	struct store_event e[2] = {event_of(1, "spring", STATISTIC_INJECTED, T0),
				   event_of(1, "spring", STATISTIC_INJECTED, T0)};
	count(f, "u", e, 2);
	e[0].at_ms = T0 + 5 * CLOCK_HOUR; /* whatever time it says */
	count(f, "u", e, 1);
	assert_int_equal(total(f, "spring", STATISTIC_INJECTED), 1);
	assert_int_equal(total_unique(f, "spring", STATISTIC_INJECTED), 1);
	assert_int_equal(total(f, "summer", STATISTIC_INJECTED), 0);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 0);
}

static void the_campaigns_name_is_matched_whole(void **state)
{
	struct fixture *f = *state;
	struct store_event e[2] = {event_of(1, "spring2", STATISTIC_READ, T0),
				   event_of(2, "sprin", STATISTIC_READ, T0)};
	count(f, "u", e, 2);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 0);
	assert_int_equal(total(f, "spring2", STATISTIC_READ), 1);
}

/* The row of an hour and statistic, zeros if there is none. */
static struct store_statistic row_at(struct fixture *f, int hour, enum statistic s)
{
	size_t n;
	struct store_statistic *rows = statistics(f, "spring", &n);
	for (size_t i = 0; i < n; i++)
		if (rows[i].hour_ms == T0 + hour * CLOCK_HOUR && rows[i].statistic == s)
			return rows[i];
	return (struct store_statistic){0};
}

static void events_are_summed_by_the_hour_in_which_they_happened(void **state)
{
	struct fixture *f = *state;
	struct store_event e[4] = {
		event_of(1, "spring", STATISTIC_READ, T0),
		event_of(2, "spring", STATISTIC_READ, T0 + CLOCK_HOUR - 1),
		event_of(3, "spring", STATISTIC_READ, T0 + CLOCK_HOUR),
		event_of(4, "spring", STATISTIC_INJECTED, T0 + CLOCK_HOUR)};
	size_t n;
	count(f, "u", e, 4);
	struct store_statistic *rows = statistics(f, "spring", &n);
	assert_int_equal(n, 3);
	assert_true(rows[0].hour_ms == T0 && rows[0].count == 2);
	assert_true(rows[1].hour_ms == T0 + CLOCK_HOUR && rows[1].count == 1);
	assert_int_equal(rows[1].statistic, STATISTIC_INJECTED);
	assert_int_equal(rows[2].statistic, STATISTIC_READ);
	store_statistics_read(f->db, STR("spring"), T0 + 1, T0 + CLOCK_HOUR + 1,
			      f->arena, &rows, &n, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	assert_int_equal(n, 2);
	store_statistics_read(f->db, STR("spring"), T0, T0 + CLOCK_HOUR, f->arena,
			      &rows, &n, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	assert_int_equal(n, 1);
}

static void a_user_counts_as_unique_once_in_their_first_hour(void **state)
{
	struct fixture *f = *state;
	struct store_event e[3] = {
		event_of(1, "spring", STATISTIC_READ, T0 + 2 * CLOCK_HOUR),
		event_of(2, "spring", STATISTIC_READ, T0),
		event_of(3, "spring", STATISTIC_READ, T0 + CLOCK_HOUR)};
	count(f, "u", &e[0], 1);
	assert_int_equal(row_at(f, 2, STATISTIC_READ).unique, 1);
	count(f, "u", &e[1], 2); /* earlier ones that came later */
	assert_int_equal(row_at(f, 0, STATISTIC_READ).unique, 1);
	assert_int_equal(row_at(f, 1, STATISTIC_READ).unique, 0);
	assert_int_equal(row_at(f, 2, STATISTIC_READ).unique, 0);
	assert_int_equal(row_at(f, 2, STATISTIC_READ).count, 1);
	e[0] = event_of(4, "spring", STATISTIC_READ, T0);
	count(f, "w", e, 1);
	assert_int_equal(row_at(f, 0, STATISTIC_READ).unique, 2);
	assert_int_equal(total_unique(f, "spring", STATISTIC_READ), 2);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 4);
}

static void a_surer_cause_moves_the_count_within_its_hour(void **state)
{
	struct fixture *f = *state;
	struct store_event e = event_of(1, "spring", STATISTIC_GONE_PENDING, T0);
	count(f, "u", &e, 1);
	e.statistic = STATISTIC_EXPUNGED_READ;
	e.at_ms = T0 + 3 * CLOCK_HOUR;
	count(f, "u", &e, 1);
	count(f, "u", &e, 1);
	assert_int_equal(total(f, "spring", STATISTIC_GONE_PENDING), 0);
	assert_int_equal(total_unique(f, "spring", STATISTIC_GONE_PENDING), 0);
	assert_int_equal(row_at(f, 0, STATISTIC_EXPUNGED_READ).count, 1);
	assert_int_equal(row_at(f, 0, STATISTIC_EXPUNGED_READ).unique, 1);
	size_t n;
	statistics(f, "spring", &n);
	assert_int_equal(n, 1); /* nothing is left where it was */
}

static void a_move_leaves_the_users_other_events_unique(void **state)
{
	struct fixture *f = *state;
	struct store_event e[2] = {
		event_of(1, "spring", STATISTIC_GONE_PENDING, T0),
		event_of(2, "spring", STATISTIC_GONE_PENDING, T0 + CLOCK_HOUR)};
	count(f, "u", e, 2);
	e[0].statistic = STATISTIC_MOVED;
	count(f, "u", e, 1);
	assert_int_equal(total(f, "spring", STATISTIC_GONE_PENDING), 1);
	assert_int_equal(row_at(f, 1, STATISTIC_GONE_PENDING).unique, 1);
	assert_int_equal(row_at(f, 0, STATISTIC_MOVED).unique, 1);
}

/* The same as a table of what each event is last known as. */
static void sums_are_exact_after_any_sequence_of_events(void **state)
{
	struct fixture *f = *state;
	enum { EVENTS = 40, USERS = 5, STATISTICS_USED = 4, HOURS = 3 };
	int is[EVENTS], hour[EVENTS];
	uint64_t counts[HOURS][STATISTICS_USED] = {{0}}, uniques[STATISTICS_USED] = {0};
	unsigned random = 1;
	for (size_t i = 0; i < EVENTS; i++)
		is[i] = -1;
	for (unsigned round = 0; round < 300; round++) {
		random = random * 1103515245 + 12345;
		unsigned id = (random >> 8) % EVENTS, s = (random >> 16) % 4;
		int h = (int)((random >> 20) % HOURS);
		struct store_event e = event_of(id, "spring", (enum statistic)s,
						T0 + h * CLOCK_HOUR + 7);
		count(f, text(f, "u%u", id % USERS).p, &e, 1);
		if (is[id] < 0)
			hour[id] = h;
		is[id] = (int)s;
	}
	bool seen[USERS][STATISTICS_USED] = {{false}};
	for (size_t i = 0; i < EVENTS; i++)
		if (is[i] >= 0) {
			counts[hour[i]][is[i]]++;
			uniques[is[i]] += !seen[i % USERS][is[i]];
			seen[i % USERS][is[i]] = true;
		}
	for (int s = 0; s < STATISTICS_USED; s++) {
		for (int h = 0; h < HOURS; h++)
			assert_int_equal(row_at(f, h, (enum statistic)s).count,
					 counts[h][s]);
		assert_int_equal(total_unique(f, "spring", (enum statistic)s),
				 uniques[s]);
	}
}

static struct store_outbox_row point_row(unsigned event, const char *point)
{
	return (struct store_outbox_row){.event_id = id_of(event),
					 .instance = id_of(event + 1000),
					 .point = str_of(point),
					 .event_type = STR("read"),
					 .campaign = STR("spring"),
					 .at_ms = T0 + event};
}

static struct store_queue_list queue_of(struct fixture *f, const char *point)
{
	struct store_queue_list l;
	store_queue_list(f->db, str_of(point), 0, 0, T0, 10, f->arena, &l,
			 store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return l;
}

static void the_outbox_takes_each_event_once_per_point_in_order(void **state)
{
	struct fixture *f = *state;
	struct store_outbox_row o[4] = {point_row(1, "b"), point_row(1, "a"),
					point_row(2, "b"), point_row(1, "b")};
	struct store_user_change c = {.outbox = o, .n_outbox = 4};
	assert_int_equal(store_outbox_count(f->db), 0);
	must_commit(f, "u", &c);
	must_commit(f, "u", &c);
	assert_int_equal(store_outbox_count(f->db), 3);
	o[0] = point_row(0, "z");
	c.n_outbox = 1;
	must_commit(f, "w", &c);
	assert_int_equal(store_outbox_count(f->db), 4);
	assert_int_equal(sort_outbox(f, 10), 4);
	struct store_queue_list b = queue_of(f, "b"), a = queue_of(f, "a"),
				z = queue_of(f, "z");
	assert_int_equal(b.n, 2);
	assert_int_equal(a.n, 1);
	assert_int_equal(z.n, 1);
	assert_true(b.items[0].sequence < a.items[0].sequence);
	assert_true(a.items[0].sequence < b.items[1].sequence);
	assert_true(b.items[1].sequence < z.items[0].sequence);
	const struct store_outbox_row *first = &b.items[0].event;
	assert_str(first->point, "b");
	assert_true(id16_eq(first->event_id, id_of(1)));
	assert_true(id16_eq(first->instance, id_of(1001)));
	assert_str(first->event_type, "read");
	assert_str(first->campaign, "spring");
	assert_int_equal(first->at_ms, T0 + 1);
	assert_true(id16_eq(b.items[1].event.event_id, id_of(2)));
}

static const struct CMUnitTest tests[] = {
	TEST(an_event_counts_once_however_often_it_comes),
	TEST(the_campaigns_name_is_matched_whole),
	TEST(events_are_summed_by_the_hour_in_which_they_happened),
	TEST(a_user_counts_as_unique_once_in_their_first_hour),
	TEST(a_surer_cause_moves_the_count_within_its_hour),
	TEST(a_move_leaves_the_users_other_events_unique),
	TEST(sums_are_exact_after_any_sequence_of_events),
	TEST(the_outbox_takes_each_event_once_per_point_in_order),
};
SUBJECT(events, tests);
