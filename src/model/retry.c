/* SPDX-License-Identifier: Apache-2.0 */
#include "model/retry.h"

#include "base/clock.h"

#include <stdio.h>

int64_t retry_delay_ms(uint32_t failures, uint32_t random)
{
	int64_t delay = RETRY_FIRST_MS;
	for (uint32_t i = 1; i < failures && delay < RETRY_MOST_MS; i++)
		delay *= 2;
	if (delay > RETRY_MOST_MS)
		delay = RETRY_MOST_MS;
	return delay - (int64_t)((uint64_t)(delay / 2) * random / UINT32_MAX);
}

static struct str skip_to(struct str s, char c)
{
	size_t n = str_find_char(s, c);
	return str_trim(str_slice(s, n + 1, s.n));
}

static bool is_number(struct str s, size_t least, size_t most)
{
	uint64_t v;
	return s.n >= least && s.n <= most && str_to_u64(s, UINT64_MAX, &v);
}

static unsigned month_of(struct str s)
{
	static const char all[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (unsigned i = 0; i < 12; i++)
		if (str_eq(s, (struct str){all + (size_t)3 * i, 3}))
			return i + 1;
	return 0;
}

/* A year of two digits that seems to lie over 50 years ahead is a past one. */
static unsigned full_year(struct str s, int64_t now_ms)
{
	uint64_t y = 0;
	str_to_u64(s, 9999, &y);
	if (s.n == 4)
		return (unsigned)y;
	unsigned now = (unsigned)(1970 + now_ms / (CLOCK_DAY * 365));
	y += now / 100 * 100;
	return (unsigned)(y > now + 50 ? y - 100 : y);
}

struct date {
	struct str day, month, year, time;
};

/* "06 Nov 1994 08:49:37 GMT" with blanks or, in the second form, hyphens. */
static bool split_date(struct str s, struct date *d)
{
	struct str part;
	char separator = str_find_char(s, '-') < s.n ? '-' : ' ';
	return str_next_part(&s, separator, &d->day) && is_number(d->day, 2, 2) &&
	       str_next_part(&s, separator, &d->month) &&
	       str_next_part(&s, ' ', &d->year) &&
	       is_number(d->year, separator == '-' ? 2 : 4, separator == '-' ? 2 : 4) &&
	       str_next_part(&s, ' ', &d->time) && str_next_part(&s, ' ', &part) &&
	       str_eqz(part, "GMT") && s.n == 0;
}

/* asctime: "Nov  6 08:49:37 1994" */
static bool split_asctime(struct str s, struct date *d)
{
	if (!str_next_part(&s, ' ', &d->month))
		return false;
	s = str_trim(s);
	if (!str_next_part(&s, ' ', &d->day) || !str_next_part(&s, ' ', &d->time))
		return false;
	d->year = s;
	return is_number(d->day, 1, 2) && is_number(d->year, 4, 4);
}

static bool parse_date(struct str value, int64_t now_ms, int64_t *at_ms)
{
	struct date d;
	char text[48];
	uint64_t day;
	bool ok = str_find_char(value, ',') < value.n
			  ? split_date(skip_to(value, ','), &d)
			  : split_asctime(skip_to(value, ' '), &d);
	if (!ok || d.time.n != 8)
		return false;
	str_to_u64(d.day, 99, &day);
	snprintf(text, sizeof text, "%04u-%02u-%02uT%.*sZ", full_year(d.year, now_ms),
		 month_of(d.month), (unsigned)day, STR_ARG(d.time));
	return clock_parse_rfc3339(str_of(text), at_ms, NULL);
}

bool retry_after_parse(struct str value, int64_t now_ms, int64_t *wait_ms)
{
	uint64_t seconds;
	int64_t at_ms;
	value = str_trim(value);
	if (value.n > 0 && value.n <= 18 && str_to_u64(value, UINT64_MAX, &seconds))
		*wait_ms = seconds < (uint64_t)RETRY_AFTER_MOST / 1000
				   ? (int64_t)seconds * 1000
				   : RETRY_AFTER_MOST;
	else if (parse_date(value, now_ms, &at_ms))
		*wait_ms = at_ms - now_ms;
	else
		return false;
	if (*wait_ms < 0)
		*wait_ms = 0;
	if (*wait_ms > RETRY_AFTER_MOST)
		*wait_ms = RETRY_AFTER_MOST;
	return true;
}

bool retry_is_over(int64_t queued_ms, int64_t first_ms, int64_t failing_since_ms,
		   int64_t now_ms, int64_t retry_for_ms)
{
	int64_t since = first_ms;
	if (first_ms == 0 && failing_since_ms == 0)
		return false;
	if (first_ms == 0)
		since = queued_ms > failing_since_ms ? queued_ms : failing_since_ms;
	return now_ms - since >= retry_for_ms;
}
