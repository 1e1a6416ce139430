/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);
	assert(rc == 0);
	(void)rc;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_real_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_coarse_us(void)
{
	return read_us(CLOCK_MONOTONIC_COARSE);
}

struct timespec clock_mono_after(int64_t us)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += us % 1000000 * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

int64_t clock_boot_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_onward_ms(struct clock_onward *c)
{
	int64_t mono_us = clock_mono_us(), real_ms = clock_real_ms();
	int64_t now_ms = c->real_ms + (mono_us - c->mono_us) / 1000;
	if (real_ms < now_ms)
		return now_ms;
	*c = (struct clock_onward){.real_ms = real_ms, .mono_us = mono_us};
	return real_ms;
}

/* Civil calendar, proleptic Gregorian: days since 1970-01-01 of y-m-d, by
 * counting from 1 March of year 0, so that the leap day is the last of its year. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

struct civil {
	int year, month, day, hour, minute, second, milli, weekday; /* 0 = Sunday */
};

static struct civil civil_of(int64_t ms)
{
	int64_t days = ms / CLOCK_DAY, rest = ms % CLOCK_DAY;
	if (rest < 0) {
		rest += CLOCK_DAY;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t weekday = (days % 7 + 11) % 7; /* 1970-01-01 was a Thursday */
	return (struct civil){
		.year = (int)(yoe + era * 400 + (month <= 2)),
		.month = (int)month,
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = (int)(rest / CLOCK_HOUR),
		.minute = (int)(rest % CLOCK_HOUR / CLOCK_MINUTE),
		.second = (int)(rest % CLOCK_MINUTE / CLOCK_SECOND),
		.milli = (int)(rest % CLOCK_SECOND),
		.weekday = (int)weekday,
	};
}

/* Exactly n digits at *at. */
static bool digits(struct str s, size_t *at, size_t n, int *out)
{
	uint64_t v;
	if (s.n - *at < n || !str_to_u64(str_slice(s, *at, *at + n), 9999, &v))
		return false;
	*at += n;
	*out = (int)v;
	return true;
}

static bool one_of(struct str s, size_t *at, const char *set)
{
	if (*at >= s.n || s.p[*at] == '\0' || strchr(set, s.p[*at]) == NULL)
		return false;
	++*at;
	return true;
}

static int days_in_month(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m == 2 && leap ? 29 : days[m - 1];
}

static bool parse_fraction(struct str s, size_t *at, int *milli)
{
	size_t from = ++*at; /* behind the '.' */
	int scale = 100;
	*milli = 0;
	for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at) {
		*milli += (s.p[*at] - '0') * scale;
		scale /= 10;
	}
	return *at > from;
}

static bool parse_offset(struct str s, size_t *at, int64_t *minutes)
{
	int h, m;
	*minutes = 0;
	if (one_of(s, at, "Zz"))
		return true;
	bool negative = *at < s.n && s.p[*at] == '-';
	if (!one_of(s, at, "+-") || !digits(s, at, 2, &h) || !one_of(s, at, ":") ||
	    !digits(s, at, 2, &m) || h > 23 || m > 59)
		return false;
	*minutes = (negative ? -1 : 1) * (h * 60 + m);
	return true;
}

bool clock_parse_rfc3339(struct str s, int64_t *ms, struct error *err)
{
	int y, mo, d, h, mi, sec, milli = 0;
	int64_t offset;
	size_t at = 0;
	bool ok = digits(s, &at, 4, &y) && one_of(s, &at, "-") &&
		  digits(s, &at, 2, &mo) && one_of(s, &at, "-") &&
		  digits(s, &at, 2, &d) && one_of(s, &at, "Tt ") &&
		  digits(s, &at, 2, &h) && one_of(s, &at, ":") &&
		  digits(s, &at, 2, &mi) && one_of(s, &at, ":") &&
		  digits(s, &at, 2, &sec);
	if (ok && at < s.n && s.p[at] == '.')
		ok = parse_fraction(s, &at, &milli);
	ok = ok && parse_offset(s, &at, &offset) && at == s.n;
	ok = ok && y >= 1970 && mo >= 1 && mo <= 12 && d >= 1 &&
	     d <= days_in_month(y, mo) && h <= 23 && mi <= 59 && sec <= 60;
	if (!ok)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "not an RFC 3339 time such as 2026-05-01T08:00:00Z");
	if (sec == 60)
		sec = 59;
	int64_t v = days_of(y, mo, d) * CLOCK_DAY +
		    ((int64_t)h * 60 + mi - offset) * CLOCK_MINUTE +
		    sec * CLOCK_SECOND + milli;
	if (v < 0 || v > CLOCK_MAX_MS)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "not between the years 1970 and 9999");
	*ms = v;
	return true;
}

