/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"
#include "model/unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define TEXT_MAX (8 << 20)

static bool take(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	return buf_add_str(ctx, bytes);
}

static bool unpack(enum unpack_kind kind, struct str packed, size_t piece, uint64_t max,
		   struct buf *out, struct error *err)
{
	struct unpack *u = unpack_new(kind, max, take, out);
	assert_non_null(u);
	bool ok = true;
	for (size_t at = 0; ok && at < packed.n; at += piece)
		ok = unpack_feed(u, str_slice(packed, at, at + piece), err);
	ok = ok && unpack_end(u, err);
	unpack_free(u);
	return ok;
}

static void add_packed(struct buf *out, enum unpack_kind kind, struct str text)
{
	size_t max = text.n + text.n / 10 + 1000;
	char *at = buf_reserve(out, max);
	assert_non_null(at);
	if (kind == UNPACK_NOTHING) {
		memcpy(at, text.p, text.n);
		buf_commit(out, text.n);
	} else if (kind == UNPACK_ZSTD) {
		size_t n = ZSTD_compress(at, max, text.p, text.n, 3);
		assert_false(ZSTD_isError(n));
		buf_commit(out, n);
	} else {
		z_stream z = {.next_in = (unsigned char *)(uintptr_t)text.p,
			      .avail_in = (uInt)text.n,
			      .next_out = (unsigned char *)at,
			      .avail_out = (uInt)max};
		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		buf_commit(out, max - z.avail_out);
		deflateEnd(&z);
	}
}

/* libzstd's own malloc is not ours to fail. */
static bool has_no_memory;
size_t __real_ZSTD_decompressStream(ZSTD_DStream *s, ZSTD_outBuffer *out,
				    ZSTD_inBuffer *in);
size_t __wrap_ZSTD_decompressStream(ZSTD_DStream *s, ZSTD_outBuffer *out,
				    ZSTD_inBuffer *in);

size_t __wrap_ZSTD_decompressStream(ZSTD_DStream *s, ZSTD_outBuffer *out,
				    ZSTD_inBuffer *in)
{
	/* as lib/common/error_private.h makes codes of errors */
	return has_no_memory ? (size_t)-ZSTD_error_memory_allocation
			     : __real_ZSTD_decompressStream(s, out, in);
}

static void a_lack_of_memory_is_not_taken_for_damage(void **state)
{
	struct buf packed, out;
	struct error err = {0};
	(void)state;
	buf_init(&packed, 10000);
	buf_init(&out, 10000);
	add_packed(&packed, UNPACK_ZSTD, STR("text"));
	has_no_memory = true;
	assert_false(unpack(UNPACK_ZSTD, buf_str(&packed), packed.n, 100, &out, &err));
	has_no_memory = false;
	assert_int_equal(err.kind, ERROR_MEMORY);
	assert_true(unpack(UNPACK_ZSTD, buf_str(&packed), packed.n, 100, &out, &err));
	assert_str(buf_str(&out), "text");
	buf_free(&packed);
	buf_free(&out);
}

static const enum unpack_kind kinds[] = {UNPACK_NOTHING, UNPACK_GZIP, UNPACK_ZSTD};

/* Two members, cut into pieces of every sort. */
static void pieces_and_members_make_one_file(void **state)
{
	(void)state;
	struct buf text, packed, got;
	buf_init(&text, TEXT_MAX);
	for (unsigned i = 0; i < 20000; i++)
		buf_printf(&text, "row %u of many,%x\n", i, i * 2654435761U);
	const size_t pieces[] = {1, 7, 4096, 1 << 20};
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < 4; i++) {
			struct error err = {0};
			buf_init(&packed, TEXT_MAX);
			buf_init(&got, TEXT_MAX);
			add_packed(&packed, kinds[k], buf_str(&text));
			add_packed(&packed, kinds[k], STR("the end"));
			if (!unpack(kinds[k], buf_str(&packed), pieces[i], TEXT_MAX,
				    &got, &err))
				fail_msg("kind %zu, piece %zu: %s", k, pieces[i],
					 err.message);
			assert_int_equal(got.n, text.n + 7);
			assert_memory_equal(got.p, text.p, text.n);
			assert_memory_equal(got.p + text.n, "the end", 7);
			buf_free(&packed);
			buf_free(&got);
		}
	buf_free(&text);
}

