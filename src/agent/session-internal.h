/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a session: session.c has the connection, session-frames.c what comes
 * in, session-open.c the answer to OPEN, session-recall.c what is pushed. */
#ifndef INLAY_AGENT_SESSION_INTERNAL_H
#define INLAY_AGENT_SESSION_INTERNAL_H

#include "agent/session.h"

struct open_job;

struct unconfirmed {
	uint64_t sequence; /* in the spool */
	uint64_t number;   /* of the plugin */
};

struct session {
	struct agent *agent;
	struct session *next, *previous;
	int fd;
	uid_t uid;
	bool trusted;
	ev_io reading, writing;
	ev_timer hello_timer; /* until HELLO */
	struct buf in, out;
	/* since HELLO; the texts are one allocation */
	char *names;
	struct str tenant, user, protocol;
	struct uplink_call *hello_call;
	struct recalls_member recall;
	struct open_job *job; /* the OPEN being answered, or NULL */
	uint64_t last_number; /* of an event */
	struct unconfirmed unconfirmed[WIRE_EVENTS_MAX];
	size_t n_unconfirmed;
	struct session *next_unconfirmed, *previous_unconfirmed;
};

/* May what one session caused be logged? Thousands of them may have the same. */
bool session_may_log(struct agent *a);
void session_close(struct session *s);
/* Puts a frame into the output. False: the session must be closed. */
bool session_send(struct session *s, const struct wire_frame *frame);

/* Closes the session itself if it must be. */
void session_send_ready(struct session *s, bool open, uint32_t next_check);

/* Handles one frame. False: the session must be closed. */
bool session_take_frame(struct session *s, const struct wire_frame *frame);
void session_list_unconfirmed(struct session *s);
void session_unlist_unconfirmed(struct session *s);

/* Asks MIM, and answers later. False: the session must be closed. */
bool session_open(struct session *s, const struct wire_open *open);
void session_cancel_open(struct session *s);

#endif
