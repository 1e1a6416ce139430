/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/metrics-internal.h"

#include <stdlib.h>

const int64_t metrics_bounds[METRICS_N_BOUNDS] = {
#define X(bound) bound,
	METRICS_BOUNDS(X)
#undef X
};

struct metrics *metrics_new(size_t n_routes)
{
	struct metrics *m = calloc(1, sizeof *m + n_routes * sizeof m->routes[0]);
	if (m != NULL)
		m->n_routes = n_routes;
	return m;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

void metrics_add(struct metrics *m, enum metric what, uint64_t n)
{
	if (m != NULL)
		atomic_fetch_add_explicit(&m->counters[what], n, memory_order_relaxed);
}

void metrics_request(struct metrics *m, size_t route, int status, int64_t micros)
{
	size_t bound = 0;
	if (m == NULL || route >= m->n_routes || status < 100 || status > 599)
		return;
	struct route_metrics *r = &m->routes[route];
	while (bound < METRICS_N_BOUNDS && micros > metrics_bounds[bound])
		bound++;
	atomic_fetch_add_explicit(&r->answers[status / 100 - 1], 1,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&r->within[bound], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->micros, (uint64_t)micros, memory_order_relaxed);
}
