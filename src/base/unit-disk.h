/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the n-th call that changes a file fails. These functions stand before
 * libc's, for libraries (LMDB) as well as for our own code; a test declares
 * `failing_disk` (src/base/meson.build) as a dependency. Only files count: no pipe,
 * no socket, not what a test prints. */
#ifndef INLAY_BASE_UNIT_DISK_H
#define INLAY_BASE_UNIT_DISK_H

#include <stdbool.h>
#include <stddef.h>

enum unit_disk_fault {
	UNIT_DISK_NAME,  /* a file or directory made, renamed: EACCES */
	UNIT_DISK_WRITE, /* written, cut, its room reserved: EIO */
	UNIT_DISK_SYNC,  /* fsync, fdatasync, msync, a write to a synced file: EIO, but
			    what was written is there to be read */
	UNIT_DISK_DEAD,  /* likewise, and so does every further one */
	UNIT_DISK_FULL,  /* the write is cut in half, and from then on none has room */
	UNIT_DISK_FAULTS
};
extern const char *const unit_disk_fault_names[UNIT_DISK_FAULTS];

/* 1: the next of its kind fails; 0: none does. Thread-safe. */
void unit_disk_fail(enum unit_disk_fault fault, long nth);
/* Nothing fails any more; true if the n-th has not come. */
bool unit_disk_stop(void);

/* How many descriptors are open. */
size_t unit_descriptors(void);

#endif
