/* SPDX-License-Identifier: Apache-2.0 */
/* May the user have the campaign (again)? (decision.md "Repeat") What lapsed or was
 * refused never was; what is uncertain counts for the ordinal only. */
#include "decision/decision-internal.h"

uint32_t repeat_next_n(const struct look *l, struct str campaign)
{
	uint32_t n = 1;
	for (size_t i = 0; i < l->n_assignments; i++)
		if (l->assignments[i].k == 0 &&
		    str_eq(l->assignments[i].campaign, campaign) &&
		    assignment_counts_in_n(&l->assignments[i]))
			n++;
	return n;
}

/* Has it ended in a way that the next may follow? */
static bool may_follow(const struct assignment *a, unsigned after)
{
	if (a->was_read && (after & REPEAT_AFTER_READ) != 0)
		return true;
	switch (a->state) {
	case ASSIGNMENT_GONE:
	case ASSIGNMENT_RECALLED:
		return (after & REPEAT_AFTER_GONE) != 0;
	case ASSIGNMENT_EXPIRED:
		return (after & REPEAT_AFTER_EXPIRED) != 0;
	default:
		return false;
	}
}

bool repeat_on_its_way(struct look *l, const struct assignment *a)
{
	switch (assignment_state_at(a, l->now_ms)) {
	case ASSIGNMENT_PENDING:
		/* one of this very decision is nothing to wait for */
		if (a->assigned_ms < l->now_ms)
			l->opens_ms = a->assigned_ms + ASSIGNMENT_LAPSE_MS;
		return true;
	case ASSIGNMENT_LAPSED:
		if (a->node.p == NULL || look_node(l).p == NULL ||
		    str_eq(a->node, look_node(l)))
			return false;
		if (l->now_ms - a->assigned_ms >= ASSIGNMENT_OTHER_NODE_MS)
			return false;
		l->opens_ms = a->assigned_ms + ASSIGNMENT_OTHER_NODE_MS;
		return true;
	default:
		return false;
	}
}

struct history {
	uint32_t used;
	int64_t last_ms;
	const struct assignment *blocks; /* live, or ended in no way that counts */
};

static bool look_back(struct look *l, const struct campaign *d, struct history *h)
{
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		if (!str_eq(a->campaign, d->id))
			continue;
		if (repeat_on_its_way(l, a)) {
			fact_string(l, "state", STR("pending"));
			fact_time(l, "assigned", a->assigned_ms);
			return false;
		}
		if (a->k == 0 && a->state == ASSIGNMENT_REFUSED &&
		    a->cause == WIRE_CAUSE_LEDGER) {
			/* the mailbox had this instance before: it would be refused
			 * again and again */
			fact_string(l, "state", STR("refused"));
			fact_string(l, "cause", STR("ledger"));
			return false;
		}
		if (a->injected_ms == 0)
			continue;
		h->used += a->k == 0; /* its reinjections are the same injection */
		if (a->injected_ms > h->last_ms)
			h->last_ms = a->injected_ms;
		/* a copy that was replaced has not ended */
		if (a->state == ASSIGNMENT_GONE && a->cause == WIRE_CAUSE_REPLACED)
			continue;
		if (!may_follow(a, d->repeat.after))
			h->blocks = a;
	}
	return true;
}

bool gate_repeat(struct look *l, const struct running_campaign *c)
{
	const struct campaign *d = c->definition;
	struct history h = {.used = 0};
	if (!look_back(l, d, &h))
		return false;
	if (h.used >= d->repeat.max) {
		fact_u64(l, "max", d->repeat.max);
		fact_u64(l, "used", h.used);
		if (h.last_ms != 0)
			fact_time(l, "last", h.last_ms);
		return false;
	}
	if (h.used > 0 && l->now_ms - h.last_ms < d->repeat.min_gap_ms) {
		l->opens_ms = h.last_ms + d->repeat.min_gap_ms;
		fact_duration(l, "minGap", d->repeat.min_gap_ms);
		fact_time(l, "last", h.last_ms);
		return false;
	}
	if (h.blocks != NULL) {
		fact_string(l, "state", str_of(assignment_state_name(h.blocks->state)));
		fact_time(l, "last", h.blocks->injected_ms);
		return false;
	}
	return true;
}
