/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rows and of their point, without a network: calls that "ended". */
#include "base/clock.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "mim/deliver-internal.h"
#include "mim/sync.h"

#include <stdlib.h>

#define ROWS 5

static struct store *inner, *store;
static struct mim mim;
static struct tenant_runtime tenant = {.id = "t"};
static struct deliver d;
static struct deliver_post post;
static struct deliver_queue *q;
static struct arena *arena;

static void arrive(size_t n)
{
	struct store_outbox_row rows[ROWS];
	struct assignment given[ROWS];
	struct store_user_change c = {.outbox = rows,
				      .n_outbox = n,
				      .assignments = given,
				      .n_assignments = n};
	struct error err;
	size_t moved;
	for (size_t i = 0; i < n; i++) {
		struct id16 id = {{(uint8_t)(i + 1)}};
		rows[i] = (struct store_outbox_row){.event_id = id,
						    .instance = id,
						    .point = STR("p"),
						    .event_type = STR("read"),
						    .campaign = STR("c"),
						    .at_ms = 1};
		given[i] = (struct assignment){
			.instance = id, .campaign = STR("c"), .n = 1};
	}
	if (!sync_user_commit(tenant.db, STR("ada"), STORE_ANY, &c, NULL, &err))
		fail_msg("%s", err.message);
	store_outbox_sort(tenant.db, 1000, 100, &moved, deliver_replied, &post.reply);
	assert_int_equal(moved, n);
	d.replies = NULL;
}

static int setup(void **state)
{
	struct error err;
	struct store_options o = {.backend = "memory"};
	(void)state;
	assert_true(crypto_init());
	assert_true(store_open(&o, &inner, &err));
	struct store_options f = {.backend = "faulty", .inner = inner};
	assert_true(store_open(&f, &store, &err));
	assert_true(store_db_create(store, STR("test"), STR("t"), &tenant.db, &err));
	d = (struct deliver){
		.mim = &mim,
		.settings = {.retry_for_ms = 7 * CLOCK_DAY, .calls_per_point = 4}};
	pthread_mutex_init(&d.lock, NULL);
	d.multi = curl_multi_init();
	post = (struct deliver_post){.deliver = &d, .tenant = &tenant};
	post.reply.deliver = &d;
	q = deliver_queue_new(&post, STR("p"));
	arena = arena_new(1 << 20);
	assert_non_null(q);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	deliver_queue_free(q);
	arena_free(arena);
	curl_multi_cleanup(d.multi);
	pthread_mutex_destroy(&d.lock);
	store_db_close(tenant.db);
	store_close(store);
	store_close(inner);
	return 0;
}

/* A call of one row that was under way in this round. */
static struct deliver_call call_of(unsigned round, uint64_t sequence)
{
	struct deliver_call c = {
		.queue = q, .n_rows = 1, .round = round, .retry_after_ms = -1};
	c.rows[0] = (struct deliver_row){
		.sequence = sequence, .due_ms = 1000, .queued_ms = 1000};
	return c;
}

static void fails(unsigned round)
{
	struct deliver_call c = call_of(round, 1);
	deliver_failed(&c, "HTTP 500");
}

static void succeeds(void)
{
	struct deliver_call c = call_of(q->round, 1);
	deliver_sent(&c);
}

/* From the last failure on. */
static int64_t held_ms(void)
{
	return q->state.next_ms - q->state.error_ms;
}

static void a_failure_that_stands_alone_holds_nothing_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++) {
		fails(q->round);
		assert_true(held_ms() <= 0);
		assert_int_equal(q->state.failures, 1);
		assert_true(q->state.failing_since_ms > 0);
		succeeds();
		assert_int_equal(q->state.failures, 0);
		assert_int_equal(q->state.failing_since_ms, 0);
	}
	assert_str(q->state.error, "HTTP 500"); /* the last one stays to be seen */
}

