/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the n-th allocation fails. The linker puts these functions before the
 * real ones; a test declares `failing_malloc` (src/base/meson.build) as a
 * dependency. */
#ifndef INLAY_BASE_UNIT_MALLOC_H
#define INLAY_BASE_UNIT_MALLOC_H

#include "base/error.h"

#include <stddef.h>

/* 1: the next allocation fails; 0: none does. Thread-safe. */
void unit_malloc_fail(long nth);
/* Nothing fails any more; true if the n-th allocation has not come. */
bool unit_malloc_stop(void);

/* Makes the call with its first allocation failing, then with its second, until none
 * fails any more. It may do without what it does not get; else it must return false
 * and say ERROR_MEMORY. What it makes it has to free. */
void unit_malloc_torture(const char *name, bool (*call)(struct error *err));

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

#endif
