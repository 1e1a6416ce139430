/* SPDX-License-Identifier: Apache-2.0 */
/* Stores a batch of events of many users: each user's events in one conditional write,
 * several users at a time, so that their writes share group commits. Events must not be
 * lost: whatever fails makes the whole batch fail, and the agent sends it again, which
 * changes nothing that was stored already. Asynchronous, and without HTTP. */
#ifndef INLAY_MIM_EVENT_BATCH_H
#define INLAY_MIM_EVENT_BATCH_H

#include "mim/partition.h"
#include "mim/requests.h"
#include "mim/workers.h"

/* Another session of the same user may be first that often. */
#define EVENT_BATCH_TRIES 16
/* Users whose partitions are read and written at once: so many share a sync. */
#define EVENT_BATCH_LANES 64

/* An event with the key of its user. */
struct keyed_event {
	struct str user_key;
	const struct instance_event *event;
};

struct event_batch_result {
	uint64_t stored; /* of instances that are known, repeats included */
	uint64_t
		dropped; /* of instances that are not: erased, long forgotten, forged */
};
/* err NULL: everything is durable. */
typedef void event_batch_done(void *ctx, const struct event_batch_result *result,
			      const struct error *err);

/* Events of one user are applied in their order. db, snapshot and the events' text
 * are borrowed until done has run; `events` itself is copied. May call done before it
 * returns. workers: where it goes on after a write, off the threads of the store; NULL:
 * on these. */
void event_batch_start(struct store_db *db, const struct snapshot *s,
		       const struct keyed_event *events, size_t n, int64_t now_ms,
		       struct workers *workers, event_batch_done *done, void *ctx);

#endif
