/* SPDX-License-Identifier: Apache-2.0 */
/* The LMDB backend's writer: what happens when there is no room. */
#include "store/conformance.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct kind kind = {"lmdb", "lmdb", 0, false, true};

/* Completions of many calls --------------------------------------------------*/
struct calls {
	_Atomic unsigned done, failed, full;
};

static void count_call(void *ctx, const struct error *err)
{
	struct calls *c = ctx;
	if (err != NULL) {
		c->failed++;
		c->full += err->kind == ERROR_FULL;
	}
	c->done++;
}

static void reopen_with(struct fixture *f, uint64_t map_size, uint64_t map_max)
{
	struct error err;
	struct store_options o = {.backend = "lmdb",
				  .directory = f->directory,
				  .map_size = map_size,
				  .map_max = map_max};
	fixture_close(f);
	if (!store_open(&o, &f->inner, &err))
		fail_msg("%s", err.message);
	f->store = f->inner;
	assert_true(
		store_db_create(f->store, STR("tests"), STR("tests"), &f->db, &err));
}

static bool write_many(struct fixture *f, uint64_t load, struct error *err)
{
	struct str value = big_value(f, 1000);
	struct store_row rows[500];
	for (unsigned i = 0; i < 500; i++)
		rows[i] = row_of(text(f, "u%u", i).p, &value, 1);
	sort_rows(rows, 500);
	return write_rows(f, load, rows, 500, NULL, err);
}

static void fill_in_small_steps(struct fixture *f)
{
	struct str value = big_value(f, 1000);
	struct error err = {0};
	for (unsigned i = 0; i < 300 && err.kind == ERROR_NONE; i++) {
		struct store_row few[10];
		for (unsigned j = 0; j < 10; j++)
			few[j] = row_of(text(f, "few%u", i * 10 + j).p, &value, 1);
		sort_rows(few, 10);
		write_rows(f, 1, few, 10, NULL, &err);
	}
	assert_int_equal(err.kind, ERROR_FULL);
}

static void an_import_into_a_full_map_fails_and_decisions_go_on(void **state)
{
	struct fixture *f = *state;
	struct store_user_change nothing = {0};
	struct calls calls = {0};
	struct store_usage usage;
	struct error err;
	uint64_t load = 0, swept;
	reopen_with(f, UINT64_C(4) << 20, UINT64_C(8) << 20);
	while (load < 50 && write_many(f, load, &err))
		load++;
	assert_int_equal(err.kind, ERROR_FULL);
	assert_non_null(strstr(err.message, f->directory));
	assert_true(load > 2);
	/* nor do smaller ones take what is kept for decisions */
	fill_in_small_steps(f);
	for (unsigned i = 0; i < 1000; i++) {
		struct assignment *a = arena_make(f->arena, struct assignment);
		struct store_user_change *c =
			arena_make(f->arena, struct store_user_change);
		*a = assignment_of(i, "spring");
		*c = (struct store_user_change){.assignments = a, .n_assignments = 1};
		store_user_commit(f->db, text(f, "d%u", i), STORE_ANY, c, NULL,
				  count_call, &calls);
	}
	await(&calls.done, 1000);
	assert_int_equal(calls.failed, 0);
	store_usage(f->store, &usage);
	assert_true(usage.full);
	assert_true(usage.bytes_max == UINT64_C(8) << 20);
	assert_true(usage.bytes_used > UINT64_C(4) << 20);
	assert_int_equal(read_user(f, "u1").n_rows, load); /* the last one wholly not */
	/* what is swept makes room for the next */
	swept = sweep(f, NULL, 0);
	assert_true(swept > 500 * load && swept < 500 * load + 3000);
	must_commit(f, "u1", &nothing);
	assert_true(write_many(f, 100, &err));
	store_usage(f->store, &usage);
	assert_false(usage.full);
}

