/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/opening.h"

static bool no_memory(struct error *err)
{
	return error_set(err, ERROR_MEMORY, "", "no memory for a decision");
}

static bool apply_events(struct opening *o)
{
	bool known;
	o->dropped = 0;
	for (size_t i = 0; i < o->request->n_events; i++) {
		if (!partition_event(&o->partition, &o->request->events[i].event,
				     o->now_ms, &known))
			return false;
		o->dropped += !known;
	}
	return true;
}

static bool apply_look(struct opening *o)
{
	struct partition *p = &o->partition;
	if (!reconcile(o->snapshot, o->user_key, p->assignments, p->n_assignments,
		       p->changed, &o->request->mailbox, o->now_ms, o->arena,
		       &o->reconciled))
		return false;
	for (size_t i = 0; i < o->reconciled.n_effects; i++)
		if (!partition_effect(p, o->reconciled.effect_of[i],
				      &o->reconciled.effects[i]))
			return false;
	return true;
}

/* Drawn only when there is something to be known by it: most decisions are empty. */
static void stamp(struct opening *o)
{
	for (size_t i = 0; i < o->decision.n; i++) {
		if (!action_assigns(&o->decision.actions[i]))
			continue;
		while (o->nonce == 0)
			crypto_random(&o->nonce, sizeof o->nonce);
		o->decision.actions[i].assignment.nonce = o->nonce;
	}
}

/* The new assignments of the decision, which must be durable before the answer. */
static size_t assigned(const struct decision *d,
		       struct assignment out[DECISION_MAX_ACTIONS])
{
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++)
		if (action_assigns(&d->actions[i]))
			out[n++] = d->actions[i].assignment;
	return n;
}

static bool work(struct user_update *u, bool *write, struct error *err)
{
	struct opening *o = u->ctx;
	struct partition *p = &o->partition;
	struct user_record now = u->record;
	struct assignment added[DECISION_MAX_ACTIONS];
	if (u->tries > 1)
		metrics_add(o->metrics, METRIC_DECISION_CONFLICTS, 1);
	if (!partition_open(p, o->snapshot, &u->record, o->arena) || !apply_events(o) ||
	    !apply_look(o))
		return no_memory(err);
	now.assignments = p->assignments;
	if (!decide(o->snapshot, &now, &o->request->mailbox, o->now_ms, o->arena,
		    &o->decision))
		return no_memory(err);
	stamp(o);
	if (!partition_change(p, added, assigned(&o->decision, added), &u->change,
			      write))
		return no_memory(err);
	return true;
}

static void answer(struct opening *o)
{
	static const enum metric ops[] = {[ACTION_INJECT] = METRIC_INJECTIONS,
					  [ACTION_REINJECT] = METRIC_REINJECTIONS,
					  [ACTION_WITHDRAW] = METRIC_WITHDRAWALS};
	for (size_t i = 0; i < o->decision.n; i++)
		metrics_add(o->metrics, ops[o->decision.actions[i].op], 1);
	metrics_add(o->metrics, METRIC_EVENTS_UNKNOWN, o->dropped);
	metrics_add(o->metrics,
		    o->decision.n > 0 ? METRIC_DECISIONS : METRIC_DECISIONS_EMPTY, 1);
	o->done(o, NULL);
}

static void fail(struct opening *o, const struct error *err)
{
	metrics_add(o->metrics, METRIC_DECISIONS_FAILED, 1);
	o->done(o, err);
}

/* Nothing was assigned, as far as one can know: nothing is to be done. */
static void answer_empty(struct opening *o, const struct error *why)
{
	if (o->told_early) { /* something else was answered */
		fail(o, why);
		return;
	}
	log_warn(o->log, "decision", "answered empty  reason=%s", why->message);
	o->decision.n = 0;
	o->decision.next_check_ms = DECISION_CHECK_MIN_MS;
	answer(o);
}

static bool is_ours(const struct opening *o, const struct assignment *a)
{
	for (size_t i = 0; i < o->again.n_assignments; i++)
		if (id16_eq(o->again.assignments[i].instance, a->instance) &&
		    o->again.assignments[i].nonce == o->nonce)
			return true;
	return false;
}

/* The write's outcome was unknown. One commit is all or nothing, so every assignment
 * must be found. */
static void has_read_again(void *ctx, const struct error *err)
{
	static const struct error lost = {.kind = ERROR_IO,
					  .message = "the assignment was not written"};
	struct opening *o = ctx;
	struct assignment added[DECISION_MAX_ACTIONS];
	if (err != NULL) {
		answer_empty(o, err);
		return;
	}
	size_t n = assigned(&o->decision, added);
	for (size_t i = 0; i < n; i++)
		if (!is_ours(o, &added[i])) {
			answer_empty(o, &lost);
			return;
		}
	answer(o);
}

static void updated(struct user_update *u, const struct error *err)
{
	struct opening *o = u->ctx;
	struct assignment added[DECISION_MAX_ACTIONS];
	if (err == NULL) {
		answer(o);
	} else if (u->outcome_unknown && assigned(&o->decision, added) > 0) {
		o->again = (struct user_record){.known = false};
		store_user_read(o->db, o->user_key, NULL, 0, o->arena, &o->again,
				has_read_again, o);
	} else if (u->change.assignments != NULL) {
		answer_empty(o, err); /* decided, but not written */
	} else {
		fail(o, err);
	}
}

static void applied(struct user_update *u)
{
	struct opening *o = u->ctx;
	struct assignment added[DECISION_MAX_ACTIONS];
	if (o->told_early || assigned(&o->decision, added) == 0)
		return;
	o->told_early = true;
	u->max_tries = u->tries; /* another decision would be another answer */
	o->early(o);
}

static void has_read_dry(void *ctx, const struct error *err)
{
	struct opening *o = ctx;
	struct error why;
	o->again.profile.user = o->user_key;
	if (err == NULL &&
	    !decide(o->snapshot, &o->again, NULL, o->now_ms, o->arena, &o->decision)) {
		no_memory(&why);
		err = &why;
	}
	o->done(o, err);
}

void opening_start(struct opening *o)
{
	const struct snapshot *s = o->snapshot;
	if (o->request == NULL) {
		o->again = (struct user_record){.known = false};
		store_user_read(o->db, o->user_key, s->loads, s->n_loads, o->arena,
				&o->again, has_read_dry, o);
		return;
	}
	o->nonce = 0;
	o->told_early = false;
	o->update = (struct user_update){.db = o->db,
					 .user_key = o->user_key,
					 .loads = s->loads,
					 .n_loads = s->n_loads,
					 .arena = o->arena,
					 .max_tries = OPENING_TRIES,
					 .work = work,
					 .done = updated,
					 .applied = o->early != NULL ? applied : NULL,
					 .ctx = o};
	user_update_start(&o->update);
}
