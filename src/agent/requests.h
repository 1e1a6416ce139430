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

/* Answers. Texts borrow from `json` and the arena. */
struct answer_hello {
	bool open;
	uint32_t next_check; /* seconds */
};
bool requests_read_hello(struct str json, struct arena *arena,
			 struct answer_hello *answer, struct error *err);

enum answer_op { ANSWER_INJECT, ANSWER_REINJECT, ANSWER_WITHDRAW };
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
	/* withdraw */
	enum wire_withdraw_cause cause;
	bool lazy;
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

#endif
