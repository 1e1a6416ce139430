/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit-malloc.h"

#include "base/unit.h"

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

void unit_malloc_torture(const char *name, bool (*call)(struct error *err))
{
	for (long nth = 1; nth < 100000; nth++) {
		struct error err = {.kind = ERROR_NONE};
		unit_malloc_fail(nth);
		bool ok = call(&err);
		bool is_over = unit_malloc_stop();
		if (is_over && (!ok || nth == 1))
			fail_msg("%s: after %ld: %s", name, nth, err.message);
		if (is_over)
			return;
		if (!ok && err.kind != ERROR_MEMORY)
			fail_msg("%s: allocation %ld: \"%s\" (%d)", name, nth,
				 err.message, (int)err.kind);
	}
	fail_msg("%s never ended", name);
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
