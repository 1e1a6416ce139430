/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka test needs, in the order that cmocka asks for. */
#ifndef INLAY_BASE_UNIT_H
#define INLAY_BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

/* Fails with both values. */
#define assert_str(got, want)                                                          \
	do {                                                                           \
		struct str got_ = (got), want_ = str_of(want);                         \
		if (!str_eq(got_, want_))                                              \
			fail_msg("got \"%.*s\", want \"%.*s\"", STR_ARG(got_),         \
				 STR_ARG(want_));                                      \
	} while (0)

#endif
