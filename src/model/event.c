/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <assert.h>

static const struct {
	const char *name, *point;
	bool shown;
} table[] = {
#define X(name, text, point, shown) {text, point, shown},
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

bool statistic_is_shown(enum statistic s)
{
	assert((size_t)s < STATISTICS_COUNT);
	return table[s].shown;
}
