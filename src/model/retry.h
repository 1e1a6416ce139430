/* SPDX-License-Identifier: Apache-2.0 */
/* When a delivery that failed is tried again, and when it is given up. Pure. */
#ifndef INLAY_MODEL_RETRY_H
#define INLAY_MODEL_RETRY_H

#include "base/str.h"

#define RETRY_FIRST_MS INT64_C(1000)       /* after the first failure, */
#define RETRY_MOST_MS INT64_C(3600000)     /* doubled with each up to this */
#define RETRY_AFTER_MOST INT64_C(86400000) /* what a server may ask for at most */

/* How long to wait after so many failures in a row (1: the first), less up to half of
 * it by `random`, so that not all come again at the same time. */
int64_t retry_delay_ms(uint32_t failures, uint32_t random);

/* A Retry-After of RFC 9110 section 10.2.3, seconds or a date in any of the three
 * forms of section 5.6.7: how long from now_ms on, within 0 and RETRY_AFTER_MOST.
 * False for anything else. */
bool retry_after_parse(struct str value, int64_t now_ms, int64_t *wait_ms);

/* Since when it has been tried in vain: since its own first failure, or, if it never
 * had a turn, since it lay there while its point failed. */
bool retry_is_over(int64_t queued_ms, int64_t first_ms, int64_t failing_since_ms,
		   int64_t now_ms, int64_t retry_for_ms);

#endif
