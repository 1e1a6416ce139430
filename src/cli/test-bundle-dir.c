/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's folder on a disk that fails at every change in turn. */
#include "cli/bundle-dir.h"

#include "base/unit-disk.h"
#include "base/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/inlay-bundle-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/bundle.json", folder);
	unlink(path);
	return rmdir(folder);
}

static size_t count_files(void)
{
	size_t n = 0;
	DIR *dir = opendir(folder);
	const struct dirent *e;
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static bool keep(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	return buf_add_str(ctx, bytes);
}

static void check(struct bundle_dir *d, const char *want)
{
	struct buf text;
	struct error err;
	const struct bundle_source source = bundle_dir_source(d);
	buf_init(&text, 1000);
	assert_true(source.read(source.ctx, STR("bundle.json"), keep, &text, &err));
	assert_str(buf_str(&text), want);
	buf_free(&text);
	assert_int_equal(count_files(), 1);
}

static void a_file_that_cannot_be_written_stays_as_it_was(void **state)
{
	struct bundle_dir d;
	struct error err;
	size_t before = unit_descriptors();
	(void)state;
	assert_true(bundle_dir_open(&d, folder, &err));
	for (enum unit_disk_fault fault = 0; fault < UNIT_DISK_FAULTS; fault++) {
		bool ok = false;
		for (long nth = 1; !ok; nth++) {
			assert_true(bundle_dir_write(&d, "bundle.json", STR("the old"),
						     &err));
			unit_disk_fail(fault, nth);
			ok = bundle_dir_write(&d, "bundle.json", STR("new"), &err);
			bool came = !unit_disk_stop();
			assert_true(ok != came);
			assert_true(!ok || nth > 1);
			check(&d, ok ? "new" : "the old");
		}
	}
	bundle_dir_close(&d);
	assert_int_equal(unit_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_file_that_cannot_be_written_stays_as_it_was, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
