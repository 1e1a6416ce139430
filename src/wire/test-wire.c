/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "wire/wire.h"

#include <stdlib.h>

#define GUID_A "0123456789abcdef0123456789abcdef"
#define GUID_B "ffeeddccbbaa99887766554433221100"
#define INSTANCE "00000000000000000000000000000001"

#define assert_status(got, want)                                                       \
	do {                                                                           \
		enum wire_status got_ = (got), want_ = (want);                         \
		if (got_ != want_)                                                     \
			fail_msg("got \"%s\", want \"%s\"", wire_status_text(got_),    \
				 wire_status_text(want_));                             \
	} while (0)

struct fixture {
	struct wire_frame in, out;
	struct buf bytes;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	if (f == NULL)
		return -1;
	buf_init(&f->bytes, 4 * WIRE_FRAME_MAX);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	buf_free(&f->bytes);
	free(f);
	return 0;
}

/* in -> bytes -> out; every proper prefix asks for more. */
static void there_and_back(struct fixture *f)
{
	size_t length = 0;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_OK);
	struct str all = buf_str(&f->bytes);
	size_t step = all.n > 5000 ? 997 : 1;
	for (size_t n = 0; n < all.n; n += step) {
		assert_status(wire_frame_find(str_slice(all, 0, n), &length),
			      WIRE_MORE);
		assert_in_range(length, n + 1, all.n);
	}
	assert_status(wire_frame_find(all, &length), WIRE_OK);
	assert_int_equal(length, all.n);
	assert_status(wire_frame_decode(all, &f->out), WIRE_OK);
	assert_int_equal(f->out.type, f->in.type);
}

static struct wire_inject *an_inject(struct fixture *f, struct str message)
{
	f->in = (struct wire_frame){.type = WIRE_INJECT};
	f->in.inject = (struct wire_inject){
		.request = 7,
		.instance = STR(INSTANCE),
		.guid = STR(GUID_A),
		.position = WIRE_POSITION_TOP,
		.valid_for = 30,
		.message = message,
	};
	return &f->in.inject;
}

static void an_event(struct fixture *f, uint8_t type, uint8_t cause)
{
	f->in = (struct wire_frame){.type = WIRE_EVENT};
	f->in.event = (struct wire_event){
		.number = UINT64_MAX,
		.instance = STR(INSTANCE),
		.guid = STR(GUID_B),
		.type = type,
		.seen = true,
		.cause = cause,
		.time = WIRE_TIME_MAX,
	};
}

static void hello_keeps_its_texts(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_HELLO;
	f->in.hello = (struct wire_hello){STR("default"), STR("j\xc3\xbcrgen"),
					  STR("imap"), STR("2001:db8::1")};
	there_and_back(f);
	assert_str(f->out.hello.tenant, "default");
	assert_str(f->out.hello.user, "j\xc3\xbcrgen");
	assert_str(f->out.hello.protocol, "imap");
	assert_str(f->out.hello.address, "2001:db8::1");
}

static void an_absent_optional_text_stays_absent(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_HELLO;
	f->in.hello = (struct wire_hello){STR("t"), STR("u"), STR("pop3"), {NULL, 0}};
	there_and_back(f);
	assert_null(f->out.hello.address.p);
}

