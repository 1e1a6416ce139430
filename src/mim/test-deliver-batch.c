/* SPDX-License-Identifier: Apache-2.0 */
/* How rows become calls, without a network. */
#include "base/clock.h"
#include "base/unit-malloc.h"
#include "mim/deliver-unit.h"
#include "mim/sync.h"

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
		c->outgoing.refused = true;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
