/* SPDX-License-Identifier: Apache-2.0 */
/* The lock under which a mailbox is changed by us: an fcntl OFD lock on a file of
 * ours beside it. Nobody ever waits for it: who does not get it does nothing now. */
#ifndef INLAY_LOCK_H
#define INLAY_LOCK_H

#include "inlay-compat.h"

#define INLAY_LOCK_NAME "dovecot-inlay.lock"

/* 1: locked, *fd_r is to be given to inlay_unlock. 0: somebody else has it.
 * -1: *error_r. */
int inlay_lock_try(const char *path, const struct mailbox_permissions *perm, int *fd_r,
		   const char **error_r);
void inlay_unlock(int *fd);

#endif