static void open_carries_512_messages_and_not_513(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_OPEN;
	struct wire_open *open = &f->in.open;
	open->request = 3;
	open->uid_validity = 4;
	open->uid_next = UINT32_MAX;
	open->complete = true;
	open->present_count = WIRE_PRESENT_MAX;
	for (uint32_t i = 0; i < WIRE_PRESENT_MAX; i++)
		open->present[i] = (struct wire_present){
			STR(GUID_A),
			i + 1,
			i % 2 == 0,
			i * 3,
			i % 2 == 0 ? STR(INSTANCE "; " GUID_A GUID_B)
				   : (struct str){NULL, 0},
			i % 2 == 1 ? STR(INSTANCE) : (struct str){NULL, 0}};
	there_and_back(f);
	const struct wire_open *got = &f->out.open;
	assert_int_equal(got->request, 3);
	assert_int_equal(got->uid_validity, 4);
	assert_int_equal(got->uid_next, UINT32_MAX);
	assert_true(got->complete);
	assert_int_equal(got->present_count, WIRE_PRESENT_MAX);
	assert_int_equal(got->present[511].uid, 512);
	assert_int_equal(got->present[511].newer, 511 * 3);
	assert_false(got->present[511].seen);
	assert_null(got->present[511].proof.p);
	assert_str(got->present[511].instance, INSTANCE);
	assert_str(got->present[510].proof, INSTANCE "; " GUID_A GUID_B);
	assert_null(got->present[510].instance.p);

	/* the same entry once more, by hand: a list longer than its limit */
	size_t before = f->bytes.n;
	size_t entry = 5 + 37 + 9 + 6 + 9 + 37;
	assert_true(buf_add(&f->bytes, f->bytes.p + before - entry, entry));
	f->bytes.p[1] = (char)((f->bytes.n - 4) >> 16);
	f->bytes.p[2] = (char)((f->bytes.n - 4) >> 8);
	f->bytes.p[3] = (char)(f->bytes.n - 4);
	assert_status(wire_frame_decode(buf_str(&f->bytes), &f->out), WIRE_TOO_MANY);

	open->present_count = WIRE_PRESENT_MAX + 1;
	buf_clear(&f->bytes);
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_TOO_MANY);
	assert_int_equal(f->bytes.n, 0);
}

static void known_names_what_is_ours(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_KNOWN;
	f->in.known.request = 9;
	f->in.known.own[0] = (struct wire_own){STR(GUID_A), STR(INSTANCE)};
	f->in.known.own[1] = (struct wire_own){STR(GUID_B), STR(INSTANCE)};
	f->in.known.own_count = 2;
	there_and_back(f);
	assert_int_equal(f->out.known.own_count, 2);
	assert_str(f->out.known.own[1].guid, GUID_B);
	assert_str(f->out.known.own[1].instance, INSTANCE);
}

static void inject_carries_a_message_of_1_mib_and_not_a_byte_more(void **state)
{
	struct fixture *f = *state;
	char *message = malloc(WIRE_MESSAGE_MAX + 1);
	assert_non_null(message);
	memset(message, 'm', WIRE_MESSAGE_MAX + 1);
	struct wire_inject *inject =
		an_inject(f, (struct str){message, WIRE_MESSAGE_MAX});
	inject->position = WIRE_POSITION_DATE;
	inject->date = -5000;
	inject->date_offset[0] = 10;
	inject->date_offset[1] = WIRE_MESSAGE_MAX - WIRE_DATE_WIDTH;
	inject->date_offset_count = 2;
	there_and_back(f);
	assert_int_equal(f->out.inject.message.n, WIRE_MESSAGE_MAX);
	assert_int_equal(f->out.inject.date, -5000);
	assert_int_equal(f->out.inject.date_offset_count, 2);
	assert_int_equal(f->out.inject.date_offset[0], 10);

	buf_clear(&f->bytes);
	inject->message.n++;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_LENGTH);
	free(message);
}

static void a_date_must_lie_within_the_message(void **state)
{
	struct fixture *f = *state;
	struct wire_inject *inject =
		an_inject(f, STR("Date: Mon, 23 Nov 2026 17:00:00 +0000"));
	inject->date_offset_count = 1;
	inject->date_offset[0] = 6;
	there_and_back(f);
	buf_clear(&f->bytes);
	inject->date_offset[0] = 7;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
	inject->date_offset_count = WIRE_DATE_OFFSETS_MAX + 1;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_TOO_MANY);
	inject->date_offset_count = 1;
	inject->date_offset[0] = 0;
	inject->message = STR("short");
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
}

