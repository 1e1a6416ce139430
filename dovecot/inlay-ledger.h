/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: the file `dovecot-inlay` beside the mailbox, which says what was ever
 * saved into it. An instance in it is never saved again, whatever became of the
 * message or of the indexes.
 *
 * The file is a log of fixed records, each with its checksum; the last one of an
 * instance counts. So nothing that was written is ever written over, and what a crash
 * tears is the newest record only, which the next writer writes over. It grows by
 * blocks of zeros, for which the records to come have their place: making one durable
 * then changes nothing of the file but its bytes, which a file system does without its
 * journal. Now and then, and when a record of it is damaged, it is written anew with
 * the newest 256 instances (rename). Whoever writes holds the lock of inlay-lock.h on
 * this file; reading needs none. */
#ifndef INLAY_LEDGER_H
#define INLAY_LEDGER_H

#include "inlay-compat.h"

#define INLAY_LEDGER_NAME "dovecot-inlay"
#define INLAY_RECORD_SIZE 64
#define INLAY_LEDGER_BLOCK 4096  /* bytes by which it grows */
#define INLAY_LEDGER_KEEP 256    /* instances kept when it is written anew */
#define INLAY_LEDGER_LONG 768    /* records at which it is written anew */
#define INLAY_LEDGER_MAX 0x40000 /* bytes; a longer file is not ours */
#define INLAY_ID_SIZE 33         /* 32 hex digits and a NUL */

enum inlay_state {
	INLAY_STATE_PREPARED = 1, /* about to be committed */
	INLAY_STATE_SAVED,
	INLAY_STATE_VOID, /* the commit is known to have failed: may be saved again */
	INLAY_STATE_GONE,
	INLAY_STATE_UNCERTAIN, /* nothing shows that the commit happened */
};

struct inlay_record {
	char instance[INLAY_ID_SIZE];
	char guid[INLAY_ID_SIZE];
	uint8_t state; /* enum inlay_state */
	bool again;    /* a reinjection */
	bool seen;     /* as last reported */
	/* enum wire_cause, when GONE; while SAVED what it is about to go for */
	uint8_t cause;
	uint8_t due; /* events that happened, a bit (1 << enum wire_event_type) each */
	uint8_t acked; /* of those, the ones the agent has on its disk */
	bool named;    /* the file's name was durable before this was written; whoever
			  appends it sets that */
	uint32_t uid_validity;
	/* 0: not known. While PREPARED or UNCERTAIN the lowest that it may have, of a
	 * reinjection that of the copy that it replaces, which is lower. */
	uint32_t uid;
	int64_t time; /* ms, of the newest change */
};

struct inlay_ledger {
	ARRAY(struct inlay_record) records; /* one an instance, oldest change first */
	unsigned int lines;                 /* records in the file */
	unsigned int room;                  /* records that it has a place for */
	unsigned int bad;                   /* of its records unusable ones */
	bool torn;                          /* what is behind them is not all zeros */
	bool unsynced; /* something was appended since inlay_ledger_sync() */
	bool unnamed;  /* and the file's name may not last */
	bool named;    /* this session made it durable */
	bool settled;  /* a record says that it was durable before */
};

/* Records to bytes and back; false: not a record of ours, or damaged. Pure. */
void inlay_record_encode(const struct inlay_record *record,
			 unsigned char out[INLAY_RECORD_SIZE]);
bool inlay_record_decode(const unsigned char in[INLAY_RECORD_SIZE],
			 struct inlay_record *record_r);

void inlay_ledger_init(struct inlay_ledger *ledger);
void inlay_ledger_free(struct inlay_ledger *ledger);
/* Takes in the bytes of a file; what is damaged is counted and left out. Pure. */
void inlay_ledger_fold(struct inlay_ledger *ledger, const void *bytes, size_t size);
/* Reads the file. 1: there; 0: there is none (an empty ledger); -1: *error_r. */
int inlay_ledger_read(struct inlay_ledger *ledger, const char *path,
		      const char **error_r);
/* The same of a file that is open. 0: done. */
int inlay_ledger_read_file(struct inlay_ledger *ledger, int fd, const char *path,
			   const char **error_r);
/* NULL: not in it. */
struct inlay_record *inlay_ledger_by_instance(struct inlay_ledger *ledger,
					      const char *instance);
struct inlay_record *inlay_ledger_by_guid(struct inlay_ledger *ledger,
					  const char *guid);
/* Appends one record, behind the last whole one, and puts *record into *ledger as well.
 * The file must be locked and the ledger have been read from it since. It may be
 * written anew: then *fd is the new file, locked as the old one was. -1: *error_r. */
int inlay_ledger_append(struct inlay_ledger *ledger, int *fd, const char *path,
			const struct mailbox_permissions *perm,
			const struct inlay_record *record, const char **error_r);
/* Writes the file anew without what is damaged in it; otherwise as the above. */
int inlay_ledger_rewrite(struct inlay_ledger *ledger, int *fd, const char *path,
			 const struct mailbox_permissions *perm, const char **error_r);
/* Gives a file without a record the room for the first ones; inlay_ledger_sync() then
 * makes it and its name durable. The file must be locked and the ledger have been read
 * from it since. -1: *error_r. */
int inlay_ledger_make_room(struct inlay_ledger *ledger, int fd, const char *path,
			   const char **error_r);
/* Begins to write to the disk what was appended, and waits for nothing. */
void inlay_ledger_start_sync(const struct inlay_ledger *ledger, int fd);
/* What was appended is on the disk when this returns. -1: *error_r. */
int inlay_ledger_sync(struct inlay_ledger *ledger, int fd, const char *path,
		      const char **error_r);

#endif
