/* SPDX-License-Identifier: Apache-2.0 */
/* An action of MIM becomes a frame for the plugin: the template is rendered, the
 * message built, the two places of its date noted. Pure. */
#ifndef INLAY_AGENT_COMPOSE_H
#define INLAY_AGENT_COMPOSE_H

#include "agent/requests.h"
#include "message/mime.h"

struct compose_config {
	struct str user;           /* as Dovecot calls the user */
	struct str address_domain; /* for a user without one; or absent */
	struct str message_id_domain;
	struct str node;
};

/* Fills an INJECT or REINJECT frame, which borrows from the action and from
 * `message` (emptied first). parts: scratch. False: this message cannot be made. */
bool compose_inject(const struct compose_config *config, uint32_t request,
		    const struct answer_action *action, const struct template *template,
		    int64_t now_ms, struct template_parts *parts, struct buf *message,
		    struct wire_frame *frame, struct error *err);
void compose_withdraw(const struct answer_withdraw *withdraw, struct wire_frame *frame);

#endif