static void much_from_little_comes_out_whole_or_is_refused(void **state)
{
	(void)state;
	static char zeros[4 << 20];
	for (size_t k = 1; k < 3; k++) {
		struct buf packed, got;
		struct error err = {0};
		buf_init(&packed, TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		add_packed(&packed, kinds[k], (struct str){zeros, sizeof zeros});
		assert_true(packed.n < 10000);
		assert_true(unpack(kinds[k], buf_str(&packed), 1 << 20, sizeof zeros,
				   &got, &err));
		assert_int_equal(got.n, sizeof zeros);
		assert_false(unpack(kinds[k], buf_str(&packed), 1 << 20,
				    sizeof zeros - 1, &got, &err));
		assert_int_equal(err.kind, ERROR_TOO_LARGE);
		buf_free(&packed);
		buf_free(&got);
	}
}

static void every_cut_is_noticed(void **state)
{
	(void)state;
	for (size_t k = 1; k < 3; k++) {
		struct buf packed, got;
		buf_init(&packed, TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		add_packed(&packed, kinds[k], STR("some text, some text, some text"));
		for (size_t n = 0; n < packed.n; n++) {
			struct error err = {0};
			if (unpack(kinds[k], str_slice(buf_str(&packed), 0, n), 1000,
				   TEXT_MAX, &got, &err))
				fail_msg("kind %zu cut at %zu was taken", k, n);
			assert_int_equal(err.kind, ERROR_SYNTAX);
		}
		buf_free(&packed);
		buf_free(&got);
	}
}

static void garbage_is_refused(void **state)
{
	(void)state;
	for (size_t k = 1; k < 3; k++) {
		struct buf packed, got;
		struct error err = {0};
		buf_init(&packed, TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		assert_false(unpack(kinds[k], STR("user,x\na,b\n"), 100, TEXT_MAX, &got,
				    &err));
		assert_int_equal(err.kind, ERROR_SYNTAX);
		add_packed(&packed, kinds[k], STR("good"));
		buf_add_str(&packed, STR("and garbage behind it"));
		assert_false(
			unpack(kinds[k], buf_str(&packed), 100, TEXT_MAX, &got, &err));
		assert_int_equal(err.kind, ERROR_SYNTAX);
		buf_free(&packed);
		buf_free(&got);
	}
}

/* Frames that libzstd takes or refuses as they come whole or in pieces: one that names
 * 66 bytes and holds an empty block, one of zstd 0.7, and a compressed block of no
 * bytes. */
static void how_it_is_cut_decides_nothing(void **state)
{
	(void)state;
	static const struct {
		struct str packed;
		const char *why;
	} cases[] = {
		{STR_INIT("\x28\xb5\x2f\xfd\x24\x42\x01\x00\x00\x99\xe9\xd8\x51"),
		 "is damaged zstd: not the size it names"},
		{STR_INIT("\x27\xb5\x2f\xfd\x24\x00\x00\x00\x00"),
		 "is damaged zstd: no such format"},
		{STR_INIT("\x28\xb5\x2f\xfd\x24\x00\x05\x00\x00\x99\xe9\xd8\x51"), ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t piece = 1; piece <= cases[i].packed.n; piece++) {
			struct error err = {0};
			struct buf got;
			buf_init(&got, TEXT_MAX);
			bool good = unpack(UNPACK_ZSTD, cases[i].packed, piece,
					   TEXT_MAX, &got, &err);
			assert_string_equal(err.message, cases[i].why);
			assert_int_equal(good, err.kind == ERROR_NONE);
			buf_free(&got);
		}
}

static void the_name_says_the_kind(void **state)
{
	(void)state;
	assert_int_equal(unpack_kind_of(STR("recipients.csv")), UNPACK_NOTHING);
	assert_int_equal(unpack_kind_of(STR("recipients.csv.gz")), UNPACK_GZIP);
	assert_int_equal(unpack_kind_of(STR("recipients.csv.zst")), UNPACK_ZSTD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_and_members_make_one_file),
		cmocka_unit_test(much_from_little_comes_out_whole_or_is_refused),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(how_it_is_cut_decides_nothing),
		cmocka_unit_test(the_name_says_the_kind),
		cmocka_unit_test(a_lack_of_memory_is_not_taken_for_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
