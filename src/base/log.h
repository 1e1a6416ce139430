/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a daemon: one line an event,
 *   2026-05-01T08:00:00.123Z INFO  import  bundle loaded  campaign=spring rows=1000
 * Control characters in values are escaped, so a value cannot make a line of its
 * own. No personal data (user names, addresses, variables) at INFO or above.
 * Thread-safe: one write(2) a line. */
#ifndef INLAY_BASE_LOG_H
#define INLAY_BASE_LOG_H

#include "base/error.h"

/* X(NAME, text) from quiet to loud */
#define LOG_LEVELS(X)                                                                  \
	X(OFF, "off")                                                                  \
	X(ERROR, "error")                                                              \
	X(WARN, "warn") X(INFO, "info") X(DEBUG, "debug") X(TRACE, "trace")
enum log_level {
#define X(name, text) LOG_##name,
	LOG_LEVELS(X)
#undef X
};
bool log_level_parse(struct str s, enum log_level *out);
const char *log_level_name(enum log_level l);

struct log;

/* path NULL: standard error. level: lines louder than it are dropped. */
struct log *log_open(const char *path, enum log_level level, struct error *err);
void log_close(struct log *log);
/* Opens the path anew (SIGHUP, after rotation); on failure the old file stays. */
bool log_reopen(struct log *log, struct error *err);
/* A level for one area ("import", "http", ...) that differs from the general
 * one; at most 32. For use at start, before threads. */
bool log_set_area_level(struct log *log, struct str area, enum log_level level);
bool log_enabled(const struct log *log, enum log_level level, const char *area);
/* log may be NULL: then nothing is written (unit tests). */
void log_event(struct log *log, enum log_level level, const char *area, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));

#define log_error(log, area, ...) log_event((log), LOG_ERROR, (area), __VA_ARGS__)
#define log_warn(log, area, ...) log_event((log), LOG_WARN, (area), __VA_ARGS__)
#define log_info(log, area, ...) log_event((log), LOG_INFO, (area), __VA_ARGS__)
#define log_debug(log, area, ...) log_event((log), LOG_DEBUG, (area), __VA_ARGS__)

#endif
