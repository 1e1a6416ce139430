/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "net/object-store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* root/outside, root/tenant/bundle/{file,large,inside,up,absolute,fifo} */
struct fixture {
	char root[64];
	struct object_store *store;
};

static void path_of(const struct fixture *f, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", f->root, name);
}

static void make_file(const struct fixture *f, const char *name, size_t n)
{
	char path[256];
	path_of(f, name, path);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	for (size_t i = 0; i < n; i++)
		putc((int)('a' + i % 26), file);
	fclose(file);
}

static void make_directory(const struct fixture *f, const char *name)
{
	char path[256];
	path_of(f, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const struct fixture *f, const char *name, const char *to)
{
	char path[256];
	path_of(f, name, path);
	assert_int_equal(symlink(to, path), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char path[256];
	struct error err = {0};
	snprintf(f->root, sizeof f->root, "/tmp/test-objects-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	make_file(f, "outside", 5);
	make_directory(f, "tenant");
	make_directory(f, "tenant/bundle");
	make_file(f, "tenant/beside", 5);
	make_file(f, "tenant/bundle/file", 10);
	make_file(f, "tenant/bundle/empty", 0);
	make_file(f, "tenant/bundle/large", 1 << 20);
	make_link(f, "tenant/bundle/inside", "file");
	make_link(f, "tenant/bundle/up", "../beside");
	make_link(f, "tenant/bundle/absolute", "/etc/passwd");
	make_link(f, "tenant/out", "..");
	make_directory(f, "other");
	make_link(f, "tenant/other", "../other");
	path_of(f, "tenant/bundle/fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	f->store = object_store_directory(f->root, STR("tenant"), STR("bundle"), &err);
	if (f->store == NULL)
		fail_msg("%s", err.message);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"tenant/bundle/file",
					    "tenant/bundle/empty",
					    "tenant/bundle/large",
					    "tenant/bundle/inside",
					    "tenant/bundle/up",
					    "tenant/bundle/absolute",
					    "tenant/bundle/fifo",
					    "tenant/beside",
					    "tenant/out",
					    "tenant/other",
					    "outside"};
	char path[256];
	object_store_close(f->store);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		path_of(f, names[i], path);
		unlink(path);
	}
	path_of(f, "tenant/bundle", path);
	rmdir(path);
	path_of(f, "other", path);
	rmdir(path);
	path_of(f, "tenant", path);
	rmdir(path);
	assert_int_equal(rmdir(f->root), 0);
	free(f);
	return 0;
}

static bool take(void *ctx, struct str bytes, struct error *err)
{
	if (bytes.n == 0)
		fail_msg("an empty piece");
	return buf_add_str(ctx, bytes) || error_set(err, ERROR_TOO_LARGE, "", "full");
}

static bool read_object(struct fixture *f, const char *key, struct buf *out,
			struct error *err)
{
	buf_clear(out);
	return object_store_read(f->store, str_of(key), take, out, err);
}

static void objects_are_read_whole(void **state)
{
	struct fixture *f = *state;
	struct buf out;
	struct error err = {0};
	buf_init(&out, 2 << 20);
	assert_true(read_object(f, "file", &out, &err));
	assert_str(buf_str(&out), "abcdefghij");
	assert_true(read_object(f, "empty", &out, &err));
	assert_int_equal(out.n, 0);
	assert_true(read_object(f, "large", &out, &err));
	assert_int_equal(out.n, 1 << 20);
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] != (char)('a' + i % 26))
			fail_msg("byte %zu is another", i);
	assert_true(read_object(f, "inside", &out, &err));
	assert_str(buf_str(&out), "abcdefghij");
	buf_free(&out);
}

