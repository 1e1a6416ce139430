/* SPDX-License-Identifier: Apache-2.0 */
#include "test-inlay-ledger.h"

static void test_a_prepared_ledger_has_name_and_places(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_record record = a_record(1, INLAY_STATE_PREPARED);
	struct inlay_desk desk;
	const char *error = "";

	test_begin("ledger: a prepared one has its name and places");
	test_assert(inlay_desk_prepare(&paths, &error) == 0 && paths.named);
	test_assert(size_on_disk() == INLAY_LEDGER_BLOCK);
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(desk.ledger.lines == 0 && !desk.ledger.unsynced);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	test_assert(desk.ledger.unsynced && !desk.ledger.unnamed);
	test_assert(inlay_desk_settle(&desk, &error) == 0 && !desk.ledger.unsynced);
	inlay_desk_close(&desk);
	test_assert(size_on_disk() == INLAY_LEDGER_BLOCK);
	test_assert(state_on_disk(1) == INLAY_STATE_PREPARED);
	/* one with records stays as it is */
	test_assert(inlay_desk_prepare(&paths, &error) == 0);
	test_assert(state_on_disk(1) == INLAY_STATE_PREPARED);
	/* somebody has removed it: the next one's name is not known to last */
	i_unlink(path());
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	test_assert(desk.ledger.unnamed);
	inlay_desk_close(&desk);
	i_unlink(path());
	test_end();
}

static void test_a_ledger_that_is_made_anew_is_not_the_prepared_one(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_paths others = paths;
	struct inlay_record record = a_record(1, INLAY_STATE_PREPARED);
	struct inlay_desk desk;
	const char *error = "";

	test_begin("ledger: one that is made anew is not the prepared one");
	test_assert(inlay_desk_prepare(&paths, &error) == 0 && paths.named);
	/* as long as somebody reads it, the next one has another inode */
	int fd = open(path(), O_RDONLY);
	i_unlink(path());
	/* another session writes, and is killed before that is durable */
	test_assert(inlay_desk_open(&desk, &others, &error) == 1);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	inlay_desk_close(&desk);
	i_close_fd(&fd);
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(desk.ledger.room > 0);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	test_assert(desk.ledger.unnamed);
	inlay_desk_close(&desk);
	i_unlink(path());
	test_end();
}

/* A session of its own; with sync it lives until what it wrote is durable. */
static bool unnamed_after(unsigned int n, uint8_t state, bool sync)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_record record = a_record(n, state);
	struct inlay_desk desk;
	const char *error = "";

	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	bool unnamed = desk.ledger.unnamed;
	test_assert(!sync || inlay_desk_settle(&desk, &error) == 0);
	inlay_desk_close(&desk);
	return unnamed;
}

/* Announced, durable, saved. */
static void save_as_a_session_does(unsigned int n)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_record record = a_record(n, INLAY_STATE_PREPARED);
	struct inlay_desk desk;
	const char *error = "";

	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_desk_announce(&desk, &record, &error) == 0);
	test_assert(inlay_desk_settle(&desk, &error) == 0);
	record.state = INLAY_STATE_SAVED;
	test_assert(inlay_desk_write(&desk, &record, &error) == 0);
	inlay_desk_close(&desk);
}

static void test_the_name_is_not_taken_for_durable_too_soon(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_desk desk;
	const char *error = "";

	test_begin("ledger: its name lasts once a message was saved");
	/* killed before its record was durable, and so was the next */
	test_assert(unnamed_after(1, INLAY_STATE_PREPARED, FALSE));
	test_assert(unnamed_after(1, INLAY_STATE_UNCERTAIN, FALSE));
	/* a message that was found */
	test_assert(unnamed_after(1, INLAY_STATE_SAVED, FALSE));
	test_assert(unnamed_after(2, INLAY_STATE_PREPARED, TRUE));
	/* who made it durable says so with the next record, and nobody else can */
	test_assert(unnamed_after(2, INLAY_STATE_SAVED, FALSE));
	save_as_a_session_does(2);
	test_assert(!unnamed_after(2, INLAY_STATE_GONE, FALSE));
	test_assert(!unnamed_after(3, INLAY_STATE_PREPARED, FALSE));
	i_unlink(path());
	/* a preparation makes it so, whoever was killed before */
	test_assert(unnamed_after(1, INLAY_STATE_PREPARED, FALSE));
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_ledger_make_room(&desk.ledger, desk.fd, path(), &error) == 0);
	test_assert(desk.ledger.unnamed && desk.ledger.unsynced);
	test_assert(inlay_desk_settle(&desk, &error) == 0 && desk.ledger.named);
	inlay_desk_close(&desk);
	i_unlink(path());
	test_end();
}

