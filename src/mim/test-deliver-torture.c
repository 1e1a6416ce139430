/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way to their conversion points while everything fails in turn: each
 * leaves the store after it was sent, and none is lost. Without a network: calls "end"
 * as if they had been answered. */
#include "mim/deliver-internal.h"
#include "mim/test-place.h"

#define EVENTS 3

/* A clock that the test sets forward. */
int64_t __real_clock_onward_ms(struct clock_onward *c);
int64_t __wrap_clock_onward_ms(struct clock_onward *c);
static int64_t later_ms;

int64_t __wrap_clock_onward_ms(struct clock_onward *c)
{
	return __real_clock_onward_ms(c) + later_ms;
}

struct post_office {
	struct place *p;
	struct deliver d;
	size_t sent; /* events in calls that were answered */
};

static void office_open(struct post_office *o, enum fault_kind kind)
{
	struct place *p = place_new_for(kind);
	struct world *w = p->w;
	struct error err;
	w->points[0].url = STR("http://127.0.0.1:9/{userId}");
	w->points[1].url = STR("http://127.0.0.1:9/");
	w->points[1].type = CONVERSION_POINT_WEBHOOK;
	w->points[1].secret = STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	w->tenant.engagement_per_user = true;
	struct tenant_config *c = tenant_config_new(&w->tenant, 2);
	assert_non_null(c);
	tenant_runtime_set_config(p->t, c);
	assert_true(tenant_runtime_rebuild(p->t, &err));
	*o = (struct post_office){.p = p,
				  .d = {.mim = &p->mim,
					.settings = {.retry_for_ms = 7 * CLOCK_DAY,
						     .calls_per_point = 4}}};
	pthread_mutex_init(&o->d.lock, NULL);
	o->d.multi = curl_multi_init();
	assert_non_null(o->d.multi);
	later_ms = 0;
}

static void office_close(struct post_office *o)
{
	struct deliver_post *next;
	for (struct deliver_post *post = o->d.posts; post != NULL; post = next) {
		next = post->next;
		deliver_post_free(post);
	}
	curl_multi_cleanup(o->d.multi);
	pthread_mutex_destroy(&o->d.lock);
	place_free(o->p);
}

/* Of one user, for two points. */
static void arrive(struct post_office *o)
{
	struct store_outbox_row rows[2 * EVENTS];
	struct assignment given[EVENTS];
	struct store_user_change c = {.outbox = rows,
				      .n_outbox = 2 * (size_t)EVENTS,
				      .assignments = given,
				      .n_assignments = EVENTS};
	struct error err;
	for (size_t i = 0; i < EVENTS; i++) {
		struct id16 id = {{(uint8_t)(i + 1)}};
		given[i] = (struct assignment){
			.instance = id, .campaign = STR("c"), .n = 1};
		for (size_t point = 0; point < 2; point++)
			rows[2 * i + point] = (struct store_outbox_row){
				.event_id = id,
				.instance = id,
				.point = o->p->w->points[point].id,
				.event_type = o->p->w->points[point].event_type,
				.campaign = STR("c"),
				.at_ms = 1};
	}
	if (!sync_user_commit(o->p->w->db, STR("ada"), STORE_ANY, &c, NULL, &err))
		fail_msg("%s", err.message);
}

/* As the thread does it ------------------------------------------------------------*/

static bool store_works(const struct post_office *o)
{
	for (const struct deliver_post *post = o->d.posts; post != NULL;
	     post = post->next) {
		if (post->is_sorting)
			return true;
		for (const struct deliver_queue *q = post->queues; q != NULL;
		     q = q->next)
			if (q->is_settling)
				return true;
	}
	return false;
}

/* What the store has to say, to its end. */
static void take_replies(struct post_office *o)
{
	while (store_works(o)) {
		pthread_mutex_lock(&o->d.lock);
		struct deliver_reply *r = o->d.replies, *next;
		o->d.replies = NULL;
		pthread_mutex_unlock(&o->d.lock);
		if (r == NULL)
			curl_multi_poll(o->d.multi, NULL, 0, 1000, NULL);
		for (; r != NULL; r = next) {
			next = r->next;
			r->take(r);
		}
	}
}

static void answer_calls(struct post_office *o, struct deliver_queue *q)
{
	while (q->calls != NULL) {
		struct deliver_call *c = q->calls;
		o->sent += c->n_rows;
		deliver_sent(c);
		deliver_call_free(c);
	}
}

/* All that can be done now. */
static void work(struct post_office *o)
{
	deliver_look(&o->d); /* sorts */
	take_replies(o);
	deliver_look(&o->d);
	struct tenant_config *c = tenant_runtime_config(o->p->t);
	for (struct deliver_post *post = o->d.posts; post != NULL; post = post->next)
		for (struct deliver_queue *q = post->queues; q != NULL; q = q->next) {
			q->settle_not_before_us = 0;
			deliver_queue_work(q, c);
			answer_calls(o, q);
			deliver_queue_settle(q);
		}
	tenant_config_release(c);
	take_replies(o);
}

/* -----------------------------------------------------------------------------------*/

static void check_all_sent(struct post_office *o, const struct fault *f)
{
	struct store_point_list l;
	struct error err;
	arena_reset(o->p->w->arena);
	assert_true(sync_point_list(o->p->w->db, o->p->w->arena, &l, &err));
	if (l.n != 2 || store_outbox_count(o->p->w->db) != 0)
		fail_msg("%s: not sorted", fault_text(f));
	for (size_t i = 0; i < l.n; i++)
		if (l.items[i].sent != EVENTS || l.items[i].waiting != 0 ||
		    l.items[i].dead != 0)
			fail_msg("%s: of %d sent %d, waiting %d, dead %d",
				 fault_text(f), EVENTS, (int)l.items[i].sent,
				 (int)l.items[i].waiting, (int)l.items[i].dead);
	assert_true(o->sent >= 2 * (size_t)EVENTS);
}

/* False: the fault did not come. */
static bool fails_at(const struct fault *f)
{
	struct post_office o;
	size_t descriptors = unit_descriptors();
	office_open(&o, f->kind);
	arrive(&o);
	fault_arm(f, o.p->w->store);
	work(&o);
	bool came = fault_disarm(f, o.p->w->store);
	for (int day = 0; came && day < 3; day++) {
		later_ms += CLOCK_DAY;
		work(&o);
	}
	check_all_sent(&o, f);
	office_close(&o);
	assert_int_equal(unit_descriptors(), descriptors);
	return came;
}

static void an_event_is_sent_whatever_fails_on_its_way(void **state)
{
	(void)state;
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		f.nth = 1;
		while (fails_at(&f))
			f.nth++;
		assert_true(f.nth > 2 || f.kind == FAULT_DISK_NAME);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_sent_whatever_fails_on_its_way),
	};
	if (!crypto_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
