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
		if (l->assignments[i].injected_ms != 0 ||
		    assignment_is_live(&l->assignments[i], l->now_ms))
			n++;
	return n;
}

const struct running_campaign *choice_best(const struct look *l,
					   const struct running_campaign *const *all,
					   size_t n)
{
	const struct running_campaign *best = NULL;
	double best_draw = 0;
	uint64_t count = injections(l);
	for (size_t i = 0; i < n; i++) {
		const struct campaign *d = all[i]->definition;
		if (best != NULL && d->tier > best->definition->tier)
			continue;
		double u = id_choice(&l->s->key, l->user->profile.user, STR(""), count,
				     d->id);
		double draw = log(u) / d->weight;
		/* equal draws: the order of the ids, never that of the list */
		if (best == NULL || d->tier < best->definition->tier ||
		    draw > best_draw ||
		    (draw == best_draw && str_cmp(d->id, best->definition->id) < 0)) {
			best = all[i];
			best_draw = draw;
		}
	}
	return best;
}
