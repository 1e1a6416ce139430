/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the spool's events to MIM: one batch of a tenant at a time, oldest first,
 * with back-off while MIM does not take them. */
#ifndef INLAY_AGENT_UPLOAD_H
#define INLAY_AGENT_UPLOAD_H

#include "agent/spool.h"
#include "agent/uplink.h"

struct upload;

struct upload *upload_new(struct ev_loop *loop, struct spool *spool,
			  struct uplink *uplink, struct log *log);
void upload_free(struct upload *u);
/* Who is told of the events of one tenant that MIM has, before they are gone. */
typedef void upload_told(void *ctx, const struct spool_record *const *events, size_t n);
void upload_tell(struct upload *u, upload_told *told, void *ctx);
/* There are events. Those that come within a moment share a batch. */
void upload_kick(struct upload *u);
/* Nothing is on its way. */
bool upload_is_idle(const struct upload *u);

#endif
