/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/decision-internal.h"

/* A decision under way: the look, and the copy of the assignments that grows by each
 * choice, so that the next one is made on the state after it. */
struct decider {
	struct look look;
	struct assignment *assignments;
	const struct running_campaign **candidates;
	size_t n_candidates;
	struct arena *arena;
	int64_t opens_ms; /* earliest that a gate opens by time alone; 0: none */
	struct decision *out;
};

static void opens_at(struct decider *d, int64_t ms)
{
	if (ms != 0 && (d->opens_ms == 0 || ms < d->opens_ms))
		d->opens_ms = ms;
}

static bool passes(struct decider *d, const struct running_campaign *c)
{
	if (gates_first_closed(&d->look, c) == GATES_COUNT)
		return true;
	opens_at(d, d->look.opens_ms);
	return false;
}

static bool start(struct decider *d, const struct snapshot *s,
		  const struct user_record *user, const struct mailbox_view *mailbox,
		  int64_t now_ms)
{
	size_t n = user->n_assignments;
	d->assignments =
		arena_array(d->arena, n + DECISION_MAX_ACTIONS, sizeof *d->assignments);
	d->candidates = arena_array(d->arena, s->n_campaigns, sizeof(void *));
	if (d->assignments == NULL || d->candidates == NULL)
		return false;
	if (n > 0)
		memcpy(d->assignments, user->assignments, n * sizeof *d->assignments);
	d->look = (struct look){.s = s,
				.user = user,
				.mailbox = mailbox,
				.now_ms = now_ms,
				.assignments = d->assignments,
				.n_assignments = n};
	*d->out = (struct decision){.n = 0};
	return true;
}

static void find_candidates(struct decider *d, bool service)
{
	const struct snapshot *s = d->look.s;
	d->n_candidates = 0;
	for (size_t i = 0; i < s->n_campaigns; i++)
		if (campaign_is_service(s->campaigns[i].definition) == service &&
		    passes(d, &s->campaigns[i]))
			d->candidates[d->n_candidates++] = &s->campaigns[i];
}

/* Those that still pass on the state after the last choice. */
static void sift_candidates(struct decider *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n_candidates; i++)
		if (passes(d, d->candidates[i]))
			d->candidates[kept++] = d->candidates[i];
	d->n_candidates = kept;
}

/* The same instance may be there as lapsed or refused: it is handed out anew in its
 * place, and keeps what was reported of it. */
static void place(struct decider *d, struct assignment *a)
{
	for (size_t i = 0; i < d->look.n_assignments; i++)
		if (id16_eq(d->assignments[i].instance, a->instance)) {
			a->reported = d->assignments[i].reported;
			d->assignments[i] = *a;
			return;
		}
	d->assignments[d->look.n_assignments++] = *a;
}

/* The assignment is added, with the action that tells of it. */
static bool add(struct decider *d, const struct running_campaign *c, uint32_t n,
		const struct reinjection *again)
{
	const struct campaign *def = c->definition;
	const struct campaign_variant *variant = &def->variants[0];
	struct str user = d->look.user->profile.user;
	struct assignment a = {.campaign = def->id,
			       .version = def->version,
			       .variant = variant->id,
			       .n = n,
			       .k = again != NULL ? again->k : 0,
			       .service = campaign_is_service(def),
			       .state = ASSIGNMENT_PENDING,
			       .assigned_ms = d->look.now_ms,
			       .node = look_node(&d->look)};
	struct action *action = &d->out->actions[d->out->n];
	a.instance = id_instance(&d->look.s->key, def->id, user, a.n, a.k);
	place(d, &a);
	*action = (struct action){.op = again != NULL ? ACTION_REINJECT : ACTION_INJECT,
				  .campaign = c,
				  .variant = variant,
				  .assignment = a,
				  .guid = id_guid(&d->look.s->key, user, a.instance)};
	if (again != NULL) {
		action->replaces = again->replaces;
		action->by = again->by;
	}
	if (!variables_collect(c, variant, d->look.user, d->arena, &action->variables,
			       &action->n_variables))
		return false;
	d->out->n++;
	return true;
}

static bool is_withdrawn(const struct decider *d, struct id16 instance)
{
	for (size_t i = 0; i < d->out->n; i++)
		if (id16_eq(d->out->actions[i].assignment.instance, instance))
			return true;
	return false;
}

/* Unread copies that are to be on top again, in the order in which the user got them.
 * They come before the injections of this answer, which keep their distance from
 * them. */
static bool reinject(struct decider *d)
{
	size_t n = d->look.n_assignments; /* those added here are no copies yet */
	for (size_t i = 0; i < n; i++) {
		const struct assignment *copy = &d->assignments[i];
		const struct running_campaign *c =
			copy->state == ASSIGNMENT_UNREAD ? look_campaign(&d->look, copy)
							 : NULL;
		struct reinjection again;
		if (c == NULL || again_copy(&d->look, c) != copy ||
		    is_withdrawn(d, copy->instance))
			continue;
		if (!again_passes(&d->look, c, copy, &again)) {
			opens_at(d, d->look.opens_ms);
		} else if (d->out->n == DECISION_MAX_ACTIONS) {
			opens_at(d, d->look.now_ms);
			break;
		} else if (!add(d, c, copy->n, &again)) {
			return false;
		}
	}
	return true;
}

static bool choose(struct decider *d, bool service, uint32_t max)
{
	uint32_t chosen = 0;
	find_candidates(d, service);
	while (chosen < max && d->n_candidates > 0 &&
	       d->out->n < DECISION_MAX_ACTIONS) {
		const struct running_campaign *best =
			choice_best(&d->look, d->candidates, d->n_candidates);
		if (!add(d, best, repeat_next_n(&d->look, best->definition->id), NULL))
			return false;
		chosen++;
		sift_candidates(d);
	}
	return true;
}

static int64_t next_check(const struct decider *d)
{
	int64_t wait_ms = DECISION_CHECK_DEFAULT_MS;
	if (d->opens_ms != 0 && d->opens_ms - d->look.now_ms < wait_ms)
		wait_ms = d->opens_ms - d->look.now_ms;
	return wait_ms < DECISION_CHECK_MIN_MS ? DECISION_CHECK_MIN_MS : wait_ms;
}

bool decide(const struct snapshot *s, const struct user_record *user,
	    const struct mailbox_view *mailbox, int64_t now_ms, struct arena *arena,
	    struct decision *out)
{
	struct decider d = {.arena = arena, .out = out};
	bool more;
	if (!start(&d, s, user, mailbox, now_ms))
		return false;
	out->n = withdraw_list(&d.look, false, out->actions, DECISION_MAX_ACTIONS,
			       &more);
	if (more)
		opens_at(&d, now_ms);
	if (!choose(&d, true, s->tenant->limits.service_per_decision) ||
	    !reinject(&d) || !choose(&d, false, s->tenant->limits.max_per_decision))
		return false;
	out->must_look = mailbox == NULL && withdraw_may_be_elsewhere(&d.look);
	out->next_check_ms = next_check(&d);
	return true;
}
