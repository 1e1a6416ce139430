/* SPDX-License-Identifier: Apache-2.0 */
/* One user's partition while a request changes it: a copy of the assignments, which of
 * them changed, and all that goes with that into the same commit (statistics, outbox
 * rows, due marks). No I/O. */
#ifndef INLAY_MIM_PARTITION_H
#define INLAY_MIM_PARTITION_H

#include "decision/decide.h"
#include "store/store.h"

struct partition {
	struct arena *arena;
	const struct snapshot *snapshot;
	struct assignment *assignments; /* a copy that may be changed */
	size_t n_assignments;
	bool *changed; /* per assignment */
	struct store_event *events;
	struct store_outbox_row *outbox;
	struct store_due *due, *due_done;
	size_t n_events, cap_events, n_outbox, cap_outbox;
	size_t n_due, cap_due, n_due_done, cap_due_done;
};

/* Functions that return bool fail without memory (arena) only. */
bool partition_open(struct partition *p, const struct snapshot *s,
		    const struct user_record *record, struct arena *arena);
/* Applies an event; *known tells whether its instance is one of this user's. */
bool partition_event(struct partition *p, const struct instance_event *e,
		     int64_t now_ms, bool *known);
/* What an effect asks to be counted, sent and looked at again. */
bool partition_effect(struct partition *p, const struct assignment *a,
		      const struct event_effect *e);
/* Makes `gone` of unknown cause final for those whose time has come; the due marks of
 * `instances` are done with. */
bool partition_finalize(struct partition *p, const struct store_due_entry *marks,
			size_t n, int64_t now_ms);
/* Everything that changed, with `added` upserted behind it, as one change. False
 * without memory; *any: is there anything to write? */
bool partition_change(struct partition *p, const struct assignment *added,
		      size_t n_added, struct store_user_change *change, bool *any);

#endif
