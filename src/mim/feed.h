/* SPDX-License-Identifier: Apache-2.0 */
/* What agents with open sessions must hear of at once: a campaign was recalled, a user
 * no longer consents (contracts.md §3, `recalls`). One feed for each tenant: a request
 * waits in it until there is something behind its cursor, or its time is over.
 *
 * It is kept in memory: a cursor of another process, or one that lies too far back, is
 * answered by "reset", upon which the agent asks for all users that are there. Any
 * thread may call; nothing here waits. */
#ifndef INLAY_MIM_FEED_H
#define INLAY_MIM_FEED_H

#include "mim/request.h"

#define FEED_KEPT 1024         /* entries */
#define FEED_CURSOR_MAX 64     /* bytes of a cursor */
#define FEED_WAITERS_MAX 10000 /* requests, where nothing else is said */

struct feed;

/* NULL without memory. room, which outlives it, may be NULL. */
struct feed *feed_new(struct feed_room *room);
void feed_free(struct feed *f); /* nobody waits; NULL is fine */

void feed_campaign(struct feed *f, struct str campaign);
void feed_user(struct feed *f, struct str user_key);
/* More than can be named: all cursors are too old. */
void feed_all(struct feed *f);

/* Answers q: at once, or when something happens, at until_us (clock_mono_us) at the
 * latest. since: absent at first. */
void feed_ask(struct feed *f, struct request *q, struct str since, int64_t until_us);
/* Answers those whose time is over: now and then. */
void feed_tick(struct feed *f, int64_t now_us);
/* Answers all who wait, and from now on each at once. */
void feed_end(struct feed *f);
size_t feed_waiters(struct feed *f);

#endif
