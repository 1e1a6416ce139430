/* SPDX-License-Identifier: Apache-2.0 */
/* The stream to inlay-agent: a non-blocking unix socket, frames in and out. It knows
 * bytes and frames, not what they mean. Nothing here waits but inlay_link_wait. */
#ifndef INLAY_LINK_H
#define INLAY_LINK_H

#include "inlay-compat.h"
#include "wire/wire.h"

struct inlay_link;

/* Called for every frame that came in. The frame borrows from the link's buffer and
 * is gone afterwards. Must not close the link; false: the frame is nonsense here,
 * and the link is given up. */
typedef bool inlay_link_frame_t(const struct wire_frame *frame, void *context);
/* Called from the event loop only, after frames came in or the link has ended. */
typedef void inlay_link_wake_t(void *context);

/* NULL and *error_r: absent. That is also a listener with a full backlog, behind
 * which nobody accepts. */
struct inlay_link *inlay_link_connect(const char *path, inlay_link_frame_t *frame,
				      inlay_link_wake_t *wake, void *context,
				      const char **error_r);
void inlay_link_close(struct inlay_link **link);
/* False when it has ended: the other side went away, or sent what is no frame. */
bool inlay_link_is_up(const struct inlay_link *link);
/* Why it has ended. */
const char *inlay_link_error(const struct inlay_link *link);
/* Queues a frame and sends what the socket takes; the rest goes when it can. */
void inlay_link_send(struct inlay_link *link, const struct wire_frame *frame);
/* Reads what is there and calls back for each frame. Does not wait. */
void inlay_link_read(struct inlay_link *link);
/* Reads and writes until *done is true, the link has ended, or the time (ms of
 * CLOCK_MONOTONIC) is reached: one plain poll(2) loop, no event loop. */
void inlay_link_wait(struct inlay_link *link, const bool *done, int64_t until);

#endif
