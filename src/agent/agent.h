/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the agent share. Wired together by main.c, which owns it all. */
#ifndef INLAY_AGENT_AGENT_H
#define INLAY_AGENT_AGENT_H

#include "agent/limits.h"
#include "agent/peer.h"
#include "agent/recalls.h"
#include "agent/settings.h"
#include "agent/spool.h"
#include "agent/templates.h"
#include "agent/throttle.h"
#include "agent/uplink.h"
#include "wire/wire.h"

struct session;
struct upload;

struct agent {
	struct ev_loop *loop;
	const struct agent_settings *settings;
	struct log *log;
	struct peer_policy policy;
	struct limits *limits;
	struct tokens *tokens;
	struct uplink *uplink;
	struct uplink *polls;    /* for requests that wait at MIM */
	struct doveadm *doveadm; /* or NULL */
	struct recalls *recalls;
	struct templates *templates;
	struct spool *spool;
	struct upload *upload;
	struct session *sessions;
	struct session *unconfirmed; /* sessions with events that are not synced */
	size_t opens;                /* OPENs being answered */
	bool draining;               /* no new questions */
	struct throttle noise;       /* of what single sessions cause */
	/* For one frame, one message at a time: large, so not on the stack. */
	struct wire_frame frame;
	struct template_parts parts;
	struct buf message;
};

#endif
