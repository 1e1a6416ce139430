/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a maximum stated when it is made. A write that
 * does not fit (or finds no memory) changes nothing and sets a sticky state,
 * so a writer may add many pieces and look once at the end. */
#ifndef INLAY_BASE_BUF_H
#define INLAY_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

enum buf_state {
	BUF_OK,
	BUF_FULL, /* the maximum would have been passed */
	BUF_NOMEM,
};

struct buf {
	char *p;
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* n never passes this */
	enum buf_state state;
};

/* Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empties it and clears the state; memory is kept. */
void buf_clear(struct buf *b);
/* All of these return b->state == BUF_OK after the call. */
bool buf_add(struct buf *b, const void *data, size_t n);
bool buf_add_str(struct buf *b, struct str s);
static inline bool buf_add_char(struct buf *b, char c)
{
	if (b->state != BUF_OK || b->n >= b->cap || b->n >= b->max)
		return buf_add(b, &c, 1);
	b->p[b->n++] = c;
	return true;
}
bool buf_add_u64(struct buf *b, uint64_t v); /* decimal */
/* For a part of a URL: all but the unreserved characters of RFC 3986 section 2.3
 * become %XX. */
bool buf_add_percent(struct buf *b, struct str s);
bool buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Room for n more bytes at the returned place; call buf_commit with how many
 * were written. NULL when they do not fit. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Drops the first n bytes (moves the rest down). */
void buf_drop(struct buf *b, size_t n);
/* What is in it; valid until the next write. */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p != NULL ? b->p : "", b->n};
}
static inline bool buf_ok(const struct buf *b)
{
	return b->state == BUF_OK;
}
/* The bytes with a NUL behind them (not counted); NULL if there is no room, or if
 * something that was added did not fit. */
const char *buf_cstr(struct buf *b);

#endif
