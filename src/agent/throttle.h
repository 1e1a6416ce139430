/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what repeats itself from flooding the log. Pure; time is given. */
#ifndef INLAY_AGENT_THROTTLE_H
#define INLAY_AGENT_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines that may be written in a second. */
#define THROTTLE_PER_SECOND 20

/* All zero at first. */
struct throttle {
	int64_t second;
	unsigned written;
	size_t left_out; /* since the last line that was allowed */
};

/* May a line be written now? *left_out: how many were not, before this one. */
bool throttle_allows(struct throttle *t, int64_t now_us, size_t *left_out);

#endif
