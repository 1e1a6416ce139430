/* SPDX-License-Identifier: Apache-2.0 */
/* The store's operations over ordered tables. */
#ifndef INLAY_STORE_ORDERED_ORDERED_H
#define INLAY_STORE_ORDERED_ORDERED_H

#include "store/ordered/tables.h"
#include "store/store-internal.h"

/* Carries out one operation in the transaction of t. Results are in op's own
 * places; on false nothing of them holds, and t->dirty tells whether something was
 * written. May be run again in another transaction. */
bool ordered_run(struct tables *t, const struct store_op *op, struct error *err);

/* The owner is written when there is none; CONFLICT if it is another one, or the
 * form of the tables is not known. *created: it was not there before. */
bool ordered_claim(struct tables *t, struct str keyspace, struct str owner,
		   bool *created, struct error *err);
/* The same without writing: *there false if there is no owner yet. */
bool ordered_check_owner(struct tables *t, struct str keyspace, struct str owner,
			 bool *there, struct error *err);

#endif
