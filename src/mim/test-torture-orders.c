/* SPDX-License-Identifier: Apache-2.0 */
/* The calls for users, what is declared, recalls and the letters of conversion points,
 * while everything fails in turn. */
#include "mim/test-calls.h"

static void declare(struct server *s)
{
	struct error err;
	const struct attribute_schema plan = {.name = STR("plan"),
					      .type = ATTRIBUTE_STRING};
	const struct purpose_name name = {STR("en"), STR("News")};
	const struct purpose news = {
		.id = STR("newsletter"), .names = &name, .n_names = 1};
	const struct user_schema schema = {&plan, 1, &news, 1};
	assert_true(schema_store_attributes(s->w->db, &schema, &err));
	assert_true(schema_store_purposes(s->w->db, &schema, &err));
}

#define LETTERS 2
#define WAIT(call, ...)                                                                \
	do {                                                                           \
		struct store_wait *wait = store_wait_new();                            \
		struct error why;                                                      \
		call(__VA_ARGS__, store_wait_done, wait);                              \
		assert_true(store_wait(wait, &why));                                   \
		store_wait_free(wait);                                                 \
	} while (0)

static const struct call all_go = {
	"POST", POINT "/deadLetters/discard", "p-read", "{}", NULL, 200, 0, NULL};

/* Those that there are go; so many new ones come. */
static void write_dead_letters(struct server *s)
{
	const struct str point = STR("p-read");
	struct store_outbox_row rows[LETTERS];
	struct store_outcome outcomes[LETTERS];
	struct store_queue_list queue;
	const struct store_user_change c = {.outbox = rows, .n_outbox = LETTERS};
	const struct store_point_state state = {.failures = 1};
	struct arena *arena = arena_new(16 << 20);
	struct error err;
	size_t moved;
	assert_non_null(arena);
	make(s, &all_go, "", NULL);
	assert_int_equal(s->status, 200);
	for (size_t i = 0; i < LETTERS; i++) {
		struct id16 id; /* one that was there is no new event */
		crypto_random(id.b, sizeof id.b);
		rows[i] = (struct store_outbox_row){.event_id = id,
						    .instance = id,
						    .point = point,
						    .event_type = STR("read"),
						    .campaign = STR("c0"),
						    .at_ms = 1};
	}
	assert_true(sync_user_commit(s->w->db, STR("ada"), STORE_ANY, &c, NULL, &err));
	WAIT(store_outbox_sort, s->w->db, WORLD_NOW, 1000, &moved);
	assert_true(sync_queue_list(s->w->db, point, 0, 0, CLOCK_MAX_MS, 1000, arena,
				    &queue, &err));
	assert_true(queue.n >= LETTERS);
	for (size_t i = 0; i < LETTERS; i++) {
		const struct store_queue_row *row = &queue.items[queue.n - 1 - i];
		outcomes[i] = (struct store_outcome){.sequence = row->sequence,
						     .due_ms = row->due_ms,
						     .fate = STORE_FATE_DEAD,
						     .error = STR("no")};
		s->letter = row->sequence;
	}
	WAIT(store_queue_settle, s->w->db, point, outcomes, LETTERS, &state, WORLD_NOW);
	arena_free(arena);
}

static void set_back(struct server *s, const struct call *c)
{
	(void)c;
	declare(s);
	write_dead_letters(s);
}

static const struct call reads[] = {
	{"GET", "/users/{user}", "USER", NULL, NULL, 200, 0, NULL},
	{"GET", "/users/{user}/export", "USER", NULL, NULL, 200, 0, NULL},
	{"GET", "/attributes", "", NULL, NULL, 200, 0, NULL},
	{"GET", "/purposes", "", NULL, NULL, 200, 0, NULL},
	{"GET", "/conversionPoints/status", "", NULL, NULL, 200, 0, NULL},
	{"GET", POINT "/status", "p-read", NULL, NULL, 200, 0, NULL},
	{"GET", POINT "/deadLetters", "p-read", NULL, NULL, 200, 0, NULL},
	{"GET", "/dovecot/recalls", "", NULL, NULL, 200, 0, NULL},
	{"POST", "/dovecot/withdrawals", "", "{\"users\":[\"USER\",\"nobody\"]}", NULL,
	 200, 0, NULL},
};

static const struct call orders[] = {
	{"PUT", "/users/{user}", "USER",
	 "{\"user\":\"USER\",\"userId\":\"id-USER\",\"email\":\"USER@e.org\","
	 "\"aliases\":[\"a-USER\"],\"attributes\":{\"plan\":\"pro\"},\"consents\":[{"
	 "\"purpose\":\"newsletter\",\"granted\":false,\"at\":"
	 "\"2020-01-01T00:00:00Z\"}],\"optOuts\":[{\"at\":\"2019-01-01T00:00:00Z\"}]}",
	 NULL, 200, 0, set_back},
	{"PATCH", "/users/{user}", "USER", "{\"email\":\"USER@e.org\"}", NULL, 200, 0,
	 set_back},
	{"DELETE", "/users/{user}", "USER", NULL, NULL, 204, 404, set_back},
	{"PUT", "/attributes", "",
	 "[{\"name\":\"plan\",\"type\":\"string\"},{\"name\":\"age\",\"type\":"
	 "\"number\"}]",
	 NULL, 200, 0, set_back},
	{"PUT", "/purposes", "",
	 "[{\"id\":\"newsletter\",\"names\":{\"en\":\"News\"}},{\"id\":\"ads\","
	 "\"names\":{\"en\":\"Ads\"}}]",
	 NULL, 200, 0, set_back},
	{"POST", POINT "/deadLetters/replay", "p-read", NULL, NULL, 200, 0, set_back},
	{"POST", POINT "/deadLetters/replay", "p-read", "{\"ids\":[\"LETTER\"]}", NULL,
	 200, 0, set_back},
	{"POST", POINT "/deadLetters/discard", "p-read", "{}", NULL, 200, 0, set_back},
	{"POST", POINT "/deadLetters/discard", "p-read", "{\"ids\":[\"LETTER\"]}", NULL,
	 200, 0, set_back},
};
/* Something to show. */
static void give(struct server *s)
{
	new_user(s, true);
	set_back(s, NULL);
}

static void without_memory_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(reads, give, ALLOCATION, ALLOCATION);
	TORTURE(orders, NULL, ALLOCATION, ALLOCATION);
}

static void with_a_failing_store_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(reads, give, CALL, CALL);
	TORTURE(orders, NULL, CALL, WRITE_AFTER);
}

static void on_a_failing_disk_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(orders, NULL, DISK_WRITE, DISK_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_a_call_is_answered_once),
		cmocka_unit_test(with_a_failing_store_a_call_is_answered_once),
		cmocka_unit_test(on_a_failing_disk_a_call_is_answered_once),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
