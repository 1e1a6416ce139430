/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return arena == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* All events of a document as letters, values in angle brackets. */
static void events(struct str in, struct buf *out)
{
	static const char *const names[] = {"!", ".", "{", "}", "[", "]",
					    "k", "s", "n", "T", "F", "N"};
	struct json_reader r;
	enum json_event e;
	buf_clear(out);
	json_reader_init(&r, in, arena);
	do {
		e = json_next(&r);
		buf_add_str(out, str_of(names[e]));
		if (e == JSON_AT_KEY || e == JSON_AT_STRING || e == JSON_AT_NUMBER)
			buf_printf(out, "<%.*s>", STR_ARG(r.text));
	} while (e != JSON_AT_END && e != JSON_AT_ERROR);
}

static void assert_events(const char *in, const char *want)
{
	struct buf out;
	buf_init(&out, 4096);
	events(str_of(in), &out);
	assert_str(buf_str(&out), want);
	buf_free(&out);
}

static void gives_events_in_the_order_of_the_document(void **state)
{
	(void)state;
	assert_events("{}", "{}.");
	assert_events(" [ ] ", "[].");
	assert_events("{\"a\":1,\"b\":[true,false,null,{}],\"c\":\"x\"}",
		      "{k<a>n<1>k<b>[TFN{}]k<c>s<x>}.");
	assert_events("[-0, 1.5e+3,\t-12E2,\r\n0.25]",
		      "[n<-0>n<1.5e+3>n<-12E2>n<0.25>].");
}

static void unescapes_strings(void **state)
{
	(void)state;
	assert_events("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[s<\"\\/\b\f\n\r\t>].");
	assert_events("[\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"]",
		      "[s<A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80>].");
	assert_events("{\"\\u006b\":\"\xc3\xa4 plain text of some length \\n!\"}",
		      "{k<k>s<\xc3\xa4 plain text of some length \n!>}.");
}

static void refuses_what_is_not_json(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  " ",
					  "1",
					  "\"x\"",
					  "null",
					  "{",
					  "[",
					  "]",
					  "}",
					  "[1",
					  "[1,",
					  "[1,]",
					  "[,1]",
					  "[1 2]",
					  "{\"a\"}",
					  "{\"a\":}",
					  "{\"a\":1,}",
					  "{,}",
					  "{1:2}",
					  "{a:1}",
					  "{\"a\" 1}",
					  "[}",
					  "{]",
					  "[1]]",
					  "[1] x",
					  "[01]",
					  "[-]",
					  "[+1]",
					  "[.5]",
					  "[1.]",
					  "[1e]",
					  "[1e+]",
					  "[0x1]",
					  "[NaN]",
					  "[Infinity]",
					  "[tru]",
					  "[truE]",
					  "[nul",
					  "['a']",
					  "[\"a]",
					  "[\"\\x\"]",
					  "[\"\\u12\"]",
					  "[\"\\u0000\"]",
					  "[\"\\ud800\"]",
					  "[\"\\ud800x\"]",
					  "[\"\\ud800\\u0041\"]",
					  "[\"\\udc00\"]",
					  "[\"\\",
					  "[\"\\u",
					  "[\"\n\"]",
					  "[\"\t\"]",
					  "[\"\x01\"]",
					  "[\"\x80\"]",
					  "[\"\xc0\x80\"]",
					  "[\"\xed\xa0\x80\"]",
					  "[\"\xf4\x90\x80\x80\"]",
					  "[\"\xc3\"]",
					  "[9223372036854775808]",
					  "[-9223372036854775809]",
					  "[1e309]",
					  "[-1e400]",
					  "\xef\xbb\xbf{}",
					  "[1]//",
					  "/**/[1]"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf out;
		buf_init(&out, 4096);
		events(str_of(bad[i]), &out);
		if (!str_ends(buf_str(&out), STR("!")))
			fail_msg("\"%s\" was taken: %.*s", bad[i],
				 STR_ARG(buf_str(&out)));
		json_t *theirs = json_loads(bad[i], 0, NULL);
		if (theirs != NULL)
			fail_msg("jansson takes \"%s\"", bad[i]);
		buf_free(&out);
	}
}

