/* SPDX-License-Identifier: Apache-2.0 */
/* The lock and the ledger of one INBOX together: whoever writes into the ledger sits
 * at this desk, one at a time. */
#ifndef INLAY_DESK_H
#define INLAY_DESK_H

#include "inlay-ledger.h"

/* Tells a file from one that was made anew under its name, and may have its inode. */
struct inlay_file {
	uint64_t ino, dev;
	int64_t born; /* ns; 0: the file system does not know */
};

/* Where our files of an INBOX are. */
struct inlay_paths {
	const char *ledger; /* it is the lock as well */
	struct mailbox_permissions perm;
	bool named; /* the ledger was made by inlay_desk_prepare(): its name lasts */
	struct inlay_file prepared; /* and this is the file */
};

struct inlay_desk {
	const struct inlay_paths *paths;
	int fd; /* the ledger, locked */
	struct inlay_ledger ledger;
};

/* Finds the control directory of an opened INBOX; text comes from the pool. False:
 * it has none (a storage without files). */
bool inlay_paths_find(struct mailbox *box, pool_t pool, struct inlay_paths *paths_r);

/* 1: the lock is ours and the ledger read. 0: somebody else has the lock. -1:
 * *error_r; nothing may be saved. */
int inlay_desk_open(struct inlay_desk *desk, const struct inlay_paths *paths,
		    const char **error_r);
void inlay_desk_close(struct inlay_desk *desk);
/* Makes the ledger, empty, with room for records, and durable, if it is not there:
 * whoever writes the first one finds its place. -1: *error_r. */
int inlay_desk_prepare(struct inlay_paths *paths, const char **error_r);
/* Writes the ledger anew if records of it are damaged; how many were. -1: *error_r. */
int inlay_desk_mend(struct inlay_desk *desk, const char **error_r);
/* Writes a record (time is set to now). The name of a new ledger is on the disk when
 * this returns, the record is not. -1: *error_r. */
int inlay_desk_write(struct inlay_desk *desk, struct inlay_record *record,
		     const char **error_r);
/* The same in two steps, for a record that must be on the disk before something else
 * is: while the first is under way to the disk, something can be done. */
int inlay_desk_announce(struct inlay_desk *desk, struct inlay_record *record,
			const char **error_r);
int inlay_desk_settle(struct inlay_desk *desk, const char **error_r);

#endif
