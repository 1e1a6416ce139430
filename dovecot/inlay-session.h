/* SPDX-License-Identifier: Apache-2.0 */
/* One login: what was asked, what was answered, what is to be done and to be told.
 * It belongs to the mail_user and is reached from there; nothing of it is static. */
#ifndef INLAY_SESSION_H
#define INLAY_SESSION_H

#include "inlay-desk.h"
#include "inlay-events.h"
#include "inlay-link.h"
#include "inlay-look.h"
#include "inlay-settings.h"

#define INLAY_ACTIONS_MAX 32 /* answers to an OPEN and pushed withdrawals together */

/* An INJECT, REINJECT or WITHDRAW that came and is not carried out yet. */
struct inlay_action {
	struct inlay_action *next;
	uint8_t type; /* enum wire_type */
	char instance[INLAY_ID_SIZE];
	char guid[INLAY_ID_SIZE];
	/* INJECT and REINJECT */
	char replaces[INLAY_ID_SIZE]; /* REINJECT: GUID of the copy */
	uint8_t position;
	uint32_t rank;
	int64_t date;
	uint32_t date_offset[WIRE_DATE_OFFSETS_MAX];
	size_t date_offset_count;
	int64_t valid_until; /* ms of CLOCK_BOOTTIME */
	unsigned char *message;
	size_t size;
	/* WITHDRAW */
	uint8_t cause; /* enum wire_withdraw_cause */
	bool lazy;
	bool takes_read; /* also if it was read */
};

struct inlay_session {
	struct mail_user *user;
	struct inlay_settings set;
	struct event *event;
	struct inlay_paths paths; /* ledger == NULL: not found yet */

	/* The handle that the user looks through, while it is open. */
	struct mailbox *selected;
	/* Our own work is in progress: hooks let everything pass. */
	bool busy;
	/* The first trigger is over: nothing waits any more. */
	bool waited;
	int64_t budget; /* ms that may still be waited */

	struct inlay_link *link; /* NULL: absent or given up */
	int64_t hello_at;        /* monotonic ms */
	bool ready, ready_open;
	bool opened;        /* OPEN was sent since READY */
	bool warned;        /* the log has its line of this session's misses */
	int64_t next_check; /* monotonic ms; before it an opening asks nobody */
	bool again;         /* OPEN_AGAIN came */
	bool untold;        /* there is news, and another process had the lock */
	bool differs;       /* mailbox and ledger tell different things */
	bool must_scan;     /* before an OPEN the messages must be looked at */
	uint32_t looked;    /* those below this UID were; 0: none */

	uint32_t request;
	int64_t opened_at; /* boottime ms of the last OPEN */
	bool outstanding;  /* it has not got its DONE: nothing is saved before that */
	bool done;

	struct inlay_action *actions, **actions_tail;
	unsigned int action_count;
	unsigned int answer_count; /* actions since the last OPEN */
	/* what MIM said of the messages here is to be noted in ledger and index */
	bool must_note;

	struct inlay_events events;
	ARRAY(struct inlay_event) acked; /* to be noted in the ledger */
	bool all_acked;

	/* of inlay-later.h */
	struct timeout *later, *reconnect;
	unsigned int later_tries;

	ARRAY_TYPE(inlay_own) own;
	struct inlay_measure measure;
};

/* NULL: not for this user. */
struct inlay_session *inlay_session_new(struct mail_user *user);
/* Connects and says HELLO. Called when the user's namespaces are there. */
void inlay_session_greet(struct inlay_session *session);
/* Gives unacknowledged events their last chance and lets go of everything. */
void inlay_session_free(struct inlay_session **session);

/* A visible trigger on an opened INBOX, before its own synchronisation. *loaded is
 * the handle's: whether the state of ours was looked at through it before. */
void inlay_session_trigger(struct inlay_session *session, struct mailbox *box,
			   bool *loaded);
/* After a synchronisation of the selected INBOX. */
void inlay_session_synced(struct inlay_session *session, struct mailbox *box);
/* Does what can be done without a trigger: frames came, or the clock of inlay-later.h
 * says that what was not possible is to be tried again. */
void inlay_session_work(struct inlay_session *session);
/* This process is about to expunge, has copied a message of INBOX. */
void inlay_session_expunging(struct inlay_session *session, uint32_t uid);
void inlay_session_copied(struct inlay_session *session, uint32_t uid);
/* A POP3 client has retrieved it, which is to have read it. */
void inlay_session_retrieved(struct inlay_session *session, uint32_t uid);

/* Tells the agent, or keeps it to be told. */
void inlay_session_tell(struct inlay_session *session, const char *instance,
			const char *guid, uint8_t type, bool seen, uint8_t cause);
/* The message of ours at this place of the array. */
struct inlay_own *inlay_session_own(struct inlay_session *session, unsigned int i);
/* Adds the message of this record of the ledger. */
struct inlay_own *inlay_session_own_add(struct inlay_session *session,
					const struct inlay_record *record);
void inlay_session_own_remove(struct inlay_session *session,
			      const struct inlay_own *own);
/* Is there one of which nobody has said yet that it is ours? */
bool inlay_session_has_unconfirmed(const struct inlay_session *session);
/* The message of ours with this UID or GUID, or NULL. */
struct inlay_own *inlay_session_own_uid(struct inlay_session *session, uint32_t uid);
struct inlay_own *inlay_session_own_guid(struct inlay_session *session,
					 const char *guid);
/* Takes the action out of the list, which it must be in, and frees it. */
void inlay_action_remove(struct inlay_session *session, struct inlay_action *action);
/* An error of ours, for the log; the user never sees one. */
void inlay_session_error(struct inlay_session *session, const char *error);

#endif
