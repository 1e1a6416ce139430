/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rows, and of their point's state, when a call has ended. */
#include "base/clock.h"
#include "base/crypto.h"
#include "mim/deliver-internal.h"
#include "model/retry.h"

#include <assert.h>
#include <stdio.h>

void deliver_finish(struct deliver_queue *q, const struct deliver_row *row,
		    enum store_fate fate, int64_t next_ms)
{
	assert(q->n_finished + q->n_settling < DELIVER_FINISHED_MAX);
	metrics_add(q->deliver->mim->metrics, METRIC_DELIVERIES_DEAD,
		    fate == STORE_FATE_DEAD);
	q->finished[q->n_finished++] = (struct store_outcome){
		.sequence = row->sequence,
		.due_ms = row->due_ms,
		.fate = fate,
		.next_ms = next_ms,
	};
}

void deliver_sent(struct deliver_call *c)
{
	struct deliver_queue *q = c->queue;
	if (q->state.failing_since_ms != 0)
		log_info(q->deliver->mim->log, "points",
			 "takes events again  tenant=%s point=%s", q->post->tenant->id,
			 q->id);
	q->state.failing_since_ms = q->state.next_ms = 0;
	q->state.failures = 0;
	q->state.sent_ms = clock_real_ms();
	q->state_changed = true;
	for (size_t i = 0; i < c->n_rows; i++)
		deliver_finish(q, &c->rows[i], STORE_FATE_SENT, 0);
	metrics_add(q->deliver->mim->metrics, METRIC_DELIVERIES_SENT, c->n_rows);
}

static uint32_t chance(void)
{
	uint32_t random;
	crypto_random(&random, sizeof random);
	return random;
}

/* One failure between successes may be the event's own fault and holds nothing up; from
 * the second on the point waits. */
static void hold(struct deliver_queue *q, const struct deliver_call *c, int64_t now_ms)
{
	int64_t wait_ms = 0;
	if (c->round == q->round) {
		q->round++;
		q->state.failures += q->state.failures < UINT32_MAX;
		if (q->state.failures > 1)
			wait_ms = retry_delay_ms(q->state.failures - 1, chance());
	}
	if (c->retry_after_ms > wait_ms)
		wait_ms = c->retry_after_ms;
	if (now_ms + wait_ms > q->state.next_ms)
		q->state.next_ms = now_ms + wait_ms;
}

void deliver_put_off(struct deliver_queue *q, const struct deliver_row *row,
		     int64_t now_ms, int64_t wait_ms)
{
	int64_t delay_ms = retry_delay_ms(row->attempts + 1, chance());
	bool over = retry_is_over(row->queued_ms, row->first_ms, now_ms, now_ms,
				  q->deliver->settings.retry_for_ms);
	deliver_finish(q, row, over ? STORE_FATE_DEAD : STORE_FATE_LATER,
		       now_ms + (wait_ms > delay_ms ? wait_ms : delay_ms));
}

void deliver_failed(struct deliver_call *c, const char *why)
{
	struct deliver_queue *q = c->queue;
	int64_t now_ms = clock_onward_ms(&q->deliver->clock);
	snprintf(q->error, sizeof q->error, "%s", why);
	q->state.error = str_of(q->error);
	q->state.error_ms = now_ms;
	if (q->state.failing_since_ms == 0) {
		q->state.failing_since_ms = now_ms;
		log_warn(q->deliver->mim->log, "points",
			 "does not take events  tenant=%s point=%s reason=%s",
			 q->post->tenant->id, q->id, why);
	}
	hold(q, c, now_ms);
	q->state_changed = true;
	for (size_t i = 0; i < c->n_rows; i++)
		deliver_put_off(q, &c->rows[i], now_ms, c->retry_after_ms);
	metrics_add(q->deliver->mim->metrics, METRIC_DELIVERIES_FAILED, c->n_rows);
}
