/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to MIM: libcurl's multi interface on the event loop, a few kept-alive
 * connections, an absolute deadline for each request, bearer tokens per tenant. When
 * a MIM does not answer, the next of the list is used from then on. */
#ifndef INLAY_AGENT_UPLINK_H
#define INLAY_AGENT_UPLINK_H

#include "agent/settings.h"
#include "agent/tokens.h"
#include "base/buf.h"
#include "base/error.h"

#include <ev.h>

struct uplink;
struct uplink_call;

/* What came back. status 0: nothing did, err says why. */
struct uplink_answer {
	int status;           /* of HTTP */
	uint32_t retry_after; /* with 503 and 429: seconds, at least 1 */
	struct str body;
	struct error err;
};
/* What became of the question. Pure. */
enum uplink_verdict {
	UPLINK_DONE,
	UPLINK_LATER,   /* MIM cannot now: the same again, later */
	UPLINK_REFUSED, /* something in its body is not accepted */
};
enum uplink_verdict uplink_judge(int status);

typedef void uplink_done(void *ctx, const struct uplink_answer *answer);

struct uplink_limits {
	int64_t connections; /* at a time; further requests wait for one */
	int64_t timeout_ms;  /* of a request, with that wait */
};
/* Two uplinks do not take each other's connections, nor each other's word for which
 * MIM answers. tokens: outlive it. log: NULL, if another one tells of that. */
struct uplink *uplink_new(struct ev_loop *loop, const struct agent_settings *settings,
			  const struct uplink_limits *limits,
			  const struct tokens *tokens, struct log *log,
			  struct error *err);
void uplink_free(struct uplink *u);
bool uplink_has_tenant(const struct uplink *u, struct str tenant);

/* path: behind /api/tenants/{tenant}/dovecot/. body: POSTed as JSON, taken over (the
 * caller's is empty afterwards); NULL: GET. `done` is called once, later, unless the
 * call is cancelled. NULL without memory or for an unknown tenant. */
struct uplink_call *uplink_send(struct uplink *u, struct str tenant, const char *path,
				struct buf *body, size_t max_answer, uplink_done *done,
				void *ctx);
/* MIM may send an answer but for its last byte, which says that it counts. `early` is
 * called with it when that byte only is missing, once, before `done` and from the loop;
 * or not at all. It may cancel the call. To be asked for before the loop goes on. */
void uplink_want_early(struct uplink_call *call, uplink_done *early);
void uplink_cancel(struct uplink_call *call); /* NULL is fine */

#endif
