/* SPDX-License-Identifier: Apache-2.0 */
/* What the rooms of the decision share: the look that gates take, and the one table
 * of the gates. */
#ifndef INLAY_DECISION_INTERNAL_H
#define INLAY_DECISION_INTERNAL_H

#include "base/json.h"
#include "decision/decide.h"
#include "decision/variables.h"

/* The state that a gate looks at: what is stored, and what this decision has added. */
struct look {
	const struct snapshot *s;
	const struct user_record *user;
	const struct mailbox_view *mailbox; /* NULL: a dry decision */
	int64_t now_ms;
	const struct assignment *assignments;
	size_t n_assignments;
	/* Set by a gate that closes and will open by time alone; 0: it will not. */
	int64_t opens_ms;
	struct json_writer *facts; /* in an object, for `why`; NULL: nobody asks */
};

/* Of the agent that asks; absent: not known. */
static inline struct str look_node(const struct look *l)
{
	return l->mailbox != NULL ? l->mailbox->node : (struct str){NULL, 0};
}

/* True: open. A closed gate writes the facts that it saw. */
typedef bool gate_fn(struct look *l, const struct running_campaign *c);

/* The gates in their order (decision.md): X(NAME, name in `why`, function, does a
 * service message pass it unseen, does a reinjection ask it too, what it asks) */
#define GATES(X)                                                                       \
	X(KILL_SWITCH, "killSwitch", gate_kill_switch, false, true,                    \
	  "the tenant's kill switch is off")                                           \
	X(STATUS, "status", gate_status, false, true,                                  \
	  "the campaign is active: not staged, paused or cancelled")                   \
	X(CONSENT, "consent", gate_consent, true, true,                                \
	  "the user consents to the campaign's purpose")                               \
	X(OPT_OUT, "optOut", gate_opt_out, true, true,                                 \
	  "the user has not opted out of the purpose, or of all")                      \
	X(AUDIENCE, "audience", gate_audience, false, false,                           \
	  "the user is a recipient, and no excluded campaign reached them")            \
	X(WINDOW, "window", gate_window, false, true,                                  \
	  "now lies between start and end")                                            \
	X(VARIABLES, "variables", gate_variables, false, true,                         \
	  "every variable of the template has a value or a default")                   \
	X(REPEAT, "repeat", gate_repeat, false, false,                                 \
	  "the user has not had it, or may have it again")                             \
	X(ROOM, "room", gate_room, false, true,                                        \
	  "the user's list of instances is not full")                                  \
	X(LIVE_LIMIT, "liveLimit", gate_live_limit, true, false,                       \
	  "not too many unread messages of ours lie in the inbox")                     \
	X(SPACING, "spacing", gate_spacing, true, false,                               \
	  "the last injection lies back far enough")
enum gate {
#define X(name, text, fn, service, again, help) GATE_##name,
	GATES(X)
#undef X
		GATES_COUNT
};
#define X(name, text, fn, service, again, help) gate_fn fn;
GATES(X)
#undef X

/* The first gate that is closed, or GATES_COUNT. */
enum gate gates_first_closed(struct look *l, const struct running_campaign *c);
/* Likewise, of those that a reinjection asks. */
enum gate gates_first_closed_again(struct look *l, const struct running_campaign *c);
const char *gate_name(enum gate g);

/* choice.c: which of n > 0 candidates wins (lowest tier, then the weighted draw). */
const struct running_campaign *choice_best(const struct look *l,
					   const struct running_campaign *const *all,
					   size_t n);

/* withdraw.c: messages to take back, up to `max`, by instance's place in the
 * assignments. pending: also those that may be on their way. Returns how many were
 * written to `out`, *more: others wait. */
size_t withdraw_list(const struct look *l, bool pending, struct action *out, size_t max,
		     bool *more);

/* Whether a mailbox may still show what was taken back in another one. */
bool withdraw_may_be_elsewhere(const struct look *l);

/* reconcile.c: the message of an instance with the lowest UID, known by its GUID or,
 * where the mailbox has lost that, by what the plugin was told that it is or by its
 * header's proof; or NULL. */
const struct present_message *present_find(const struct snapshot *s,
					   struct str user_key,
					   const struct mailbox_view *mailbox,
					   const struct assignment *a);

/* The campaign of an instance, or NULL. Linear, as it must not depend on the order;
 * live instances are few. */
const struct running_campaign *look_campaign(const struct look *l,
					     const struct assignment *a);

/* reinject.c: the unread copy of a campaign that a rule of the campaign may put in
 * anew, or NULL; may it be, now?; what is then to be said of it. */
struct reinjection {
	uint32_t k, times; /* of the new copy; confirmed ones before it */
	enum again_rule by;
	struct id16 replaces;
};
const struct assignment *again_copy(const struct look *l,
				    const struct running_campaign *c);
bool again_passes(struct look *l, const struct running_campaign *c,
		  const struct assignment *copy, struct reinjection *out);
const char *again_name(enum again_rule rule);

/* repeat.c: is it on its way, or may another node have saved it after all? */
bool repeat_on_its_way(struct look *l, const struct assignment *a);
/* repeat.c: ordinal of the next injection of a campaign to this user. */
uint32_t repeat_next_n(const struct look *l, struct str campaign);

/* Facts; nothing happens when nobody asks. */
void fact_string(struct look *l, const char *key, struct str value);
void fact_u64(struct look *l, const char *key, uint64_t value);
void fact_bool(struct look *l, const char *key, bool value);
void fact_time(struct look *l, const char *key, int64_t ms);
void fact_duration(struct look *l, const char *key, int64_t ms);

#endif
