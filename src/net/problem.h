/* SPDX-License-Identifier: Apache-2.0 */
/* Problem documents (RFC 9457): {"type","title","status","detail",
 * "errors":[{"pointer","message"}]}, made from errors. */
#ifndef INLAY_NET_PROBLEM_H
#define INLAY_NET_PROBLEM_H

#include "base/buf.h"
#include "base/error.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* Type and title come from the first of n > 0 errors; dropped: how many more were
 * found. Places that are no JSON pointer go into the message. */
void problem_write(struct buf *out, int status, const struct error *errors, size_t n,
		   size_t dropped);

#endif
