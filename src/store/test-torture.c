/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: a call then answers MEMORY and has changed nothing.
 * The linker puts our malloc before the real one (--wrap). Likewise every change of
 * a file. */
#include "store/conformance.h"

#include "base/unit-disk.h"
#include "base/unit-malloc.h"

#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Disks ----------------------------------------------------------------------------*/

static void must_be(struct fixture *f, uint64_t want, const char *when,
		    enum unit_disk_fault fault, long nth)
{
	uint64_t got = sum(f);
	if (got != want)
		fail_msg("%s %ld, %s: %llu, before %llu", unit_disk_fault_names[fault],
			 nth, when, (unsigned long long)got, (unsigned long long)want);
}

/* Until the call goes through all its writes. */
static void torture_disk(struct fixture *f, call_fn *call, enum unit_disk_fault fault)
{
	for (long nth = 1; nth < 100; nth++) {
		struct error err = {.kind = ERROR_NONE};
		arena_reset(f->arena);
		uint64_t before = sum(f);
		unit_disk_fail(fault, nth);
		bool ok = call(f, &err);
		bool is_over = unit_disk_stop();
		if (is_over) {
			if (!ok)
				fail_msg("after %ld: %s", nth, err.message);
			assert_true(sum(f) != before);
			return;
		}
		if (ok) /* without noticing */
			fail_msg("%s %ld: done", unit_disk_fault_names[fault], nth);
		assert_true(err.kind == ERROR_IO || err.kind == ERROR_FULL);
		must_be(f, before, "now", fault, nth);
		fixture_reopen(f);
		must_be(f, before, "later", fault, nth);
	}
	fail_msg("it never ended");
}

static void on_a_failing_disk_a_call_changes_nothing(void **state)
{
	struct fixture *f = *state;
	for (enum unit_disk_fault fault = UNIT_DISK_WRITE; fault < UNIT_DISK_FAULTS;
	     fault++) {
		if (fault == UNIT_DISK_DEAD) /* then nothing can be compared */
			continue;
		torture_disk(f, call_commit, fault);
		torture_disk(f, call_rows, fault);
		torture_disk(f, call_sweep, fault);
		torture_disk(f, call_rows, fault);
		torture_disk(f, call_sort, fault);
		torture_disk(f, call_give_up, fault);
		torture_disk(f, call_replay, fault);
		torture_disk(f, call_sent, fault);
		torture_disk(f, call_erase, fault);
	}
}

/* What failed once works when the disk does, without being opened anew. */
static void when_the_disk_works_again_so_does_the_store(void **state)
{
	struct fixture *f = *state;
	for (enum unit_disk_fault fault = UNIT_DISK_WRITE; fault < UNIT_DISK_FAULTS;
	     fault++)
		for (long nth = 1;; nth++) {
			struct error err;
			arena_reset(f->arena);
			uint64_t before = sum(f);
			unit_disk_fail(fault, nth);
			bool ok = call_commit(f, &err);
			if (unit_disk_stop())
				break;
			assert_false(ok);
			if (!call_commit(f, &err))
				fail_msg("%s %ld: %s", unit_disk_fault_names[fault],
					 nth, err.message);
			assert_true(sum(f) != before);
		}
}

/* What needs no room says nothing of the room that there is, for nothing of its kind
 * may come for long that could say the contrary. */
static void a_sweep_does_not_say_that_there_is_no_room(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_usage usage;
	assert_true(call_rows(f, &err));
	unit_disk_fail(UNIT_DISK_FULL, 1);
	assert_false(call_sweep(f, &err)); /* of which half was written */
	assert_false(call_sweep(f, &err));
	assert_int_equal(err.kind, ERROR_FULL);
	store_usage(f->store, &usage);
	assert_false(usage.full);
	/* a write does */
	assert_false(call_rows(f, &err));
	store_usage(f->store, &usage);
	assert_true(usage.full);
	assert_false(unit_disk_stop());
	assert_true(call_rows(f, &err));
	store_usage(f->store, &usage);
	assert_false(usage.full);
}

