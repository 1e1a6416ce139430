/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#define DAY 86400
#define LAST_SECOND 253402300799 /* 9999-12-31T23:59:59Z */

static void put_digits(char *out, unsigned value, size_t width)
{
	for (size_t i = width; i > 0; i--) {
		out[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Own arithmetic instead of strftime: names of days and months must be English
 * whatever the locale. Civil date from a day number: H. Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", civil_from_days. */
void wire_date_write(int64_t seconds, char out[WIRE_DATE_WIDTH])
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01: Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	unsigned day_number = (unsigned)(seconds / DAY);
	unsigned of_day = (unsigned)(seconds % DAY);

	unsigned z = day_number + 719468;
	unsigned era = z / 146097;
	unsigned day_of_era = z % 146097;
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				day_of_era / 146096) /
			       365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * day_of_year + 2) / 153; /* March is 0 */
	unsigned day = day_of_year - (153 * shifted + 2) / 5 + 1;
	unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
	unsigned year = year_of_era + era * 400 + (month <= 2);

	memcpy(out, "Www, DD Mmm YYYY HH:MM:SS +0000", WIRE_DATE_WIDTH);
	memcpy(out, days + (size_t)(day_number % 7) * 3, 3);
	put_digits(out + 5, day, 2);
	memcpy(out + 8, months + (size_t)(month - 1) * 3, 3);
	put_digits(out + 12, year, 4);
	put_digits(out + 17, of_day / 3600, 2);
	put_digits(out + 20, of_day / 60 % 60, 2);
	put_digits(out + 23, of_day % 60, 2);
}
