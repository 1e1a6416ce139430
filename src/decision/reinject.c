/* SPDX-License-Identifier: Apache-2.0 */
/* May an unread copy be put in anew, on top? (decision.md "Reinjection and
 * keep-on-top") Two rules of the campaign may ask for it: `reinjection`, by the time
 * that it has lain there, and `keepOnTop`, by the messages that came after it. What was
 * read, expunged, moved or withdrawn is no unread copy, so it never is. */
#include "decision/decision-internal.h"
#include "model/assignment-chain.h"

/* Kept on top at most so often, whatever comes in. */
#define KEEP_GAP_MS CLOCK_DAY

const char *again_name(enum again_rule rule)
{
	return rule == AGAIN_KEEP_ON_TOP ? "keepOnTop" : "reinjection";
}

static bool has_rule(const struct campaign *d)
{
	return d->reinjection.max_times > 0 || d->keep_on_top.max_times > 0;
}

const struct assignment *again_copy(const struct look *l,
				    const struct running_campaign *c)
{
	const struct assignment *newest = NULL;
	if (!has_rule(c->definition))
		return NULL;
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		if (a->state != ASSIGNMENT_UNREAD || a->was_read ||
		    !str_eq(a->campaign, c->definition->id))
			continue;
		if (newest == NULL || a->n > newest->n ||
		    (a->n == newest->n && a->k > newest->k))
			newest = a;
	}
	if (newest != NULL &&
	    assignment_successor(l->assignments, l->n_assignments, newest) != NULL)
		return NULL;
	return newest;
}

/* Ordinal of the next copy, how many there were, and whether one is under way. */
static bool look_back(struct look *l, const struct assignment *copy,
		      struct reinjection *out)
{
	out->k = 1;
	out->times = 0;
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		if (a->k == 0 || !assignment_same_chain(a, copy))
			continue;
		if (repeat_on_its_way(l, a)) {
			fact_string(l, "gate", STR("pending"));
			fact_time(l, "assigned", a->assigned_ms);
			return false;
		}
		out->k += assignment_counts_in_n(a);
		out->times += a->injected_ms != 0;
	}
	return true;
}

static void opens_at(struct look *l, int64_t ms)
{
	if (l->opens_ms == 0 || ms < l->opens_ms)
		l->opens_ms = ms;
}

static bool is_due_by_time(struct look *l, const struct campaign_reinjection *rule,
			   const struct assignment *copy, uint32_t times)
{
	if (times >= rule->max_times)
		return false;
	if (l->now_ms - copy->injected_ms >= rule->after_ms)
		return true;
	opens_at(l, copy->injected_ms + rule->after_ms);
	return false;
}

/* message NULL: a dry decision, which does not see what is newer. */
static bool is_due_by_newer(struct look *l, const struct campaign_keep_on_top *rule,
			    const struct assignment *copy, uint32_t times,
			    const struct present_message *message)
{
	if (times >= rule->max_times)
		return false;
	if (copy->k > 0 && l->now_ms - copy->injected_ms < KEEP_GAP_MS) {
		opens_at(l, copy->injected_ms + KEEP_GAP_MS);
		return false;
	}
	return message == NULL || message->newer >= rule->after_newer;
}

static void due_facts(struct look *l, const struct campaign *d,
		      const struct reinjection *r)
{
	fact_string(l, "gate", STR("due"));
	fact_u64(l, "times", r->times);
	if (d->reinjection.max_times > 0) {
		fact_u64(l, "reinjectionMaxTimes", d->reinjection.max_times);
		fact_duration(l, "after", d->reinjection.after_ms);
	}
	if (d->keep_on_top.max_times > 0) {
		fact_u64(l, "keepOnTopMaxTimes", d->keep_on_top.max_times);
		fact_u64(l, "afterNewer", d->keep_on_top.after_newer);
	}
	if (l->opens_ms != 0)
		fact_time(l, "opens", l->opens_ms);
}

/* What would be replaced must be seen: the whole mailbox, and the copy in it. */
static bool is_seen(const struct look *l, const struct assignment *copy,
		    const struct present_message **message)
{
	*message = NULL;
	if (l->mailbox == NULL)
		return true;
	if (!l->mailbox->complete || l->mailbox->pop3)
		return false;
	*message = present_find(l->s, l->user->profile.user, l->mailbox, copy);
	return *message != NULL && !(*message)->seen;
}

bool again_passes(struct look *l, const struct running_campaign *c,
		  const struct assignment *copy, struct reinjection *out)
{
	const struct campaign *d = c->definition;
	const struct present_message *message;
	enum gate closed = gates_first_closed_again(l, c);
	if (closed != GATES_COUNT) {
		fact_string(l, "gate", str_of(gate_name(closed)));
		return false;
	}
	if (!look_back(l, copy, out))
		return false;
	if (!is_seen(l, copy, &message)) {
		fact_string(l, "gate", STR("mailbox"));
		return false;
	}
	out->replaces = message != NULL ? message->guid
					: id_guid(&l->s->key, l->user->profile.user,
						  copy->instance);
	out->by = AGAIN_REINJECTION;
	if (is_due_by_time(l, &d->reinjection, copy, out->times))
		return true;
	out->by = AGAIN_KEEP_ON_TOP;
	if (is_due_by_newer(l, &d->keep_on_top, copy, out->times, message))
		return true;
	due_facts(l, d, out);
	return false;
}
