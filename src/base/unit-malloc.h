/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the n-th allocation fails. The linker puts these functions before the
 * real ones; a test declares `failing_malloc` (src/base/meson.build) as a
 * dependency. */
#ifndef INLAY_BASE_UNIT_MALLOC_H
#define INLAY_BASE_UNIT_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* 1: the next allocation fails; 0: none does. Thread-safe. */
void unit_malloc_fail(long nth);
/* Nothing fails any more; true if the n-th allocation has not come. */
bool unit_malloc_stop(void);

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

#endif