static void an_error_stays_and_says_where(void **state)
{
	(void)state;
	struct json_reader r;
	json_reader_init(&r, STR("{\"a\": x}"), arena);
	assert_int_equal(json_next(&r), JSON_AT_OBJECT);
	assert_int_equal(json_next(&r), JSON_AT_KEY);
	assert_int_equal(json_next(&r), JSON_AT_ERROR);
	assert_int_equal(json_next(&r), JSON_AT_ERROR);
	assert_int_equal(r.err.kind, ERROR_SYNTAX);
	assert_string_equal(r.err.where, "byte 6");
	assert_string_equal(r.err.message, "a value is missing");
}

static void nests_to_its_maximum_and_not_beyond(void **state)
{
	(void)state;
	char doc[2 * JSON_MAX_DEPTH + 2];
	struct buf out;
	buf_init(&out, 4096);
	memset(doc, '[', JSON_MAX_DEPTH + 1);
	memset(doc + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH + 1);
	events((struct str){doc, 2 * JSON_MAX_DEPTH}, &out);
	assert_true(str_ends(buf_str(&out), STR("].")));
	memset(doc, '[', JSON_MAX_DEPTH + 1);
	memset(doc + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	events((struct str){doc, sizeof doc}, &out);
	assert_true(str_ends(buf_str(&out), STR("[!")));
	buf_free(&out);
}

static void reads_integers_to_their_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t v;
	} good[] = {{"[0]", 0},
		    {"[-0]", 0},
		    {"[-1]", -1},
		    {"[9223372036854775807]", INT64_MAX},
		    {"[-9223372036854775808]", INT64_MIN}};
	struct json_reader r;
	int64_t v;
	double d;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		json_reader_init(&r, str_of(good[i].text), arena);
		json_next(&r);
		assert_int_equal(json_next(&r), JSON_AT_NUMBER);
		assert_true(json_reader_i64(&r, &v));
		assert_int_equal(v, good[i].v);
	}
	json_reader_init(&r, STR("[1.0,1e2]"), arena);
	json_next(&r);
	json_next(&r);
	assert_false(json_reader_i64(&r, &v));
	assert_true(json_reader_double(&r, &d));
	assert_true(d > 0.999 && d < 1.001);
	json_next(&r);
	assert_false(json_reader_i64(&r, &v));
	assert_true(json_reader_double(&r, &d));
	assert_true(d > 99.9 && d < 100.1);
}

static void skips_and_cuts_out_values(void **state)
{
	(void)state;
	struct json_reader r;
	struct str raw;
	json_reader_init(&r,
			 STR("{\"a\": {\"x\":[1,{\"y\":2}]} ,\"b\":7,\"c\":\"q\\n\","
			     "\"d\":[ 1 ,\"\\u0041\"] }"),
			 arena);
	assert_int_equal(json_next(&r), JSON_AT_OBJECT);
	assert_int_equal(json_next(&r), JSON_AT_KEY);
	assert_true(json_skip(&r)); /* the object of a */
	assert_int_equal(json_next(&r), JSON_AT_KEY);
	assert_str(r.text, "b");
	assert_int_equal(json_next(&r), JSON_AT_NUMBER);
	assert_true(json_skip(&r)); /* nothing */
	assert_int_equal(json_next(&r), JSON_AT_KEY);
	assert_true(json_raw(&r, &raw));
	assert_str(raw, "\"q\\n\"");
	assert_int_equal(json_next(&r), JSON_AT_KEY);
	assert_int_equal(json_next(&r), JSON_AT_ARRAY);
	assert_true(json_raw(&r, &raw));
	assert_str(raw, "[ 1 ,\"\\u0041\"]");
	assert_int_equal(json_next(&r), JSON_AT_OBJECT_END);
	assert_int_equal(json_next(&r), JSON_AT_END);
}

