/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be taken back: copies of campaigns that were recalled, unread ones whose
 * user no longer consents (architecture.md: revoked consent recalls what is unread),
 * and what a reinjection has replaced and yet is there: a process was killed in the
 * middle of it, or another node brought it back. What was read stays, unless the recall
 * says all. */
#include "decision/decision-internal.h"
#include "model/assignment-chain.h"

/* After so long no node is expected to be without what another one has done. */
#define ELSEWHERE_MS (7 * CLOCK_DAY)

const struct running_campaign *look_campaign(const struct look *l,
					     const struct assignment *a)
{
	for (size_t i = 0; i < l->s->n_campaigns; i++)
		if (str_eq(l->s->campaigns[i].definition->id, a->campaign))
			return &l->s->campaigns[i];
	return NULL;
}

static bool is_recalled(const struct campaign_state *s, const struct assignment *a)
{
	if (s->recall == RECALL_NONE || a->assigned_ms >= s->recalled_before_ms)
		return false;
	return s->recall == RECALL_ALL || !a->was_read;
}

static bool is_unwanted(const struct look *l, const struct running_campaign *c,
			const struct assignment *a)
{
	const struct user_profile *p = &l->user->profile;
	struct str purpose = c->definition->purpose;
	if (a->service || a->was_read || campaign_is_service(c->definition))
		return false;
	return !user_has_consent(p, purpose, l->now_ms, NULL) ||
	       user_is_opted_out(p, purpose, l->now_ms, NULL);
}

/* A mailbox may bring it back from a backup, or by rebuilding its index. */
static bool was_replaced(const struct assignment *a)
{
	return a->state == ASSIGNMENT_GONE && a->cause == WIRE_CAUSE_REPLACED;
}

/* 0: it stays. */
static unsigned cause_of(const struct look *l, const struct running_campaign *c,
			 const struct assignment *a)
{
	if (was_replaced(a))
		return WIRE_WITHDRAW_REPLACED;
	if (is_recalled(&c->state, a) || is_unwanted(l, c, a))
		return WIRE_WITHDRAW_RECALL;
	/* one that was read meanwhile stays: two are less harm than a loss */
	if (!a->was_read &&
	    assignment_successor(l->assignments, l->n_assignments, a) != NULL)
		return WIRE_WITHDRAW_REPLACED;
	return 0;
}

/* The user may have read it just now. */
static bool takes_read(const struct running_campaign *c, const struct assignment *a)
{
	return was_replaced(a) ||
	       (is_recalled(&c->state, a) && c->state.recall == RECALL_ALL);
}

/* Taken back on one node, it lies on another one until they are synchronised. What a
 * user has expunged or moved is not asked for again: it may be back as the user's own.
 */
static bool has_ended_by_us(const struct assignment *a)
{
	return was_replaced(a) || a->state == ASSIGNMENT_RECALLED;
}

/* By which GUID the plugin will find it: as the mailbox shows it. False when it saw all
 * messages and this is not one of them, or has ended and is not shown. */
static bool within_reach(const struct look *l, const struct assignment *a,
			 struct id16 *guid)
{
	struct str user = l->user->profile.user;
	const struct mailbox_view *mailbox = l->mailbox;
	const struct present_message *m =
		mailbox != NULL ? present_find(l->s, user, mailbox, a) : NULL;
	if (m == NULL && (has_ended_by_us(a) || (mailbox != NULL && mailbox->complete)))
		return false;
	*guid = m != NULL ? m->guid : id_guid(&l->s->key, user, a->instance);
	return true;
}

static bool may_be_there(const struct look *l, const struct assignment *a, bool pending)
{
	switch (assignment_state_at(a, l->now_ms)) {
	case ASSIGNMENT_UNREAD:
	case ASSIGNMENT_READ:
		return true;
	case ASSIGNMENT_PENDING:
		return pending;
	default:
		return false;
	}
}

size_t withdraw_list(const struct look *l, bool pending, struct action *out, size_t max,
		     bool *more)
{
	size_t n = 0;
	*more = false;
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		if (!may_be_there(l, a, pending) && !has_ended_by_us(a))
			continue;
		const struct running_campaign *c = look_campaign(l, a);
		unsigned cause = c != NULL ? cause_of(l, c, a) : 0;
		if (cause == 0)
			continue;
		struct id16 guid;
		if (!within_reach(l, a, &guid))
			continue;
		if (n == max) {
			*more = true;
			break;
		}
		out[n++] = (struct action){.op = ACTION_WITHDRAW,
					   .campaign = c,
					   .assignment = *a,
					   .guid = guid,
					   .cause = (enum wire_withdraw_cause)cause,
					   .takes_read = takes_read(c, a)};
	}
	return n;
}

bool withdraw_may_be_elsewhere(const struct look *l)
{
	for (size_t i = 0; i < l->n_assignments; i++) {
		const struct assignment *a = &l->assignments[i];
		const struct running_campaign *c =
			has_ended_by_us(a) && l->now_ms - a->ended_ms < ELSEWHERE_MS
				? look_campaign(l, a)
				: NULL;
		if (c != NULL && cause_of(l, c, a) != 0)
			return true;
	}
	return false;
}

size_t decision_withdrawals(const struct snapshot *s, const struct user_record *user,
			    int64_t now_ms, struct action *out, size_t max)
{
	const struct look look = {.s = s,
				  .user = user,
				  .now_ms = now_ms,
				  .assignments = user->assignments,
				  .n_assignments = user->n_assignments};
	bool more;
	return withdraw_list(&look, true, out, max, &more);
}