/* Whoever is asked to make room has none to do it in. */
static void a_sweep_that_does_not_fit_takes_smaller_steps(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct calls calls = {0};
	uint64_t load = 0;
	reopen_with(f, UINT64_C(4) << 20, UINT64_C(8) << 20);
	while (load < 50 && write_many(f, load, &err))
		load++;
	assert_int_equal(err.kind, ERROR_FULL);
	/* what is kept for others than imports is taken, too */
	struct str body = big_value(f, 60000);
	for (unsigned n = 0; calls.full == 0 && n < 1000; n++) {
		store_document_put(f->db, STORE_SETTING, text(f, "d%u", n), body,
				   STORE_ANY, NULL, count_call, &calls);
		await(&calls.done, n + 1);
	}
	assert_int_equal(calls.full, 1);
	/* every second row stays, so no page does without a copy */
	uint64_t live[50];
	size_t n_live = 0;
	for (uint64_t i = 1; i < load; i += 2)
		live[n_live++] = i;
	assert_true(n_live > 1);
	assert_int_equal(sweep(f, live, n_live), 500 * (load - n_live));
}

/* Events for one point. */
static void events_arrive(struct fixture *f, unsigned n)
{
	struct store_outbox_row rows[50];
	struct store_user_change c = {.outbox = rows, .n_outbox = 50};
	for (unsigned at = 0; at < n; at += 50) {
		for (unsigned i = 0; i < 50; i++)
			rows[i] = (struct store_outbox_row){.event_id = id_of(at + i),
							    .instance = id_of(at + i),
							    .point = STR("crm"),
							    .event_type = STR("read"),
							    .campaign = STR("spring"),
							    .at_ms = T0};
		must_commit(f, "u", &c);
	}
}

/* At most so many that were sent; how many there were. */
static size_t settle_sent(struct fixture *f, size_t limit)
{
	struct store_queue_list l;
	struct store_outcome o[100];
	struct store_point_state state = {0};
	struct error err;
	assert_true(limit <= 100);
	store_queue_list(f->db, STR("crm"), 0, 0, T0, limit, f->arena, &l,
			 store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	for (size_t i = 0; i < l.n; i++)
		o[i] = (struct store_outcome){.sequence = l.items[i].sequence,
					      .due_ms = l.items[i].due_ms,
					      .fate = STORE_FATE_SENT};
	store_queue_settle(f->db, STR("crm"), o, l.n, &state, T0, store_wait_done,
			   f->wait);
	if (!store_wait(f->wait, &err))
		fail_msg("%s", err.message);
	return l.n;
}

static struct store_point the_point(struct fixture *f)
{
	struct store_point_list l;
	store_point_list(f->db, f->arena, &l, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	assert_int_equal(l.n, 1);
	return l.items[0];
}

static void fill_with_imports(struct fixture *f)
{
	struct error err = {0};
	for (uint64_t load = 0; load < 50 && write_many(f, load, &err); load++)
		continue;
	assert_int_equal(err.kind, ERROR_FULL);
	fill_in_small_steps(f);
}

static void where_no_import_fits_events_leave_their_queues(void **state)
{
	struct fixture *f = *state;
	reopen_with(f, UINT64_C(4) << 20, UINT64_C(8) << 20);
	events_arrive(f, 200);
	assert_int_equal(sort_outbox(f, 100), 100);
	fill_with_imports(f);
	assert_int_equal(settle_sent(f, 100), 100);
	assert_int_equal(sort_outbox(f, 1000), 100);
	assert_int_equal(settle_sent(f, 100), 100);
	assert_int_equal(the_point(f).sent, 200);
	assert_int_equal(the_point(f).waiting, 0);
}

/* Nothing fits any more. */
static void in_a_full_map_events_leave_in_smaller_steps(void **state)
{
	struct fixture *f = *state;
	struct calls calls = {0};
	enum { EVENTS = 5000 };
	size_t sent = 0, steps = 0;
	reopen_with(f, UINT64_C(4) << 20, UINT64_C(8) << 20);
	events_arrive(f, EVENTS);
	fill_with_imports(f);
	struct str body = big_value(f, 60000);
	for (unsigned n = 0; calls.full == 0 && n < 1000; n++) {
		store_document_put(f->db, STORE_SETTING, text(f, "d%u", n), body,
				   STORE_ANY, NULL, count_call, &calls);
		await(&calls.done, n + 1);
	}
	assert_int_equal(calls.full, 1);
	for (size_t sorted; sent < EVENTS; steps++) {
		sorted = sort_outbox(f, EVENTS);
		assert_true(sorted > 0);
		for (size_t n; (n = settle_sent(f, 10)) > 0; sent += n)
			arena_reset(f->arena);
	}
	assert_true(steps > 1);
	assert_int_equal(sent, EVENTS);
	assert_int_equal(the_point(f).sent, EVENTS);
}

static void one_operation_larger_than_the_map_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct str value = big_value(f, 90000);
	struct store_row rows[200];
	struct calls c = {0};
	struct store_user_change nothing = {0};
	reopen_with(f, UINT64_C(2) << 20, UINT64_C(4) << 20);
	for (unsigned i = 0; i < 200; i++)
		rows[i] = row_of(text(f, "r%u", i).p, &value, 1);
	sort_rows(rows, 200);
	for (unsigned i = 0; i < 20; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &nothing, NULL,
				  count_call, &c);
	store_rows_write(f->db, 1, rows, 200, STORE_IMPORT, NULL, count_call, &c);
	for (unsigned i = 20; i < 40; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &nothing, NULL,
				  count_call, &c);
	await(&c.done, 41);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.full, 1);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(read_user(f, text(f, "u%u", i).p).revision, 1);
	assert_int_equal(read_user(f, "r1").n_rows, 0);
}

