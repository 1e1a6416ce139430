/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/template-disk.h"

#include "agent/templates.h"
#include "base/crypto.h"
#include "base/unit-folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char directory[64];
	struct template_disk *disk;
};

static void open_disk(struct fixture *f, uint64_t max)
{
	struct error err = {0};
	f->disk = template_disk_open(f->directory, max, NULL, &err);
	if (f->disk == NULL)
		fail_msg("%s: %s", err.where, err.message);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	make_folder_of_own(f->directory, sizeof f->directory, "test-cache");
	open_disk(f, 10000);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	template_disk_close(f->disk);
	remove_folder(f->directory);
	free(f);
	return 0;
}

/* 1,000 bytes that begin with the mark, and their hash. */
struct sample {
	char bytes[1000];
	char sha256[TEMPLATE_SHA256_LEN + 1];
};

static struct sample sample_of(char mark)
{
	struct sample s;
	uint8_t hash[CRYPTO_SHA256_LEN];
	memset(s.bytes, mark, sizeof s.bytes);
	crypto_sha256((struct str){s.bytes, sizeof s.bytes}, hash);
	crypto_hex(s.sha256, hash, sizeof hash);
	return s;
}

static void put(struct fixture *f, struct str tenant, char mark)
{
	struct sample s = sample_of(mark);
	template_disk_put(f->disk, tenant, str_of(s.sha256),
			  (struct str){s.bytes, sizeof s.bytes});
}

static bool has(struct fixture *f, struct str tenant, char mark)
{
	struct sample s = sample_of(mark);
	struct buf b;
	buf_init(&b, 2000);
	bool found = template_disk_get(f->disk, tenant, str_of(s.sha256), &b);
	if (found) {
		assert_int_equal(b.n, sizeof s.bytes);
		assert_memory_equal(b.p, s.bytes, b.n);
	}
	buf_free(&b);
	return found;
}

static void keeps_templates_over_a_restart_and_per_tenant(void **state)
{
	struct fixture *f = *state;
	put(f, STR("one"), 'a');
	assert_true(has(f, STR("one"), 'a'));
	assert_false(has(f, STR("two"), 'a'));
	assert_false(has(f, STR("one"), 'b'));
	template_disk_close(f->disk);
	open_disk(f, 10000);
	assert_true(has(f, STR("one"), 'a'));
	assert_int_equal(template_disk_bytes(f->disk), 1000);
}

static void drops_what_was_used_least_recently(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 10; i++)
		put(f, STR("one"), (char)('a' + i));
	assert_int_equal(template_disk_bytes(f->disk), 10000);
	assert_true(has(f, STR("one"), 'a')); /* used */
	put(f, STR("one"), 'z');
	assert_int_equal(template_disk_bytes(f->disk), 10000);
	assert_true(has(f, STR("one"), 'a'));
	assert_false(has(f, STR("one"), 'b'));
	/* a smaller bound at the next start holds at once */
	template_disk_close(f->disk);
	open_disk(f, 3000);
	assert_int_equal(template_disk_bytes(f->disk), 3000);
	put(f, STR("one"), 'a');
	assert_true(template_disk_bytes(f->disk) <= 3000);
}

static void damaged_bytes_are_never_given_out(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_of('a');
	char path[200];
	put(f, STR("one"), 'a');
	snprintf(path, sizeof path, "%s/one/%s", f->directory, s.sha256);
	int fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, "b", 1), 1);
	close(fd);
	assert_false(has(f, STR("one"), 'a'));
	assert_int_equal(access(path, F_OK), -1);
	put(f, STR("one"), 'a');
	assert_true(has(f, STR("one"), 'a'));
}

static void removes_half_written_files_and_follows_no_link(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_of('a');
	char path[200], link[200];
	put(f, STR("one"), 'b');
	template_disk_close(f->disk);
	snprintf(path, sizeof path, "%s/one/%s.tmp", f->directory, s.sha256);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	snprintf(link, sizeof link, "%s/one/%s", f->directory, s.sha256);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	open_disk(f, 10000);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(has(f, STR("one"), 'a'));
	assert_int_equal(template_disk_bytes(f->disk), 1000);
}

static void a_template_is_compiled_only_under_its_own_hash(void **state)
{
	(void)state;
	const struct str json = STR(
		"{\"from\":{\"address\":\"a@b\"},\"subject\":\"s\",\"html\":\"h\"}");
	uint8_t hash[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	struct error err = {0};
	crypto_sha256(json, hash);
	crypto_hex(hex, hash, sizeof hash);
	struct template *t = templates_compile(json, str_of(hex), &err);
	assert_non_null(t);
	template_free(t);
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_null(templates_compile(json, str_of(hex), &err));
	assert_int_equal(err.kind, ERROR_CORRUPT);
	/* the right hash of something that is no template */
	crypto_sha256(STR("{}"), hash);
	crypto_hex(hex, hash, sizeof hash);
	assert_null(templates_compile(STR("{}"), str_of(hex), &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(keeps_templates_over_a_restart_and_per_tenant),
		TEST(drops_what_was_used_least_recently),
		TEST(damaged_bytes_are_never_given_out),
		TEST(removes_half_written_files_and_follows_no_link),
		cmocka_unit_test(a_template_is_compiled_only_under_its_own_hash),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