static void failures_in_a_row_hold_the_point_longer_and_longer(void **state)
{
	(void)state;
	fails(q->round);
	int64_t since_ms = q->state.failing_since_ms;
	fails(q->round);
	assert_true(held_ms() >= 500 && held_ms() <= 1000);
	fails(q->round);
	assert_true(held_ms() >= 1000 && held_ms() <= 2000);
	for (size_t i = 0; i < 30; i++)
		fails(q->round);
	assert_true(held_ms() >= CLOCK_HOUR / 2 && held_ms() <= CLOCK_HOUR);
	assert_int_equal(q->state.failing_since_ms, since_ms);
	succeeds();
	assert_int_equal(q->state.next_ms, 0);
}

static void calls_that_fail_together_count_as_one(void **state)
{
	unsigned round = q->round;
	(void)state;
	for (size_t i = 0; i < 4; i++)
		fails(round);
	assert_int_equal(q->state.failures, 1);
	assert_true(held_ms() <= 0);
	assert_int_equal(q->n_finished, 4);
}

static void what_the_point_asks_for_holds_if_it_is_longer(void **state)
{
	struct deliver_call c = call_of(q->round, 1);
	(void)state;
	c.retry_after_ms = 50 * CLOCK_SECOND;
	deliver_failed(&c, "HTTP 429");
	int64_t until_ms = q->state.next_ms;
	assert_int_equal(held_ms(), 50000);
	assert_int_equal(q->finished[0].next_ms, until_ms);
	c = call_of(q->round, 2);
	c.retry_after_ms = 0;
	deliver_failed(&c, "HTTP 429"); /* does not take it back */
	assert_int_equal(q->state.next_ms, until_ms);
}

static void a_row_that_failed_for_a_week_is_given_up(void **state)
{
	struct deliver_call c = call_of(q->round, 1);
	(void)state;
	c.n_rows = 2;
	c.rows[1] = c.rows[0];
	c.rows[0].first_ms = clock_real_ms() - 7 * CLOCK_DAY;
	c.rows[1].first_ms = clock_real_ms() - 7 * CLOCK_DAY + CLOCK_MINUTE;
	deliver_failed(&c, "HTTP 500");
	assert_int_equal(q->finished[0].fate, STORE_FATE_DEAD);
	assert_int_equal(q->finished[1].fate, STORE_FATE_LATER);
}

static struct store_point stored(void)
{
	struct store_point_list list;
	struct error err;
	assert_true(sync_point_list(tenant.db, arena, &list, &err));
	assert_int_equal(list.n, 1);
	return list.items[0];
}

static void take_reply(void)
{
	struct deliver_reply *r = d.replies;
	assert_non_null(r);
	d.replies = NULL;
	r->take(r);
}

static void what_could_not_be_written_is_written_with_what_comes_next(void **state)
{
	(void)state;
	arrive(3);
	struct deliver_call one = call_of(0, 1), two = call_of(0, 2);
	for (int when = 'a'; when <= 'b'; when++) {
		deliver_sent(when == 'a' ? &one : &two);
		store_faulty_arm(store, 1, (char)when);
		deliver_queue_settle(q);
		assert_true(q->is_settling);
		deliver_queue_settle(q); /* one at a time */
		take_reply();
		assert_int_equal(q->n_finished, 1);
		q->settle_not_before_us = 0; /* the time has come */
		deliver_queue_settle(q);
		take_reply();
		assert_true(deliver_queue_is_idle(q));
	}
	assert_int_equal(stored().sent, 2);
	assert_int_equal(stored().waiting, 1);
}

/* From now on. */
static int64_t settle_wait_us(void)
{
	return q->settle_not_before_us - clock_mono_us();
}

static void a_store_that_refuses_is_asked_again_later_and_later(void **state)
{
	static const int64_t want_s[] = {1, 2, 4, 8, 16, 30, 30};
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(1);
	deliver_sent(&c);
	for (size_t i = 0; i < sizeof want_s / sizeof *want_s; i++) {
		store_faulty_arm(store, 1, 'b');
		deliver_queue_settle(q);
		take_reply();
		assert_true(settle_wait_us() > (want_s[i] - 1) * 1000000);
		assert_true(settle_wait_us() <= want_s[i] * 1000000);
		deliver_queue_settle(q);
		deliver_queue_work(q, NULL);
		assert_false(q->is_settling);
		assert_null(d.replies);
		assert_int_equal(q->n_finished, 1);
		q->settle_not_before_us = clock_mono_us(); /* the time has come */
	}
	deliver_queue_settle(q);
	take_reply();
	assert_int_equal(stored().sent, 1);
	/* and the next failure is the first one again */
	succeeds();
	store_faulty_arm(store, 1, 'b');
	deliver_queue_settle(q);
	take_reply();
	assert_true(settle_wait_us() > 0 && settle_wait_us() <= 1000000);
}

