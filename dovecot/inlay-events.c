/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-events.h"

const struct inlay_event *inlay_events_add(struct inlay_events *events,
					   const char *instance, const char *guid,
					   uint8_t type, bool seen, uint8_t cause,
					   int64_t time)
{
	for (unsigned int i = 0; i < events->count; i++)
		if (events->kept[i].type == type &&
		    strcmp(events->kept[i].instance, instance) == 0)
			return &events->kept[i];
	if (events->count == WIRE_EVENTS_MAX)
		return NULL;
	struct inlay_event *event = &events->kept[events->count++];
	i_zero(event);
	event->number = ++events->last;
	i_strocpy(event->instance, instance, sizeof(event->instance));
	i_strocpy(event->guid, guid, sizeof(event->guid));
	event->type = type;
	event->cause = cause;
	event->seen = seen;
	event->time = time;
	return event;
}

unsigned int inlay_events_ack(struct inlay_events *events, uint64_t number,
			      struct inlay_event *acked)
{
	unsigned int n = 0;
	while (n < events->count && events->kept[n].number <= number)
		n++;
	if (n > 0)
		memcpy(acked, events->kept, n * sizeof(*acked));
	events->count -= n;
	memmove(events->kept, events->kept + n,
		events->count * sizeof(events->kept[0]));
	return n;
}

void inlay_event_frame(const struct inlay_event *event, struct wire_frame *frame_r)
{
	frame_r->type = WIRE_EVENT;
	frame_r->event = (struct wire_event){
		.number = event->number,
		.instance = str_of(event->instance),
		.guid = str_of(event->guid),
		.type = event->type,
		.seen = event->seen,
		.cause = event->cause,
		.time = event->time,
	};
}