static void reinject_needs_what_it_replaces_and_inject_has_none(void **state)
{
	struct fixture *f = *state;
	struct wire_inject *inject = an_inject(f, STR("x"));
	inject->replaces = STR(GUID_B);
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
	f->in.type = WIRE_REINJECT;
	there_and_back(f);
	assert_str(f->out.inject.replaces, GUID_B);
	buf_clear(&f->bytes);
	inject->replaces = (struct str){NULL, 0};
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_MISSING);
}

static void a_rank_is_needed_where_the_position_is_a_rank(void **state)
{
	struct fixture *f = *state;
	struct wire_inject *inject = an_inject(f, STR("x"));
	inject->position = WIRE_POSITION_RANK;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_MISSING);
	inject->rank = 3;
	there_and_back(f);
	assert_int_equal(f->out.inject.rank, 3);
	buf_clear(&f->bytes);
	inject->position = 3;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
}

static void small_frames_keep_their_values(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_READY;
	f->in.ready = (struct wire_ready){true, 900};
	there_and_back(f);
	assert_true(f->out.ready.open);
	assert_int_equal(f->out.ready.next_check, 900);

	buf_clear(&f->bytes);
	f->in = (struct wire_frame){.type = WIRE_DONE};
	f->in.done = (struct wire_done){5, 60};
	there_and_back(f);
	assert_int_equal(f->out.done.request, 5);
	assert_int_equal(f->out.done.next_check, 60);

	buf_clear(&f->bytes);
	f->in = (struct wire_frame){.type = WIRE_WITHDRAW};
	f->in.withdraw =
		(struct wire_withdraw){STR(GUID_A), WIRE_WITHDRAW_EXPIRED, true, true};
	there_and_back(f);
	assert_int_equal(f->out.withdraw.cause, WIRE_WITHDRAW_EXPIRED);
	assert_true(f->out.withdraw.lazy);
	assert_true(f->out.withdraw.seen);

	buf_clear(&f->bytes);
	f->in = (struct wire_frame){.type = WIRE_ACK};
	f->in.ack.number = 0x0102030405060708;
	there_and_back(f);
	assert_int_equal(f->out.ack.number, 0x0102030405060708);

	buf_clear(&f->bytes);
	f->in = (struct wire_frame){.type = WIRE_OPEN_AGAIN};
	there_and_back(f);
	assert_int_equal(f->bytes.n, WIRE_HEADER);
}

static void an_event_has_only_a_cause_of_its_own(void **state)
{
	struct fixture *f = *state;
	an_event(f, WIRE_EVENT_GONE, WIRE_CAUSE_MOVED);
	there_and_back(f);
	assert_int_equal(f->out.event.number, UINT64_MAX);
	assert_true(f->out.event.time == WIRE_TIME_MAX);
	assert_int_equal(f->out.event.cause, WIRE_CAUSE_MOVED);
	buf_clear(&f->bytes);
	an_event(f, WIRE_EVENT_READ, WIRE_CAUSE_NONE);
	there_and_back(f);
	static const uint8_t bad[][2] = {
		{WIRE_EVENT_READ, WIRE_CAUSE_MOVED},
		{WIRE_EVENT_GONE, WIRE_CAUSE_NONE},
		{WIRE_EVENT_GONE, WIRE_CAUSE_QUOTA},
		{WIRE_EVENT_REFUSED, 99},
		{0, WIRE_CAUSE_NONE},
		{7, WIRE_CAUSE_NONE},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		an_event(f, bad[i][0], bad[i][1]);
		assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
	}
}

static void an_event_has_a_time_that_can_be_written(void **state)
{
	static const int64_t bad[] = {-1, WIRE_TIME_MAX + 1, INT64_MIN, INT64_MAX};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		an_event(f, WIRE_EVENT_READ, WIRE_CAUSE_NONE);
		f->in.event.time = bad[i];
		assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_VALUE);
	}
}

static void ids_are_32_lower_case_hex_digits(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "0123456789abcdef0123456789abcde",
					  "0123456789ABCDEF0123456789abcdef",
					  "0123456789abcdef0123456789abcdefa"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		an_inject(f, STR("x"))->guid = str_of(bad[i]);
		assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_TEXT);
	}
}

