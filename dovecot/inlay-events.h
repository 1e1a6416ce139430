/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be told to the agent: numbered events, kept until acknowledged. Pure. */
#ifndef INLAY_EVENTS_H
#define INLAY_EVENTS_H

#include "inlay-compat.h"
#include "inlay-ledger.h"
#include "wire/wire.h"

struct inlay_event {
	uint64_t number;
	char instance[INLAY_ID_SIZE];
	char guid[INLAY_ID_SIZE];
	uint8_t type, cause;
	bool seen;
	int64_t time; /* ms */
};

struct inlay_events {
	struct inlay_event kept[WIRE_EVENTS_MAX]; /* ascending numbers */
	unsigned int count;
	uint64_t last; /* number given last */
};

/* Keeps an event under the next number. NULL: 64 are unacknowledged; it is not kept
 * (the ledger has it still due, and a later session tells it). The same type of the
 * same instance is kept once: the earlier one is returned. */
const struct inlay_event *inlay_events_add(struct inlay_events *events,
					   const char *instance, const char *guid,
					   uint8_t type, bool seen, uint8_t cause,
					   int64_t time);
/* Drops the events up to this number; copies them to acked[] (room for
 * WIRE_EVENTS_MAX) and returns how many. */
unsigned int inlay_events_ack(struct inlay_events *events, uint64_t number,
			      struct inlay_event *acked);
/* The frame of an event; it borrows from *event. */
void inlay_event_frame(const struct inlay_event *event, struct wire_frame *frame_r);

#endif