static void test_who_prepares_waits_for_nobody(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	const char *error = "";
	int fd = -1, other = -1;

	test_begin("ledger: who prepares one leaves it to who has the lock");
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == 1);
	test_assert(inlay_desk_prepare(&paths, &error) == 0 && !paths.named);
	test_assert(size_on_disk() == 0);
	inlay_lock_release(fd);
	test_assert(inlay_lock_try(path(), &perm, &other, &error) == 1);
	i_close_fd(&other);
	i_close_fd(&fd);
	i_unlink(path());
	paths.ledger = "/nonexistent/" INLAY_LEDGER_NAME;
	test_assert(inlay_desk_prepare(&paths, &error) == -1 && !paths.named);
	test_end();
}

static void test_a_damaged_ledger_is_mended(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	struct inlay_ledger ledger;
	struct inlay_desk desk;
	const char *error = "";

	test_begin("ledger: one with damaged records is written anew, once");
	inlay_ledger_init(&ledger);
	for (unsigned int n = 1; n <= 4; n++)
		append(&ledger, n, INLAY_STATE_SAVED);
	append(&ledger, 3, INLAY_STATE_GONE);
	inlay_ledger_free(&ledger);
	int fd = open(path(), O_WRONLY);
	test_assert(pwrite_full(fd, "?", 1, INLAY_RECORD_SIZE + 20) == 0);
	i_close_fd(&fd);
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_desk_mend(&desk, &error) == 1);
	test_assert(inlay_desk_mend(&desk, &error) == 0);
	test_assert(!desk.ledger.unsynced && !desk.ledger.unnamed);
	/* it is still locked */
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == 0);
	inlay_desk_close(&desk);
	test_assert(state_on_disk(1) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(2) == 0);
	test_assert(state_on_disk(3) == INLAY_STATE_GONE);
	test_assert(state_on_disk(4) == INLAY_STATE_SAVED);
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(desk.ledger.bad == 0 && array_count(&desk.ledger.records) == 3);
	/* the newest change is the last that is forgotten */
	const struct inlay_record *kept = array_front(&desk.ledger.records);
	test_assert(kept[0].uid == 1 && kept[1].uid == 4 && kept[2].uid == 3);
	inlay_desk_close(&desk);
	/* who did it may have been killed before the new file's name was durable, and
	 * so may who came next */
	test_assert(unnamed_after(5, INLAY_STATE_PREPARED, FALSE));
	test_assert(unnamed_after(6, INLAY_STATE_PREPARED, FALSE));
	test_assert(state_on_disk(5) == INLAY_STATE_PREPARED);
	save_as_a_session_does(7);
	test_assert(!unnamed_after(8, INLAY_STATE_PREPARED, FALSE));
	i_unlink(path());
	test_end();
}

static void test_a_ledger_of_damaged_records_only_is_empty(void)
{
	struct inlay_paths paths = {.ledger = path(), .perm = perm};
	unsigned char bytes[2 * INLAY_RECORD_SIZE];
	struct inlay_desk desk;
	const char *error = "";

	test_begin("ledger: one of damaged records only becomes an empty one");
	memset(bytes, '?', sizeof(bytes));
	int fd = open(path(), O_CREAT | O_WRONLY, 0600);
	test_assert(pwrite_full(fd, bytes, sizeof(bytes), 0) == 0);
	i_close_fd(&fd);
	test_assert(inlay_desk_open(&desk, &paths, &error) == 1);
	test_assert(inlay_desk_mend(&desk, &error) == 1);
	test_assert(desk.ledger.lines == 0 && desk.ledger.room > 0);
	inlay_desk_close(&desk);
	test_assert(unnamed_after(1, INLAY_STATE_PREPARED, FALSE));
	test_assert(state_on_disk(1) == INLAY_STATE_PREPARED);
	i_unlink(path());
	test_end();
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_a_prepared_ledger_has_name_and_places,
		test_a_ledger_that_is_made_anew_is_not_the_prepared_one,
		test_the_name_is_not_taken_for_durable_too_soon,
		test_who_prepares_waits_for_nobody,
		test_a_damaged_ledger_is_mended,
		test_a_ledger_of_damaged_records_only_is_empty,
		NULL,
	};
	return run_in_a_folder(tests);
}
