/* SPDX-License-Identifier: Apache-2.0 */
#include "test-inlay-ledger.h"

static void test_record_goes_there_and_back(void)
{
	unsigned char bytes[INLAY_RECORD_SIZE];
	struct inlay_record record = a_record(7, INLAY_STATE_GONE), back;

	test_begin("ledger: a record goes there and back");
	inlay_record_encode(&record, bytes);
	test_assert(inlay_record_decode(bytes, &back));
	test_assert_strcmp(back.instance, record.instance);
	test_assert_strcmp(back.guid, record.guid);
	test_assert(back.state == record.state && back.seen == record.seen);
	test_assert(back.cause == record.cause && back.due == record.due);
	test_assert(back.again == record.again && back.named == record.named);
	test_assert(back.acked == record.acked && back.uid == record.uid);
	test_assert(back.uid_validity == record.uid_validity);
	test_assert(back.time == record.time);
	test_end();
}

static void test_any_changed_bit_is_noticed(void)
{
	unsigned char bytes[INLAY_RECORD_SIZE];
	struct inlay_record record = a_record(7, INLAY_STATE_SAVED), back;

	test_begin("ledger: any changed bit is noticed");
	inlay_record_encode(&record, bytes);
	for (unsigned int bit = 0; bit < INLAY_RECORD_SIZE * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		test_assert_idx(!inlay_record_decode(bytes, &back), bit);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	test_end();
}

static void test_the_last_record_counts(void)
{
	struct inlay_ledger ledger;
	const char *error;

	test_begin("ledger: the last record of an instance counts");
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == 0);
	append(&ledger, 1, INLAY_STATE_PREPARED);
	append(&ledger, 2, INLAY_STATE_PREPARED);
	append(&ledger, 1, INLAY_STATE_SAVED);
	append(&ledger, 2, INLAY_STATE_VOID);
	test_assert(array_count(&ledger.records) == 2);
	test_assert(state_on_disk(1) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(2) == INLAY_STATE_VOID);
	test_assert(state_on_disk(3) == 0);
	test_assert(inlay_ledger_by_guid(&ledger, a_record(2, 1).guid)->state ==
		    INLAY_STATE_VOID);
	inlay_ledger_free(&ledger);
	i_unlink(path());
	test_end();
}

/* What a crash may leave of the newest record: its first bytes, at the end of the file
 * or before zeros. */
static void tear(off_t kept, bool in_place)
{
	static const char zeros[INLAY_RECORD_SIZE];
	off_t from = INLAY_RECORD_SIZE + kept;
	if (!in_place) {
		test_assert(truncate(path(), from) == 0);
		return;
	}
	int fd = open(path(), O_WRONLY);
	test_assert(pwrite_full(fd, zeros, (size_t)(INLAY_RECORD_SIZE - kept), from) ==
		    0);
	i_close_fd(&fd);
}

static void test_torn(off_t kept, bool in_place)
{
	struct inlay_ledger ledger;
	const char *error;
	int i = (int)kept;

	inlay_ledger_init(&ledger);
	append(&ledger, 1, INLAY_STATE_SAVED);
	append(&ledger, 2, INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	tear(kept, in_place);
	test_assert_idx(state_on_disk(1) == INLAY_STATE_SAVED, i);
	test_assert_idx(state_on_disk(2) == 0, i);

	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == 1);
	test_assert_idx(ledger.torn && ledger.bad == 0 && ledger.lines == 1, i);
	append(&ledger, 3, INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	test_assert_idx(size_on_disk() == INLAY_LEDGER_BLOCK, i);
	test_assert_idx(state_on_disk(1) == INLAY_STATE_SAVED, i);
	test_assert_idx(state_on_disk(3) == INLAY_STATE_SAVED, i);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == 1);
	test_assert_idx(!ledger.torn && ledger.bad == 0 && ledger.lines == 2, i);
	inlay_ledger_free(&ledger);
	i_unlink(path());
}

