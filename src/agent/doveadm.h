/* SPDX-License-Identifier: Apache-2.0 */
/* Dovecot's doveadm HTTP API, for mail users whose session hibernates: it has no
 * process that a recall could be pushed to, but wakes up when something in its mailbox
 * changes. So the keyword $Inlay is taken off our messages and put on again: by GUID,
 * which no other message has. Nothing else is done, and nothing is left behind; what is
 * to be done about a message the plugin in the woken session decides. */
#ifndef INLAY_AGENT_DOVEADM_H
#define INLAY_AGENT_DOVEADM_H

#include "agent/requests.h"
#include "agent/settings.h"
#include "base/error.h"

#include <ev.h>

#define DOVEADM_USERS_MAX 16 /* in a request */

struct doveadm;

struct doveadm_user {
	struct str name;
	struct str guids[WIRE_ACTIONS_MAX];
	size_t n;
};

struct doveadm_answer {
	int status;      /* of HTTP; 200: the request was carried out */
	size_t n_failed; /* then: users, of whom doveadm could not open the INBOX */
	struct error err;
};
typedef void doveadm_done(void *ctx, const struct doveadm_answer *answer);

/* Reads the key's file. NULL on error. */
struct doveadm *doveadm_new(struct ev_loop *loop, const struct agent_settings *settings,
			    struct error *err);
void doveadm_free(struct doveadm *d); /* NULL is fine */
/* Reads the key anew; if that fails the old one stays. */
bool doveadm_read_key(struct doveadm *d, struct error *err);

/* Wakes them, at most DOVEADM_USERS_MAX; one request at a time. `done` is called once,
 * later, unless it is cancelled. False without memory. */
bool doveadm_wake(struct doveadm *d, const struct doveadm_user *users, size_t n,
		  doveadm_done *done, void *ctx);
void doveadm_cancel(struct doveadm *d); /* without a request it does nothing */

/* A name that doveadm does not take for a pattern of many. Pure. */
bool doveadm_may_name(struct str user);
/* What is sent, and what comes back: *n_failed. Pure. */
bool doveadm_write(struct buf *out, const struct doveadm_user *users, size_t n);
bool doveadm_read(struct str json, struct arena *arena, size_t *n_failed,
		  struct error *err);

#endif
