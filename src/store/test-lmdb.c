/* SPDX-License-Identifier: Apache-2.0 */
/* What only the LMDB backend promises: files, locks, room, crashes. */
#include "store/conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kind kind = {"lmdb", "lmdb", 0, false, true};

static void a_second_store_on_the_same_directory_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_options o = {.backend = "lmdb", .directory = f->directory};
	struct store *second;
	struct error err;
	assert_false(store_open(&o, &second, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, f->directory));
	assert_non_null(strstr(err.message, text(f, "%ld", (long)getpid()).p));
	fixture_reopen(f); /* and is free when the first has gone */
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
	struct store_options o = {.backend = "lmdb", .directory = "/proc/none/store"};
	struct store *s;
	struct error err;
	(void)state;
	assert_false(store_open(&o, &s, &err));
	assert_non_null(strstr(err.message, "/proc/none/store"));
}

static mode_t mode_of(struct fixture *f, const char *name)
{
	struct stat st;
	if (stat(text(f, "%s/%s", f->directory, name).p, &st) != 0)
		fail_msg("%s: %s", name, strerror(errno));
	return st.st_mode & 0777;
}

static void files_are_for_the_owner_only(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_db *system;
	assert_true(store_db_create(f->store, STR(""), STR(""), &system, &err));
	store_db_close(system);
	assert_int_equal(mode_of(f, "tests"), 0700);
	assert_int_equal(mode_of(f, "tests/data.mdb"), 0600);
	assert_int_equal(mode_of(f, "tests/lock.mdb"), 0600);
	assert_int_equal(mode_of(f, "system/data.mdb"), 0600);
	assert_int_equal(mode_of(f, "mimd.lock"), 0600);
}

static void a_damaged_file_is_named(void **state)
{
	struct fixture *f = *state;
	struct error err;
	struct store_db *db;
	assert_true(store_db_create(f->store, STR("bad"), STR("b"), &db, &err));
	store_db_close(db);
	struct str path = text(f, "%s/bad/data.mdb", f->directory);
	int fd = open(path.p, O_WRONLY);
	char zeros[8192] = {0};
	assert_int_equal(pwrite(fd, zeros, sizeof zeros, 0), sizeof zeros);
	close(fd);
	assert_false(store_db_open(f->store, STR("bad"), STR("b"), &db, &err));
	assert_non_null(strstr(err.message, text(f, "%s/bad", f->directory).p));
}

/* Erasing ---------------------------------------------------------------------*/
static bool holds(const char *path, const char *needle)
{
	FILE *file = fopen(path, "rb");
	struct buf b;
	buf_init(&b, (size_t)256 << 20);
	assert_non_null(file);
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
		assert_true(buf_add(&b, chunk, n));
	fclose(file);
	bool found = memmem(b.p, b.n, needle, strlen(needle)) != NULL;
	buf_free(&b);
	return found;
}

/* All live pages of the database, as a compact copy of it has them. */
static struct str compact_copy(struct fixture *f)
{
	MDB_env *env;
	struct str copy = text(f, "%s/copy", f->directory);
	struct str file = text(f, "%s/copy/data.mdb", f->directory);
	fixture_close(f);
	remove(file.p);
	mkdir(copy.p, 0700);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, text(f, "%s/tests", f->directory).p,
				      MDB_RDONLY, 0600),
			 0);
	assert_int_equal(mdb_env_copy2(env, copy.p, MDB_CP_COMPACT), 0);
	mdb_env_close(env);
	fixture_open(f);
	return file;
}

/* Entries of a table, as LMDB counts them. */
static size_t entries(struct fixture *f, const char *table)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_stat st;
	fixture_close(f);
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 1);
	assert_int_equal(mdb_env_open(env, text(f, "%s/tests", f->directory).p,
				      MDB_RDONLY, 0600),
			 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &st), 0);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	fixture_open(f);
	return st.ms_entries;
}

static void what_is_forgotten_done_or_moved_leaves_no_row_behind(void **state)
{
	struct fixture *f = *state;
	struct assignment a = assignment_of(1, "spring");
	struct store_event e = event_of(1, "spring", STATISTIC_GONE_PENDING, T0);
	struct store_due d = {T0, a.instance};
	struct store_user_change c = {.assignments = &a,
				      .n_assignments = 1,
				      .events = &e,
				      .n_events = 1,
				      .due = &d,
				      .n_due = 1};
	must_commit(f, "u", &c);
	assert_int_equal(entries(f, "instances"), 1);
	assert_int_equal(entries(f, "due"), 1);
	assert_int_equal(entries(f, "users"), 4); /* head, assignment, due, counted */
	e.statistic = STATISTIC_MOVED;
	c = (struct store_user_change){.forget = &a.instance,
				       .n_forget = 1,
				       .due_done = &d,
				       .n_due_done = 1,
				       .events = &e,
				       .n_events = 1};
	must_commit(f, "u", &c);
	assert_int_equal(entries(f, "instances"), 0);
	assert_int_equal(entries(f, "due"), 0);
	assert_int_equal(entries(f, "users"), 2);
	assert_int_equal(entries(f, "events"), 1);
	assert_int_equal(entries(f, "statistics"), 1);
}

