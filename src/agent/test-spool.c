/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool.h"

#include "agent/spool-segment.h"
#include "base/crypto.h"
#include "base/unit.h"
#include "wire/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char directory[64];
	struct ev_loop *loop;
	struct spool *spool;
	uint64_t synced;
	unsigned failures;
};

static void on_synced(void *ctx, uint64_t sequence, bool ok)
{
	struct fixture *f = ctx;
	if (ok)
		f->synced = sequence;
	else
		f->failures++;
}

static void open_spool(struct fixture *f, uint64_t max)
{
	struct error err = {0};
	struct spool_config config = {.directory = f->directory,
				      .max_bytes = max,
				      .loop = f->loop,
				      .synced = on_synced,
				      .ctx = f};
	f->spool = spool_open(&config, &err);
	if (f->spool == NULL)
		fail_msg("%s: %s", err.where, err.message);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->directory, sizeof f->directory, "/tmp/inlay-test-spool-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->loop = ev_loop_new(EVFLAG_AUTO);
	open_spool(f, 2 * SPOOL_MIN_SIZE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[400];
	spool_close(f->spool);
	ev_loop_destroy(f->loop);
	DIR *dir = opendir(f->directory);
	const struct dirent *e;
	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", f->directory, e->d_name);
		unlink(path);
	}
	closedir(dir);
	rmdir(f->directory);
	free(f);
	return 0;
}

static bool append(struct fixture *f, struct str tenant, struct str user, uint8_t mark)
{
	struct spool_record r = {
		.type = WIRE_EVENT_READ, .time_ms = 1, .tenant = tenant, .user = user};
	memset(r.instance, mark, sizeof r.instance);
	return spool_append(f->spool, &r, NULL);
}

static void wait_synced(struct fixture *f)
{
	while (!spool_is_synced(f->spool))
		ev_run(f->loop, EVRUN_ONCE);
}

static void reopen(struct fixture *f)
{
	spool_close(f->spool);
	open_spool(f, 2 * SPOOL_MIN_SIZE);
}

static size_t count_files(const struct fixture *f, const char *suffix)
{
	size_t n = 0;
	DIR *dir = opendir(f->directory);
	const struct dirent *e;
	while ((e = readdir(dir)) != NULL)
		n += str_ends(str_of(e->d_name), str_of(suffix));
	closedir(dir);
	return n;
}

static void keeps_events_over_a_restart_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct spool_event *batch[10];
	for (uint8_t i = 1; i <= 5; i++)
		assert_true(append(f, i == 3 ? STR("other") : STR("default"),
				   STR("anna"), i));
	wait_synced(f);
	assert_int_equal(f->synced, 5);
	reopen(f);
	assert_int_equal(spool_count(f->spool), 5);
	size_t tenants = 0;
	for (struct spool_tenant *t = spool_tenants(f->spool); t != NULL; t = t->next) {
		static const uint8_t want[] = {1, 2, 4, 5};
		size_t n = spool_take(t, batch, 10);
		tenants++;
		if (strcmp(t->id, "other") == 0) {
			assert_int_equal(n, 1);
			assert_int_equal(batch[0]->record.instance[0], 3);
			continue;
		}
		assert_int_equal(n, 4);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(batch[i]->record.instance[0], want[i]);
	}
	assert_int_equal(tenants, 2);
	/* numbers go on where they ended */
	assert_true(append(f, STR("default"), STR("anna"), 6));
	wait_synced(f);
	assert_int_equal(f->synced, 6);
}

static void finds_the_events_of_one_user(void **state)
{
	struct fixture *f = *state;
	const struct spool_event *found[2];
	for (uint8_t i = 1; i <= 3; i++)
		append(f, STR("default"), STR("anna"), i);
	append(f, STR("default"), STR("bert"), 4);
	append(f, STR("other"), STR("anna"), 5);
	assert_int_equal(spool_of_user(f->spool, STR("default"), STR("anna"), found, 2),
			 3);
	assert_int_equal(found[0]->record.instance[0], 1);
	assert_int_equal(found[1]->record.instance[0], 2);
	assert_int_equal(spool_of_user(f->spool, STR("other"), STR("anna"), found, 2),
			 1);
	assert_int_equal(spool_of_user(f->spool, STR("x"), STR("anna"), found, 2), 0);
}

static void takes_an_event_once_until_it_is_put_back(void **state)
{
	struct fixture *f = *state;
	struct spool_event *a[4], *b[4];
	for (uint8_t i = 1; i <= 3; i++)
		append(f, STR("default"), STR("anna"), i);
	struct spool_tenant *t = spool_tenants(f->spool);
	assert_int_equal(spool_take(t, a, 2), 2);
	assert_int_equal(spool_take(t, b, 4), 1);
	spool_put_back(a, 2);
	assert_int_equal(spool_take(t, a, 4), 2);
	assert_int_equal(a[0]->record.instance[0], 1);
	wait_synced(f);
	spool_delivered(f->spool, a, 2);
	assert_int_equal(spool_count(f->spool), 1);
	reopen(f);
	/* half a file delivered: all of it comes again, MIM counts once */
	assert_int_equal(spool_count(f->spool), 3);
}

static void is_empty_on_disk_when_all_is_delivered(void **state)
{
	struct fixture *f = *state;
	struct spool_event *batch[4];
	for (uint8_t round = 0; round < 3; round++) {
		append(f, STR("default"), STR("anna"), 1);
		append(f, STR("default"), STR("bert"), 2);
		wait_synced(f);
		assert_int_equal(spool_take(spool_tenants(f->spool), batch, 4), 2);
		spool_delivered(f->spool, batch, 2);
		if (round == 1) {
			reopen(f);
			assert_int_equal(spool_count(f->spool), 0);
			assert_int_equal(count_files(f, ".spool"), 0);
		}
	}
}

