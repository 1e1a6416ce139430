/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/deliver-unit.h"

#include "mim/sync.h"

#define ROWS 5

static struct store *inner;
struct store *store;
static struct mim mim;
struct tenant_runtime tenant = {.id = "t"};
struct deliver d;
struct deliver_post post;
struct deliver_queue *q;
struct arena *arena;

void arrive(size_t n)
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

int setup(void **state)
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

int teardown(void **state)
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

struct store_point stored(void)
{
	struct store_point_list list;
	struct error err;
	assert_true(sync_point_list(tenant.db, arena, &list, &err));
	assert_int_equal(list.n, 1);
	return list.items[0];
}

void take_reply(void)
{
	struct deliver_reply *r = d.replies;
	assert_non_null(r);
	d.replies = NULL;
	r->take(r);
}
