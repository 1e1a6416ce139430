/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/back-off.h"

#include "base/crypto.h"

#define FIRST_DELAY 1.0
#define LAST_DELAY 30.0

double back_off_delay(unsigned failures)
{
	double delay = FIRST_DELAY;
	while (failures-- > 1 && delay < LAST_DELAY)
		delay *= 2;
	return delay < LAST_DELAY ? delay : LAST_DELAY;
}

double back_off(unsigned failures, uint32_t least)
{
	uint32_t draw;
	crypto_random(&draw, sizeof draw);
	double part = (double)draw / UINT32_MAX;
	double delay = back_off_delay(failures) * (0.5 + part / 2);
	double asked = least * (1.0 + part / 10);
	return delay > asked ? delay : asked;
}
