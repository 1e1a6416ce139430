/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox is the truth: what it shows confirms, repairs or ends what is stored
 * (dovecot.md "Asking"). */
#include "decision/decision-internal.h"
#include "model/assignment-chain.h"

/* "instance; mac" as X-Inlay-Instance has it. */
static bool proves(const struct snapshot *s, struct str user_key, struct str proof,
		   struct id16 instance)
{
	uint8_t want[CRYPTO_SHA256_LEN], got[CRYPTO_SHA256_LEN];
	struct id16 claimed;
	struct str rest = proof, part;
	if (!str_next_part(&rest, ';', &part) || !id16_parse(str_trim(part), &claimed))
		return false;
	rest = str_trim(rest);
	if (!id16_eq(claimed, instance) || rest.n != 2 * sizeof got ||
	    !crypto_unhex(rest, got, sizeof got))
		return false;
	id_proof(&s->key, user_key, instance, want);
	return crypto_equal(want, got, sizeof want);
}

static bool has_ended(const struct assignment *a)
{
	return a->state == ASSIGNMENT_GONE || a->state == ASSIGNMENT_RECALLED ||
	       a->state == ASSIGNMENT_EXPIRED;
}

/* A mailbox that loses its GUIDs gets another uidvalidity. Where it has not, a message
 * with our header and another GUID is one that the user has put there. */
static bool may_lack_guid(const struct assignment *a,
			  const struct mailbox_view *mailbox,
			  const struct present_message *m)
{
	if (a->uidvalidity == 0)
		return !has_ended(a);
	return a->uidvalidity != mailbox->uidvalidity || a->uid == m->uid;
}

const struct present_message *present_find(const struct snapshot *s,
					   struct str user_key,
					   const struct mailbox_view *mailbox,
					   const struct assignment *a)
{
	const struct present_message *lowest = NULL;
	if (mailbox->n_present == 0)
		return NULL; /* spares the hash */
	struct id16 guid = id_guid(&s->key, user_key, a->instance);
	for (size_t i = 0; i < mailbox->n_present; i++) {
		const struct present_message *m = &mailbox->present[i];
		if (lowest != NULL && m->uid >= lowest->uid)
			continue;
		/* a mailbox that has lost the GUID shows another one for good */
		if (id16_eq(m->guid, guid) ||
		    (m->confirmed && id16_eq(m->instance, a->instance)) ||
		    (m->proof.p != NULL && may_lack_guid(a, mailbox, m) &&
		     proves(s, user_key, m->proof, a->instance)))
			lowest = m;
	}
	return lowest;
}

struct reconciler {
	const struct snapshot *s;
	struct str user_key;
	struct assignment *assignments;
	size_t n_assignments;
	bool *changed;
	const struct mailbox_view *mailbox;
	int64_t now_ms;
	const struct present_message **found; /* per assignment, or NULL */
	struct reconciled *out;
};

static void keep_effect(struct reconciler *r, size_t i, const struct event_effect *e)
{
	struct reconciled *out = r->out;
	if (!e->changed)
		return;
	r->changed[i] = true;
	if (e->n == 0 && e->due_ms == 0)
		return;
	out->effects[out->n_effects] = *e;
	out->effect_of[out->n_effects] = &r->assignments[i];
	out->n_effects++;
}

static void happened(struct reconciler *r, size_t i, enum wire_event_type type,
		     enum wire_cause cause)
{
	struct assignment *a = &r->assignments[i];
	struct instance_event e = {.instance = a->instance,
				   .type = type,
				   .cause = cause,
				   .seen = type == WIRE_EVENT_GONE && a->was_read,
				   .at_ms = r->now_ms};
	struct event_effect effect = assignment_apply(a, &e, r->now_ms);
	keep_effect(r, i, &effect);
}

/* Another node's copy of the mailbox may be behind the one that showed it last. */
static bool is_same_node(const struct reconciler *r, const struct assignment *a)
{
	return a->node.p == NULL || r->mailbox->node.p == NULL ||
	       str_eq(a->node, r->mailbox->node);
}

