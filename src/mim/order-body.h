/* SPDX-License-Identifier: Apache-2.0 */
/* The body of an order: nothing, or an object with at most one choice,
 * {"scope":"all"}. */
#ifndef INLAY_MIM_ORDER_BODY_H
#define INLAY_MIM_ORDER_BODY_H

#include "mim/request.h"

/* name NULL: it takes no field. *choice is the index of the value, and stays if none is
 * given. On an error answers 400 and returns false. */
bool order_body_read(struct request *q, const char *name, const char *const *values,
		     size_t n, unsigned *choice);

#endif
