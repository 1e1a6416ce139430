/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/codec.h"

#include <stdlib.h>

static struct buf out;
static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	buf_init(&out, 1 << 20);
	arena = arena_new(1 << 20);
	return arena != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&out);
	arena_free(arena);
	return 0;
}

static void numbers_of_any_size_come_back(void **state)
{
	static const uint64_t numbers[] = {0,
					   1,
					   127,
					   128,
					   16383,
					   16384,
					   UINT32_MAX,
					   UINT64_MAX / 2,
					   UINT64_MAX - 1,
					   UINT64_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		buf_clear(&out);
		codec_put_u64(&out, numbers[i]);
		codec_put_i64(&out, (int64_t)numbers[i]);
		struct codec_in in = codec_in(buf_str(&out));
		assert_true(codec_u64(&in, UINT64_MAX) == numbers[i]);
		assert_true(codec_i64(&in) == (int64_t)numbers[i]);
		assert_true(codec_end(&in, "number", NULL));
	}
	buf_clear(&out);
	codec_put_u64(&out, 127);
	assert_int_equal(out.n, 1);
}

static void bad(struct str bytes, uint64_t max)
{
	struct codec_in in = codec_in(bytes);
	assert_int_equal(codec_u64(&in, max), 0);
	assert_true(in.bad);
}

static void numbers_in_another_form_are_refused(void **state)
{
	(void)state;
	bad(STR(""), UINT64_MAX);
	bad(STR("\x80"), UINT64_MAX);
	bad(STR("\x80\x00"), UINT64_MAX); /* 0 in two bytes */
	bad(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), UINT64_MAX);
	bad(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX);
	bad(STR("\x05"), 4);
}

static void absent_and_empty_text_differ(void **state)
{
	(void)state;
	codec_put_text(&out, (struct str){NULL, 0});
	codec_put_text(&out, STR(""));
	codec_put_text(&out, STR("ab"));
	struct codec_in in = codec_in(buf_str(&out));
	assert_null(codec_text(&in).p);
	struct str empty = codec_text(&in);
	assert_true(empty.p != NULL && empty.n == 0);
	assert_str(codec_text(&in), "ab");
	assert_true(codec_end(&in, "text", NULL));
	in = codec_in(STR("\x04xy")); /* says three, has two */
	assert_null(codec_text(&in).p);
	assert_true(in.bad);
}

static struct user_profile profile(void)
{
	static const struct str aliases[] = {STR_INIT("al")};
	static const struct attribute attributes[] = {{STR_INIT("n"), STR_INIT("v")}};
	static const struct consent consents[] = {
		{STR_INIT("p"), true, 1, STR_INIT("s"), {NULL, 0}}};
	static const struct opt_out opt_outs[] = {{{NULL, 0}, 2, STR_INIT("s")}};
	return (struct user_profile){STR("user"), STR("id"),  STR("e@x"), aliases,
				     1,           attributes, 1,          consents,
				     1,           opt_outs,   1};
}

typedef bool decode_fn(struct str bytes, struct error *err);

static bool decode_head(struct str bytes, struct error *err)
{
	struct codec_head head;
	return codec_head_decode(bytes, arena, &head, err);
}

static bool decode_assignment(struct str bytes, struct error *err)
{
	struct assignment a;
	return codec_assignment_decode(bytes, &a, err);
}

static bool decode_row(struct str bytes, struct error *err)
{
	struct recipient_row row;
	return codec_row_decode(bytes, arena, &row, err);
}

static bool decode_outbox(struct str bytes, struct error *err)
{
	struct store_outbox_row row;
	return codec_outbox_decode(bytes, &row, err);
}

/* What is in `out` is taken whole, and neither shorter nor longer nor of another
 * version. */
static void whole_or_not(decode_fn *decode)
{
	struct error err;
	struct str bytes = buf_str(&out);
	assert_true(buf_ok(&out));
	if (!decode(bytes, &err))
		fail_msg("%s", err.message);
	for (size_t n = 0; n < bytes.n; n++) {
		char *exact = malloc(n > 0 ? n : 1);
		assert_non_null(exact);
		memcpy(exact, bytes.p, n);
		assert_false(decode((struct str){exact, n}, &err));
		assert_int_equal(err.kind, ERROR_CORRUPT);
		free(exact);
	}
	out.p[0]++;
	assert_false(decode(buf_str(&out), &err));
	out.p[0]--;
	buf_add_char(&out, 0);
	assert_false(decode(buf_str(&out), &err));
}

static void a_head_is_read_whole_or_refused(void **state)
{
	struct user_profile p = profile();
	(void)state;
	codec_head_encode(&out, 7, STR("user"), &p);
	whole_or_not(decode_head);
}

