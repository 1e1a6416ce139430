/* SPDX-License-Identifier: Apache-2.0 */
/* An instance: one injection of one campaign to one user, from its assignment to
 * its end. Which states follow which is a pure function here; the store only keeps
 * the result. */
#ifndef INLAY_MODEL_ASSIGNMENT_H
#define INLAY_MODEL_ASSIGNMENT_H

#include "base/clock.h"
#include "model/campaign.h"
#include "model/event.h"
#include "model/id.h"
#include "wire/wire.h"

/* X(NAME, JSON name, live in the mailbox) */
#define ASSIGNMENT_STATES(X)                                                           \
	X(PENDING, "pending", true)    /* handed out, not confirmed yet */             \
	X(UNREAD, "unread", true)      /* in the mailbox, not read */                  \
	X(READ, "read", true)          /* in the mailbox, was \Seen once */            \
	X(GONE, "gone", false)         /* expunged, moved, unknown: see cause */       \
	X(RECALLED, "recalled", false) /* withdrawn by us */                           \
	X(EXPIRED, "expired", false)   /* withdrawn by expireUnread */                 \
	X(REFUSED, "refused", false)   /* the plugin could not save it: as if never */ \
	X(LAPSED, "lapsed", false)     /* never confirmed in time: as if never */      \
	X(UNCERTAIN, "uncertain", false) /* may have been there; counts in no cap */
enum assignment_state {
#define X(name, text, live) ASSIGNMENT_##name,
	ASSIGNMENT_STATES(X)
#undef X
		ASSIGNMENT_STATES_COUNT
};
const char *assignment_state_name(enum assignment_state s);

/* An assignment not confirmed lapses so long after it was made (dovecot.md). */
#define ASSIGNMENT_LAPSE_MS (60 * CLOCK_SECOND)
/* What the plugin is told; shorter, so that a late save cannot meet a lapse. */
#define ASSIGNMENT_VALID_FOR_MS (30 * CLOCK_SECOND)
/* What lapsed on one node is not given on another before this (dovecot.md,
 * replication: the other mailbox may hold it already). */
#define ASSIGNMENT_OTHER_NODE_MS (10 * CLOCK_MINUTE)
/* A `gone` of unknown cause is final after this (contracts.md §3). */
#define GONE_FINAL_MS (60 * CLOCK_SECOND)

struct assignment {
	struct id16 instance;
	struct str campaign;
	uint32_t version;
	struct str variant;
	uint32_t n, k; /* n-th injection, k-th reinjection of it */
	bool service;
	enum assignment_state state;
	unsigned reported;     /* bit per enum wire_event_type: counted already */
	bool was_read;         /* \Seen ever set, also if set back */
	bool gone_final;       /* cause will not change any more */
	enum wire_cause cause; /* of GONE, REFUSED */
	int64_t assigned_ms;
	int64_t injected_ms;       /* 0: not confirmed */
	int64_t read_ms;           /* 0: not read */
	int64_t ended_ms;          /* 0: not ended */
	uint32_t uidvalidity, uid; /* where the mailbox showed it last; 0: unknown */
	uint64_t nonce;            /* of the decision that wrote it, to know our own */
	struct str node; /* of the agent that it was handed to; may be absent */
};

/* The state at `now`: PENDING becomes LAPSED by time alone. */
enum assignment_state assignment_state_at(const struct assignment *a, int64_t now_ms);
/* Live = pending, unread or read, still in the mailbox as far as known. */
bool assignment_is_live(const struct assignment *a, int64_t now_ms);
/* Does it count in n (confirmed once, or closed as uncertain)? */
bool assignment_counts_in_n(const struct assignment *a);

struct instance_event {
	struct id16 instance;
	enum wire_event_type type;
	enum wire_cause cause;
	bool seen;
	int64_t at_ms;
	uint32_t uidvalidity, uid; /* 0: unknown */
};

/* What an event changes, and what is to be counted (a lost confirmation shows itself
 * by a later event, and is counted with it; a late `read` turns expungedUnread into
 * expungedRead). `statistic[i]` is upserted under
 * `event_id[i]`: the store counts it once, and moves the count if the same event
 * id is counted otherwise already. */
struct event_effect {
	bool changed;
	size_t n;
	enum statistic statistic[4];
	struct id16 event_id[4];
	int64_t at_ms[4];
	int64_t due_ms; /* 0, or when to look again (final after GONE_FINAL_MS) */
};
/* Applies an event to *a. Events of another instance and repeated ones change nothing.
 * Any order of the same events ends in the same state and the same counts: what shows
 * that the message was there outweighs `uncertain`, and that `refused`. at_ms is
 * clamped to [assigned_ms, now]. */
struct event_effect assignment_apply(struct assignment *a,
				     const struct instance_event *e, int64_t now_ms);
/* The mailbox shows again what was taken for gone (restored from a backup):
 * unread or read as it was, so that a recall can reach it. A count of unknown cause
 * that was not final yet is taken out of sight. */
struct event_effect assignment_revive(struct assignment *a);
/* The mailbox does not show it, and nobody has told of its end: it may have been
 * restored from a backup. So that counts as nothing, until an event tells more; it can
 * be revived. */
void assignment_miss(struct assignment *a, int64_t now_ms);
/* The mailbox in which it lay is another one now: nothing can be said of it any more,
 * so its end counts as nothing, whatever comes later. It can be revived. */
void assignment_lose(struct assignment *a, int64_t now_ms);
/* Makes a `gone` of unknown cause final when its time has come. */
struct event_effect assignment_finalize(struct assignment *a, int64_t now_ms);

#endif
