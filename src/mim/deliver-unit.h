/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: one point's queue in a store that can fail, without a network. */
#ifndef INLAY_MIM_DELIVER_UNIT_H
#define INLAY_MIM_DELIVER_UNIT_H

#include "base/unit.h"
#include "mim/deliver-internal.h"

extern struct store *store; /* a faulty one */
extern struct tenant_runtime tenant;
extern struct deliver d;
extern struct deliver_post post;
extern struct deliver_queue *q;
extern struct arena *arena;

int setup(void **state);
int teardown(void **state);
/* Events of ada for the point, at most 5, sorted into its queue. */
void arrive(size_t n);
void take_reply(void);           /* the store's, to the queue */
struct store_point stored(void); /* what the store says of the point */

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
