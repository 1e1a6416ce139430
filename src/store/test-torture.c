/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: a call then answers MEMORY and has changed nothing.
 * The linker puts our malloc before the real one (--wrap). */
#include "store/conformance.h"

#include "base/unit-malloc.h"

static const struct kind kinds[] = {{"memory", "memory", 0, false, false},
				    {"memory-delayed", "memory", 1, false, false},
				    {"faulty", "memory", 0, true, false},
				    {"lmdb", "lmdb", 0, false, true}};

static struct store_event event;
static struct store_outbox_row row;
static struct store_due due_at;
static struct assignment assignment;
static struct user_profile profile;
static struct str names[] = {STR_INIT("al1"), STR_INIT("al2")};

static struct store_user_change change_of(unsigned id)
{
	event = event_of(id, "spring", STATISTIC_READ, T0);
	row = (struct store_outbox_row){.event_id = id_of(id),
					.point = STR("p"),
					.event_type = STR("read"),
					.campaign = STR("spring"),
					.at_ms = T0};
	assignment = assignment_of(id, "spring");
	due_at = (struct store_due){T0, assignment.instance};
	profile = (struct user_profile){.user = STR("u"),
					.user_id = STR("id"),
					.email = STR("e@x"),
					.aliases = names,
					.n_aliases = id % 2 + 1};
	return (struct store_user_change){.profile = &profile,
					  .assignments = &assignment,
					  .n_assignments = 1,
					  .events = &event,
					  .n_events = 1,
					  .outbox = &row,
					  .n_outbox = 1,
					  .due = &due_at,
					  .n_due = 1};
}

/* The one point's counts, as a number. */
static uint64_t deliveries(struct fixture *f)
{
	struct store_point_list l;
	store_point_list(f->db, f->arena, &l, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	return l.n == 0 ? 0
			: l.items[0].waiting + 8 * l.items[0].dead +
				  64 * l.items[0].sent;
}

/* What there is of everything, in a number that any change changes. */
static uint64_t sum(struct fixture *f)
{
	size_t n_due, n_statistics;
	struct user_record r = read_user(f, "u");
	due(f, INT64_MAX, 100, &n_due);
	statistics(f, "spring", &n_statistics);
	return r.revision + 10 * r.n_assignments + 100 * r.n_rows +
	       1000 * r.profile.n_aliases + 10000 * n_due + 100000 * n_statistics +
	       1000000 * total(f, "spring", STATISTIC_READ) +
	       10000000 * store_outbox_count(f->db) +
	       100000000 * (uint64_t)(resolve(f, "al2").p != NULL) +
	       1000000000 * get(f, STORE_IMPORT, "i").revision +
	       10000000000 * list(f, STORE_SUPPRESS, "", NULL, 10, false).n +
	       100000000000 * deliveries(f);
}

typedef bool call_fn(struct fixture *f, struct error *err);

/* Until the call goes through all its allocations. */
static void torture(struct fixture *f, call_fn *call)
{
	for (long nth = 1; nth < 1000; nth++) {
		struct error err = {.kind = ERROR_NONE};
		arena_reset(f->arena); /* of what the tries before have read */
		uint64_t before = sum(f);
		unit_malloc_fail(nth);
		bool ok = call(f, &err);
		bool is_over = unit_malloc_stop();
		if (is_over) {
			assert_true(ok);
			assert_true(nth > 1);
			assert_true(sum(f) != before);
			return;
		}
		/* where it can do without, it may */
		if (ok)
			continue;
		assert_int_equal(err.kind, ERROR_MEMORY);
		if (sum(f) != before)
			fail_msg("allocation %ld: %llu, before %llu", nth,
				 (unsigned long long)sum(f),
				 (unsigned long long)before);
	}
	fail_msg("it never ended");
}

static unsigned serial;

static bool call_commit(struct fixture *f, struct error *err)
{
	struct store_user_change c = change_of(++serial);
	return commit(f, "u", STORE_ANY, &c, NULL, err);
}

static bool call_rows(struct fixture *f, struct error *err)
{
	struct str value = STR("v");
	struct store_row one = row_of("u", &value, 1);
	struct store_document progress = {.id = STR("i"), .body = STR("{}")};
	return write_rows(f, ++serial, &one, 1, &progress, err);
}

static bool call_erase(struct fixture *f, struct error *err)
{
	uint8_t hash[CRYPTO_SHA256_LEN] = {0};
	store_user_erase(f->db, STR("u"), hash, T0, store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

static bool call_sweep(struct fixture *f, struct error *err)
{
	struct str resume = {NULL, 0};
	uint64_t removed;
	store_rows_sweep(f->db, NULL, 0, resume, f->arena, &resume, &removed,
			 store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

static bool call_sort(struct fixture *f, struct error *err)
{
	size_t moved;
	store_outbox_sort(f->db, T0, 1, &moved, store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

static bool settle(struct fixture *f, enum store_fate fate, struct error *err)
{
	struct store_queue_list l;
	struct store_point_state state = {0};
	store_queue_list(f->db, STR("p"), 0, 0, T0, 1, f->arena, &l, store_wait_done,
			 f->wait);
	if (!store_wait(f->wait, err))
		return false;
	assert_int_equal(l.n, 1);
	struct store_outcome o = {.sequence = l.items[0].sequence,
				  .due_ms = l.items[0].due_ms,
				  .fate = fate,
				  .error = STR("why")};
	store_queue_settle(f->db, STR("p"), &o, 1, &state, T0, store_wait_done,
			   f->wait);
	return store_wait(f->wait, err);
}

static bool call_give_up(struct fixture *f, struct error *err)
{
	return settle(f, STORE_FATE_DEAD, err);
}

static bool call_sent(struct fixture *f, struct error *err)
{
	return settle(f, STORE_FATE_SENT, err);
}

static bool call_replay(struct fixture *f, struct error *err)
{
	struct store_dead_list l;
	size_t moved;
	store_dead_list(f->db, STR("p"), 0, 1, f->arena, &l, store_wait_done, f->wait);
	if (!store_wait(f->wait, err))
		return false;
	store_dead_order(f->db, STR("p"), &l.items[0].row.sequence, 1,
			 STORE_DEAD_REPLAY, T0, &moved, store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

static void a_call_without_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;
	torture(f, call_commit);
	torture(f, call_commit);
	torture(f, call_rows);
	torture(f, call_sweep);
	torture(f, call_rows);
	torture(f, call_sort);
	torture(f, call_give_up);
	torture(f, call_replay);
	torture(f, call_sent);
	torture(f, call_erase);
}

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct CMUnitTest tests[] = {
			TEST(a_call_without_memory_changes_nothing)};
		tests[0].initial_state = (void *)(uintptr_t)&kinds[i];
		failed += _cmocka_run_group_tests(kinds[i].name, tests, 1, NULL, NULL);
	}
	return failed == 0 ? 0 : 1;
}