static void at_the_end_a_store_that_refuses_is_asked_more_often(void **state)
{
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(1);
	deliver_sent(&c);
	d.stopping = true;
	store_faulty_arm(store, 1, 'b');
	deliver_queue_settle(q);
	take_reply();
	assert_true(settle_wait_us() > 0);
	assert_true(settle_wait_us() <= DELIVER_LOOK_MS * INT64_C(1000));
}

/* Each row copies pages of the store: few fit where many do not. */
static void a_full_store_is_asked_for_less_at_once(void **state)
{
	struct deliver_call c = call_of(0, 1);
	(void)state;
	arrive(4);
	c.n_rows = 4;
	for (uint64_t i = 0; i < 4; i++)
		c.rows[i] = (struct deliver_row){.sequence = i + 1, .due_ms = 1000};
	deliver_sent(&c);
	for (size_t n = 4; n >= 1; n /= 2) {
		store_faulty_arm(store, 1, 'b');
		deliver_queue_settle(q);
		assert_int_equal(q->n_settling, n);
		d.replies->err.kind = ERROR_FULL;
		take_reply();
		assert_int_equal(q->n_finished, 4);
		assert_int_equal(settle_wait_us() > 0, n == 1); /* not even one */
	}
	q->settle_not_before_us = 0; /* the time has come */
	for (size_t sent = 1; sent <= 4; sent = sent == 1 ? 3 : sent + 1) {
		deliver_queue_settle(q);
		take_reply();
		assert_int_equal(stored().sent, sent);
	}
	assert_true(deliver_queue_is_idle(q));
}

static size_t under_way(void)
{
	size_t n = 0;
	for (struct deliver_call *c = q->calls; c != NULL; c = c->next)
		n += c->n_rows;
	assert_int_equal(n, q->n_rows);
	return n;
}

static void end_calls(void)
{
	while (q->calls != NULL) {
		struct deliver_call *c = q->calls;
		deliver_sent(c);
		deliver_call_free(c);
	}
	deliver_queue_settle(q);
	take_reply();
}

/* Nothing is under way twice, and what lies before the place is found in the end. */
static void rows_before_the_place_are_found_when_all_else_is_done(void **state)
{
	struct conversion_point point = {.id = STR("p"), .url = STR("http://h/")};
	struct tenant t = {.conversion_points = &point, .n_conversion_points = 1};
	struct tenant_config c = {.tenant = &t};
	size_t moved;
	(void)state;
	arrive(2);
	q->look = true;
	deliver_queue_work(q, &c);
	assert_int_equal(under_way(), 2);
	/* a third that was due before them */
	struct id16 id = {{9}};
	struct store_outbox_row row = {.event_id = id,
				       .instance = {{1}},
				       .point = STR("p"),
				       .event_type = STR("read"),
				       .campaign = STR("c")};
	struct store_user_change change = {.outbox = &row, .n_outbox = 1};
	struct error err;
	assert_true(sync_user_commit(tenant.db, STR("ada"), STORE_ANY, &change, NULL,
				     &err));
	store_outbox_sort(tenant.db, 1, 100, &moved, deliver_replied, &post.reply);
	d.replies = NULL;
	q->look = true;
	deliver_queue_work(q, &c);
	assert_int_equal(under_way(), 2);
	end_calls();
	q->look = true;
	deliver_queue_work(q, &c);
	assert_int_equal(under_way(), 1);
	end_calls();
	assert_int_equal(stored().sent, 3);
}