struct reading {
	struct fixture *f;
	_Atomic bool stop;
	_Atomic unsigned reads;
	_Atomic bool wrong;
};

static void *read_always(void *arg)
{
	struct reading *r = arg;
	struct arena *arena = arena_new(1 << 20);
	struct store_wait *wait = store_wait_new();
	while (!r->stop) {
		struct user_record u;
		arena_reset(arena);
		store_user_read(r->f->db, STR("u1"), NULL, 0, arena, &u,
				store_wait_done, wait);
		r->wrong = r->wrong || !store_wait(wait, NULL) || u.revision != 1;
		r->reads++;
	}
	store_wait_free(wait);
	arena_free(arena);
	return NULL;
}

static void the_map_grows_while_others_read(void **state)
{
	struct fixture *f = *state;
	struct store_user_change nothing = {0};
	struct reading r = {.f = f};
	struct store_usage usage;
	struct error err;
	pthread_t threads[3];
	reopen_with(f, UINT64_C(1) << 20, 0);
	must_commit(f, "u1", &nothing);
	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, read_always, &r);
	for (uint64_t load = 0; load < 40; load++)
		if (!write_many(f, load, &err))
			fail_msg("%s", err.message);
	r.stop = true;
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_false(r.wrong);
	assert_true(r.reads > 0);
	store_usage(f->store, &usage);
	assert_true(usage.bytes_used > UINT64_C(16) << 20);
	assert_int_equal(read_user(f, "u499").n_rows, 40);
}

/* What the process has of addresses, and so many more. */
static void allow_addresses(rlim_t more, struct rlimit *before)
{
	char line[128];
	FILE *statm = fopen("/proc/self/statm", "r");
	assert_non_null(statm);
	assert_non_null(fgets(line, sizeof line, statm));
	fclose(statm);
	unsigned long pages = strtoul(line, NULL, 10);
	assert_true(pages > 0);
	assert_int_equal(getrlimit(RLIMIT_AS, before), 0);
	struct rlimit now = *before;
	now.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
}

static void where_the_map_cannot_grow_writes_fail_until_it_can(void **state)
{
	struct fixture *f = *state;
	const uint64_t size = UINT64_C(64) << 20;
	struct store_usage usage = {0};
	struct rlimit before;
	struct error err;
	uint64_t load = 0;
	reopen_with(f, size, 0);
	while (usage.bytes_used < size / 20 * 17) {
		assert_true(write_many(f, load++, &err));
		arena_reset(f->arena);
		store_usage(f->store, &usage);
	}
	allow_addresses(size / 4, &before);
	bool ok = true;
	for (int i = 0; ok && i < 50; i++)
		ok = write_many(f, load++, &err);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_false(ok);
	assert_non_null(strstr(err.message, "cannot grow the map"));
	assert_true(write_many(f, load++, &err));
	arena_reset(f->arena);
	assert_int_equal(read_user(f, "u499").n_rows, load - 1);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(an_import_into_a_full_map_fails_and_decisions_go_on),
		TEST(a_sweep_that_does_not_fit_takes_smaller_steps),
		TEST(where_no_import_fits_events_leave_their_queues),
		TEST(in_a_full_map_events_leave_in_smaller_steps),
		TEST(one_operation_larger_than_the_map_fails_alone),
		TEST(the_map_grows_while_others_read),
		TEST(where_the_map_cannot_grow_writes_fail_until_it_can),
	};
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tests[i].initial_state = (void *)(uintptr_t)&kind;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
