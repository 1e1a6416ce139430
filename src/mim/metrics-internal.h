/* SPDX-License-Identifier: Apache-2.0 */
/* The counters themselves: counted in metrics.c, written in metrics-text.c. */
#ifndef INLAY_MIM_METRICS_INTERNAL_H
#define INLAY_MIM_METRICS_INTERNAL_H

#include "mim/metrics.h"

#include <stdatomic.h>

/* Status classes 1xx to 5xx; bounds of latency in microseconds. */
#define METRICS_CLASSES 5
#define METRICS_BOUNDS(X)                                                              \
	X(100)                                                                         \
	X(250)                                                                         \
	X(500)                                                                         \
	X(1000)                                                                        \
	X(2500)                                                                        \
	X(5000)                                                                        \
	X(10000)                                                                       \
	X(25000)                                                                       \
	X(50000) X(100000) X(250000) X(500000) X(1000000) X(2500000) X(10000000)
#define X(bound) +1
enum { METRICS_N_BOUNDS = 0 METRICS_BOUNDS(X) };
#undef X
extern const int64_t metrics_bounds[METRICS_N_BOUNDS];

struct route_metrics {
	_Atomic uint64_t answers[METRICS_CLASSES];
	/* not cumulative; the last: above all */
	_Atomic uint64_t within[METRICS_N_BOUNDS + 1];
	_Atomic uint64_t micros;
};

struct metrics {
	_Atomic uint64_t counters[METRICS_COUNT];
	size_t n_routes;
	struct route_metrics routes[];
};

#endif
