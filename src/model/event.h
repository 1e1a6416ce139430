/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a message of ours, and what is counted of it. Types and causes
 * of events are those of the wire (wire/wire.h): one table for plugin, agent and
 * middleware. */
#ifndef INLAY_MODEL_EVENT_H
#define INLAY_MODEL_EVENT_H

#include "base/str.h"

/* What statistics count: X(NAME, JSON name, counts as this eventType of a
 * conversion point or "", is it shown). Each is counted once per instance. */
#define STATISTICS(X)                                                                  \
	X(INJECTED, "injected", "injected", true)                                      \
	X(REINJECTED, "reinjected", "reinjected", true)                                \
	X(READ, "read", "read", true)                                                  \
	X(EXPUNGED_READ, "expungedRead", "expunged", true)                             \
	X(EXPUNGED_UNREAD, "expungedUnread", "expunged", true)                         \
	X(MOVED, "moved", "", true)                                                    \
	X(RECALLED, "recalled", "", true)                                              \
	X(EXPIRED, "expired", "", true)                                                \
	X(REFUSED, "refused", "", true)                                                \
	X(UNCERTAIN, "uncertain", "", true)                                            \
	X(GONE_PENDING, "gonePending", "", true) /* of unknown cause, not yet final */ \
	X(REPLACED, "replaced", "", false)                                             \
	X(ENDED_READ, "endedRead", "", false) /* gone for any cause, and was read */   \
	X(UNDONE, "undone", "", false)        /* was counted, and is not so */
enum statistic {
#define X(name, text, point, shown) STATISTIC_##name,
	STATISTICS(X)
#undef X
		STATISTICS_COUNT
};
const char *statistic_name(enum statistic s);
/* "" when no conversion point speaks of it. */
const char *statistic_point_event(enum statistic s);
bool statistic_is_shown(enum statistic s);

#endif
