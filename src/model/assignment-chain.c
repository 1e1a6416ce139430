/* SPDX-License-Identifier: Apache-2.0 */
#include "model/assignment-chain.h"

bool assignment_same_chain(const struct assignment *a, const struct assignment *b)
{
	return a->n == b->n && str_eq(a->campaign, b->campaign);
}

const struct assignment *assignment_successor(const struct assignment *all, size_t n,
					      const struct assignment *a)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].k > a->k && all[i].injected_ms != 0 &&
		    assignment_same_chain(&all[i], a))
			return &all[i];
	return NULL;
}

struct event_effect assignment_settle_replaced(struct assignment *a,
					       const struct assignment *all, size_t n,
					       int64_t now_ms)
{
	const struct instance_event replaced = {.instance = a->instance,
						.type = WIRE_EVENT_GONE,
						.cause = WIRE_CAUSE_REPLACED,
						.at_ms = a->ended_ms};
	if (a->state != ASSIGNMENT_GONE || a->cause != WIRE_CAUSE_UNKNOWN ||
	    a->gone_final || assignment_successor(all, n, a) == NULL)
		return (struct event_effect){.changed = false};
	return assignment_apply(a, &replaced, now_ms);
}
