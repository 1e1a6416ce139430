/* SPDX-License-Identifier: Apache-2.0 */
/* The date of an injected message: INTERNALDATE = Date = date of its top Received. */
#ifndef INLAY_DATE_H
#define INLAY_DATE_H

#include "inlay-compat.h"
#include "wire/wire.h"

/* Seconds since 1970. `now` for a message on top; a given date is cut to the second
 * and never lies in the future. */
time_t inlay_date_of(uint8_t position, int64_t date_ms, time_t now);
/* One second before the (rank-1)th newest of the dates, which are sorted for it, so
 * that as many stand above; `now` for rank 1 and where there are fewer. Never in the
 * future, nor before 1970. */
time_t inlay_date_of_rank(time_t *dates, unsigned int count, uint32_t rank, time_t now);
/* Writes the date at the offsets that came with the message; these lie within it
 * (the frame's decoder has seen to that). */
void inlay_date_write(unsigned char *message, size_t size, const uint32_t *offsets,
		      size_t count, time_t date);

#endif