static void text_is_utf8_without_nul_and_bounded(void **state)
{
	struct fixture *f = *state;
	char longest[WIRE_TEXT_MAX + 1];
	memset(longest, 'u', sizeof longest);
	f->in.type = WIRE_HELLO;
	f->in.hello = (struct wire_hello){
		STR("t"), {longest, WIRE_TEXT_MAX}, STR("imap"), {NULL, 0}};
	there_and_back(f);
	buf_clear(&f->bytes);
	f->in.hello.user.n++;
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_LENGTH);
	f->in.hello.user = STR("a\0b");
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_TEXT);
	f->in.hello.user = STR("\xff");
	assert_status(wire_frame_encode(&f->bytes, &f->in), WIRE_BAD_TEXT);
}

static enum wire_status decoded(struct fixture *f, const char *bytes, size_t n)
{
	return wire_frame_decode((struct str){bytes, n}, &f->out);
}
#define DECODED(f, lit) decoded(f, lit, sizeof(lit) - 1)

static void bytes_that_are_no_frame_are_refused(void **state)
{
	struct fixture *f = *state;
	/* ACK, number 1 */
	assert_status(DECODED(f, "\0\0\0\x0f\1\x0a\x1c\0\0\0\x08\0\0\0\0\0\0\0\1"),
		      WIRE_OK);
	assert_int_equal(f->out.ack.number, 1);
	assert_status(DECODED(f, "\0\0\0\x0f\2\x0a\x1c\0\0\0\x08\0\0\0\0\0\0\0\1"),
		      WIRE_BAD_VERSION);
	assert_status(DECODED(f, "\0\0\0\x0e\1\x0a\x1c\0\0\0\x07\0\0\0\0\0\0\1"),
		      WIRE_BAD_LENGTH);
	assert_status(DECODED(f, "\0\0\0\x0f\1\x0a\x1c\0\0\0\x09\0\0\0\0\0\0\0\1"),
		      WIRE_BAD_LENGTH);
	assert_status(DECODED(f, "\0\0\0\2\1\x0a"), WIRE_MISSING);
	assert_status(DECODED(f, "\0\0\0\3\1\x0a\x1c"), WIRE_BAD_LENGTH);
	assert_status(DECODED(f, "\0\0\0\1\1"), WIRE_BAD_LENGTH);
	assert_status(DECODED(f, ""), WIRE_BAD_LENGTH);
	/* READY with `open` = 2 */
	assert_status(DECODED(f, "\0\0\0\x11\1\2\5\0\0\0\1\2\6\0\0\0\4\0\0\0\1"),
		      WIRE_BAD_VALUE);
	/* READY with `open` twice */
	assert_status(
		DECODED(f, "\0\0\0\x17\1\2\5\0\0\0\1\1\5\0\0\0\1\1\6\0\0\0\4\0\0\0\1"),
		WIRE_TWICE);
	/* bytes behind the frame are not part of it */
	assert_status(DECODED(f, "\0\0\0\2\1\x0b?"), WIRE_BAD_LENGTH);
}

static void unknown_tags_and_types_are_skipped(void **state)
{
	struct fixture *f = *state;
	assert_status(DECODED(f, "\0\0\0\x15\1\x0a\xf0\0\0\0\1?"
				 "\x1c\0\0\0\x08\0\0\0\0\0\0\0\1"),
		      WIRE_OK);
	assert_int_equal(f->out.ack.number, 1);
	assert_status(DECODED(f, "\0\0\0\4\1\x63??"), WIRE_SKIP);
}

