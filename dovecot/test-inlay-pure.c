/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-date.h"
#include "inlay-events.h"
#include "inlay-quota.h"
#include "inlay-settings.h"

#include "test-common.h"

#define NOW 1795453200 /* 2026-11-23T17:00:00Z */

static void test_dates(void)
{
	test_begin("date: top is now, a given date is cut to the second");
	test_assert(inlay_date_of(WIRE_POSITION_TOP, 5000, NOW) == NOW);
	test_assert(inlay_date_of(WIRE_POSITION_DATE, 5999, NOW) == 5);
	test_end();
	test_begin("date: never in the future, nor before 1970");
	test_assert(inlay_date_of(WIRE_POSITION_DATE, (NOW + 60) * 1000LL, NOW) == NOW);
	test_assert(inlay_date_of(WIRE_POSITION_DATE, NOW * 1000LL + 999, NOW) == NOW);
	test_assert(inlay_date_of(WIRE_POSITION_DATE, -1, NOW) == NOW);
	test_assert(inlay_date_of(WIRE_POSITION_DATE, INT64_MIN, NOW) == NOW);
	test_assert(inlay_date_of(WIRE_POSITION_DATE, INT64_MAX, NOW) == NOW);
	test_end();
}

static void test_ranks(void)
{
	time_t dates[] = {NOW - 30, NOW - 10, NOW - 20};
	time_t odd[] = {NOW + 100, 0};

	test_begin("date: a rank is one second before those above it");
	test_assert(inlay_date_of_rank(dates, 3, 1, NOW) == NOW);
	test_assert(inlay_date_of_rank(dates, 3, 2, NOW) == NOW - 11);
	test_assert(inlay_date_of_rank(dates, 3, 3, NOW) == NOW - 21);
	test_assert(inlay_date_of_rank(dates, 3, 4, NOW) == NOW - 31);
	test_end();
	test_begin("date: with fewer messages than the rank it is now");
	test_assert(inlay_date_of_rank(dates, 3, 5, NOW) == NOW);
	test_assert(inlay_date_of_rank(dates, 0, 2, NOW) == NOW);
	test_assert(inlay_date_of_rank(dates, 3, UINT32_MAX, NOW) == NOW);
	test_end();
	test_begin("date: of a rank is never in the future, nor before 1970");
	test_assert(inlay_date_of_rank(odd, 2, 2, NOW) == NOW);
	test_assert(inlay_date_of_rank(odd, 2, 3, NOW) == 0);
	test_end();
}

static void test_dates_are_written_in_place(void)
{
	char message[] = "[Thu, 01 Jan 1970 00:00:00 +0000][..........................."
			 "....]";
	static const uint32_t offsets[] = {1, 34};

	test_begin("date: is written at its places and nowhere else");
	inlay_date_write((unsigned char *)message, strlen(message), offsets, 2, NOW);
	test_assert_strcmp(message, "[Mon, 23 Nov 2026 17:00:00 +0000]"
				    "[Mon, 23 Nov 2026 17:00:00 +0000]");
	test_end();
}

static const struct inlay_event *add(struct inlay_events *events, unsigned int n,
				     uint8_t type)
{
	return inlay_events_add(events, t_strdup_printf("%032x", n),
				t_strdup_printf("%032x", n + 1000), type, TRUE,
				WIRE_CAUSE_NONE, n);
}

static void test_events_are_numbered_and_kept(void)
{
	struct inlay_events events;
	struct inlay_event acked[WIRE_EVENTS_MAX];

	test_begin("events: numbers ascend, acknowledged ones go");
	i_zero(&events);
	test_assert(add(&events, 1, WIRE_EVENT_INJECTED)->number == 1);
	test_assert(add(&events, 1, WIRE_EVENT_READ)->number == 2);
	test_assert(add(&events, 2, WIRE_EVENT_READ)->number == 3);
	test_assert(inlay_events_ack(&events, 2, acked) == 2);
	test_assert(acked[1].type == WIRE_EVENT_READ && events.count == 1);
	test_assert(events.kept[0].number == 3);
	test_assert(inlay_events_ack(&events, 2, acked) == 0);
	test_assert(add(&events, 3, WIRE_EVENT_READ)->number == 4);
	test_assert(inlay_events_ack(&events, UINT64_MAX, acked) == 2);
	test_assert(events.count == 0);
	test_end();

	test_begin("events: the same one is kept once");
	test_assert(add(&events, 5, WIRE_EVENT_READ)->number == 5);
	test_assert(add(&events, 5, WIRE_EVENT_READ)->number == 5);
	test_assert(events.count == 1);
	test_end();
}

