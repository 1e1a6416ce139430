/* SPDX-License-Identifier: Apache-2.0 */
/* Code points: the \u escapes that JSON (RFC 8259 section 7) and properties files
 * share, and their UTF-8 form (RFC 3629 section 3). */
#ifndef INLAY_BASE_UNICODE_H
#define INLAY_BASE_UNICODE_H

#include "base/str.h"

/* The code point of the escape at p (which begins with a backslash and u; n bytes
 * are left) and its length, 12 for a surrogate pair; -1 if it is none: no four hex
 * digits, a lone surrogate, NUL. */
int32_t unicode_read_escape(const char *p, size_t n, size_t *len);
/* At most four bytes; returns how many. */
size_t unicode_put_utf8(char *out, int32_t code_point);

#endif
