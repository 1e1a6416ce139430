/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <assert.h>

static const struct {
	const char *name, *point;
} table[] = {
#define X(name, text, point) {text, point},
	STATISTICS(X)
#undef X
};

const char *statistic_name(enum statistic s)
{
	assert((size_t)s < STATISTICS_COUNT);
	return table[s].name;
}

const char *statistic_point_event(enum statistic s)
{
	assert((size_t)s < STATISTICS_COUNT);
	return table[s].point;
}
