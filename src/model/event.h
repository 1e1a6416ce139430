/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a message of ours, and what is counted of it. Types and causes
 * of events are those of the wire (wire/wire.h): one table for plugin, agent and
 * middleware. */
#ifndef INLAY_MODEL_EVENT_H
#define INLAY_MODEL_EVENT_H

#include "base/str.h"

/* What statistics count: X(NAME, JSON name, counts as this eventType of a
 * conversion point or ""). Each is counted once per instance. */
#define STATISTICS(X)                                                                  \
	X(INJECTED, "injected", "injected")                                            \
	X(REINJECTED, "reinjected", "reinjected")                                      \
	X(READ, "read", "read")                                                        \
	X(EXPUNGED_READ, "expungedRead", "expunged")                                   \
	X(EXPUNGED_UNREAD, "expungedUnread", "expunged")                               \
	X(MOVED, "moved", "")                                                          \
	X(RECALLED, "recalled", "")                                                    \
	X(EXPIRED, "expired", "")                                                      \
	X(REFUSED, "refused", "")                                                      \
	X(UNCERTAIN, "uncertain", "")                                                  \
	X(GONE_PENDING, "gonePending", "") /* gone of unknown cause, not yet final */  \
	X(REPLACED, "replaced", "")        /* not shown */                             \
	X(ENDED_READ, "endedRead",                                                     \
	  "")                   /* gone for any cause, and was read; not shown */      \
	X(UNDONE, "undone", "") /* was counted, and is not so; not shown */
enum statistic {
#define X(name, text, point) STATISTIC_##name,
	STATISTICS(X)
#undef X
		STATISTICS_COUNT
};
const char *statistic_name(enum statistic s);
/* "" when no conversion point speaks of it. */
const char *statistic_point_event(enum statistic s);

#endif
