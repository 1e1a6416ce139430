/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that does nothing but fdatasync(2), so that a slow disk does not hold up
 * the event loop, and so that all that was written meanwhile shares the next one
 * (group commit). One job at a time. */
#ifndef INLAY_AGENT_SPOOL_SYNC_H
#define INLAY_AGENT_SPOOL_SYNC_H

#include "base/error.h"

#include <ev.h>

#define SPOOL_SYNC_FILES 8

struct spool_sync_job {
	int files[SPOOL_SYNC_FILES]; /* synced in order; must stay open meanwhile */
	size_t n_files;
	int directory;     /* synced as well, or -1 */
	uint64_t sequence; /* what is written up to now; handed back */
};

/* On the loop's thread. errnum: 0, or why it failed. */
typedef void spool_sync_done(void *ctx, uint64_t sequence, int errnum);

struct spool_sync;

struct spool_sync *spool_sync_start(struct ev_loop *loop, spool_sync_done *done,
				    void *ctx, struct error *err);
/* Only when no job is under way. */
void spool_sync_submit(struct spool_sync *s, const struct spool_sync_job *job);
/* Waits for a job under way, calls `done` for it, ends the thread. */
void spool_sync_stop(struct spool_sync *s);

#endif
