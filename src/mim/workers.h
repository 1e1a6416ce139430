/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded pool of threads for what may block: handlers of the control plane run
 * here, off the threads that serve HTTP, so that a decision never waits behind an
 * administrator's call. Long jobs (imports) take a pool of their own. */
#ifndef INLAY_MIM_WORKERS_H
#define INLAY_MIM_WORKERS_H

#include "base/error.h"

struct workers;

typedef void workers_fn(void *ctx);

/* name: at most 15 bytes, shown as the threads' name. At most max_queued jobs wait.
 * WORKERS_PATIENT: others get the processors first. NULL with *err on failure. */
enum workers_urgency { WORKERS_PROMPT, WORKERS_PATIENT };
struct workers *workers_new(const char *name, unsigned threads, size_t max_queued,
			    enum workers_urgency urgency, struct error *err);
/* Puts a job at the end of the queue; false when the queue is full or closed: fn will
 * not run then, and the caller answers "busy". */
bool workers_run(struct workers *w, workers_fn *fn, void *ctx);
/* Jobs that wait or run. */
size_t workers_depth(struct workers *w);
/* Takes no more jobs, lets those in the queue and those that run come to their end,
 * joins the threads. */
void workers_free(struct workers *w); /* NULL is fine */

#endif
