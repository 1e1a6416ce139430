/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets what, when, where: a pure function of the snapshot, the user's partition,
 * what the mailbox holds, and the time (decision.md). The same inputs give the same
 * answer, whatever the order of the campaigns. No I/O, no clock, no globals. */
#ifndef INLAY_DECISION_DECIDE_H
#define INLAY_DECISION_DECIDE_H

#include "model/snapshot.h"
#include "model/user.h"

#define DECISION_MAX_ACTIONS 8

struct present_message {
	struct id16 guid;
	uint32_t uid;
	bool seen;
	uint32_t newer;   /* foreign messages with a higher UID */
	struct str proof; /* value of X-Inlay-Instance where the GUID was lost */
	bool confirmed;   /* the plugin was told, or wrote down, that it is this */
	struct id16 instance;
};

/* What the INBOX holds of ours, as the plugin saw it under its lock. */
struct mailbox_view {
	struct str node; /* the agent that asks */
	uint32_t uidvalidity, uidnext;
	bool complete;
	bool pop3; /* the user looks by POP3: nothing is put in anew */
	const struct present_message *present;
	size_t n_present;
};

enum action_op {
	ACTION_INJECT,
	ACTION_REINJECT, /* an INJECT that takes the place of a copy that is there */
	ACTION_WITHDRAW,
};

/* Which rule of the campaign asks for a reinjection. */
enum again_rule {
	AGAIN_REINJECTION,
	AGAIN_KEEP_ON_TOP,
};

struct chosen_variable {
	struct str name, value;
};

struct action {
	enum action_op op;
	const struct running_campaign *campaign;
	const struct campaign_variant *variant; /* (RE)INJECT */
	struct assignment assignment; /* (RE)INJECT: new, PENDING; WITHDRAW: as it is */
	struct id16 guid;
	struct id16 replaces; /* REINJECT: GUID of the copy, as the mailbox shows it */
	enum again_rule by;   /* REINJECT */
	const struct chosen_variable *variables; /* (RE)INJECT: what the template needs
						    and row or profile has */
	size_t n_variables;
	enum wire_withdraw_cause cause; /* WITHDRAW */
	bool takes_read; /* WITHDRAW: also if it was read, of which we may hear later */
};

/* Does it make an assignment? */
static inline bool action_assigns(const struct action *a)
{
	return a->op == ACTION_INJECT || a->op == ACTION_REINJECT;
}

struct decision {
	struct action actions[DECISION_MAX_ACTIONS];
	size_t n;
	bool must_look; /* dry: what the mailbox shows may give something to do */
	int64_t next_check_ms; /* from now: another answer may come by time alone */
};

/* When to ask again: when a gate opens by time alone, within these bounds. */
#define DECISION_CHECK_MIN_MS CLOCK_MINUTE
#define DECISION_CHECK_DEFAULT_MS (15 * CLOCK_MINUTE)

/* user->profile.user is the user key, of an unknown user, too: the caller sets it. The
 * actions' assignments borrow from the snapshot, the user and the mailbox's node.
 *
 * mailbox NULL: a dry decision for `hello`, from the stored state alone; actions
 * then only tell whether anything could be done. New assignments have no nonce yet: who
 * writes them gives them one.
 * False only without memory (arena). */
bool decide(const struct snapshot *s, const struct user_record *user,
	    const struct mailbox_view *mailbox, int64_t now_ms, struct arena *arena,
	    struct decision *out);

/* What is to be taken back from a user who has not opened the inbox just now, by the
 * stored state alone: also what was handed out and is not confirmed yet, for it may be
 * on its way into the mailbox. At most max actions, all WITHDRAW; returns how many. */
size_t decision_withdrawals(const struct snapshot *s, const struct user_record *user,
			    int64_t now_ms, struct action *out, size_t max);

/* First step of an opening: the stored assignments are brought in line with what the
 * mailbox shows (lost confirmations, read, gone), before deciding. `assignments` is
 * changed in place; changed[i] tells which; effects are what must be counted. */
struct reconciled {
	const struct present_message **known_message; /* [n_known] */
	const struct assignment **known;              /* which instance it is */
	size_t n_known;
	struct event_effect *effects; /* [n_effects], with the assignment it is of */
	const struct assignment **effect_of;
	size_t n_effects;
};
bool reconcile(const struct snapshot *s, struct str user_key,
	       struct assignment *assignments, size_t n_assignments, bool *changed,
	       const struct mailbox_view *mailbox, int64_t now_ms, struct arena *arena,
	       struct reconciled *out);

/* Why: for each campaign of the snapshot, in its order, the first gate that stops it
 * or what would be done now. */
struct explanation {
	const struct running_campaign *campaign;
	struct str gate;  /* name of the gate; absent: nothing stops it */
	struct str facts; /* a JSON object with what the gate saw */
	/* "stopped", "would inject", "would reinject", "candidate" (another was taken;
	 * gate is "tier", "choice" or "perDecision"), "would withdraw" */
	struct str outcome;
};
bool decision_why(const struct snapshot *s, const struct user_record *user,
		  int64_t now_ms, struct arena *arena, struct explanation **out,
		  size_t *n);

#endif
