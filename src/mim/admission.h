/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request is taken at all. An answer that comes too late is worth nothing to
 * who asked, so when more is asked than can be answered in time, some are told at once
 * to come again, and the others are still answered in time. Two signs say so:
 *
 * - Requests lie unread for longer than max_wait, all of them, for a while: then as
 *   many are refused as are too many, of connections that ask again at once.
 * - Too many of a kind are under way, which wait for the store. Decisions and events
 *   are counted apart, so that neither waits behind the other; calls of the
 *   administration have a bounded queue of their own (workers.h).
 *
 * Pure: times come in. Any thread may call. */
#ifndef INLAY_MIM_ADMISSION_H
#define INLAY_MIM_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission;

enum admission_kind {
	ADMISSION_DECISION, /* hello and decisions: worth nothing when late */
	ADMISSION_EVENTS,
	ADMISSION_OTHER, /* always taken */
	ADMISSION_KINDS,
};

struct admission_limits {
	int64_t max_wait_ms;
	unsigned most[ADMISSION_KINDS]; /* under way at once */
};

struct admission *admission_new(const struct admission_limits *limits);
void admission_free(struct admission *a); /* NULL is fine */

/* Should the next request be asked how long it lay unread? That costs a system call, so
 * as long as all is well only a few are. */
bool admission_samples(struct admission *a);

enum admission_verdict {
	ADMISSION_TAKE,
	ADMISSION_REFUSE,
	/* and the decisions that the same connection asks for within
	 * admission_pause_ms() wait until then */
	ADMISSION_PAUSE,
};

struct admission_request {
	enum admission_kind kind;
	int64_t waited_ms; /* how long it lay unread; -1: not known */
	int64_t quiet_ms;  /* since the connection's last answer, waited_ms included */
	int64_t now_us;
};
enum admission_verdict admission_ask(struct admission *a,
				     const struct admission_request *q);

/* What Retry-After says. */
#define ADMISSION_RETRY_MS 1000
/* From half of that to that: all who were refused together shall not be back together,
 * and a client that gives up when it waits for longer need not connect again. */
int64_t admission_pause_ms(struct admission *a);

/* From the beginning of its handling to its answer. took_us: from its arrival. */
void admission_enter(struct admission *a, enum admission_kind kind);
void admission_leave(struct admission *a, enum admission_kind kind, int64_t took_us);

size_t admission_under_way(const struct admission *a, enum admission_kind kind);
uint64_t admission_refused(const struct admission *a, enum admission_kind kind);

#endif
