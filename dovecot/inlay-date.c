/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-date.h"

time_t inlay_date_of(uint8_t position, int64_t date_ms, time_t now)
{
	if (position != WIRE_POSITION_DATE || date_ms < 0)
		return now;
	time_t date = (time_t)(date_ms / 1000);
	return date < now ? date : now;
}

static int newest_first(const time_t *a, const time_t *b)
{
	return *a > *b ? -1 : *a < *b;
}

time_t inlay_date_of_rank(time_t *dates, unsigned int count, uint32_t rank, time_t now)
{
	if (rank < 2 || count < rank - 1)
		return now;
	i_qsort(dates, count, sizeof(*dates), newest_first);
	time_t date = dates[rank - 2] - 1;
	return date > now ? now : I_MAX(date, 0);
}

void inlay_date_write(unsigned char *message, size_t size, const uint32_t *offsets,
		      size_t count, time_t date)
{
	char text[WIRE_DATE_WIDTH];
	wire_date_write(date, text);
	for (size_t i = 0; i < count; i++) {
		i_assert(offsets[i] + (size_t)WIRE_DATE_WIDTH <= size);
		memcpy(message + offsets[i], text, WIRE_DATE_WIDTH);
	}
}
