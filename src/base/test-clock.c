/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/unit.h"

#include <time.h>

static void rfc3339_examples(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1985-04-12T23:20:50.52Z", 482196050520},
		{"1996-12-19T16:39:57-08:00", 851042397000},
		{"1990-12-31T23:59:60Z", 662687999000},
		{"2000-02-29t12:00:00.123456z", 951825600123},
		{"9999-12-31T23:59:59.999Z", CLOCK_MAX_MS},
	};
	static const char *const bad[] = {"",
					  "2026-05-01",
					  "2026-05-01T08:00:00",
					  "2026-05-01T08:00Z",
					  "2026-13-01T08:00:00Z",
					  "2026-02-29T08:00:00Z",
					  "2026-05-01T24:00:00Z",
					  "2026-05-01T08:00:00.Z",
					  "2026-05-01T08:00:00+0200",
					  "2026-05-01T08:00:00Zx",
					  "1969-12-31T23:59:59Z",
					  "1970-01-01T00:00:00+01:00",
					  "9999-12-31T23:59:59-01:00"};
	struct error err;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int64_t ms = -1;
		assert_true(clock_parse_rfc3339(str_of(good[i].text), &ms, &err));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t ms = -1;
		if (clock_parse_rfc3339(str_of(bad[i]), &ms, &err))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
	}
}

static void every_day_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 40000; day += 7) {
		int64_t ms = day * CLOCK_DAY + 45296789, back = 0;
		struct buf b;
		struct tm tm;
		char want[64];
		time_t t = (time_t)(ms / 1000);
		gmtime_r(&t, &tm);
		buf_init(&b, 100);
		assert_true(clock_format_rfc3339(&b, ms));
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.789Z", &tm);
		assert_str(buf_str(&b), want);
		assert_true(clock_parse_rfc3339(buf_str(&b), &back, NULL));
		assert_true(back == ms);
		char mail[CLOCK_RFC5322_LEN + 1];
		clock_format_rfc5322(mail, ms);
		strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S +0000", &tm);
		assert_string_equal(mail, want);
		buf_free(&b);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
		const char *back;
	} good[] = {
		{"P7D", 7 * CLOCK_DAY, "P7D"},
		{"PT12H", 12 * CLOCK_HOUR, "PT12H"},
		{"P1DT30M", CLOCK_DAY + 30 * CLOCK_MINUTE, "P1DT30M"},
		{"P2W", 14 * CLOCK_DAY, "P14D"},
		{"PT0S", 0, "PT0S"},
		{"PT90S", 90 * CLOCK_SECOND, "PT1M30S"},
	};
	static const char *const bad[] = {
		"",     "P",      "PT",      "P1DT",         "7D",  "P1",
		"P1M",  "P1Y",    "PT1H1H",  "PT1M1H",       "P1H", "PT1D",
		"P-1D", "PT1.5H", "P10001D", "P99999999999D"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int64_t ms = -1;
		struct buf b;
		assert_true(clock_parse_duration(str_of(good[i].text), &ms, NULL));
		assert_true(ms == good[i].ms);
		buf_init(&b, 100);
		clock_format_duration(&b, ms);
		assert_str(buf_str(&b), good[i].back);
		buf_free(&b);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t ms;
		if (clock_parse_duration(str_of(bad[i]), &ms, NULL))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void onward_is_never_set_back(void **state)
{
	(void)state;
	struct clock_onward c = {0};
	int64_t first_ms = clock_onward_ms(&c);
	assert_true(first_ms <= clock_real_ms() && clock_real_ms() - first_ms < 60000);
	/* as if the clock had been an hour ahead when it was asked last */
	c.real_ms += CLOCK_HOUR;
	int64_t ahead_ms = clock_onward_ms(&c);
	assert_true(ahead_ms - first_ms >= CLOCK_HOUR);
	assert_true(clock_onward_ms(&c) >= ahead_ms);
	/* and if it was behind, it is set */
	c.real_ms -= 2 * CLOCK_HOUR;
	assert_true(clock_real_ms() - clock_onward_ms(&c) < 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3339_examples),
		cmocka_unit_test(every_day_agrees_with_the_c_library),
		cmocka_unit_test(durations),
		cmocka_unit_test(onward_is_never_set_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
