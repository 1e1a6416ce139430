/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON between the agent and MIM (contracts.md section 3). Pure: bytes in,
 * values out, and back. In an answer, fields that are not known are skipped (a
 * newer MIM may send them); what is needed and missing or of another kind makes the
 * whole answer an error. */
#ifndef INLAY_AGENT_REQUESTS_H
#define INLAY_AGENT_REQUESTS_H

#include "agent/spool-record.h"
#include "base/arena.h"
#include "base/error.h"
#include "message/mustache.h"
#include "wire/wire.h"

#define REQUESTS_ANSWER_MAX (1024 * 1024) /* bytes of a JSON answer */
#define REQUESTS_BODY_MAX (1024 * 1024)   /* bytes of a JSON question */
#define REQUESTS_EVENTS_MAX 1000          /* in one body */
#define REQUESTS_USERS_MAX 1000           /* likewise, of withdrawals */
#define REQUESTS_NEXT_CHECK_MAX (7 * 86400)

/* Questions. False when `out` is full or there is no memory. */
bool requests_write_hello(struct buf *out, const struct wire_hello *hello);

struct requests_open {
	struct str node, user, protocol;
	const struct wire_open *open;
	const struct spool_record *const *events; /* of this user, oldest first */
	size_t n_events;
	bool early; /* the answer may come but for its last byte */
};
bool requests_write_open(struct buf *out, const struct requests_open *q);

bool requests_write_events(struct buf *out, const struct spool_record *const *events,
			   size_t n);

/* Recalls: "recalls" or "recalls?since=...&wait=..." behind a cursor, which may be
 * absent. */
#define REQUESTS_CURSOR_MAX 64
#define REQUESTS_RECALLS_PATH_MAX (3 * REQUESTS_CURSOR_MAX + 64)
bool requests_recalls_path(struct buf *out, struct str cursor, unsigned wait_s);
bool requests_write_withdrawals(struct buf *out, const struct str *users, size_t n);

/* Answers. Texts borrow from `json` and the arena. */
struct answer_hello {
	bool open;
	uint32_t next_check; /* seconds */
	struct str user;     /* what recalls call this user; or absent */
};
bool requests_read_hello(struct str json, struct arena *arena,
			 struct answer_hello *answer, struct error *err);

enum answer_op { ANSWER_INJECT, ANSWER_REINJECT, ANSWER_WITHDRAW };
struct answer_withdraw {
	struct str guid;
	enum wire_withdraw_cause cause;
	bool lazy, read;
};
struct answer_action {
	enum answer_op op;
	struct str guid;
	/* inject and reinject */
	struct str campaign, instance, proof;
	struct str replaces;             /* reinject */
	struct str template_sha256;      /* 64 hex */
	struct mustache_table variables; /* sorted */
	struct str label, unsubscribe;   /* or absent */
	enum wire_position position;
	uint32_t rank;
	int64_t date_ms;
	uint32_t valid_for; /* seconds */
	struct answer_withdraw withdraw;
};
struct answer_open {
	struct wire_own *known;
	size_t n_known;
	struct answer_action actions[WIRE_ACTIONS_MAX];
	size_t n_actions;
	size_t n_skipped; /* of a kind that is not known */
	uint32_t next_check;
};
bool requests_read_open(struct str json, struct arena *arena,
			struct answer_open *answer, struct error *err);

#define REQUESTS_RECALLS_MAX 8192 /* users by name; more: every user is concerned */
struct answer_recalls {
	struct str cursor;
	bool reset; /* what has happened is not known: every user is concerned */
	bool all;   /* so is it for another reason: a campaign, or what is not known */
	const struct str *users; /* else these, sorted */
	size_t n_users;
};
bool requests_read_recalls(struct str json, struct arena *arena,
			   struct answer_recalls *answer, struct error *err);
/* Does it concern a session whose user MIM calls so? An absent key may be anyone's. */
bool requests_recalls_concern(const struct answer_recalls *answer, struct str key);

struct answer_withdrawal {
	struct str user; /* as it was asked for */
	struct answer_withdraw withdraw[WIRE_ACTIONS_MAX];
	size_t n;
	bool more; /* there are others */
};
/* Of at most `max` users, sorted by their names. */
struct answer_withdrawals {
	struct answer_withdrawal *users;
	size_t n;
};
bool requests_read_withdrawals(struct str json, size_t max, struct arena *arena,
			       struct answer_withdrawals *answer, struct error *err);
/* What is to be taken back from this user, or NULL. */
const struct answer_withdrawal *requests_withdrawals_of(
	const struct answer_withdrawals *answer, struct str user);

#endif
