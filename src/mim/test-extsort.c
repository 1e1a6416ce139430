/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "mim/extsort.h"
#include "mim/test-fault.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* A key that depends on i in no obvious order, each once for i < 2^32. */
static void key_of(uint64_t i, uint8_t key[EXTSORT_KEY_LEN])
{
	uint32_t mixed = (uint32_t)i * UINT32_C(2654435761);
	memset(key, 0, EXTSORT_KEY_LEN);
	for (int b = 0; b < 4; b++)
		key[b] = (uint8_t)(mixed >> (24 - 8 * b));
}

static void add(struct extsort *s, uint64_t key, uint64_t number, struct str bytes)
{
	struct extsort_record r = {.number = number, .bytes = bytes};
	struct error err = {0};
	key_of(key, r.key);
	if (!extsort_add(s, &r, &err))
		fail_msg("%s", err.message);
}

/* Reads all, checks the order; returns how many. */
static uint64_t check_order(struct extsort *s, uint64_t *sum)
{
	struct extsort_record r, before = {.number = 0};
	struct error err = {0};
	uint64_t n = 0;
	bool more;
	*sum = 0;
	if (!extsort_rewind(s, &err))
		fail_msg("%s", err.message);
	for (;;) {
		if (!extsort_next(s, &r, &more, &err))
			fail_msg("%s", err.message);
		if (!more)
			return n;
		int d = memcmp(before.key, r.key, EXTSORT_KEY_LEN);
		if (n > 0 && (d > 0 || (d == 0 && before.number >= r.number)))
			fail_msg("record %llu is out of order", (unsigned long long)n);
		if (r.bytes.n > 0 && (r.bytes.p[0] != (char)(r.number & 0x7f) ||
				      r.bytes.p[r.bytes.n - 1] != r.bytes.p[0]))
			fail_msg("the bytes of record %llu are not its own",
				 (unsigned long long)r.number);
		before = r;
		*sum += r.number;
		n++;
	}
}

static struct extsort *new_sort(size_t memory)
{
	struct error err = {0};
	struct extsort *s = extsort_new("/tmp", memory, &err);
	assert_non_null(s);
	return s;
}

static void sorts(uint64_t n, size_t max_bytes)
{
	struct extsort *s = new_sort(EXTSORT_MEMORY_MIN);
	char *bytes = malloc(max_bytes + 1);
	uint64_t sum;
	assert_non_null(bytes);
	for (uint64_t i = 0; i < n; i++) {
		memset(bytes, (int)(i & 0x7f), max_bytes + 1);
		add(s, i, i, (struct str){bytes, (size_t)(i * 7919 % (max_bytes + 1))});
	}
	assert_int_equal(extsort_count(s), n);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(check_order(s, &sum), n);
		assert_int_equal(sum, n * (n - 1) / 2);
	}
	free(bytes);
	extsort_free(s);
}

static void what_fits_in_memory_is_sorted(void **state)
{
	(void)state;
	sorts(1000, 100);
}

static void what_does_not_fit_is_merged(void **state)
{
	(void)state;
	sorts(60000, 100); /* some 5 runs */
}

static void more_runs_than_buffers_are_merged_in_steps(void **state)
{
	(void)state;
	sorts(500000, 100); /* some 45 runs, 16 buffers */
}

static void the_largest_records_pass(void **state)
{
	(void)state;
	sorts(1500, EXTSORT_RECORD_MAX);
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	struct extsort *s = new_sort(EXTSORT_MEMORY_MIN);
	uint64_t sum;
	assert_int_equal(check_order(s, &sum), 0);
	extsort_free(s);
}

static void equal_keys_come_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	struct extsort *s = new_sort(EXTSORT_MEMORY_MIN);
	uint64_t sum;
	for (uint64_t i = 100000; i-- > 0;)
		add(s, i / 3, i, STR(""));
	assert_int_equal(check_order(s, &sum), 100000);
	extsort_free(s);
}

/* Nothing tells them apart but their numbers: neither a byte nor a prefix. If each were
 * compared with each, it would not be done within the limit of a test. */
