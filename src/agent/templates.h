/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled templates by tenant and hash: from memory, else from disk, else from MIM.
 * Bounded, least recently used goes first. One fetch serves all that wait for it. */
#ifndef INLAY_AGENT_TEMPLATES_H
#define INLAY_AGENT_TEMPLATES_H

#include "agent/template-disk.h"
#include "agent/uplink.h"
#include "message/template.h"

struct templates;
struct templates_wait;

struct templates *templates_new(const struct agent_settings *settings,
				struct uplink *uplink, struct log *log,
				struct error *err);
void templates_free(struct templates *t);

enum templates_state {
	TEMPLATES_READY,
	TEMPLATES_ABSENT, /* to be fetched */
	TEMPLATES_FAILED, /* unusable, or could not be fetched a moment ago */
};
/* READY: *out is valid until the next call of any function here. */
enum templates_state templates_get(struct templates *t, struct str tenant,
				   struct str sha256, const struct template **out);
/* For an ABSENT one: `done` is called once, later, when templates_get knows more;
 * unless cancelled. NULL without memory. */
struct templates_wait *templates_fetch(struct templates *t, struct str tenant,
				       struct str sha256, void (*done)(void *ctx),
				       void *ctx);
void templates_cancel(struct templates_wait *w); /* NULL is fine */

/* Bytes that claim to be the template of this hash, compiled; NULL with the reason.
 * Pure. */
struct template *templates_compile(struct str bytes, struct str sha256,
				   struct error *err);

#endif
