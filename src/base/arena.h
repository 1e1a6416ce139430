/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that goes with a request: many pieces, freed at once, with a maximum.
 * Built with -DINLAY_ARENA_MALLOC (sanitizer builds) each piece is a malloc of
 * its own, so that the sanitizer sees every overrun. Not thread-safe. */
#ifndef INLAY_BASE_ARENA_H
#define INLAY_BASE_ARENA_H

#include "base/str.h"

struct arena;

/* max: most bytes it may hold in all. NULL without memory. */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a); /* NULL is fine */
/* Frees all pieces but keeps a first block for reuse. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type; n == 0 gives a valid pointer. NULL when the
 * maximum is passed or there is no memory; arena_failed() is sticky. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size with overflow check. */
void *arena_array(struct arena *a, size_t count, size_t size);
bool arena_failed(const struct arena *a);
size_t arena_used(const struct arena *a);
/* A copy with a NUL behind it (not counted in n). An absent one stays absent.
 * On failure {NULL,0} and arena_failed(). */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_make(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