static void a_row_speaks_of_its_user_until_they_are_erased(void **state)
{
	struct store_queue_list list;
	struct arena *scratch = arena_new(4 << 20);
	struct tenant t = {0};
	struct delivery event;
	struct error err;
	uint8_t suppress[CRYPTO_SHA256_LEN] = {0};
	bool gone;
	(void)state;
	arrive(1);
	assert_true(sync_queue_list(tenant.db, STR("p"), 0, 0, 1000, 10, arena, &list,
				    &err));
	assert_int_equal(list.n, 1);
	assert_true(deliver_event(&post, &t, &list.items[0], scratch, arena, &event,
				  &gone, &err));
	assert_false(gone);
	assert_int_equal(event.user.n, ID_TEXT_LEN);
	assert_str(event.campaign, "c");
	t.engagement_per_user = true; /* but there is no consent */
	assert_true(deliver_event(&post, &t, &list.items[0], scratch, arena, &event,
				  &gone, &err));
	assert_int_equal(event.user.n, ID_TEXT_LEN);
	assert_true(sync_user_erase(tenant.db, STR("ada"), suppress, 1, &err));
	assert_true(deliver_event(&post, &t, &list.items[0], scratch, arena, &event,
				  &gone, &err));
	assert_true(gone);
	arena_free(scratch);
}

static const struct conversion_point webhook = {
	.id = STR_INIT("p"),
	.type = CONVERSION_POINT_WEBHOOK,
	.url = STR_INIT("http://127.0.0.1:9/"),
	.secret = STR_INIT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};

/* A batch whose users fill far more memory than it has itself. */
static void all_events_of_a_large_user_go_together(void **state)
{
	enum { EVENTS = DELIVER_BATCH };
	static struct assignment given[USER_MAX_ASSIGNMENTS];
	static struct store_outbox_row rows[EVENTS];
	struct consent yes = {.purpose = STR("tracking"), .granted = true, .at_ms = 1};
	struct user_profile ada = {.user = STR("ada"),
				   .user_id = STR("id-of-ada"),
				   .consents = &yes,
				   .n_consents = 1};
	struct store_user_change change = {.profile = &ada,
					   .outbox = rows,
					   .n_outbox = EVENTS,
					   .assignments = given,
					   .n_assignments = USER_MAX_ASSIGNMENTS};
	struct conversion_point point = webhook;
	struct tenant t = {.engagement_per_user = true,
			   .conversion_points = &point,
			   .n_conversion_points = 1};
	struct tenant_config c = {.tenant = &t};
	struct error err;
	size_t moved;
	(void)state;
	for (size_t i = 0; i < USER_MAX_ASSIGNMENTS; i++)
		given[i] = (struct assignment){
			.instance = {{(uint8_t)i, (uint8_t)(i >> 8), 1}},
			.campaign = STR("c"),
			.variant = STR("v"),
			.n = 1};
	for (size_t i = 0; i < EVENTS; i++)
		rows[i] = (struct store_outbox_row){.event_id = given[i].instance,
						    .instance = given[i].instance,
						    .point = STR("p"),
						    .event_type = STR("read"),
						    .campaign = STR("c"),
						    .at_ms = 1};
	if (!sync_user_commit(tenant.db, ada.user, STORE_ANY, &change, NULL, &err))
		fail_msg("%s", err.message);
	store_outbox_sort(tenant.db, 1000, EVENTS, &moved, deliver_replied,
			  &post.reply);
	d.replies = NULL;
	q->look = true;
	deliver_queue_work(q, &c);
	assert_int_equal(under_way(), EVENTS);
	assert_int_equal(q->n_calls, 1);
	/* each has its user's name, though the memory it was read into is gone */
	struct str body = buf_str(&q->calls->body);
	size_t named = 0;
	for (size_t at = 0; at < body.n; at++)
		named += str_starts(str_slice(body, at, body.n), STR("\"id-of-ada\""));
	assert_int_equal(named, EVENTS);
	end_calls();
	assert_int_equal(stored().sent, EVENTS);
}