bool clock_format_rfc3339(struct buf *out, int64_t ms)
{
	assert(ms >= 0 && ms <= CLOCK_MAX_MS);
	struct civil c = civil_of(ms);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour,
		   c.minute, c.second);
	if (c.milli != 0)
		buf_printf(out, ".%03d", c.milli);
	return buf_add_char(out, 'Z');
}

#define MAX_DURATION_DAYS 10000

bool clock_parse_duration(struct str s, int64_t *ms, struct error *err)
{
	/* units in the order ISO 8601 gives them; a unit may stand once */
	static const struct {
		char letter;
		bool time;
		int64_t ms;
	} units[] = {
		{'W', false, 7 * CLOCK_DAY}, {'D', false, CLOCK_DAY},
		{'H', true, CLOCK_HOUR},     {'M', true, CLOCK_MINUTE},
		{'S', true, CLOCK_SECOND},
	};
	const size_t n_units = sizeof units / sizeof units[0];
	int64_t total = 0;
	size_t at = 1, next = 0;
	bool time = false, any = false;
	if (s.n < 2 || s.p[0] != 'P')
		goto bad;
	while (at < s.n) {
		if (s.p[at] == 'T' && !time) {
			time = true;
			any = false; /* something must follow */
			at++;
			continue;
		}
		size_t from = at;
		while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
			at++;
		uint64_t v;
		if (at == s.n || !str_to_u64(str_slice(s, from, at), 1000000000, &v))
			goto bad;
		if (!time && (s.p[at] == 'M' || s.p[at] == 'Y'))
			return error_set(err, ERROR_BAD_VALUE, "",
					 "months and years have no fixed length; "
					 "use days, as in P30D");
		while (next < n_units &&
		       (units[next].letter != s.p[at] || units[next].time != time))
			next++;
		if (next == n_units)
			goto bad;
		if ((int64_t)v > MAX_DURATION_DAYS * CLOCK_DAY / units[next].ms)
			return error_set(err, ERROR_BAD_VALUE, "",
					 "longer than %d days", MAX_DURATION_DAYS);
		total += (int64_t)v * units[next].ms;
		next++;
		any = true;
		at++;
	}
	if (!any)
		goto bad;
	if (total > MAX_DURATION_DAYS * CLOCK_DAY)
		return error_set(err, ERROR_BAD_VALUE, "", "longer than %d days",
				 MAX_DURATION_DAYS);
	*ms = total;
	return true;
bad:
	return error_set(err, ERROR_BAD_VALUE, "",
			 "not an ISO 8601 duration such as PT12H or P7D");
}

static void put_units(struct buf *out, int64_t n, char unit)
{
	buf_add_u64(out, (uint64_t)n);
	buf_add_char(out, unit);
}

bool clock_format_duration(struct buf *out, int64_t ms)
{
	assert(ms >= 0);
	int64_t s = ms / CLOCK_SECOND, days = s / 86400;
	buf_add_char(out, 'P');
	if (days > 0)
		put_units(out, days, 'D');
	s %= 86400;
	if (days > 0 && s == 0)
		return buf_ok(out);
	buf_add_char(out, 'T');
	if (s >= 3600)
		put_units(out, s / 3600, 'H');
	if (s % 3600 >= 60)
		put_units(out, s % 3600 / 60, 'M');
	if (s % 60 != 0 || s == 0)
		put_units(out, s % 60, 'S');
	return buf_ok(out);
}

void clock_format_rfc5322(char out[CLOCK_RFC5322_LEN + 1], int64_t ms)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
					   "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	assert(ms >= 0 && ms <= CLOCK_MAX_MS);
	struct civil c = civil_of(ms);
	char text[96];
	int n = snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d +0000",
			 days[c.weekday], c.day, months[c.month - 1], c.year, c.hour,
			 c.minute, c.second);
	assert(n == CLOCK_RFC5322_LEN);
	memcpy(out, text, (size_t)n + 1);
}
