/* SPDX-License-Identifier: Apache-2.0 */
/* What a mailbox takes of all campaigns together: unread messages at once, time
 * between two, and how many instances MIM keeps of a user. Limits are the tenant's and
 * are taken literally: of nought nothing is let through, a spacing of nought is none.
 * Service messages neither fill nor obey them. */
#include "decision/decision-internal.h"

bool gate_room(struct look *l, const struct running_campaign *c)
{
	(void)c;
	if (l->n_assignments < USER_MAX_ASSIGNMENTS)
		return true;
	fact_u64(l, "instances", l->n_assignments);
	fact_u64(l, "max", USER_MAX_ASSIGNMENTS);
	return false;
}

bool gate_live_limit(struct look *l, const struct running_campaign *c)
{
	uint32_t live = 0;
	(void)c;
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		enum assignment_state state = assignment_state_at(a, l->now_ms);
		/* a reinjection on its way takes the place of a copy that counts */
		if (!a->service && (state == ASSIGNMENT_UNREAD ||
				    (state == ASSIGNMENT_PENDING && a->k == 0)))
			live++;
	}
	if (live < l->s->tenant->limits.live_unread)
		return true;
	fact_u64(l, "unread", live);
	fact_u64(l, "max", l->s->tenant->limits.live_unread);
	return false;
}

bool gate_spacing(struct look *l, const struct running_campaign *c)
{
	int64_t spacing_ms = l->s->tenant->limits.min_spacing_ms;
	int64_t last_ms = 0;
	(void)c;
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		int64_t at_ms = a->injected_ms;
		if (at_ms == 0 && assignment_is_live(a, l->now_ms))
			at_ms = a->assigned_ms;
		if (!a->service && at_ms > last_ms)
			last_ms = at_ms;
	}
	/* the last one may lie ahead, if the clock was set back since */
	if (last_ms == 0 || spacing_ms == 0 || l->now_ms - last_ms >= spacing_ms)
		return true;
	l->opens_ms = last_ms + spacing_ms;
	fact_duration(l, "minSpacing", spacing_ms);
	fact_time(l, "last", last_ms);
	return false;
}