static void a_fault_inside_a_skipped_value_is_found(void **state)
{
	(void)state;
	struct json_reader r;
	struct str raw;
	json_reader_init(&r, STR("{\"a\":[1,\"\\ud800\"],\"b\":1}"), arena);
	json_next(&r);
	json_next(&r);
	assert_false(json_raw(&r, &raw));
	assert_int_equal(json_next(&r), JSON_AT_ERROR);
}

static void a_full_arena_is_an_error(void **state)
{
	(void)state;
	struct arena *small = arena_new(16);
	struct json_reader r;
	assert_non_null(small);
	json_reader_init(&r, STR("[\"\\n23456789012345678901234567890123456789\"]"),
			 small);
	assert_int_equal(json_next(&r), JSON_AT_ARRAY);
	assert_int_equal(json_next(&r), JSON_AT_ERROR);
	assert_int_equal(r.err.kind, ERROR_MEMORY);
	arena_free(small);
}

static void writes_documents(void **state)
{
	(void)state;
	struct buf out;
	struct json_writer w;
	buf_init(&out, 4096);
	json_writer_init(&w, &out);
	json_put_object(&w);
	json_kv_string(&w, "s", STR("a\"\\\b\f\n\r\t\x01\x7f\xc3\xa4"));
	json_kv_string(&w, "bad", (struct str){"\xff\x00x", 3});
	json_kv_string(&w, "absent", (struct str){NULL, 0});
	json_put_key(&w, STR("list"));
	json_put_array(&w);
	json_put_i64(&w, INT64_MIN);
	json_put_u64(&w, UINT64_MAX);
	json_put_double(&w, 0.1);
	json_put_double(&w, -1e300);
	json_put_double(&w, 7);
	json_put_null(&w);
	json_put_array(&w);
	json_put_array_end(&w);
	json_put_raw(&w, STR("{\"r\":1}"));
	json_put_array_end(&w);
	json_kv_bool(&w, "t", true);
	json_kv_bool(&w, "f", false);
	json_kv_time(&w, "at", INT64_C(1777622400000));
	json_put_key(&w, STR("hex"));
	json_put_hex(&w, "\x00\xab\xff", 3);
	json_put_object_end(&w);
	assert_true(buf_ok(&out));
	assert_str(
		buf_str(&out),
		"{\"s\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa4\","
		"\"bad\":\"\xef\xbf\xbd\xef\xbf\xbdx\",\"absent\":\"\","
		"\"list\":[-9223372036854775808,18446744073709551615,0.1,-1e+300,7.0,"
		"null,[],{\"r\":1}],\"t\":true,\"f\":false,"
		"\"at\":\"2026-05-01T08:00:00Z\",\"hex\":\"00abff\"}");
	buf_free(&out);
}

static void a_document_that_does_not_fit_is_noticed(void **state)
{
	(void)state;
	struct buf out;
	struct json_writer w;
	buf_init(&out, 10);
	json_writer_init(&w, &out);
	json_put_array(&w);
	json_put_string(&w, STR("longer than that"));
	json_put_array_end(&w);
	assert_int_equal(out.state, BUF_FULL);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_events_in_the_order_of_the_document),
		cmocka_unit_test(unescapes_strings),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(an_error_stays_and_says_where),
		cmocka_unit_test(nests_to_its_maximum_and_not_beyond),
		cmocka_unit_test(reads_integers_to_their_bounds),
		cmocka_unit_test(skips_and_cuts_out_values),
		cmocka_unit_test(a_fault_inside_a_skipped_value_is_found),
		cmocka_unit_test(a_full_arena_is_an_error),
		cmocka_unit_test(writes_documents),
		cmocka_unit_test(a_document_that_does_not_fit_is_noticed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