static void test_a_torn_tail_costs_the_newest_record_only(void)
{
	test_begin("ledger: a torn tail costs the newest record only");
	for (off_t kept = 1; kept < INLAY_RECORD_SIZE; kept++) {
		test_torn(kept, FALSE);
		test_torn(kept, TRUE);
	}
	test_end();
}

static void test_records_have_their_place_before_they_come(void)
{
	struct inlay_ledger ledger;
	unsigned int a_block = INLAY_LEDGER_BLOCK / INLAY_RECORD_SIZE;

	test_begin("ledger: records have their place before they come");
	inlay_ledger_init(&ledger);
	for (unsigned int n = 1; n <= a_block; n++) {
		append(&ledger, n, INLAY_STATE_SAVED);
		test_assert_idx(size_on_disk() == INLAY_LEDGER_BLOCK, n);
	}
	append(&ledger, a_block + 1, INLAY_STATE_SAVED);
	test_assert(size_on_disk() == (off_t)2 * INLAY_LEDGER_BLOCK);
	test_assert(state_on_disk(a_block) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(a_block + 1) == INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	i_unlink(path());
	test_end();
}

/* A ledger of whole records and nothing behind them. */
static void test_a_ledger_without_places_gets_them(void)
{
	struct inlay_ledger ledger;
	const char *error;

	test_begin("ledger: one that ends with its last record goes on");
	inlay_ledger_init(&ledger);
	append(&ledger, 1, INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	test_assert(truncate(path(), INLAY_RECORD_SIZE) == 0);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == 1);
	append(&ledger, 2, INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	test_assert(size_on_disk() == INLAY_LEDGER_BLOCK);
	test_assert(state_on_disk(1) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(2) == INLAY_STATE_SAVED);
	i_unlink(path());
	test_end();
}

static void test_a_damaged_record_leaves_the_others(void)
{
	struct inlay_ledger ledger;
	const char *error;

	test_begin("ledger: a damaged record leaves the others");
	inlay_ledger_init(&ledger);
	for (unsigned int n = 1; n <= 3; n++)
		append(&ledger, n, INLAY_STATE_SAVED);
	inlay_ledger_free(&ledger);
	int fd = open(path(), O_WRONLY);
	test_assert(pwrite_full(fd, "?", 1, INLAY_RECORD_SIZE + 20) == 0);
	i_close_fd(&fd);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == 1);
	test_assert(ledger.bad == 1 && ledger.lines == 3 && !ledger.torn);
	test_assert(array_count(&ledger.records) == 2);
	inlay_ledger_free(&ledger);
	i_unlink(path());
	test_end();
}

static void test_a_long_ledger_keeps_the_newest(void)
{
	struct inlay_ledger ledger;
	unsigned int count = INLAY_LEDGER_LONG + 2;

	test_begin("ledger: a long one is written anew with the newest 256");
	inlay_ledger_init(&ledger);
	for (unsigned int n = 1; n <= count; n++) {
		append(&ledger, n, INLAY_STATE_SAVED);
		test_assert_idx(size_on_disk() <= INLAY_LEDGER_LONG * INLAY_RECORD_SIZE,
				n);
	}
	inlay_ledger_free(&ledger);
	test_assert(state_on_disk(count) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(count - INLAY_LEDGER_KEEP + 1) == INLAY_STATE_SAVED);
	test_assert(state_on_disk(1) == 0);
	test_assert(size_on_disk() ==
		    INLAY_LEDGER_KEEP * INLAY_RECORD_SIZE + INLAY_LEDGER_BLOCK);
	i_unlink(path());
	test_end();
}

static void test_what_cannot_be_read_is_an_error(void)
{
	struct inlay_ledger ledger;
	const char *error = NULL;
	int fd = -1;

	test_begin("ledger: what cannot be read or written is an error, not empty");
	test_assert(mkdir(path(), 0700) == 0);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == -1);
	test_assert(error != NULL);
	error = NULL;
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == -1);
	test_assert(error != NULL);
	inlay_ledger_free(&ledger);
	test_assert(rmdir(path()) == 0);

	fd = open(path(), O_CREAT | O_WRONLY, 0600);
	test_assert(ftruncate(fd, INLAY_LEDGER_MAX + 1) == 0);
	i_close_fd(&fd);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) == -1);
	inlay_ledger_free(&ledger);
	i_unlink(path());
	test_end();
}