static void is_shown(struct reconciler *r, size_t i, const struct present_message *m)
{
	struct assignment *a = &r->assignments[i];
	/* A look may be older than an event of another session that overtook it, and
	 * another node may not have heard of it; what ended long ago and is there
	 * nevertheless has come back. */
	int64_t long_ago_ms =
		is_same_node(r, a) ? GONE_FINAL_MS : ASSIGNMENT_OTHER_NODE_MS;
	if (has_ended(a) && r->now_ms - a->ended_ms >= long_ago_ms) {
		struct event_effect effect = assignment_revive(a);
		keep_effect(r, i, &effect);
	}
	if (has_ended(a))
		return;
	if (a->injected_ms == 0)
		happened(r, i, WIRE_EVENT_INJECTED, WIRE_CAUSE_NONE);
	if (m->seen && !a->was_read)
		happened(r, i, WIRE_EVENT_READ, WIRE_CAUSE_NONE);
	if (a->uid != m->uid || a->uidvalidity != r->mailbox->uidvalidity) {
		a->uid = m->uid;
		a->uidvalidity = r->mailbox->uidvalidity;
		r->changed[i] = true;
	}
	if (!is_same_node(r, a)) {
		a->node = r->mailbox->node;
		r->changed[i] = true;
	}
}

static void is_not_shown(struct reconciler *r, size_t i)
{
	struct assignment *a = &r->assignments[i];
	if (!r->mailbox->complete || a->uid == 0 || !is_same_node(r, a) ||
	    (a->state != ASSIGNMENT_UNREAD && a->state != ASSIGNMENT_READ))
		return;
	if (a->uidvalidity == r->mailbox->uidvalidity && r->mailbox->uidnext > a->uid) {
		if (assignment_successor(r->assignments, r->n_assignments, a) != NULL)
			happened(r, i, WIRE_EVENT_GONE, WIRE_CAUSE_REPLACED);
		else
			assignment_miss(a, r->now_ms);
		r->changed[i] = true;
	} else if (a->uidvalidity != r->mailbox->uidvalidity ||
		   r->now_ms - a->injected_ms >= GONE_FINAL_MS) {
		/* another mailbox, or one from before the message: from a backup, if
		 * this look is not that old */
		assignment_lose(a, r->now_ms);
		r->changed[i] = true;
	}
}

static bool prepare(struct reconciler *r, struct arena *arena)
{
	size_t n = r->n_assignments;
	struct reconciled *out = r->out;
	out->known_message = arena_array(arena, n, sizeof(void *));
	out->known = arena_array(arena, n, sizeof(void *));
	r->found = arena_array(arena, n, sizeof(void *));
	/* revived, injected and read at most */
	out->effects = arena_array(arena, 3 * n, sizeof *out->effects);
	out->effect_of = arena_array(arena, 3 * n, sizeof(void *));
	return out->known_message != NULL && out->known != NULL && r->found != NULL &&
	       out->effects != NULL && out->effect_of != NULL;
}

bool reconcile(const struct snapshot *s, struct str user_key,
	       struct assignment *assignments, size_t n_assignments, bool *changed,
	       const struct mailbox_view *mailbox, int64_t now_ms, struct arena *arena,
	       struct reconciled *out)
{
	struct reconciler r = {.s = s,
			       .user_key = user_key,
			       .assignments = assignments,
			       .n_assignments = n_assignments,
			       .changed = changed,
			       .mailbox = mailbox,
			       .now_ms = now_ms,
			       .out = out};
	*out = (struct reconciled){.n_known = 0};
	if (!prepare(&r, arena))
		return false;
	for (size_t i = 0; i < n_assignments; i++) {
		r.found[i] = present_find(s, user_key, mailbox, &assignments[i]);
		if (r.found[i] == NULL)
			continue;
		is_shown(&r, i, r.found[i]);
		out->known_message[out->n_known] = r.found[i];
		out->known[out->n_known++] = &assignments[i];
	}
	/* a copy that is not there may be one that a copy that is there has replaced */
	for (size_t i = 0; i < n_assignments; i++) {
		if (r.found[i] != NULL)
			continue;
		is_not_shown(&r, i);
		struct event_effect e = assignment_settle_replaced(
			&assignments[i], assignments, n_assignments, now_ms);
		keep_effect(&r, i, &e);
	}
	return true;
}