static void an_assignment_is_read_whole_or_refused(void **state)
{
	struct assignment a = {.campaign = STR("spring"),
			       .variant = STR("a"),
			       .assigned_ms = 1767225600000,
			       .nonce = UINT64_MAX};
	(void)state;
	codec_assignment_encode(&out, &a);
	whole_or_not(decode_assignment);
}

static void a_row_is_read_whole_or_refused(void **state)
{
	struct str values[] = {STR("one"), {NULL, 0}, STR("")};
	(void)state;
	codec_row_encode(&out, values, 3);
	whole_or_not(decode_row);
}

static void an_outbox_row_is_read_whole_or_refused(void **state)
{
	struct store_outbox_row row = {.point = STR("p"),
				       .event_type = STR("read"),
				       .campaign = STR("c"),
				       .at_ms = 5};
	(void)state;
	codec_outbox_encode(&out, &row);
	whole_or_not(decode_outbox);
}

static bool decode_queue(struct str bytes, struct error *err)
{
	struct store_queue_row row;
	return codec_queue_decode(bytes, &row, err);
}

static bool decode_dead(struct str bytes, struct error *err)
{
	struct store_dead_row row;
	return codec_dead_decode(bytes, &row, err);
}

static bool decode_point(struct str bytes, struct error *err)
{
	struct store_point p;
	return codec_point_decode(bytes, &p, err);
}

static void rows_on_their_way_are_read_whole_or_refused(void **state)
{
	struct store_dead_row dead = {.row = {.event = {.point = STR("p"),
							.event_type = STR("read"),
							.campaign = STR("c"),
							.at_ms = 5},
					      .due_ms = 9,
					      .queued_ms = 6,
					      .first_ms = 7,
					      .attempts = 8},
				      .error = STR("HTTP 500")};
	struct store_point p = {.waiting = 1,
				.dead = 2,
				.sent = 300,
				.state = {.error = STR("x"), .failures = 4}};
	(void)state;
	codec_queue_encode(&out, &dead.row);
	whole_or_not(decode_queue);
	buf_clear(&out);
	codec_dead_encode(&out, &dead);
	whole_or_not(decode_dead);
	buf_clear(&out);
	codec_point_encode(&out, &p);
	whole_or_not(decode_point);
}

static void a_number_of_items_that_cannot_be_there_allocates_nothing(void **state)
{
	struct recipient_row row;
	struct error err;
	(void)state;
	size_t before = arena_used(arena);
	assert_false(codec_row_decode(STR("\x01\xff\x07"), arena, &row, &err));
	assert_int_equal(err.kind, ERROR_CORRUPT);
	assert_int_equal(arena_used(arena), before);
}

static void another_revision_goes_before_the_same_head(void **state)
{
	struct user_profile p = profile();
	struct codec_head head;
	struct str user, rest;
	uint64_t revision;
	(void)state;
	codec_head_encode(&out, 7, STR("user"), &p);
	assert_true(codec_head_split(buf_str(&out), &revision, &user, &rest, NULL));
	assert_int_equal(revision, 7);
	assert_str(user, "user");
	struct buf joined;
	buf_init(&joined, 1024);
	codec_head_join(&joined, 300, rest);
	assert_true(codec_head_decode(buf_str(&joined), arena, &head, NULL));
	assert_int_equal(head.revision, 300);
	assert_str(head.profile.email, "e@x");
	assert_int_equal(head.profile.n_opt_outs, 1);
	buf_free(&joined);
}

static void hours_ascend_by_form(void **state)
{
	struct codec_hour items[] = {{0, 1}, {5, 2}, {UINT32_MAX, 3}};
	struct codec_hours h = {items, 3}, got;
	struct error err;
	(void)state;
	codec_hours_encode(&out, &h);
	assert_true(codec_hours_decode(buf_str(&out), arena, &got, NULL));
	assert_int_equal(got.n, 3);
	assert_true(got.items[2].hour == UINT32_MAX && got.items[2].n == 3);
	assert_false(codec_hours_decode(STR("\x05\x01\x00\x01"), arena, &got, &err));
	assert_false(codec_hours_decode(STR("\x05\x00"), arena, &got, &err));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(numbers_of_any_size_come_back),
		T(numbers_in_another_form_are_refused),
		T(absent_and_empty_text_differ),
		T(a_head_is_read_whole_or_refused),
		T(an_assignment_is_read_whole_or_refused),
		T(a_row_is_read_whole_or_refused),
		T(an_outbox_row_is_read_whole_or_refused),
		T(rows_on_their_way_are_read_whole_or_refused),
		T(a_number_of_items_that_cannot_be_there_allocates_nothing),
		T(another_revision_goes_before_the_same_head),
		T(hours_ascend_by_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
