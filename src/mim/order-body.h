/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of orders: an object of a few fields. */
#ifndef INLAY_MIM_ORDER_BODY_H
#define INLAY_MIM_ORDER_BODY_H

#include "mim/request.h"
#include "model/json-table.h"

/* The body as a table of fields has it, into *out. On an error answers 400 and returns
 * false. */
bool order_body_table(struct request *q, const struct json_field *fields, size_t n,
		      void *out);

/* Nothing, or an object with at most one choice, {"scope":"all"}. name NULL: it takes
 * no field. *choice is the index of the value, and stays if none is given. Answers as
 * above. */
bool order_body_read(struct request *q, const char *name, const char *const *values,
		     size_t n, unsigned *choice);

#endif