static void an_erased_user_is_in_no_page_of_the_database(void **state)
{
	struct fixture *f = *state;
	struct str aliases[] = {STR("needle-alias")};
	struct user_profile p = {.user = STR("needle-user"),
				 .user_id = STR("needle-id"),
				 .email = STR("needle@mail"),
				 .aliases = aliases,
				 .n_aliases = 1};
	struct assignment a = assignment_of(1, "spring");
	struct store_event e = event_of(1, "spring", STATISTIC_READ, T0);
	struct store_due d = {T0, a.instance};
	struct store_outbox_row o = {.event_id = id_of(1),
				     .instance = a.instance,
				     .point = STR("p"),
				     .event_type = STR("read"),
				     .campaign = STR("spring"),
				     .at_ms = T0};
	struct store_user_change c = {.profile = &p,
				      .assignments = &a,
				      .n_assignments = 1,
				      .events = &e,
				      .n_events = 1,
				      .outbox = &o,
				      .n_outbox = 1,
				      .due = &d,
				      .n_due = 1};
	struct str value = STR("needle-value");
	struct store_row row = row_of("needle-user", &value, 1);
	struct error err;
	char hash[17] = {0};
	must_commit(f, "needle-user", &c);
	assert_true(write_rows(f, 1, &row, 1, NULL, &err));
	must_commit(f, "other", &(struct store_user_change){0});
	memcpy(hash, row.sort_key, 16);
	struct str file = compact_copy(f);
	assert_true(holds(file.p, "needle-user") && holds(file.p, "needle-value"));
	assert_true(holds(file.p, hash)); /* no NUL byte in it, as it happens */
	erase(f, "needle-user");
	file = compact_copy(f);
	assert_false(holds(file.p, "needle"));
	assert_false(holds(file.p, hash));
	assert_true(holds(file.p, "other"));
}

/* Crashes -----------------------------------------------------------------------*/
struct confession {
	int fd;
	unsigned number;
};

/* One write of four bytes into a pipe is whole or not there. */
static void confess(void *ctx, const struct error *err)
{
	struct confession *c = ctx;
	if (err == NULL && write(c->fd, &c->number, sizeof c->number) < 0)
		_exit(1);
}

/* Commits without end and says which are done. */
static void child(const char *directory, int fd)
{
	struct store_options o = {.backend = "lmdb",
				  .directory = directory,
				  .map_size = UINT64_C(64) << 20};
	static struct confession c[100000];
	static struct assignment a[100000];
	static struct store_event e[100000];
	static struct store_user_change change[100000];
	static char users[1000][16];
	struct store *s;
	struct store_db *db;
	if (!store_open(&o, &s, NULL) ||
	    !store_db_create(s, STR("tests"), STR("tests"), &db, NULL))
		_exit(1);
	for (unsigned i = 0; i < 1000; i++)
		snprintf(users[i], sizeof users[i], "u%u", i);
	for (unsigned i = 0; i < 100000; i++) {
		c[i] = (struct confession){fd, i};
		a[i] = assignment_of(i, "spring");
		e[i] = event_of(i, "spring", STATISTIC_INJECTED, T0);
		change[i] = (struct store_user_change){.assignments = &a[i],
						       .n_assignments = 1,
						       .events = &e[i],
						       .n_events = 1};
		store_user_commit(db, str_of(users[i % 1000]), STORE_ANY, &change[i],
				  NULL, confess, &c[i]);
		if (i % 50 == 0)
			usleep(1000);
	}
	pause();
	_exit(0);
}

static void killed_in_the_middle_it_keeps_all_that_it_acknowledged(void **state)
{
	struct fixture *f = *state;
	unsigned number, acknowledged = 0, wanted = 0;
	bool *said = calloc(100000, sizeof *said);
	assert_non_null(said);
	for (unsigned round = 0; round < 3; round++) {
		int fds[2];
		fixture_close(f);
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(fds[0]);
			child(f->directory, fds[1]);
		}
		close(fds[1]);
		wanted = acknowledged + 700 + 300 * round;
		while (read(fds[0], &number, sizeof number) == sizeof number) {
			acknowledged += !said[number];
			said[number] = true;
			/* the ids of a former child are said again */
			if (acknowledged >= wanted)
				kill(pid, SIGKILL);
		}
		close(fds[0]);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		fixture_open(f);
	}
	assert_true(acknowledged >= wanted);
	uint64_t stored = 0;
	for (unsigned u = 0; u < 1000; u++)
		stored += read_user(f, text(f, "u%u", u).p).n_assignments;
	for (unsigned i = 0; i < 100000; i++)
		if (said[i])
			assert_non_null(instance_of(f, id_of(i)).user_key.p);
	/* whole: an assignment never without its event */
	assert_true(stored >= acknowledged);
	assert_int_equal(total(f, "spring", STATISTIC_INJECTED), stored);
	free(said);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(a_second_store_on_the_same_directory_is_refused),
		TEST(a_directory_that_cannot_be_made_is_named),
		TEST(files_are_for_the_owner_only),
		TEST(a_damaged_file_is_named),
		TEST(what_is_forgotten_done_or_moved_leaves_no_row_behind),
		TEST(an_erased_user_is_in_no_page_of_the_database),
		TEST(killed_in_the_middle_it_keeps_all_that_it_acknowledged),
	};
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tests[i].initial_state = (void *)(uintptr_t)&kind;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