static void whoever_takes_can_stop(void **state)
{
	struct fixture *f = *state;
	struct buf out;
	struct error err = {0};
	buf_init(&out, 300 * 1024);
	assert_false(read_object(f, "large", &out, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	buf_free(&out);
}

static void refuses(struct fixture *f, const char *key, enum error_kind kind)
{
	struct buf out;
	struct error err = {0};
	buf_init(&out, 1 << 20);
	if (read_object(f, key, &out, &err))
		fail_msg("%s was read", key);
	if (err.kind != kind)
		fail_msg("%s: got %s (%s), want %s", key,
			 error_kind_info(err.kind)->slug, err.message,
			 error_kind_info(kind)->slug);
	buf_free(&out);
}

static void nothing_leads_out(void **state)
{
	struct fixture *f = *state;
	refuses(f, "up", ERROR_FORBIDDEN);
	refuses(f, "absolute", ERROR_FORBIDDEN);
	refuses(f, "../beside", ERROR_BAD_VALUE);
	refuses(f, "/etc/passwd", ERROR_BAD_VALUE);
	refuses(f, "a//b", ERROR_BAD_VALUE);
	refuses(f, "./file", ERROR_BAD_VALUE);
	refuses(f, "", ERROR_BAD_VALUE);
	refuses(f, "a\nb", ERROR_BAD_VALUE);
	struct error err = {0};
	assert_null(
		object_store_directory(f->root, STR("tenant"), STR("out/.."), &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	/* beneath the root, but another tenant's */
	assert_null(object_store_directory(f->root, STR("tenant"), STR("other"), &err));
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
	char inner[256];
	path_of(f, "tenant", inner);
	assert_null(object_store_directory(inner, STR("out"), STR(""), &err));
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static void only_regular_files_are_objects(void **state)
{
	struct fixture *f = *state;
	refuses(f, "fifo", ERROR_FORBIDDEN);
	refuses(f, "nothing", ERROR_NOT_FOUND);
	refuses(f, "file/below", ERROR_NOT_FOUND);
	refuses(f, "large/", ERROR_NOT_FOUND);
}

static void a_directory_must_be_there(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	assert_null(object_store_directory(f->root, STR("tenant"), STR("no"), &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_null(object_store_directory("/nonexistent", STR("a"), STR(""), &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void objects_are_found_with_their_size(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	uint64_t size = 1;
	assert_true(object_store_find(f->store, STR("large"), &size, &err));
	assert_int_equal(size, 1 << 20);
	assert_true(object_store_find(f->store, STR("empty"), &size, &err));
	assert_int_equal(size, 0);
	assert_true(object_store_find(f->store, STR("inside"), &size, &err));
	assert_int_equal(size, 10);
	assert_false(object_store_find(f->store, STR("none"), &size, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_false(object_store_find(f->store, STR("up"), &size, &err));
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
	assert_false(object_store_find(f->store, STR("fifo"), &size, &err));
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static bool note_key(void *ctx, struct str key, uint64_t size, struct error *err)
{
	(void)size;
	buf_add_str(ctx, key);
	return buf_add_char(ctx, ' ') || error_set(err, ERROR_FULL, "", "full");
}

static void check_list(struct fixture *f, const struct object_range *range,
		       const char *want, bool want_more)
{
	struct error err = {0};
	struct buf seen;
	bool more = !want_more;
	buf_init(&seen, 1024);
	if (!object_store_list(f->store, range, note_key, &seen, &more, &err))
		fail_msg("%s", err.message);
	assert_str(buf_str(&seen), want);
	assert_int_equal(more, want_more);
	buf_free(&seen);
}

static void regular_files_are_listed_in_the_order_of_their_keys(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char path[256];
	bool more;
	struct buf full;
	make_directory(f, "tenant/bundle/f");
	make_file(f, "tenant/bundle/f/z", 1);
	make_file(f, "tenant/bundle/f-a", 1);
	make_link(f, "tenant/bundle/g", "f"); /* a folder's link is left out */
	check_list(f, &(struct object_range){.pages = 1},
		   "empty f-a f/z file inside large ", false);
	check_list(f, &(struct object_range){.pages = 1, .prefix = STR("f")},
		   "f-a f/z file ", false);
	check_list(f, &(struct object_range){.pages = 1, .prefix = STR("f/")}, "f/z ",
		   false);
	check_list(f, &(struct object_range){.pages = 1, .after = STR("f/")},
		   "f/z file inside large ", false);
	check_list(f, &(struct object_range){.pages = 1, .after = STR("f/z")},
		   "file inside large ", false);
	check_list(f, &(struct object_range){.pages = 2, .page = 1}, "empty f-a ",
		   true);
	check_list(f, &(struct object_range){.pages = 3, .page = 2},
		   "empty f-a f/z file inside large ", false);
	buf_init(&full, 8);
	assert_false(object_store_list(f->store, &(struct object_range){.pages = 1},
				       note_key, &full, &more, &err));
	assert_int_equal(err.kind, ERROR_FULL);
	assert_false(object_store_list(
		f->store, &(struct object_range){.pages = 1, .prefix = STR("../x")},
		note_key, &full, &more, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	buf_free(&full);
	static const char *const made[] = {"tenant/bundle/f/z", "tenant/bundle/f-a",
					   "tenant/bundle/g"};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		path_of(f, made[i], path);
		unlink(path);
	}
	path_of(f, "tenant/bundle/f", path);
	rmdir(path);
}

static struct fixture *tortured;

static bool list_all(struct error *err)
{
	const struct object_range range = {.pages = 1};
	struct buf seen;
	bool more;
	buf_init(&seen, 1024);
	bool ok =
		object_store_list(tortured->store, &range, note_key, &seen, &more, err);
	if (ok)
		assert_str(buf_str(&seen), "empty file inside large ");
	else if (err->kind == ERROR_FULL) /* of who takes: the text had no room */
		err->kind = ERROR_MEMORY;
	buf_free(&seen);
	return ok;
}

static void a_list_without_memory_is_none(void **state)
{
	tortured = *state;
	unit_malloc_torture("list", list_all);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(objects_are_read_whole),
		T(whoever_takes_can_stop),
		T(nothing_leads_out),
		T(only_regular_files_are_objects),
		T(a_directory_must_be_there),
		T(objects_are_found_with_their_size),
		T(regular_files_are_listed_in_the_order_of_their_keys),
		T(a_list_without_memory_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
