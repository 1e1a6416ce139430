/* SPDX-License-Identifier: Apache-2.0 */
/* The table of gates made into a walk, and those that ask about the campaign, the
 * user's will and the audience. */
#include "decision/decision-internal.h"

static const struct {
	const char *name;
	gate_fn *open;
	bool service_passes, asks_again;
} gates[] = {
#define X(name, text, fn, service, again, help) {text, fn, service, again},
	GATES(X)
#undef X
};

const char *gate_name(enum gate g)
{
	return gates[g].name;
}

static enum gate first_closed(struct look *l, const struct running_campaign *c,
			      bool again)
{
	bool service = campaign_is_service(c->definition);
	for (int g = 0; g < GATES_COUNT; g++) {
		if ((service && gates[g].service_passes) ||
		    (again && !gates[g].asks_again))
			continue;
		l->opens_ms = 0;
		if (!gates[g].open(l, c))
			return (enum gate)g;
	}
	l->opens_ms = 0;
	return GATES_COUNT;
}

enum gate gates_first_closed(struct look *l, const struct running_campaign *c)
{
	return first_closed(l, c, false);
}

enum gate gates_first_closed_again(struct look *l, const struct running_campaign *c)
{
	return first_closed(l, c, true);
}

bool gate_kill_switch(struct look *l, const struct running_campaign *c)
{
	if (l->s->kill_switch == KILL_NOTHING ||
	    (l->s->kill_switch == KILL_NON_SERVICE &&
	     campaign_is_service(c->definition)))
		return true;
	fact_string(l, "scope",
		    l->s->kill_switch == KILL_ALL ? STR("all") : STR("nonService"));
	return false;
}

bool gate_status(struct look *l, const struct running_campaign *c)
{
	switch (c->state.status) {
	case CAMPAIGN_ACTIVE:
		return true;
	case CAMPAIGN_STAGED:
		fact_string(l, "status", STR("staged"));
		break;
	case CAMPAIGN_PAUSED:
		fact_string(l, "status", STR("paused"));
		break;
	case CAMPAIGN_CANCELLED:
		fact_string(l, "status", STR("cancelled"));
		break;
	}
	return false;
}

bool gate_consent(struct look *l, const struct running_campaign *c)
{
	const struct consent *by = NULL;
	struct str purpose = c->definition->purpose;
	if (l->user->known &&
	    user_has_consent(&l->user->profile, purpose, l->now_ms, &by))
		return true;
	fact_string(l, "purpose", purpose);
	fact_bool(l, "userKnown", l->user->known);
	if (by != NULL)
		fact_time(l, "revoked", by->at_ms);
	return false;
}

bool gate_opt_out(struct look *l, const struct running_campaign *c)
{
	const struct opt_out *by;
	struct str purpose = c->definition->purpose;
	if (!user_is_opted_out(&l->user->profile, purpose, l->now_ms, &by))
		return true;
	fact_string(l, "purpose", purpose);
	fact_bool(l, "ofEverything", by->purpose.p == NULL);
	fact_time(l, "since", by->at_ms);
	return false;
}

/* Excludes by what reached the user: confirmed, or on its way. Never by the other
 * campaign's audience, so that cycles are harmless. */
static const struct assignment *excluded_by(const struct look *l,
					    const struct campaign *d)
{
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		if (a->injected_ms == 0 && !assignment_is_live(a, l->now_ms))
			continue;
		for (size_t j = 0; j < d->n_exclude_campaigns; j++)
			if (str_eq(a->campaign, d->exclude_campaigns[j]))
				return a;
	}
	return NULL;
}

bool gate_audience(struct look *l, const struct running_campaign *c)
{
	const struct campaign *d = c->definition;
	if (d->from == AUDIENCE_RECIPIENTS && variables_row(c, l->user) == NULL) {
		fact_string(l, "from", STR("recipients"));
		fact_bool(l, "recipient", false);
		return false;
	}
	const struct assignment *other = excluded_by(l, d);
	if (other == NULL)
		return true;
	fact_string(l, "excludedBy", other->campaign);
	fact_time(l, "received",
		  other->injected_ms != 0 ? other->injected_ms : other->assigned_ms);
	return false;
}

bool gate_window(struct look *l, const struct running_campaign *c)
{
	const struct campaign *d = c->definition;
	if (l->now_ms >= d->start_ms && l->now_ms < d->end_ms)
		return true;
	if (l->now_ms < d->start_ms)
		l->opens_ms = d->start_ms;
	fact_time(l, "start", d->start_ms);
	fact_time(l, "end", d->end_ms);
	return false;
}
