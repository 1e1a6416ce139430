/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit-malloc.h"

#include <stdatomic.h>

static atomic_long left;

void unit_malloc_fail(long nth)
{
	left = nth;
}

bool unit_malloc_stop(void)
{
	return atomic_exchange(&left, 0) > 0;
}

static bool is_failing(void)
{
	long n = left;
	while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1))
		;
	return n == 1;
}

void *__wrap_malloc(size_t n)
{
	return is_failing() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_failing() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return is_failing() ? NULL : __real_realloc(p, n);
}
