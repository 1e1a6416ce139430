/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of requests: what several answers have in common. */
#ifndef INLAY_AGENT_REQUESTS_INTERNAL_H
#define INLAY_AGENT_REQUESTS_INTERNAL_H

#include "agent/reading.h"
#include "agent/requests.h"

/* An action, of which the brace was read. *skip: its op is not known here. */
bool requests_read_action(struct reading *g, struct answer_action *action, bool *skip);

#endif