static void test_events_are_bounded(void)
{
	struct inlay_events events;
	struct inlay_event acked[WIRE_EVENTS_MAX];

	test_begin("events: 64 are kept and not 65");
	i_zero(&events);
	for (unsigned int n = 0; n < WIRE_EVENTS_MAX; n++)
		test_assert_idx(add(&events, n, WIRE_EVENT_READ) != NULL, n);
	test_assert(add(&events, 99, WIRE_EVENT_READ) == NULL);
	test_assert(inlay_events_ack(&events, 1, acked) == 1);
	test_assert(add(&events, 99, WIRE_EVENT_READ)->number == WIRE_EVENTS_MAX + 1);
	test_end();
}

static void test_an_event_becomes_a_frame(void)
{
	struct inlay_events events;
	struct buf bytes;
	struct wire_frame *frame = i_new(struct wire_frame, 1);

	test_begin("events: any can be encoded");
	i_zero(&events);
	buf_init(&bytes, 4096);
	inlay_event_frame(inlay_events_add(&events, "00112233445566778899aabbccddeeff",
					   "ffeeddccbbaa99887766554433221100",
					   WIRE_EVENT_GONE, FALSE, WIRE_CAUSE_EXPUNGED,
					   NOW * 1000LL),
			  frame);
	test_assert(wire_frame_encode(&bytes, frame) == WIRE_OK);
	buf_free(&bytes);
	i_free(frame);
	test_end();
}

static void test_triggers(void)
{
	unsigned int triggers;
	const char *error = NULL;

	test_begin("settings: triggers");
	test_assert(
		inlay_settings_parse_triggers("select, Examine", &triggers, &error));
	test_assert(triggers == (INLAY_TRIGGER_SELECT | INLAY_TRIGGER_EXAMINE));
	test_assert(inlay_settings_parse_triggers("", &triggers, &error));
	test_assert(triggers == 0);
	test_assert(!inlay_settings_parse_triggers("select fetch", &triggers, &error));
	test_assert(error != NULL && strstr(error, "fetch") != NULL);
	test_assert(inlay_trigger_of("UID FETCH") == INLAY_TRIGGER_NONE);
	test_end();
}

static void test_headroom(void)
{
	unsigned int percent;
	uint64_t must_be_free;
	const char *error;
	static const char *const bad[] = {"101%", "-1%", "%", "ten", "10Q", "95%%"};

	test_begin("settings: quota headroom");
	test_assert(inlay_settings_parse_headroom("95% 10M", &percent, &must_be_free,
						  &error));
	test_assert(percent == 95 && must_be_free == 10 * 1024 * 1024);
	test_assert(inlay_settings_parse_headroom("", &percent, &must_be_free, &error));
	test_assert(percent == 100 && must_be_free == 0);
	for (unsigned int i = 0; i < N_ELEMENTS(bad); i++)
		test_assert_idx(!inlay_settings_parse_headroom(bad[i], &percent,
							       &must_be_free, &error),
				i);
	test_end();

	test_begin("quota: headroom is share and free space, without overflow");
	test_assert(inlay_quota_fits(94, 100, 1, 95, 5));
	test_assert(!inlay_quota_fits(95, 100, 1, 95, 0));
	test_assert(!inlay_quota_fits(94, 100, 1, 100, 6));
	test_assert(!inlay_quota_fits(0, 10, 11, 100, 0));
	test_assert(!inlay_quota_fits(UINT64_MAX, 10, 1, 100, 0));
	test_assert(inlay_quota_fits(0, UINT64_MAX, 1, 95, 0));
	test_assert(!inlay_quota_fits(UINT64_MAX - 1, UINT64_MAX, 1, 95, 0));
	test_end();
}

static void test_exclude(void)
{
	struct ip_addr inside, outside;

	test_begin("settings: exclude");
	test_assert(net_addr2ip("10.1.2.3", &inside) == 0);
	test_assert(net_addr2ip("192.0.2.1", &outside) == 0);
	static const char set[] = "vip@* *-test @staff 10.0.0.0/8 2001:db8::/32";
	test_assert(inlay_settings_excludes(set, "VIP@example.org", NULL, NULL));
	test_assert(inlay_settings_excludes(set, "a-test", NULL, NULL));
	test_assert(inlay_settings_excludes(set, "bob", "sales,staff", NULL));
	test_assert(!inlay_settings_excludes(set, "bob", "staffing", &outside));
	test_assert(inlay_settings_excludes(set, "bob", NULL, &inside));
	test_assert(!inlay_settings_excludes("", "bob", "staff", &inside));
	test_end();
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_dates,
		test_ranks,
		test_dates_are_written_in_place,
		test_events_are_numbered_and_kept,
		test_events_are_bounded,
		test_an_event_becomes_a_frame,
		test_triggers,
		test_headroom,
		test_exclude,
		NULL,
	};
	return test_run(tests);
}
