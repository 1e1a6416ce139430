/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool-record.h"

#include "base/crypto.h"
#include "base/unit.h"
#include "wire/wire.h"

static struct spool_record make(uint64_t sequence)
{
	struct spool_record r = {.sequence = sequence,
				 .type = WIRE_EVENT_GONE,
				 .seen = true,
				 .cause = WIRE_CAUSE_MOVED,
				 .time_ms = INT64_C(1777622400123),
				 .tenant = STR("default"),
				 .user = STR("anna@example.org")};
	memset(r.instance, (int)sequence, sizeof r.instance);
	return r;
}

static void reads_what_it_wrote(void **state)
{
	(void)state;
	struct spool_record in = make(7), out;
	struct buf b;
	size_t length;
	buf_init(&b, 10000);
	assert_true(spool_record_encode(&b, &in));
	assert_int_equal(b.n, SPOOL_RECORD_FIXED + 7 + 16);
	assert_int_equal(spool_record_decode(buf_str(&b), &out, &length),
			 SPOOL_RECORD_OK);
	assert_int_equal(length, b.n);
	assert_int_equal(out.sequence, 7);
	assert_int_equal(out.type, WIRE_EVENT_GONE);
	assert_true(out.seen);
	assert_int_equal(out.cause, WIRE_CAUSE_MOVED);
	assert_int_equal(out.time_ms, in.time_ms);
	assert_memory_equal(out.instance, in.instance, 16);
	assert_str(out.tenant, "default");
	assert_str(out.user, "anna@example.org");
	buf_free(&b);
}

static void a_time_that_cannot_be_written_is_no_record(void **state)
{
	static const int64_t bad[] = {-1, WIRE_TIME_MAX + 1, INT64_MIN, INT64_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct spool_record r = make(1), out;
		struct buf b;
		size_t length;
		r.time_ms = bad[i];
		buf_init(&b, 10000);
		assert_true(spool_record_encode(&b, &r));
		assert_int_equal(spool_record_decode(buf_str(&b), &out, &length),
				 SPOOL_RECORD_BAD);
		buf_free(&b);
	}
}

static void texts_have_limits(void **state)
{
	(void)state;
	char text[SPOOL_USER_MAX + 1];
	struct buf b;
	size_t length;
	struct spool_record r = make(1), out;
	memset(text, 'u', sizeof text);
	buf_init(&b, 10000);
	r.user = (struct str){text, sizeof text};
	assert_false(spool_record_encode(&b, &r));
	r.user = STR("");
	assert_false(spool_record_encode(&b, &r));
	assert_int_equal(b.n, 0);
	r.user = (struct str){text, SPOOL_USER_MAX};
	r.tenant = (struct str){text, SPOOL_TENANT_MAX};
	assert_true(spool_record_encode(&b, &r));
	assert_int_equal(b.n, SPOOL_RECORD_MAX);
	assert_int_equal(spool_record_decode(buf_str(&b), &out, &length),
			 SPOOL_RECORD_OK);
	buf_free(&b);
}

/* Counts records, which must come in order. */
static bool count(void *ctx, const struct spool_record *r, size_t length)
{
	size_t *n = ctx;
	(void)length;
	assert_int_equal(r->sequence, ++*n);
	return true;
}

static struct buf three_records(size_t ends[3])
{
	struct buf b;
	buf_init(&b, 10000);
	for (uint64_t i = 1; i <= 3; i++) {
		struct spool_record r = make(i);
		assert_true(spool_record_encode(&b, &r));
		ends[i - 1] = b.n;
	}
	return b;
}

static void a_torn_tail_at_any_byte_costs_only_the_last_record(void **state)
{
	(void)state;
	size_t ends[3];
	struct buf b = three_records(ends);
	for (size_t n = 0; n <= b.n; n++) {
		size_t records = 0, good;
		enum spool_record_status status = spool_record_scan(
			str_slice(buf_str(&b), 0, n), count, &records, &good);
		size_t want = n >= ends[2]   ? 3
			      : n >= ends[1] ? 2
			      : n >= ends[0] ? 1
					     : 0;
		assert_int_equal(records, want);
		assert_int_equal(good, want == 0 ? 0 : ends[want - 1]);
		assert_int_equal(status,
				 n == good ? SPOOL_RECORD_END : SPOOL_RECORD_TORN);
	}
	buf_free(&b);
}

static void a_changed_byte_is_found_wherever_it_is(void **state)
{
	(void)state;
	size_t ends[3];
	struct buf b = three_records(ends);
	for (size_t at = 0; at < ends[1]; at++)
		for (int bit = 0; bit < 8; bit++) {
			size_t records = 0, good;
			b.p[at] = (char)(b.p[at] ^ 1 << bit);
			enum spool_record_status status =
				spool_record_scan(buf_str(&b), count, &records, &good);
			b.p[at] = (char)(b.p[at] ^ 1 << bit);
			assert_int_equal(records, at < ends[0] ? 0 : 1);
			assert_true(status == SPOOL_RECORD_BAD ||
				    status == SPOOL_RECORD_TORN);
		}
	buf_free(&b);
}

static void zeros_behind_the_records_are_a_torn_tail(void **state)
{
	(void)state;
	size_t ends[3], records = 0, good;
	struct buf b = three_records(ends);
	for (int i = 0; i < 100; i++)
		buf_add_char(&b, '\0');
	assert_int_equal(spool_record_scan(buf_str(&b), count, &records, &good),
			 SPOOL_RECORD_TORN);
	assert_int_equal(records, 3);
	assert_int_equal(good, ends[2]);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(a_time_that_cannot_be_written_is_no_record),
		cmocka_unit_test(texts_have_limits),
		cmocka_unit_test(a_torn_tail_at_any_byte_costs_only_the_last_record),
		cmocka_unit_test(a_changed_byte_is_found_wherever_it_is),
		cmocka_unit_test(zeros_behind_the_records_are_a_torn_tail),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