static void a_parked_event_waits_for_the_next_process(void **state)
{
	struct fixture *f = *state;
	struct spool_event *batch[4];
	const struct spool_event *found[4];
	append(f, STR("default"), STR("anna"), 1);
	append(f, STR("default"), STR("anna"), 2);
	assert_int_equal(spool_take(spool_tenants(f->spool), batch, 1), 1);
	spool_park(batch[0]);
	assert_int_equal(spool_take(spool_tenants(f->spool), batch, 4), 1);
	assert_int_equal(batch[0]->record.instance[0], 2);
	assert_int_equal(spool_of_user(f->spool, STR("default"), STR("anna"), found, 4),
			 1);
	wait_synced(f);
	spool_delivered(f->spool, batch, 1);
	reopen(f);
	assert_int_equal(spool_take(spool_tenants(f->spool), batch, 4), 2);
}

static void has_a_bound_and_room_again_after_delivery(void **state)
{
	struct fixture *f = *state;
	char user[SPOOL_USER_MAX];
	size_t taken = 0;
	memset(user, 'u', sizeof user);
	while (append(f, STR("default"), (struct str){user, sizeof user}, 1)) {
		taken++;
		snprintf(user, sizeof user, "%zu", taken); /* each its own */
		user[strlen(user)] = 'u';
	}
	assert_true(taken > 1700 && taken < 2000);
	assert_false(spool_can_take(f->spool));
	uint64_t bytes = 0;
	DIR *dir = opendir(f->directory);
	const struct dirent *e;
	struct stat st;
	while ((e = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	closedir(dir);
	assert_true(bytes <= 2 * SPOOL_MIN_SIZE);
	wait_synced(f);
	static struct spool_event *all[2000];
	assert_int_equal(spool_take(spool_tenants(f->spool), all, taken), taken);
	spool_delivered(f->spool, all, taken);
	assert_true(spool_can_take(f->spool));
	assert_true(append(f, STR("default"), STR("anna"), 1));
}

static void one_user_cannot_fill_it(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < SPOOL_EVENTS_PER_USER; i++)
		assert_true(append(f, STR("default"), STR("anna"), 1));
	assert_false(append(f, STR("default"), STR("anna"), 1));
	assert_true(append(f, STR("default"), STR("bert"), 1));
}

static void belongs_to_one_process(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct spool_config config = {.directory = f->directory,
				      .max_bytes = SPOOL_MIN_SIZE,
				      .loop = f->loop,
				      .synced = on_synced,
				      .ctx = f};
	assert_null(spool_open(&config, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
}

/* Appends bytes to the one file there is. */
static void add_bytes(const struct fixture *f, const char *bytes, size_t n)
{
	DIR *dir = opendir(f->directory);
	const struct dirent *e;
	while ((e = readdir(dir)) != NULL)
		if (spool_segment_is_name(e->d_name)) {
			int fd = openat(dirfd(dir), e->d_name, O_WRONLY | O_APPEND);
			assert_int_equal(write(fd, bytes, n), (ssize_t)n);
			close(fd);
		}
	closedir(dir);
}

static void cuts_half_a_record_off(void **state)
{
	struct fixture *f = *state;
	append(f, STR("default"), STR("anna"), 1);
	spool_close(f->spool);
	add_bytes(f, "\0\0\0\x40garb", 8);
	open_spool(f, 2 * SPOOL_MIN_SIZE);
	assert_int_equal(spool_count(f->spool), 1);
	reopen(f); /* it is gone for good */
	assert_int_equal(spool_count(f->spool), 1);
	struct spool_event *batch[1];
	spool_take(spool_tenants(f->spool), batch, 1);
	spool_delivered(f->spool, batch, 1);
	assert_int_equal(count_files(f, ".damaged"), 0);
	assert_int_equal(count_files(f, ".spool"), 0);
}

static void keeps_a_damaged_file_aside(void **state)
{
	struct fixture *f = *state;
	struct spool_event *batch[1];
	append(f, STR("default"), STR("anna"), 1);
	spool_close(f->spool);
	add_bytes(f, "\xff\xff\xff\xffgarbage", 11);
	open_spool(f, 2 * SPOOL_MIN_SIZE);
	assert_int_equal(spool_take(spool_tenants(f->spool), batch, 1), 1);
	spool_delivered(f->spool, batch, 1);
	assert_int_equal(count_files(f, ".spool"), 0);
	assert_int_equal(count_files(f, ".damaged"), 1);
}

/* More than any disk has: what a full one answers is the same path. */
static void a_file_without_room_is_not_made(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	int directory = open(f->directory, O_RDONLY | O_DIRECTORY);
	assert_null(spool_segment_new(directory, 99, (uint64_t)1 << 55, &err));
	assert_int_not_equal(err.kind, ERROR_NONE);
	assert_int_equal(faccessat(directory, "0000000000000063.spool", F_OK, 0), -1);
	close(directory);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(keeps_events_over_a_restart_in_their_order),
		TEST(finds_the_events_of_one_user),
		TEST(takes_an_event_once_until_it_is_put_back),
		TEST(is_empty_on_disk_when_all_is_delivered),
		TEST(a_parked_event_waits_for_the_next_process),
		TEST(has_a_bound_and_room_again_after_delivery),
		TEST(one_user_cannot_fill_it),
		TEST(belongs_to_one_process),
		TEST(cuts_half_a_record_off),
		TEST(keeps_a_damaged_file_aside),
		TEST(a_file_without_room_is_not_made),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
