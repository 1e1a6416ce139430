/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"
#include "base/unit.h"

static const struct csv_limits limits = {
	.max_fields = 4, .max_field = 16, .max_record = 24};

static bool note(void *ctx, const struct str *fields, size_t n, uint64_t line)
{
	struct buf *out = ctx;
	buf_add_u64(out, line);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "<%.*s>", STR_ARG(fields[i]));
	buf_add_char(out, ';');
	return true;
}

/* All records as text, then what was wrong; in chunks of `size` bytes. */
static void read_all(struct str in, size_t size, struct buf *out)
{
	struct csv *c = csv_new(&limits, note, out);
	struct error err = {.kind = ERROR_NONE};
	bool ok = true;
	assert_non_null(c);
	for (size_t at = 0; ok && at < in.n; at += size) {
		/* a copy that goes away, so that nothing may point into it */
		char chunk[4096];
		struct str part = str_slice(in, at, at + size);
		memcpy(chunk, part.p, part.n);
		ok = csv_feed(c, (struct str){chunk, part.n}, &err);
		memset(chunk, '!', part.n);
	}
	if (ok)
		ok = csv_end(c, &err);
	if (!ok)
		buf_printf(out, "%s: %s", err.where, err.message);
	csv_free(c);
}

static void assert_reads(const char *in, const char *want)
{
	for (size_t size = 1; size <= strlen(in) + 1; size++) {
		struct buf out;
		buf_init(&out, 10000);
		read_all(str_of(in), size, &out);
		assert_true(buf_ok(&out));
		if (!str_eqz(buf_str(&out), want))
			fail_msg("\"%s\" in chunks of %zu: got \"%.*s\", want \"%s\"",
				 in, size, STR_ARG(buf_str(&out)), want);
		buf_free(&out);
	}
}

static void reads_records(void **state)
{
	(void)state;
	assert_reads("", "");
	assert_reads("a,b\nc,d\n", "1<a><b>;2<c><d>;");
	assert_reads("a,b\r\nc,d", "1<a><b>;2<c><d>;");
	assert_reads("a,,\n,b,\n,", "1<a><><>;2<><b><>;3<><>;");
	assert_reads(" a , b\t\n", "1< a >< b\t>;");
	assert_reads("a longer one,x\n", "1<a longer one><x>;");
}

static void reads_quoted_fields(void **state)
{
	(void)state;
	assert_reads("\"a\",\"\",\"b,c\"\n", "1<a><><b,c>;");
	assert_reads("\"a\"\"b\"\r\n\"\"\"\"\n\"\"\"x\"", "1<a\"b>;2<\">;3<\"x>;");
	assert_reads("x,\"l1\nl2\r\n\",y\nz", "1<x><l1\nl2\r\n><y>;4<z>;");
	assert_reads("a,\"b\"\"\",\"c\"\"d\"", "1<a><b\"><c\"d>;");
	assert_reads("\"\"", "1<>;");
}

static void skips_the_byte_order_mark_and_empty_lines(void **state)
{
	(void)state;
	assert_reads("\xef\xbb\xbf\"a\",b\n", "1<a><b>;");
	assert_reads("\xef\xbb\xbf", "");
	assert_reads("\xef\xbb"
		     "a\n",
		     "1<\xef\xbb"
		     "a>;");
	assert_reads("\xef\xbb", "1<\xef\xbb>;");
	assert_reads("\n\r\na\n\n\nb\r\n\r\n", "3<a>;6<b>;");
}

static void says_what_is_wrong_and_where(void **state)
{
	(void)state;
	assert_reads("a\nb\"c\n", "1<a>;line 2: a quote inside a field that does not "
				  "begin with one");
	assert_reads("\"a\"b", "line 1: text behind a closing quote");
	assert_reads("\"a\" ,b", "line 1: text behind a closing quote");
	assert_reads("a\n\n\"b\nc", "1<a>;line 3: a quoted field is not closed");
	assert_reads("\"a\"\"", "line 1: a quoted field is not closed");
	assert_reads("a\rb", "line 1: a carriage return without a line feed");
	assert_reads("a\r", "line 1: a carriage return without a line feed");
	assert_reads("\ra", "line 1: a carriage return without a line feed");
}

static void holds_its_limits(void **state)
{
	(void)state;
	assert_reads("1234567890123456\n", "1<1234567890123456>;");
	assert_reads("12345678901234567\n", "line 1: a field is too long");
	assert_reads("\"1234567890\n234567\"", "line 1: a field is too long");
	assert_reads("123456789012,123456789012\n", "1<123456789012><123456789012>;");
	assert_reads("123456789012,123456789012,1\n", "line 1: the record is too long");
	assert_reads("1,2,3,4\n", "1<1><2><3><4>;");
	assert_reads("1,2,3,4,\n", "line 1: too many fields");
	assert_reads("12345678901234567\"\n", "line 1: a field is too long");
}

static bool stop_at_two(void *ctx, const struct str *fields, size_t n, uint64_t line)
{
	(void)fields;
	(void)n;
	*(uint64_t *)ctx = line;
	return line < 2;
}

static void stops_when_told(void **state)
{
	(void)state;
	uint64_t last = 0;
	struct error err = {.kind = ERROR_NONE};
	struct csv *c = csv_new(&limits, stop_at_two, &last);
	assert_non_null(c);
	assert_false(csv_feed(c, STR("a\nb\nc\n"), &err));
	assert_int_equal(last, 2);
	assert_int_equal(err.kind, ERROR_NONE);
	csv_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_records),
		cmocka_unit_test(reads_quoted_fields),
		cmocka_unit_test(skips_the_byte_order_mark_and_empty_lines),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(holds_its_limits),
		cmocka_unit_test(stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
