/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that agents get (contracts.md §3). Each adds to the buffer; buf_ok(). */
#ifndef INLAY_MIM_ANSWERS_H
#define INLAY_MIM_ANSWERS_H

#include "base/json.h"
#include "mim/event-batch.h"
#include "mim/opening.h"

bool answer_hello(struct buf *out, const struct opening *o);
/* `withdrawals`: users and what is to be taken back from them. */
void answer_withdrawals_begin(struct json_writer *w);
void answer_withdrawals_of(struct json_writer *w, struct str user,
			   const struct action *actions, size_t n);
void answer_withdrawals_end(struct json_writer *w);
bool answer_decision(struct buf *out, const struct opening *o);
bool answer_events(struct buf *out, const struct event_batch_result *r);

#endif