/* Wherever memory ends, each row is under way, put off, or still to be taken. */
static void an_event_that_cannot_be_made_does_not_keep_the_others(void **state)
{
	struct conversion_point point = webhook;
	struct tenant t = {.engagement_per_user = true,
			   .conversion_points = &point,
			   .n_conversion_points = 1};
	struct tenant_config c = {.tenant = &t};
	size_t put_off = 0, parted = 0;
	bool is_over = false;
	(void)state;
	arrive(2);
	for (long nth = 1; !is_over; nth++) {
		assert_true(nth < 1000);
		q->look = true;
		q->settle_not_before_us = INT64_MAX; /* nothing goes to the store */
		unit_malloc_fail(nth);
		deliver_queue_work(q, &c);
		is_over = unit_malloc_stop();
		assert_true(q->n_finished <= 1);
		if (q->page_n > 0)
			assert_int_equal(under_way() + q->n_finished + q->page_n -
						 q->page_at,
					 2);
		if (q->n_finished == 1) {
			assert_int_equal(q->finished[0].fate, STORE_FATE_LATER);
			assert_true(q->finished[0].next_ms > clock_real_ms());
			assert_int_equal(q->page_at, 1); /* the other is the next */
			assert_true(q->state.error.n > 0);
			put_off++;
		}
		parted += q->n_calls == 2;
		if (is_over)
			assert_int_equal(q->calls->n_rows, 2);
		while (q->calls != NULL)
			deliver_call_free(q->calls);
		deliver_queue_free(q);
		q = deliver_queue_new(&post, STR("p"));
		assert_non_null(q);
	}
	assert_true(put_off > 0);
	assert_true(parted > 0);
}

/* Of a host with two addresses one may be refused, and the other answer. */
static void what_was_answered_counts_more_than_an_address_that_was_refused(void **state)
{
	static const CURLcode codes[] = {CURLE_OK, CURLE_COULDNT_CONNECT};
	static const char *const want[] = {"HTTP 0", "the host has no address that is "
						     "public or in inlay.net.allow"};
	struct delivery event = {.event_type = STR("read"), .at_ms = 1};
	struct deliver_row row = {.sequence = 1};
	struct error err;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct deliver_call *c =
			deliver_call_start(q, &webhook, &event, 1, &row, &err);
		assert_non_null(c);
		c->refused = true;
		deliver_call_end(c, codes[i]);
		assert_str(q->state.error, want[i]);
	}
}

/* A call is made whole or not at all: what it took of the queue is as before. */
static void a_call_without_memory_is_none(void **state)
{
	struct conversion_point points[2] = {
		{.id = STR("p"), .url = STR("http://127.0.0.1:9/{userId}")},
		{.id = STR("p"),
		 .type = CONVERSION_POINT_WEBHOOK,
		 .url = STR("http://127.0.0.1:9/"),
		 .secret = STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}};
	struct delivery event = {.campaign = STR("c"),
				 .user = STR("u"),
				 .event_type = STR("read"),
				 .at_ms = 1};
	struct deliver_row row = {.sequence = 1};
	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (long nth = 1;; nth++) {
			struct error err = {.kind = ERROR_NONE};
			assert_true(nth < 1000);
			unit_malloc_fail(nth);
			struct deliver_call *c = deliver_call_start(
				q, &points[i], &event, 1, &row, &err);
			bool is_over = unit_malloc_stop();
			if (c == NULL)
				assert_int_equal(err.kind, ERROR_MEMORY);
			assert_int_equal(q->n_calls, c != NULL);
			assert_int_equal(d.n_calls, c != NULL);
			if (c != NULL)
				deliver_call_free(c);
			assert_int_equal(q->n_calls + q->n_rows + d.n_calls, 0);
			if (is_over) {
				assert_non_null(c);
				break;
			}
		}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failure_that_stands_alone_holds_nothing_up),
		T(failures_in_a_row_hold_the_point_longer_and_longer),
		T(calls_that_fail_together_count_as_one),
		T(what_the_point_asks_for_holds_if_it_is_longer),
		T(a_row_that_failed_for_a_week_is_given_up),
		T(what_could_not_be_written_is_written_with_what_comes_next),
		T(a_store_that_refuses_is_asked_again_later_and_later),
		T(at_the_end_a_store_that_refuses_is_asked_more_often),
		T(a_full_store_is_asked_for_less_at_once),
		T(rows_before_the_place_are_found_when_all_else_is_done),
		T(a_row_speaks_of_its_user_until_they_are_erased),
		T(all_events_of_a_large_user_go_together),
		T(an_event_that_cannot_be_made_does_not_keep_the_others),
		T(what_was_answered_counts_more_than_an_address_that_was_refused),
		T(a_call_without_memory_is_none),
	};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