static void test_what_cannot_be_written_is_not_there(void)
{
	struct inlay_ledger ledger;
	struct inlay_record record = a_record(1, INLAY_STATE_PREPARED);
	const char *error = NULL;

	test_begin("ledger: what cannot be written is an error and not there");
	int fd = open(path(), O_CREAT | O_RDONLY, 0600);
	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_append(&ledger, &fd, path(), &perm, &record, &error) ==
		    -1);
	test_assert(error != NULL);
	test_assert(array_count(&ledger.records) == 0 && ledger.lines == 0);
	inlay_ledger_free(&ledger);
	i_close_fd(&fd);
	i_unlink(path());
	test_end();
}

static void test_the_lock_is_of_the_open_file(void)
{
	const char *error;
	int one = -1, two = -1;

	test_begin("lock: a second one waits for nobody, also in the same process");
	test_assert(inlay_lock_try(path(), &perm, &one, &error) == 1);
	test_assert(inlay_lock_try(path(), &perm, &two, &error) == 0);
	i_close_fd(&one);
	test_assert(inlay_lock_try(path(), &perm, &two, &error) == 1);
	i_close_fd(&two);
	i_unlink(path());
	error = NULL;
	test_assert(inlay_lock_try("/nonexistent/lock", &perm, &one, &error) == -1);
	test_assert(error != NULL);
	test_end();
}

static void test_the_lock_stays_when_it_is_written_anew(void)
{
	struct inlay_ledger ledger;
	const char *error;
	int old = -1, fd = -1, other = -1;

	test_begin("lock: it stays when the ledger is written anew");
	inlay_ledger_init(&ledger);
	for (unsigned int n = 1; n <= INLAY_LEDGER_LONG; n++)
		append(&ledger, n, INLAY_STATE_SAVED);
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == 1);
	/* another process has opened what will soon be the old file */
	old = inlay_lock_open(path(), 0, &perm, &error);
	struct inlay_record record = a_record(INLAY_LEDGER_LONG + 1, INLAY_STATE_SAVED);
	test_assert(inlay_ledger_append(&ledger, &fd, path(), &perm, &record, &error) ==
		    0);
	test_assert(ledger.lines == INLAY_LEDGER_KEEP);
	test_assert(inlay_lock_try(path(), &perm, &other, &error) == 0);
	/* which nobody has locked, but which is not the ledger any more */
	test_assert(inlay_lock_take(old, path(), &error) == 0);
	test_assert(!inlay_lock_is_at(old, path()));
	i_close_fd(&fd);
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == 1);
	test_assert(inlay_lock_is_at(fd, path()));
	i_close_fd(&fd);
	i_close_fd(&old);
	inlay_ledger_free(&ledger);
	i_unlink(path());
	test_end();
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_record_goes_there_and_back,
		test_any_changed_bit_is_noticed,
		test_the_last_record_counts,
		test_a_torn_tail_costs_the_newest_record_only,
		test_records_have_their_place_before_they_come,
		test_a_ledger_without_places_gets_them,
		test_a_damaged_record_leaves_the_others,
		test_a_long_ledger_keeps_the_newest,
		test_what_cannot_be_read_is_an_error,
		test_what_cannot_be_written_is_not_there,
		test_the_lock_is_of_the_open_file,
		test_the_lock_stays_when_it_is_written_anew,
		NULL,
	};
	return run_in_a_folder(tests);
}
