/* SPDX-License-Identifier: Apache-2.0 */
/* The lock under which a mailbox is changed by us: an fcntl OFD lock on our own file
 * beside it, the ledger. Nobody ever waits for it: who does not get it does nothing
 * now. */
#ifndef INLAY_LOCK_H
#define INLAY_LOCK_H

#include "inlay-compat.h"

/* Opens a file for writing, which is made with these permissions if it is not there.
 * -1: *error_r. */
int inlay_lock_open(const char *path, int flags, const struct mailbox_permissions *perm,
		    const char **error_r);
/* Locks an open file. 1: locked. 0: somebody else has it. -1: *error_r. */
int inlay_lock_file(int fd, const char *path, const char **error_r);
/* The same; 0 also if the path names another file by now. */
int inlay_lock_take(int fd, const char *path, const char **error_r);
/* Lets the lock go; the file stays open. */
void inlay_lock_release(int fd);
/* Does the path still name this open file? A ledger that is written anew is another
 * one.
 */
bool inlay_lock_is_at(int fd, const char *path);
/* Opens and locks. 1: *fd_r is to be closed, which unlocks. 0: somebody else has it, or
 * has just put another file in its place. -1: *error_r. */
int inlay_lock_try(const char *path, const struct mailbox_permissions *perm, int *fd_r,
		   const char **error_r);

#endif
