/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Instants are int64_t milliseconds since 1970-01-01T00:00:00Z, named
 * ..._ms; durations too, named ..._ms or with their unit. Only the rim of a
 * program asks for the time: pure code is given it. */
#ifndef INLAY_BASE_CLOCK_H
#define INLAY_BASE_CLOCK_H

#include "base/buf.h"
#include "base/error.h"

#include <time.h>

#define CLOCK_SECOND INT64_C(1000)
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_HOUR (60 * CLOCK_MINUTE)
#define CLOCK_DAY (24 * CLOCK_HOUR)
/* The years 1970 to 9999: what can be written in RFC 3339. */
#define CLOCK_MAX_MS INT64_C(253402300799999)

int64_t clock_real_ms(void);        /* CLOCK_REALTIME */
int64_t clock_mono_us(void);        /* CLOCK_MONOTONIC, for deadlines */
int64_t clock_mono_coarse_us(void); /* the same up to 10 ms late, for a fifth of it */
/* CLOCK_MONOTONIC in so many us: an end for pthread_cond_timedwait. */
struct timespec clock_mono_after(int64_t us);
int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME, for leases and validity */

/* A wall clock that is never set back: what was put off until a time of it is due
 * when that has passed, though CLOCK_REALTIME was set back meanwhile. {0} at first;
 * one thread at a time. */
struct clock_onward {
	int64_t real_ms, mono_us; /* at the beginning, or when it was set forward */
};
int64_t clock_onward_ms(struct clock_onward *c);

/* RFC 3339 section 5.6 date-time, any offset, fraction cut to milliseconds, a
 * leap second taken as the second before it; years 1970 to 9999. */
bool clock_parse_rfc3339(struct str s, int64_t *ms, struct error *err);
/* UTC with 'Z'; the fraction only if it is not zero: 2026-05-01T08:00:00Z. */
bool clock_format_rfc3339(struct buf *out, int64_t ms);
/* ISO 8601 duration of weeks, days, hours, minutes, whole seconds:
 * P7D, PT12H, P1DT30M, P2W. Years and months are refused, for they have no
 * length (decision.md: calendar units). At most 10,000 days. */
bool clock_parse_duration(struct str s, int64_t *ms, struct error *err);
bool clock_format_duration(struct buf *out, int64_t ms);
/* RFC 5322 section 3.3 date-time in UTC, always 31 bytes for years to 9999:
 * "Fri, 01 May 2026 08:00:00 +0000". */
#define CLOCK_RFC5322_LEN 31
void clock_format_rfc5322(char out[CLOCK_RFC5322_LEN + 1], int64_t ms);

#endif
