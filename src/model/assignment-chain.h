/* SPDX-License-Identifier: Apache-2.0 */
/* The copies of one injection: itself (k = 0) and its reinjections (k = 1, 2, ...). The
 * mailbox is to hold one of them, the newest that was confirmed. */
#ifndef INLAY_MODEL_ASSIGNMENT_CHAIN_H
#define INLAY_MODEL_ASSIGNMENT_CHAIN_H

#include "model/assignment.h"

/* Are both copies of the same injection? */
bool assignment_same_chain(const struct assignment *a, const struct assignment *b);
/* Another copy that was confirmed and came after `a`, or NULL. */
const struct assignment *assignment_successor(const struct assignment *all, size_t n,
					      const struct assignment *a);
/* A copy that is gone for an unknown cause was replaced if a later one was confirmed:
 * the plugin saves that only while the earlier one is there. Nothing changes for any
 * other, nor for one whose cause is final. */
struct event_effect assignment_settle_replaced(struct assignment *a,
					       const struct assignment *all, size_t n,
					       int64_t now_ms);

#endif
