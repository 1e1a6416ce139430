/* SPDX-License-Identifier: Apache-2.0 */
/* Events that MIM has not confirmed yet, kept through crashes and restarts: written
 * at once, synced to disk in groups, removed when delivered. Bounded. What was
 * reported as synced is found again by the next process. An event may be delivered
 * twice (MIM counts it once), never zero times. */
#ifndef INLAY_AGENT_SPOOL_H
#define INLAY_AGENT_SPOOL_H

#include "agent/spool-index.h"
#include "base/error.h"
#include "base/log.h"

#include <ev.h>

/* Bytes that must be free for spool_can_take: 64 events of the longest kind, what
 * one session may have unconfirmed. */
#define SPOOL_ROOM ((uint64_t)64 * SPOOL_RECORD_MAX)
#define SPOOL_MIN_SIZE (1024 * 1024)

struct spool_config {
	const char *directory; /* must exist; used by one process only */
	uint64_t max_bytes;    /* of all files; at least SPOOL_MIN_SIZE */
	struct ev_loop *loop;
	struct log *log;
	/* Everything up to this sequence is on disk (ok), or whether it is cannot be
	 * known (not ok): then nothing after the last synced one may be confirmed. */
	void (*synced)(void *ctx, uint64_t sequence, bool ok);
	void *ctx;
};

struct spool;

/* Takes the directory's lock, reads what is there. NULL on error. */
struct spool *spool_open(const struct spool_config *config, struct error *err);
/* Syncs what is written; undelivered events stay on disk. */
void spool_close(struct spool *s);

/* Is there room, in the bound and on the disk, for another session's events? */
bool spool_can_take(struct spool *s);
/* Writes an event (its sequence is set by this). It is safe only when `synced` has
 * said so. False: no room, or SPOOL_EVENTS_PER_USER of this user wait already. */
bool spool_append(struct spool *s, struct spool_record *event, struct error *err);
/* Nothing written waits for the disk. */
bool spool_is_synced(const struct spool *s);
size_t spool_count(const struct spool *s);

/* The user's events, oldest first; returns how many there are. */
size_t spool_of_user(const struct spool *s, struct str tenant, struct str user,
		     const struct spool_event **out, size_t max);

/* Delivery: tenants that ever had an event, and up to `max` of the oldest events of
 * one, marked as taken. */
struct spool_tenant *spool_tenants(const struct spool *s);
size_t spool_take(struct spool_tenant *t, struct spool_event **out, size_t max);
/* They were not delivered: they are there to be taken again. */
void spool_put_back(struct spool_event **events, size_t n);
/* MIM does not accept this one as it is. It stays on disk and is tried again by the
 * next process, but neither holds up the others nor goes along with an OPEN. */
void spool_park(struct spool_event *event);
/* MIM has them: they leave the spool. */
void spool_delivered(struct spool *s, struct spool_event **events, size_t n);

#endif
