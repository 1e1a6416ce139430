/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the ledger and of the desk share: a ledger in a folder of its own.
 */
#ifndef INLAY_TEST_LEDGER_H
#define INLAY_TEST_LEDGER_H

#include "inlay-desk.h"
#include "inlay-lock.h"
#include "wire/wire.h"

#include "test-common.h"
#include "write-full.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct mailbox_permissions perm = {
	.file_create_mode = 0600,
	.file_create_gid = (gid_t)-1,
};

static char directory[64];

static inline const char *path(void)
{
	return t_strconcat(directory, "/" INLAY_LEDGER_NAME, NULL);
}

static inline struct inlay_record a_record(unsigned int n, uint8_t state)
{
	struct inlay_record record;
	i_zero(&record);
	i_snprintf(record.instance, sizeof(record.instance), "%032x", n);
	i_snprintf(record.guid, sizeof(record.guid), "%032x", n + 0xabc0000);
	record.state = state;
	record.seen = TRUE;
	record.cause = WIRE_CAUSE_MOVED;
	record.due = 0x1a;
	record.acked = 0x02;
	record.again = TRUE;
	record.named = TRUE;
	record.uid_validity = 0xfedcba98;
	record.uid = n;
	record.time = -1234567890123;
	return record;
}

static inline void append(struct inlay_ledger *ledger, unsigned int n, uint8_t state)
{
	struct inlay_record record = a_record(n, state);
	const char *error = "";
	int fd = -1;
	test_assert(inlay_lock_try(path(), &perm, &fd, &error) == 1);
	int ret = inlay_ledger_append(ledger, &fd, path(), &perm, &record, &error);
	test_assert_strcmp(error, "");
	test_assert(ret == 0);
	i_close_fd(&fd);
}

static inline unsigned int state_on_disk(unsigned int n)
{
	struct inlay_ledger ledger;
	const char *error;
	struct inlay_record wanted = a_record(n, 1);

	inlay_ledger_init(&ledger);
	test_assert(inlay_ledger_read(&ledger, path(), &error) >= 0);
	const struct inlay_record *found =
		inlay_ledger_by_instance(&ledger, wanted.instance);
	unsigned int state = found == NULL ? 0 : found->state;
	inlay_ledger_free(&ledger);
	return state;
}

static inline off_t size_on_disk(void)
{
	struct stat st;
	return stat(path(), &st) == 0 ? st.st_size : -1;
}

/* A folder for these tests, and all of them. */
static inline int run_in_a_folder(void (*const tests[])(void))
{
	const char *tmp = getenv("TMPDIR");
	i_snprintf(directory, sizeof(directory), "%s/inlay-XXXXXX",
		   tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL)
		return 1;
	int ret = test_run(tests);
	rmdir(directory);
	return ret;
}

#endif
