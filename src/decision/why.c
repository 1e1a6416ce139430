/* SPDX-License-Identifier: Apache-2.0 */
/* The same walk through the same gates as a decision, with a pen in hand. */
#include "decision/decision-internal.h"

#define FACTS_MAX 4096

#define OUTCOME_STOPPED STR("stopped")
#define OUTCOME_INJECT STR("would inject")
#define OUTCOME_REINJECT STR("would reinject")
#define OUTCOME_WITHDRAW STR("would withdraw")
#define OUTCOME_CANDIDATE STR("candidate")

static const struct action *action_for(const struct decision *d,
				       const struct running_campaign *c,
				       enum action_op op)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->actions[i].campaign == c && d->actions[i].op == op)
			return &d->actions[i];
	return NULL;
}

/* Passed every gate and was not taken: by whom was it beaten? */
static void beaten(struct look *l, const struct decision *d,
		   const struct running_campaign *c, struct explanation *e)
{
	bool service = campaign_is_service(c->definition);
	e->outcome = OUTCOME_CANDIDATE;
	e->gate = STR("perDecision");
	for (size_t i = 0; i < d->n; i++) {
		const struct campaign *won = d->actions[i].campaign->definition;
		if (d->actions[i].op != ACTION_INJECT ||
		    campaign_is_service(won) != service)
			continue;
		e->gate = won->tier < c->definition->tier ? STR("tier") : STR("choice");
		fact_string(l, "chosen", won->id);
		fact_u64(l, "chosenTier", won->tier);
		fact_u64(l, "chosenWeight", won->weight);
		break;
	}
	fact_u64(l, "tier", c->definition->tier);
	fact_u64(l, "weight", c->definition->weight);
	fact_u64(l, "max",
		 service ? l->s->tenant->limits.service_per_decision
			 : l->s->tenant->limits.max_per_decision);
}

static void inject_facts(struct look *l, const struct action *a)
{
	fact_string(l, "variant", a->variant->id);
	fact_u64(l, "n", a->assignment.n);
}

/* What lies in the mailbox is not looked at here: keepOnTop says what it waits for. */
static void reinject_facts(struct look *l, const struct action *a)
{
	const struct campaign *d = a->campaign->definition;
	inject_facts(l, a);
	fact_u64(l, "k", a->assignment.k);
	fact_string(l, "by", str_of(again_name(a->by)));
	if (a->by == AGAIN_KEEP_ON_TOP)
		fact_u64(l, "afterNewer", d->keep_on_top.after_newer);
}

/* Why an unread copy is not put in anew, beside why there is no injection. */
static void explain_copy(struct look *l, const struct running_campaign *c)
{
	struct reinjection again;
	const struct assignment *copy = again_copy(l, c);
	if (copy == NULL)
		return;
	json_put_key(l->facts, STR("reinjection"));
	json_put_object(l->facts);
	if (again_passes(l, c, copy, &again))
		fact_string(l, "gate", STR("perDecision"));
	json_put_object_end(l->facts);
}

static void explain(struct look *l, const struct decision *d,
		    const struct running_campaign *c, struct explanation *e)
{
	const struct action *again = action_for(d, c, ACTION_REINJECT);
	const struct action *inject = action_for(d, c, ACTION_INJECT);
	*e = (struct explanation){.campaign = c, .outcome = OUTCOME_STOPPED};
	if (again != NULL) {
		e->outcome = OUTCOME_REINJECT;
		reinject_facts(l, again);
		return;
	}
	enum gate closed = gates_first_closed(l, c);
	if (closed != GATES_COUNT) {
		e->gate = str_of(gate_name(closed));
		if (l->opens_ms != 0)
			fact_time(l, "opens", l->opens_ms);
		explain_copy(l, c);
	} else if (inject != NULL) {
		e->outcome = OUTCOME_INJECT;
		inject_facts(l, inject);
	} else {
		beaten(l, d, c, e);
	}
	if (action_for(d, c, ACTION_WITHDRAW) != NULL)
		e->outcome = OUTCOME_WITHDRAW;
}

bool decision_why(const struct snapshot *s, const struct user_record *user,
		  int64_t now_ms, struct arena *arena, struct explanation **out,
		  size_t *n)
{
	struct decision d;
	struct buf facts;
	struct look look = {.s = s,
			    .user = user,
			    .now_ms = now_ms,
			    .assignments = user->assignments,
			    .n_assignments = user->n_assignments};
	struct explanation *all = arena_array(arena, s->n_campaigns, sizeof *all);
	if (all == NULL || !decide(s, user, NULL, now_ms, arena, &d))
		return false;
	buf_init(&facts, FACTS_MAX);
	bool ok = true;
	for (size_t i = 0; i < s->n_campaigns && ok; i++) {
		struct json_writer w;
		buf_clear(&facts);
		json_writer_init(&w, &facts);
		json_put_object(&w);
		look.facts = &w;
		explain(&look, &d, &s->campaigns[i], &all[i]);
		json_put_object_end(&w);
		all[i].facts = arena_str(arena, buf_str(&facts));
		ok = buf_ok(&facts) && all[i].facts.p != NULL;
	}
	buf_free(&facts);
	*out = all;
	*n = s->n_campaigns;
	return ok;
}
