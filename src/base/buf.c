/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->state = BUF_OK;
}

/* Room for n more bytes, or the sticky state. */
static bool make_room(struct buf *b, size_t n)
{
	if (b->state != BUF_OK)
		return false;
	if (n > b->max - b->n) {
		b->state = BUF_FULL;
		return false;
	}
	if (b->p != NULL && b->n + n <= b->cap)
		return true;
	size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
	while (cap < b->n + n)
		cap = cap > SIZE_MAX / 2 ? b->n + n : cap * 2;
	if (cap > b->max && b->max >= b->n + n)
		cap = b->max > 0 ? b->max : 1;
	char *p = realloc(b->p, cap);
	if (p == NULL) {
		b->state = BUF_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

bool buf_add(struct buf *b, const void *data, size_t n)
{
	if (!make_room(b, n))
		return false;
	if (n > 0)
		memcpy(b->p + b->n, data, n);
	b->n += n;
	return true;
}

bool buf_add_str(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.n);
}

bool buf_add_u64(struct buf *b, uint64_t v)
{
	char text[20];
	size_t at = sizeof text;
	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return buf_add(b, text + at, sizeof text - at);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

bool buf_add_percent(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = s.n;
	for (size_t i = 0; i < s.n; i++)
		n += is_unreserved(s.p[i]) ? 0 : 2;
	if (!make_room(b, n))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (is_unreserved(s.p[i])) {
			b->p[b->n++] = s.p[i];
		} else {
			b->p[b->n++] = '%';
			b->p[b->n++] = hex[c >> 4];
			b->p[b->n++] = hex[c & 15];
		}
	}
	return true;
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	assert(n >= 0);
	if (!make_room(b, (size_t)n)) {
		va_end(again);
		return false;
	}
	/* vsnprintf wants a place for its NUL, which may lie past the maximum */
	if (b->cap - b->n > (size_t)n) {
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
	} else {
		char *tmp = malloc((size_t)n + 1);
		if (tmp == NULL) {
			b->state = BUF_NOMEM;
			va_end(again);
			return false;
		}
		vsnprintf(tmp, (size_t)n + 1, fmt, again);
		memcpy(b->p + b->n, tmp, (size_t)n);
		free(tmp);
	}
	va_end(again);
	b->n += (size_t)n;
	return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return ok;
}

char *buf_reserve(struct buf *b, size_t n)
{
	return make_room(b, n) ? b->p + b->n : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
	assert(b->state == BUF_OK && n <= b->cap - b->n);
	b->n += n;
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n > 0 && n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->state != BUF_OK)
		return NULL;
	if (b->p == NULL || b->n == b->cap) {
		char *p = realloc(b->p, b->n + 1);
		if (p == NULL)
			return NULL;
		b->p = p;
		b->cap = b->n + 1;
	}
	b->p[b->n] = '\0';
	return b->p;
}
