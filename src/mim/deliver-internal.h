/* SPDX-License-Identifier: Apache-2.0 */
/* Who delivers: a post for each tenant, a queue for each of its conversion points, a
 * call for each request under way. All belong to the one thread; a completion of the
 * store leaves word in `struct deliver_reply` and wakes it. */
#ifndef INLAY_MIM_DELIVER_INTERNAL_H
#define INLAY_MIM_DELIVER_INTERNAL_H

#include "base/clock.h"
#include "mim/deliver.h"
#include "model/delivery.h"
#include "net/outgoing.h"

/* Bounds of what one point takes of memory. */
#define DELIVER_PAGE 200  /* rows read ahead */
#define DELIVER_BATCH 100 /* events in a webhook's call */
/* No event and no configured URL reach these, whatever they hold. */
#define DELIVER_BODY_MAX (1024 * 1024)
#define DELIVER_URL_MAX (512 * 1024)
#define DELIVER_ANSWER_MAX (64 * 1024) /* bytes of body, and of head, that are read */
#define DELIVER_FINISHED_MAX 600       /* rows whose end is not in the store yet */
/* Requests under way of all points. Half of them are for points that have none yet. */
#define DELIVER_CALLS_MAX 128
#define DELIVER_ID_MAX 64
#define DELIVER_LOOK_MS 250 /* between two looks at the store */

struct deliver_settings {
	int64_t timeout_ms, connect_timeout_ms, retry_for_ms, warn_after_ms;
	size_t calls_per_point;
	const char *ca_file; /* NULL: the system's */
	struct address_networks allowed;
};

/* Word from the store. Waited for by `of`, a queue or a post. */
struct deliver_reply {
	struct deliver *deliver;
	struct deliver_reply *next;
	void (*take)(struct deliver_reply *r);
	void *of;
	struct error err; /* kind NONE: done */
};
void deliver_replied(void *ctx, const struct error *err); /* the completion */

struct deliver_row {
	uint64_t sequence;
	int64_t due_ms, queued_ms, first_ms;
	uint32_t attempts;
};

struct deliver_queue {
	struct deliver *deliver;
	struct deliver_post *post;
	struct deliver_queue *next;
	char id[DELIVER_ID_MAX + 1];
	uint64_t waiting;
	bool look;  /* there may be rows due that were not read */
	bool sweep; /* there may be rows to give up without a turn */
	/* rows read ahead, and the place of the last of them */
	struct arena *arena;
	struct store_queue_row *page;
	size_t page_n, page_at;
	int64_t cursor_due_ms;
	uint64_t cursor_sequence;
	int64_t pass_us; /* when it was at the start */
	struct deliver_call *calls;
	size_t n_calls, n_rows; /* under way */
	unsigned round;         /* failures of calls of one round count as one */
	/* what became of rows: to be settled, and being settled */
	struct store_outcome *finished, *settling;
	size_t n_finished, n_settling;
	bool is_settling, state_changed;
	/* the store refuses: no further try before, and so long it was waited; 0: it
	 * does not */
	int64_t settle_not_before_us, settle_wait_us;
	size_t settle_most; /* rows at once; fewer while the store is full */
	struct store_point_state state, settling_state;
	char error[STORE_ERROR_MAX + 1], settling_error[STORE_ERROR_MAX + 1];
	struct deliver_reply reply;
};

/* One tenant's. */
struct deliver_post {
	struct deliver *deliver;
	struct deliver_post *next;
	struct tenant_runtime *tenant; /* held */
	struct deliver_queue *queues;
	bool wanted; /* it is served; else it goes when nothing is under way */
	bool is_sorting;
	bool is_refused; /* the store's last answer was an error */
	size_t moved;
	struct deliver_counts counts;
	struct deliver_reply reply;
};

struct deliver_call {
	struct deliver_queue *queue;
	struct deliver_call *next;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	struct deliver_row rows[DELIVER_BATCH];
	size_t n_rows;
	unsigned round;
	size_t head_bytes, body_bytes;
	bool cut;               /* the answer was too long, and ended by us */
	int64_t retry_after_ms; /* -1: not said */
	struct outgoing outgoing;
};

struct deliver {
	struct mim *mim;
	struct deliver_settings settings;
	pthread_t thread;
	CURLM *multi;
	struct deliver_post *posts;
	size_t n_calls;
	int64_t look_us;           /* next look at the store */
	struct clock_onward clock; /* of all that is queued, put off or given up */
	_Atomic bool stopping;
	pthread_mutex_t lock; /* of what follows */
	struct deliver_reply *replies;
	struct deliver_counts counts;
};

/* deliver-post.c */
void deliver_look(struct deliver *d);
/* What the store answered; NULL: success. Said once, when that changes. */
void deliver_post_answered(struct deliver_post *p, const struct error *err);
void deliver_post_free(struct deliver_post *p);
bool deliver_post_is_idle(const struct deliver_post *p);

/* deliver-queue.c: starts what may be started, settles what is finished. */
struct deliver_queue *deliver_queue_new(struct deliver_post *p, struct str id);
void deliver_queue_free(struct deliver_queue *q);
void deliver_queue_work(struct deliver_queue *q, const struct tenant_config *c);
/* What the store says of it, unless something newer is on its way there. */
void deliver_queue_take_state(struct deliver_queue *q, const struct store_point *p);
void deliver_queue_settle(struct deliver_queue *q);
bool deliver_queue_is_idle(const struct deliver_queue *q);

/* deliver-finish.c: what becomes of rows. */
void deliver_finish(struct deliver_queue *q, const struct deliver_row *row,
		    enum store_fate fate, int64_t next_ms);
/* Was not sent: once more later, or it is given up. wait_ms: at least so long. */
void deliver_put_off(struct deliver_queue *q, const struct deliver_row *row,
		     int64_t now_ms, int64_t wait_ms);
/* The call has ended: 2xx, or why not. */
void deliver_sent(struct deliver_call *c);
void deliver_failed(struct deliver_call *c, const char *why);

/* deliver-event.c: a row as the point gets it; it needs the row still. *gone: it speaks
 * of nobody any more. The user is read into scratch, which is reset. */
bool deliver_event(struct deliver_post *p, const struct tenant *t,
		   const struct store_queue_row *row, struct arena *scratch,
		   struct arena *arena, struct delivery *out, bool *gone,
		   struct error *err);

/* deliver-call.c: a request of these events under way; NULL with *err. */
struct deliver_call *deliver_call_start(struct deliver_queue *q,
					const struct conversion_point *point,
					const struct delivery *events, size_t n,
					const struct deliver_row *rows,
					struct error *err);
void deliver_call_end(struct deliver_call *c, CURLcode code);
void deliver_call_free(struct deliver_call *c); /* and takes it out of its queue */

#endif
