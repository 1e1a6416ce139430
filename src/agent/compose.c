/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/compose.h"

#include "message/address.h"

#define ADDRESS_BYTES 400

_Static_assert(WIRE_MESSAGE_MAX >= MIME_MAX_MESSAGE, "a message fits a frame");
_Static_assert(WIRE_DATE_OFFSETS_MAX >= MIME_N_DATES, "its dates do, too");

static bool build(const struct compose_config *config,
		  const struct answer_action *action, const struct template *template,
		  int64_t now_ms, struct template_parts *parts, struct buf *message,
		  size_t dates[MIME_N_DATES], struct error *err)
{
	char bytes[ADDRESS_BYTES];
	struct buf to = {.p = bytes, .cap = sizeof bytes, .max = sizeof bytes};
	if (!address_of_user(config->user, config->address_domain, &to, err))
		return false;
	struct mime_envelope envelope = {.to = buf_str(&to),
					 .instance = action->instance,
					 .proof = action->proof,
					 .domain = config->message_id_domain,
					 .node = address_is_domain(config->node)
							 ? config->node
							 : (struct str){0},
					 .label = action->label,
					 .unsubscribe = action->unsubscribe,
					 .date_ms = now_ms};
	struct mustache_values values = mustache_table_values(&action->variables);
	buf_clear(message);
	return mime_build(template, &values, &envelope, parts, message, dates, err);
}

bool compose_inject(const struct compose_config *config, uint32_t request,
		    const struct answer_action *action, const struct template *template,
		    int64_t now_ms, struct template_parts *parts, struct buf *message,
		    struct wire_frame *frame, struct error *err)
{
	size_t dates[MIME_N_DATES];
	if (!build(config, action, template, now_ms, parts, message, dates, err))
		return false;
	frame->type = action->op == ANSWER_REINJECT ? WIRE_REINJECT : WIRE_INJECT;
	frame->inject = (struct wire_inject){.request = request,
					     .instance = action->instance,
					     .guid = action->guid,
					     .replaces = action->replaces,
					     .position = (uint8_t)action->position,
					     .rank = action->rank,
					     .date = action->date_ms,
					     .date_offset_count = MIME_N_DATES,
					     .valid_for = action->valid_for,
					     .message = buf_str(message)};
	if (action->op != ANSWER_REINJECT)
		frame->inject.replaces = (struct str){0};
	for (size_t i = 0; i < MIME_N_DATES; i++)
		frame->inject.date_offset[i] = (uint32_t)dates[i];
	return true;
}

void compose_withdraw(const struct answer_withdraw *withdraw, struct wire_frame *frame)
{
	frame->type = WIRE_WITHDRAW;
	frame->withdraw = (struct wire_withdraw){.guid = withdraw->guid,
						 .cause = (uint8_t)withdraw->cause,
						 .lazy = withdraw->lazy,
						 .seen = withdraw->read};
}