/* In a process of its own: all places for readers are taken, until `out` is closed. */
static void take_all_readers(struct fixture *f, int in, int out)
{
	MDB_env *env;
	MDB_txn *txn;
	char byte = 0;
	if (mdb_env_create(&env) != 0 ||
	    mdb_env_open(env, text(f, "%s/tests", f->directory).p, MDB_NOTLS, 0600) !=
		    0)
		_exit(1);
	while (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0)
		continue;
	(void)!write(out, &byte, 1);
	close(out);
	(void)!read(in, &byte, 1);
	_exit(0);
}

/* That others read must not hide that the database is to be opened anew. */
static void when_the_disk_works_again_so_does_the_store_though_others_read(void **state)
{
	struct fixture *f = *state;
	for (long nth = 1;; nth++) {
		struct error err;
		int to[2], from[2], status;
		char byte;
		arena_reset(f->arena);
		assert_true(pipe(to) == 0 && pipe(from) == 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(to[1]);
			take_all_readers(f, to[0], from[1]);
		}
		close(from[1]);
		close(to[0]);
		assert_int_equal(read(from[0], &byte, 1), 1);
		unit_disk_fail(UNIT_DISK_SYNC, nth);
		bool ok = call_commit(f, &err);
		bool is_over = unit_disk_stop();
		close(to[1]);
		close(from[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		if (is_over)
			break;
		assert_false(ok);
		if (!call_commit(f, &err))
			fail_msg("sync %ld: %s", nth, err.message);
	}
}

static bool can_read(struct fixture *f)
{
	struct store_document d;
	store_document_get(f->db, STORE_SETTING, STR("none"), f->arena, &d,
			   store_wait_done, f->wait);
	return store_wait(f->wait, NULL);
}

/* Nothing can be read when LMDB has given up; that ends by itself. */
static void when_the_disk_works_again_all_can_be_read_without_a_write(void **state)
{
	struct fixture *f = *state;
	bool was_down = false;
	for (long nth = 1;; nth++) {
		struct error err;
		arena_reset(f->arena);
		uint64_t before = sum(f);
		unit_disk_fail(UNIT_DISK_DEAD, nth);
		bool ok = call_commit(f, &err);
		was_down = was_down || !can_read(f);
		if (unit_disk_stop())
			break;
		assert_false(ok);
		for (int i = 0; i < 20000 && !can_read(f); i++)
			usleep(1000);
		must_be(f, before, "again", UNIT_DISK_DEAD, nth);
	}
	assert_true(was_down);
}

static void a_database_that_could_not_be_made_is_made_again(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;
	for (enum unit_disk_fault fault = 0; fault < UNIT_DISK_FAULTS; fault++)
		for (long nth = 1;; nth++) {
			struct store_db *db;
			struct error err;
			struct str name = text(f, "ks%u", n++);
			size_t before = unit_descriptors();
			unit_disk_fail(fault, nth);
			bool ok = store_db_create(f->store, name, name, &db, &err);
			bool is_over = unit_disk_stop();
			if (is_over)
				assert_true(ok);
			if (ok) {
				store_db_close(db);
			} else if (!store_db_create(f->store, name, name, &db, &err)) {
				fail_msg("%s %ld: %s", unit_disk_fault_names[fault],
					 nth, err.message);
			} else {
				store_db_close(db);
			}
			assert_true(store_db_open(f->store, name, name, &db, &err));
			store_db_close(db);
			assert_int_equal(unit_descriptors(), before);
			if (is_over)
				break;
		}
	assert_true(n > 10);
}

static int run(const struct kind *kind, struct CMUnitTest *tests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tests[i].initial_state = (void *)(uintptr_t)kind;
	return _cmocka_run_group_tests(kind->name, tests, n, NULL, NULL);
}

int main(void)
{
	int failed = 0;
	struct CMUnitTest memory[] = {TEST(a_call_without_memory_changes_nothing)};
	struct CMUnitTest disk[] = {
		TEST(on_a_failing_disk_a_call_changes_nothing),
		TEST(when_the_disk_works_again_so_does_the_store),
		TEST(when_the_disk_works_again_so_does_the_store_though_others_read),
		TEST(when_the_disk_works_again_all_can_be_read_without_a_write),
		TEST(a_database_that_could_not_be_made_is_made_again),
		TEST(a_sweep_does_not_say_that_there_is_no_room),
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		failed += run(&kinds[i], memory, 1);
		if (kinds[i].persists)
			failed += run(&kinds[i], disk, sizeof disk / sizeof *disk);
	}
	return failed == 0 ? 0 : 1;
}