static void a_length_is_refused_before_its_bytes_are_there(void **state)
{
	(void)state;
	size_t length;
	assert_status(wire_frame_find(STR("\x7f\0\0\0"), &length), WIRE_BAD_LENGTH);
	assert_status(wire_frame_find(STR("\0\x11\0\0"), &length), WIRE_MORE);
	assert_status(wire_frame_find(STR("\0\x11\0\1"), &length), WIRE_BAD_LENGTH);
	/* 1 MiB is for messages, not for a HELLO */
	assert_status(wire_frame_find(STR("\0\x10\0\0\1\5"), &length), WIRE_MORE);
	assert_status(wire_frame_find(STR("\0\x10\0\0\1\1"), &length), WIRE_BAD_LENGTH);
	assert_status(wire_frame_find(STR("\0\0\0\0"), &length), WIRE_BAD_LENGTH);
	assert_status(wire_frame_find(STR("\0\0\0\2\7"), &length), WIRE_BAD_VERSION);
}

static void a_full_buffer_is_said_and_left_as_it_was(void **state)
{
	struct fixture *f = *state;
	f->in.type = WIRE_ACK;
	f->in.ack.number = 1;
	for (size_t max = 0; max < 19; max++) {
		struct buf small;
		buf_init(&small, max);
		assert_status(wire_frame_encode(&small, &f->in), WIRE_NO_ROOM);
		assert_int_equal(small.n, 0);
		buf_free(&small);
	}
}

static void names_go_both_ways(void **state)
{
	(void)state;
	assert_string_equal(wire_type_name(WIRE_OPEN_AGAIN), "OPEN_AGAIN");
	assert_null(wire_type_name(0));
	assert_null(wire_type_name(12));
	for (unsigned i = WIRE_EVENT_INJECTED; i <= WIRE_EVENT_UNCERTAIN; i++)
		assert_int_equal(wire_event_of(str_of(wire_event_name(i))), i);
	for (unsigned i = 1; i < 256; i++)
		if (wire_cause_name(i) != NULL)
			assert_int_equal(wire_cause_of(str_of(wire_cause_name(i))), i);
	assert_int_equal(wire_cause_of(STR("nothing")), 0);
	assert_int_equal(wire_withdraw_cause_of(STR("expired")), WIRE_WITHDRAW_EXPIRED);
	assert_int_equal(wire_withdraw_cause_of(STR("replaced")),
			 WIRE_WITHDRAW_REPLACED);
	assert_int_equal(wire_event_of(STR("")), 0);
	assert_string_equal(wire_position_name(WIRE_POSITION_DATE), "date");
}

static void assert_date(int64_t seconds, const char *want)
{
	char date[WIRE_DATE_WIDTH];
	wire_date_write(seconds, date);
	assert_str(((struct str){date, sizeof date}), want);
}

static void dates_have_the_form_of_rfc_5322(void **state)
{
	(void)state;
	assert_date(0, "Thu, 01 Jan 1970 00:00:00 +0000");
	assert_date(1795453200, "Mon, 23 Nov 2026 17:00:00 +0000");
	assert_date(951782400 + 86399, "Tue, 29 Feb 2000 23:59:59 +0000");
	assert_date(1709164800, "Thu, 29 Feb 2024 00:00:00 +0000");
	assert_date(4107542400, "Mon, 01 Mar 2100 00:00:00 +0000");
	assert_date(-1, "Thu, 01 Jan 1970 00:00:00 +0000");
	assert_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hello_keeps_its_texts),
		T(an_absent_optional_text_stays_absent),
		T(open_carries_512_messages_and_not_513),
		T(known_names_what_is_ours),
		T(inject_carries_a_message_of_1_mib_and_not_a_byte_more),
		T(a_date_must_lie_within_the_message),
		T(reinject_needs_what_it_replaces_and_inject_has_none),
		T(a_rank_is_needed_where_the_position_is_a_rank),
		T(small_frames_keep_their_values),
		T(an_event_has_only_a_cause_of_its_own),
		T(an_event_has_a_time_that_can_be_written),
		T(ids_are_32_lower_case_hex_digits),
		T(text_is_utf8_without_nul_and_bounded),
		T(bytes_that_are_no_frame_are_refused),
		T(unknown_tags_and_types_are_skipped),
		T(a_length_is_refused_before_its_bytes_are_there),
		T(a_full_buffer_is_said_and_left_as_it_was),
		T(names_go_both_ways),
		T(dates_have_the_form_of_rfc_5322),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
