/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the lowest tier the highest u^(1/weight) wins, u drawn by hash (decision.md
 * "Choice"): the same answer on every node, and shares that follow the weights, for
 * one user over time, too, as the count of injections goes into the hash. This is the
 * weighted sampling of Efraimidis and Spirakis (2006); log u / weight has the same
 * order and does not underflow. */
#include "decision/decision-internal.h"

#include <math.h>

static uint64_t injections(const struct look *l)
{
	uint64_t n = 0;
	for (size_t i = 0; i < l->n_assignments; i++)
		if (l->assignments[i].k == 0 &&
		    (l->assignments[i].injected_ms != 0 ||
		     assignment_is_live(&l->assignments[i], l->now_ms)))
			n++;
	return n;
}

static uint32_t lowest_tier(const struct running_campaign *const *all, size_t n,
			    size_t *n_in_it)
{
	uint32_t lowest = UINT32_MAX;
	*n_in_it = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t tier = all[i]->definition->tier;
		if (tier < lowest) {
			lowest = tier;
			*n_in_it = 0;
		}
		*n_in_it += tier == lowest;
	}
	return lowest;
}

const struct running_campaign *choice_best(const struct look *l,
					   const struct running_campaign *const *all,
					   size_t n)
{
	const struct running_campaign *best = NULL;
	double best_draw = 0;
	size_t n_drawn;
	uint32_t tier = lowest_tier(all, n, &n_drawn);
	uint64_t count = n_drawn > 1 ? injections(l) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct campaign *d = all[i]->definition;
		if (d->tier != tier)
			continue;
		if (n_drawn == 1)
			return all[i];
		double u = id_choice(&l->s->key, l->user->profile.user, STR(""), count,
				     d->id);
		double draw = log(u) / d->weight;
		/* equal draws: the order of the ids, never that of the list */
		if (best == NULL || draw > best_draw ||
		    (draw == best_draw && str_cmp(d->id, best->definition->id) < 0)) {
			best = all[i];
			best_draw = draw;
		}
	}
	return best;
}
