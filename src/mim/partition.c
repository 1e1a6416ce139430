/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/partition.h"

#include "model/assignment-chain.h"

#define FIRST_ITEMS 4

/* Room for one more item of a growing array in the arena. */
static bool grow(struct arena *a, void **items, size_t size, size_t n, size_t *cap)
{
	size_t more = *cap == 0 ? FIRST_ITEMS : 2 * *cap;
	if (n < *cap)
		return true;
	void *all = arena_array(a, more, size);
	if (all == NULL)
		return false;
	if (n > 0)
		memcpy(all, *items, n * size);
	*items = all;
	*cap = more;
	return true;
}

static bool add_event(struct partition *p, const struct store_event *e)
{
	void *items = p->events;
	if (!grow(p->arena, &items, sizeof *e, p->n_events, &p->cap_events))
		return false;
	p->events = items;
	p->events[p->n_events++] = *e;
	return true;
}

static bool add_outbox(struct partition *p, const struct store_outbox_row *row)
{
	void *items = p->outbox;
	if (!grow(p->arena, &items, sizeof *row, p->n_outbox, &p->cap_outbox))
		return false;
	p->outbox = items;
	p->outbox[p->n_outbox++] = *row;
	return true;
}

static bool add_due(struct partition *p, struct store_due due)
{
	void *items = p->due;
	if (!grow(p->arena, &items, sizeof due, p->n_due, &p->cap_due))
		return false;
	p->due = items;
	p->due[p->n_due++] = due;
	return true;
}

static bool add_due_done(struct partition *p, struct store_due due)
{
	void *items = p->due_done;
	if (!grow(p->arena, &items, sizeof due, p->n_due_done, &p->cap_due_done))
		return false;
	p->due_done = items;
	p->due_done[p->n_due_done++] = due;
	return true;
}

bool partition_open(struct partition *p, const struct snapshot *s,
		    const struct user_record *record, struct arena *arena)
{
	size_t n = record->n_assignments;
	*p = (struct partition){.arena = arena, .snapshot = s, .n_assignments = n};
	p->assignments = arena_array(arena, n, sizeof *p->assignments);
	p->changed = arena_array(arena, n, sizeof *p->changed);
	if (p->assignments == NULL || p->changed == NULL)
		return false;
	if (n > 0)
		memcpy(p->assignments, record->assignments, n * sizeof *p->assignments);
	return true;
}

/* One row for each of the tenant's conversion points that hears of it. */
static bool add_outbox_rows(struct partition *p, const struct store_event *e)
{
	const struct tenant *t = p->snapshot->tenant;
	struct str type = str_of(statistic_point_event(e->statistic));
	for (size_t i = 0; type.n > 0 && i < t->n_conversion_points; i++) {
		const struct conversion_point *point = &t->conversion_points[i];
		struct store_outbox_row row = {.event_id = e->event_id,
					       .instance = e->instance,
					       .point = point->id,
					       .event_type = type,
					       .campaign = e->campaign,
					       .at_ms = e->at_ms};
		if (str_eq(point->event_type, type) && !add_outbox(p, &row))
			return false;
	}
	return true;
}

bool partition_effect(struct partition *p, const struct assignment *a,
		      const struct event_effect *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct store_event event = {.event_id = e->event_id[i],
					    .instance = a->instance,
					    .campaign = a->campaign,
					    .statistic = e->statistic[i],
					    .assigned_ms = a->assigned_ms,
					    .at_ms = e->at_ms[i]};
		if (!add_event(p, &event) || !add_outbox_rows(p, &event))
			return false;
	}
	return e->due_ms == 0 || add_due(p, (struct store_due){e->due_ms, a->instance});
}

/* What an event tells of one copy of an injection may say what became of another. */
static bool settle_chain(struct partition *p, const struct assignment *of,
			 int64_t now_ms)
{
	for (size_t i = 0; i < p->n_assignments; i++) {
		struct assignment *a = &p->assignments[i];
		if (!assignment_same_chain(a, of))
			continue;
		struct event_effect effect = assignment_settle_replaced(
			a, p->assignments, p->n_assignments, now_ms);
		if (!effect.changed)
			continue;
		p->changed[i] = true;
		if (!partition_effect(p, a, &effect))
			return false;
	}
	return true;
}

bool partition_event(struct partition *p, const struct instance_event *e,
		     int64_t now_ms, bool *known)
{
	*known = false;
	for (size_t i = 0; i < p->n_assignments; i++) {
		struct assignment *a = &p->assignments[i];
		if (!id16_eq(a->instance, e->instance))
			continue;
		struct event_effect effect = assignment_apply(a, e, now_ms);
		*known = true;
		if (effect.changed)
			p->changed[i] = true;
		return partition_effect(p, a, &effect) && settle_chain(p, a, now_ms);
	}
	return true;
}

/* After a step back of the clock its time may not have come: the mark stays. */
static bool still_pending(const struct partition *p, struct id16 instance)
{
	for (size_t i = 0; i < p->n_assignments; i++) {
		const struct assignment *a = &p->assignments[i];
		if (id16_eq(a->instance, instance))
			return a->state == ASSIGNMENT_GONE &&
			       a->cause == WIRE_CAUSE_UNKNOWN && !a->gone_final;
	}
	return false;
}

bool partition_finalize(struct partition *p, const struct store_due_entry *marks,
			size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < p->n_assignments; i++) {
		struct event_effect e = assignment_finalize(&p->assignments[i], now_ms);
		if (!e.changed)
			continue;
		p->changed[i] = true;
		if (!partition_effect(p, &p->assignments[i], &e))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!still_pending(p, marks[i].instance) &&
		    !add_due_done(
			    p, (struct store_due){marks[i].due_ms, marks[i].instance}))
			return false;
	return true;
}

bool partition_change(struct partition *p, const struct assignment *added,
		      size_t n_added, struct store_user_change *change, bool *any)
{
	struct assignment *all =
		arena_array(p->arena, p->n_assignments + n_added, sizeof *all);
	size_t n = 0;
	if (all == NULL)
		return false;
	for (size_t i = 0; i < p->n_assignments; i++) {
		bool replaced = false; /* handed out anew: the newer row says all */
		for (size_t j = 0; j < n_added && !replaced; j++)
			replaced =
				id16_eq(p->assignments[i].instance, added[j].instance);
		if (p->changed[i] && !replaced)
			all[n++] = p->assignments[i];
	}
	for (size_t i = 0; i < n_added; i++)
		all[n++] = added[i];
	*change = (struct store_user_change){.assignments = all,
					     .n_assignments = n,
					     .events = p->events,
					     .n_events = p->n_events,
					     .outbox = p->outbox,
					     .n_outbox = p->n_outbox,
					     .due = p->due,
					     .n_due = p->n_due,
					     .due_done = p->due_done,
					     .n_due_done = p->n_due_done};
	*any = n > 0 || p->n_events > 0 || p->n_due > 0 || p->n_due_done > 0;
	return true;
}
