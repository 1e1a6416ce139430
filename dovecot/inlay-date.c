/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-date.h"

time_t inlay_date_of(uint8_t position, int64_t date_ms, time_t now)
{
	if (position != WIRE_POSITION_DATE || date_ms < 0)
		return now;
	time_t date = (time_t)(date_ms / 1000);
	return date < now ? date : now;
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
