/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are values that explain: a kind from one table, a sentence for a
 * person, and where it was (a JSON pointer, or file:line). A struct error holds
 * its text itself, so that an error can be made when there is no memory. */
#ifndef INLAY_BASE_ERROR_H
#define INLAY_BASE_ERROR_H

#include "base/str.h"

/* X(NAME, slug, HTTP status, exit code of a command, may be retried, meaning)
 * The slug is the last part of a problem document's "type". */
#define ERROR_KINDS(X)                                                                 \
	X(NONE, "none", 200, 0, false, "no error")                                     \
	X(USAGE, "usage", 400, 2, false, "the call's own words are off")               \
	X(SYNTAX, "syntax", 400, 65, false, "a document cannot be read")               \
	X(UNKNOWN_FIELD, "unknown-field", 400, 65, false,                              \
	  "a document has a field that is not known")                                  \
	X(BAD_VALUE, "bad-value", 400, 65, false, "a value is not allowed")            \
	X(UNAUTHORIZED, "unauthorized", 401, 77, false,                                \
	  "no token, or one that is not known")                                        \
	X(FORBIDDEN, "forbidden", 403, 77, false, "the token does not allow this")     \
	X(NOT_FOUND, "not-found", 404, 66, false, "there is no such thing")            \
	X(METHOD, "method-not-allowed", 405, 2, false,                                 \
	  "the path does not take this method")                                        \
	X(CONFLICT, "conflict", 409, 75, false, "it contradicts what is stored")       \
	X(TOO_LARGE, "too-large", 413, 65, false, "over a stated limit")               \
	X(MEDIA_TYPE, "media-type", 415, 65, false,                                    \
	  "the body is not of the expected type")                                      \
	X(UNPROCESSABLE, "unprocessable", 422, 65, false,                              \
	  "well-formed, but against the rules")                                        \
	X(NOT_BUILT, "not-built-in", 422, 69, false, "known, but not in this version") \
	X(IO, "io", 500, 74, true, "a file or socket failed")                          \
	X(CORRUPT, "corrupt", 500, 70, false, "stored data is not what it must be")    \
	X(INTERNAL, "internal", 500, 70, false, "a fault of ours")                     \
	X(MEMORY, "memory", 503, 71, true, "out of memory")                            \
	X(BUSY, "busy", 503, 75, true, "too much at once; try again")                  \
	X(UNAVAILABLE, "unavailable", 503, 69, true,                                   \
	  "a part that is needed does not answer")                                     \
	X(TIMEOUT, "timeout", 504, 75, true, "not done within its time")               \
	X(FULL, "full", 507, 74, true, "no room left on disk or in the store")

enum error_kind {
#define X(name, slug, http, code, retry, meaning) ERROR_##name,
	ERROR_KINDS(X)
#undef X
		ERROR_KINDS_COUNT
};

struct error_kind_info {
	const char *slug;
	int http_status;
	int exit_code;
	bool retryable;
	const char *meaning;
};
const struct error_kind_info *error_kind_info(enum error_kind kind);

struct error {
	enum error_kind kind; /* ERROR_NONE: nothing happened */
	char where[192];   /* JSON pointer ("/schedule/end") or "file:12"; may be "" */
	char message[320]; /* one sentence, no final stop needed; cut if longer */
};

/* Fills *err (may be NULL: then nothing) and returns false, so that one can
 * write: return error_set(err, ERROR_IO, "", "cannot open %s: %s", ...); */
bool error_set(struct error *err, enum error_kind kind, const char *where,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same with ": strerror(errnum)" behind the sentence; kind FULL instead of
 * IO for ENOSPC and EDQUOT, MEMORY for ENOMEM. */
bool error_set_errno(struct error *err, const char *where, int errnum, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
void error_clear(struct error *err);

/* Many errors of one document, bounded; what did not fit is counted. */
struct error_list {
	struct error *items;
	size_t n, cap, max;
	size_t dropped; /* found, but not kept */
};
void error_list_init(struct error_list *l, size_t max);
void error_list_free(struct error_list *l);
/* Always returns false. */
bool error_list_add(struct error_list *l, enum error_kind kind, const char *where,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool error_list_add_error(struct error_list *l, const struct error *err);
static inline bool error_list_empty(const struct error_list *l)
{
	return l->n == 0 && l->dropped == 0;
}

#ifdef __clang_analyzer__
/* It looks at one file at a time and must know what these return. */
#define error_set(...) ((void)error_set(__VA_ARGS__), false)
#define error_set_errno(...) ((void)error_set_errno(__VA_ARGS__), false)
#define error_list_add(...) ((void)error_list_add(__VA_ARGS__), false)
#endif

#endif
