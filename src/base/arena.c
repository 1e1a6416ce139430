/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One chunk; with INLAY_ARENA_MALLOC each piece is a chunk. */
struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* the first is the one in use */
	size_t max, used;
	bool failed;
};

#ifdef INLAY_ARENA_MALLOC
#define CHUNK_SIZE 0
#else
#define CHUNK_SIZE 4096
#endif

struct arena *arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof *a);
	if (a != NULL)
		a->max = max;
	return a;
}

static void free_chunks(struct chunk *c)
{
	while (c != NULL) {
		struct chunk *next = c->next;
		free(c);
		c = next;
	}
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free_chunks(a->chunks);
	free(a);
}

void arena_reset(struct arena *a)
{
	struct chunk *keep = NULL;
	if (CHUNK_SIZE > 0 && a->chunks != NULL && a->chunks->size <= 64 * 1024) {
		keep = a->chunks;
		free_chunks(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		free_chunks(a->chunks);
	}
	a->chunks = keep;
	a->used = 0;
	a->failed = false;
}

static struct chunk *chunk_add(struct arena *a, size_t need)
{
	size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;
	/* grow with use, so that a large request needs few chunks */
	if (CHUNK_SIZE > 0 && a->used > size && need <= a->used)
		size = a->used < 256 * 1024 ? a->used : 256 * 1024;
	if (size < need)
		size = need;
	struct chunk *c = malloc(sizeof *c + size);
	if (c == NULL)
		return NULL;
	*c = (struct chunk){.next = a->chunks, .size = size};
	a->chunks = c;
	return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	size_t need = n == 0 ? 1 : n;
	if (CHUNK_SIZE > 0)
		need = need > SIZE_MAX - align ? need
					       : (need + align - 1) & ~(align - 1);
	if (need > a->max - a->used) {
		a->failed = true;
		return NULL;
	}
	struct chunk *c = a->chunks;
	if (c == NULL || c->size - c->used < need) {
		c = chunk_add(a, need);
		if (c == NULL) {
			a->failed = true;
			return NULL;
		}
	}
	void *p = c->data + c->used;
	c->used += need;
	a->used += need;
	memset(p, 0, n == 0 ? 1 : n);
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size) {
		a->failed = true;
		return NULL;
	}
	return arena_alloc(a, count * size);
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

struct str arena_str(struct arena *a, struct str s)
{
	if (s.p == NULL)
		return s;
	char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
	if (p == NULL)
		return (struct str){NULL, 0};
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){p, p == NULL ? 0 : (size_t)n};
}
