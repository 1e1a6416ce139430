/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, in one table, from which /metrics (OpenMetrics 1.0 text) and its
 * documentation come. Counters are atomic and never block. No name of a tenant, user
 * or campaign is a label. */
#ifndef INLAY_MIM_METRICS_H
#define INLAY_MIM_METRICS_H

#include "base/buf.h"
#include "base/error.h"

struct mim;

/* X(NAME, metric family without prefix and _total, label or "", value or "", help).
 * Rows of a family stand together. */
#define METRICS(X)                                                                     \
	X(HELLOS, "hellos", "", "", "Sessions that said hello")                        \
	X(DECISIONS, "decisions", "outcome", "actions",                                \
	  "Decisions, by whether there was anything to do")                            \
	X(DECISIONS_EMPTY, "decisions", "outcome", "empty", "")                        \
	X(DECISIONS_FAILED, "decisions", "outcome", "failed", "")                      \
	X(DECISION_CONFLICTS, "decision_conflicts", "", "",                            \
	  "Assignments decided again because another session was first")               \
	X(INJECTIONS, "injections", "", "", "Messages handed out for injection")       \
	X(REINJECTIONS, "reinjections", "", "",                                        \
	  "Messages handed out to replace an unread copy of theirs")                   \
	X(WITHDRAWALS, "withdrawals", "", "", "Messages told to be taken back")        \
	X(EVENTS, "events", "type", "injected", "Events taken, by type")               \
	X(EVENTS_REINJECTED, "events", "type", "reinjected", "")                       \
	X(EVENTS_READ, "events", "type", "read", "")                                   \
	X(EVENTS_GONE, "events", "type", "gone", "")                                   \
	X(EVENTS_REFUSED, "events", "type", "refused", "")                             \
	X(EVENTS_UNCERTAIN, "events", "type", "uncertain", "")                         \
	X(EVENTS_UNKNOWN, "events_unknown", "", "",                                    \
	  "Events whose instance is not known (erased, forgotten, forged)")            \
	X(TEMPLATES, "templates", "", "", "Templates sent to agents")                  \
	X(IMPORTS_STARTED, "imports", "state", "started",                              \
	  "Imports, by how they ended")                                                \
	X(IMPORTS_DONE, "imports", "state", "done", "")                                \
	X(IMPORTS_FAILED, "imports", "state", "failed", "")                            \
	X(IMPORT_ROWS, "import_rows", "result", "accepted", "Rows of imports")         \
	X(IMPORT_ROWS_REJECTED, "import_rows", "result", "rejected", "")               \
	X(UNSUBSCRIBES, "unsubscribes", "", "", "Opt-outs by the link in a message")   \
	X(ERASED, "users_erased", "", "", "Users erased")                              \
	X(DELIVERIES_SENT, "deliveries", "outcome", "sent",                            \
	  "Events for conversion points, by what came of them")                        \
	X(DELIVERIES_FAILED, "deliveries", "outcome", "failed", "")                    \
	X(DELIVERIES_ERASED, "deliveries", "outcome", "erased", "")                    \
	X(DELIVERIES_DEAD, "deliveries", "outcome", "dead", "")                        \
	X(AUTH_FAILED, "auth_failed", "", "", "Requests without a token that is known")
enum metric {
#define X(name, family, label, value, help) METRIC_##name,
	METRICS(X)
#undef X
		METRICS_COUNT
};

struct metrics;

/* n_routes: how many routes there are to count requests of. */
struct metrics *metrics_new(size_t n_routes);
void metrics_free(struct metrics *m); /* NULL is fine */
/* m may be NULL: nothing is counted (unit tests). */
void metrics_add(struct metrics *m, enum metric what, uint64_t n);
/* A request that was answered. route: index in the table of routes. */
void metrics_request(struct metrics *m, size_t route, int status, int64_t micros);
/* The whole text, with what the store and the pools say. */
bool metrics_write(struct mim *mim, struct buf *out);

#endif
