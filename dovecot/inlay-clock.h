/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of the plugin, each for one purpose, in milliseconds. */
#ifndef INLAY_CLOCK_H
#define INLAY_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t inlay_clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For deadlines: no one sets it. */
static inline int64_t inlay_clock_monotonic(void)
{
	return inlay_clock_ms(CLOCK_MONOTONIC);
}

/* How long it is until that time of the clock above, for a poll. */
static inline int64_t inlay_clock_left_us(int64_t until)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return until * 1000 - ((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/* For validFor: goes on while the machine sleeps. */
static inline int64_t inlay_clock_boot(void)
{
	return inlay_clock_ms(CLOCK_BOOTTIME);
}

/* For dates in messages and events. */
static inline int64_t inlay_clock_wall(void)
{
	return inlay_clock_ms(CLOCK_REALTIME);
}

#endif
