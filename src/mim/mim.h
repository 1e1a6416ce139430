/* SPDX-License-Identifier: Apache-2.0 */
/* The middleware as its handlers see it: what there is once per process. Made by
 * main.c, given to every request; nothing in here is found by a global name. */
#ifndef INLAY_MIM_MIM_H
#define INLAY_MIM_MIM_H

#include "base/log.h"
#include "base/properties.h"
#include "mim/metrics.h"
#include "mim/tenants.h"
#include "mim/workers.h"
#include "net/http-server.h"
#include "store/store.h"

struct admission;  /* admission.h */
struct deliver;    /* deliver.h */
struct master_key; /* secrets.h */
struct router;     /* routes.h */
struct tokens;     /* tokens.h */

/* Of all feeds together: a request that waits has a connection, which no other client
 * may have for want of one. Half of it is the most of one feed. Beyond it requests are
 * answered at once. */
struct feed_room {
	size_t most;
	_Atomic size_t waiting;
};

struct mim {
	const struct settings *settings; /* application.properties */
	struct log *log;
	struct store *store;
	struct store_db *system; /* tenants, tokens */
	const struct master_key *master_key;
	struct tenants *tenants; /* registry of those that are served */
	struct tokens *tokens;
	struct router *router; /* which call a path means */
	struct metrics *metrics;
	struct http_stats http; /* of both listeners */
	struct admission *admission;
	struct feed_room
		feed_room; /* of the tenants' feeds; set with the API's listener */
	struct deliver *_Atomic deliver; /* NULL at the start */
	struct workers *workers;         /* handlers that block */
	struct workers *events;          /* batches of events; may be NULL */
	struct workers *outside; /* handlers that ask somebody else; may be NULL */
	struct workers *jobs;    /* imports and sweeps: minutes, not milliseconds */
	int64_t started_ms;      /* wall clock */
	int64_t started_us;      /* clock_mono_us() at the start of main() */
	/* What is not ready yet, in words for /health/ready; NULL: all is. */
	const char *_Atomic not_ready;
	_Atomic bool stopping; /* long polls and jobs look at this */
};

#endif
