/* SPDX-License-Identifier: Apache-2.0 */
/* Recalls reach the sessions that are open. For each tenant with a session, one request
 * waits at MIM for news (a long poll, on an uplink of its own). News concern some of
 * the sessions; what is to be taken back from their users is asked for at once, many
 * users in one request, and pushed to each session of the user: a WITHDRAW is carried
 * out once, and one session may be stopped while another is not.
 *
 * An answer to OPEN that was made before the recall may still bring the message. So a
 * session that has once heard of a recall asks again after each answer to OPEN, when
 * the message is on its way in front of the WITHDRAW, and after each delivery of a
 * confirmation of its user's, when MIM surely knows of the message.
 *
 * A session that hibernates has no connection. Of those whose connection went, the
 * users are remembered and asked for like sessions, and if something is to be taken
 * back, their sessions are woken through doveadm. */
#ifndef INLAY_AGENT_RECALLS_H
#define INLAY_AGENT_RECALLS_H

#include "agent/doveadm.h"
#include "agent/requests.h"
#include "agent/spool.h"
#include "agent/uplink.h"

struct recalls;
struct recalls_lane;

/* A session's part in it; zero: none. */
struct recalls_member {
	struct recalls_lane *lane; /* of the tenant */
	struct recalls_member *next, *previous;
	struct str user;    /* as Dovecot calls it; the session's */
	char *key;          /* as MIM calls it; NULL: not known */
	bool doubt;         /* a message that is taken back may still come */
	bool ask;           /* it must be asked for */
	bool asked;         /* it is being asked for */
	bool may_hibernate; /* the session's end need not be the client's */
	bool is_away;       /* it is no session, but a user who has had one */
	bool pushed;        /* something was pushed to it */
	uint8_t tries;      /* to wake the user's session */
};

struct recalls_config {
	struct ev_loop *loop;
	struct uplink *polls;  /* for the requests that wait */
	struct uplink *uplink; /* for all others */
	struct spool *spool;
	struct log *log;
	struct doveadm *doveadm; /* or NULL: who hibernates is not woken */
	/* Gives it to the session, which may leave in it, but no other. */
	void (*push)(struct recalls_member *m, const struct answer_withdrawal *what);
};

#define RECALLS_WAIT_S 20 /* how long MIM may hold a request */

struct recalls *recalls_new(const struct recalls_config *config);
void recalls_free(struct recalls *r);
/* No more requests: the agent goes. */
void recalls_stop(struct recalls *r);

/* Before HELLO is sent on, so that no recall falls between its answer and the news.
 * Without memory the session goes without. */
void recalls_join(struct recalls *r, struct recalls_member *m, struct str tenant,
		  struct str user, bool may_hibernate);
void recalls_leave(struct recalls_member *m); /* not there is fine */
/* What MIM calls this user; absent: it does not say so. */
void recalls_name(struct recalls_member *m, struct str key);
/* An OPEN of the session was answered. */
void recalls_opened(struct recalls_member *m);
/* MIM has these events of one tenant. */
void recalls_delivered(struct recalls *r, const struct spool_record *const *events,
		       size_t n);

#endif
