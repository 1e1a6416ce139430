/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that agents get (contracts.md §3). Each adds to the buffer; buf_ok(). */
#ifndef INLAY_MIM_ANSWERS_H
#define INLAY_MIM_ANSWERS_H

#include "mim/event-batch.h"
#include "mim/opening.h"

bool answer_hello(struct buf *out, const struct decision *d);
bool answer_decision(struct buf *out, const struct opening *o);
bool answer_events(struct buf *out, const struct event_batch_result *r);

#endif
