/* SPDX-License-Identifier: Apache-2.0 */
/* What of ours is in an INBOX. An extension of the mailbox's index remembers (uid,
 * guid), and up to which UID it was looked at, so that an opening scans nothing; the
 * scan is for a missing extension, another uidvalidity, or a message with our keyword
 * that came in by another way (a replica, a user who copies). Whether a message was
 * read is not kept here: that is in its flags, and in the ledger what of it was
 * reported. */
#ifndef INLAY_LOOK_H
#define INLAY_LOOK_H

#include "inlay-ledger.h"

#define INLAY_KEYWORD "$Inlay"
#define INLAY_PROOF_HEADER "X-Inlay-Instance"
#define INLAY_OWN_MAX 64 /* messages of ours that are remembered in one INBOX */
#define INLAY_PROOF_SIZE                                                               \
	128 /* longest value of the header that can be one, and NUL                    \
	     */

struct inlay_own {
	uint32_t uid;
	char guid[INLAY_ID_SIZE];
	char instance[INLAY_ID_SIZE]; /* "": MIM has not confirmed it yet */
	char proof[INLAY_PROOF_SIZE]; /* of an unconfirmed one, may be "" */
	bool seen;                    /* \Seen without \Deleted, when last measured */
	bool is_there;                /* in the view last measured */
	uint32_t newer;               /* foreign messages with a higher UID */
	bool read;                    /* was so in one of the views measured */
	/* what this process did to it */
	bool copied, expunged, retrieved;
	bool read_told; /* `read` was reported by somebody */
};
ARRAY_DEFINE_TYPE(inlay_own, struct inlay_own);

/* The state of the mailbox that own messages were measured against. */
struct inlay_measure {
	uint32_t uid_validity; /* 0: the index knows none yet */
	uint32_t uid_next;
	bool complete; /* own is all there is of ours */
};

/* The user has expunged it or moved it away: what has its GUID in INBOX now, a copy
 * that was made before or one that was moved back, is the user's. */
bool inlay_look_is_users(const struct inlay_record *record);
/* Why it is gone if it is not there any more, as far as the record tells. */
uint8_t inlay_look_absence(const struct inlay_record *record);

uint32_t inlay_look_extension(struct mailbox *box);

/* Fills *own from the index of an opened mailbox, in the order of UIDs; what has a UID
 * from *next_uid_r on has come since. False: the extension is missing or of another
 * uidvalidity. Begins no transaction. */
bool inlay_look_cached(struct mailbox *box, ARRAY_TYPE(inlay_own) * own,
		       bool *complete_r, uint32_t *next_uid_r);
/* Does a message from this UID on bear the keyword, and is not one of *own? Does this
 * one? By the index only. */
bool inlay_look_has_other(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
			  uint32_t from_uid);
bool inlay_look_is_marked(struct mailbox *box, uint32_t seq);
/* The UIDs of all those. */
void inlay_look_others(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
		       uint32_t from_uid, ARRAY_TYPE(uint32_t) * uids_r);
/* May messages of ours be in this mailbox although the extension is missing? */
bool inlay_look_has_hint(struct mailbox *box);
/* Measures: what of *own is in the view, seen, and how many are newer. */
void inlay_look_measure(struct mail_index_view *view, ARRAY_TYPE(inlay_own) * own,
			struct inlay_measure *measure);

/* The functions below need our own handle of the mailbox, synchronised. */

/* The first of these messages that has the GUID; 0: none. */
uint32_t inlay_look_which(struct mailbox *box, const ARRAY_TYPE(uint32_t) * uids,
			  const char *guid);
/* Fills *own by looking at messages: those that the ledger names, those that may be of
 * a save of which it does not know the end, those with the keyword, and all, where the
 * ledger's UIDs are of another uidvalidity. -1: the mailbox has an error set. */
int inlay_look_scan(struct mailbox *box, struct inlay_ledger *ledger,
		    ARRAY_TYPE(inlay_own) * own);
/* Writes the confirmed ones of *own into the index. */
int inlay_look_store(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
		     bool complete);
/* The lowest UID with this GUID among the messages with the keyword and those above
 * the given UID; 0: none. -1: the mailbox has an error set. */
int inlay_look_find(struct mailbox *box, const char *guid, uint32_t above,
		    uint32_t *uid_r);

#endif