static void many_records_of_one_key_are_sorted_in_good_time(void **state)
{
	(void)state;
	struct extsort *s = new_sort(64u << 20);
	uint64_t sum;
	for (uint64_t i = 0; i < 600000; i++)
		add(s, 7, i * 7919 % 600011, STR(""));
	assert_int_equal(check_order(s, &sum), 600000);
	extsort_free(s);
}

static void too_large_a_record_is_refused(void **state)
{
	(void)state;
	static char bytes[EXTSORT_RECORD_MAX + 1];
	struct extsort *s = new_sort(EXTSORT_MEMORY_MIN);
	struct extsort_record r = {.bytes = {bytes, sizeof bytes}};
	struct error err = {0};
	assert_false(extsort_add(s, &r, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_int_equal(extsort_count(s), 0);
	extsort_free(s);
}

static size_t files_in(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

static void temporary_files_have_no_names(void **state)
{
	(void)state;
	char path[] = "/tmp/test-extsort-XXXXXX";
	struct error err = {0};
	assert_non_null(mkdtemp(path));
	struct extsort *s = extsort_new(path, EXTSORT_MEMORY_MIN, &err);
	assert_non_null(s);
	for (uint64_t i = 0; i < 100000; i++)
		add(s, i, i, STR(""));
	assert_int_equal(files_in(path), 0);
	extsort_free(s);
	assert_int_equal(rmdir(path), 0);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	struct error err = {0};
	struct extsort *s = extsort_new("/nonexistent", EXTSORT_MEMORY_MIN, &err);
	assert_non_null(s);
	struct extsort_record r = {.number = 0};
	bool ok = true;
	for (uint64_t i = 0; ok && i < 100000; i++)
		ok = extsort_add(s, &r, &err);
	assert_false(ok);
	assert_int_equal(err.kind, ERROR_IO);
	extsort_free(s);
}

/* All that is given to a sort, and read from it; how many records came. */
static bool sort_large(uint64_t n, uint64_t *read, struct error *err)
{
	static char bytes[60000];
	struct extsort_record r;
	bool more = true;
	struct extsort *s = extsort_new("/tmp", EXTSORT_MEMORY_MIN, err);
	bool ok = s != NULL;
	*read = 0;
	for (uint64_t i = 0; ok && i < n; i++) {
		r = (struct extsort_record){.number = i,
					    .bytes = {bytes, sizeof bytes}};
		key_of(i, r.key);
		ok = extsort_add(s, &r, err);
	}
	ok = ok && extsort_rewind(s, err);
	while (ok && more) {
		ok = extsort_next(s, &r, &more, err);
		*read += ok && more;
	}
	extsort_free(s);
	return ok;
}

/* With every step-th fault of a kind, until all goes through. */
static void torture(uint64_t n, long step)
{
	size_t before = unit_descriptors();
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		bool came = f.kind == FAULT_ALLOCATION || fault_is_of_files(f.kind);
		for (f.nth = 1; came; f.nth += step) {
			struct error err = {.kind = ERROR_NONE};
			uint64_t read;
			fault_arm(&f, NULL);
			bool ok = sort_large(n, &read, &err);
			came = fault_disarm(&f, NULL);
			if (ok ? read != n : !came || err.kind == ERROR_NONE)
				fail_msg("%s: %d, %llu records: %s", fault_text(&f), ok,
					 (unsigned long long)read, err.message);
		}
	}
	assert_int_equal(unit_descriptors(), before);
}

static void wherever_it_fails_it_says_so_and_leaves_nothing(void **state)
{
	(void)state;
	torture(60, 1);   /* 4 runs */
	torture(300, 17); /* more runs than buffers */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_in_memory_is_sorted),
		cmocka_unit_test(what_does_not_fit_is_merged),
		cmocka_unit_test(more_runs_than_buffers_are_merged_in_steps),
		cmocka_unit_test(the_largest_records_pass),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(equal_keys_come_in_the_order_of_their_numbers),
		cmocka_unit_test(many_records_of_one_key_are_sorted_in_good_time),
		cmocka_unit_test(too_large_a_record_is_refused),
		cmocka_unit_test(temporary_files_have_no_names),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
		cmocka_unit_test(wherever_it_fails_it_says_so_and_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
