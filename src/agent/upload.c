/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload.h"

#include "agent/back-off.h"
#include "agent/requests.h"

#include <stdlib.h>

#define AREA "upload"
#define BATCH_MAX 200
#define GATHER 0.05 /* seconds */
#define ANSWER_MAX 65536

_Static_assert(BATCH_MAX <= REQUESTS_EVENTS_MAX, "a batch fits a request");

/* The delivery of one tenant. */
struct lane {
	struct lane *next;
	struct upload *u;
	struct spool_tenant *tenant;
	struct uplink_call *call; /* NULL: none under way */
	struct spool_event *batch[BATCH_MAX];
	size_t n;
	size_t most; /* smaller after a refusal, to find what is refused */
	unsigned failures;
	ev_timer timer;
};

struct upload {
	struct ev_loop *loop;
	struct spool *spool;
	struct uplink *uplink;
	struct log *log;
	struct lane *lanes;
	upload_told *told; /* or NULL */
	void *ctx;
};

static void start_timer(struct lane *l, double seconds)
{
	ev_timer_stop(l->u->loop, &l->timer);
	ev_timer_set(&l->timer, seconds, 0.);
	ev_timer_start(l->u->loop, &l->timer);
}

static void later(struct lane *l, const struct uplink_answer *answer, const char *why)
{
	spool_put_back(l->batch, l->n);
	if (l->failures++ == 0)
		log_warn(l->u->log, AREA,
			 "events wait for MIM  tenant=%s events=%zu status=%d error=%s",
			 l->tenant->id, l->tenant->n, answer->status, why);
	start_timer(l, back_off(l->failures, answer->retry_after));
}

/* Halves the batch until the event that is refused stands alone. */
static void refused(struct lane *l, int status)
{
	if (l->n > 1) {
		spool_put_back(l->batch, l->n);
		l->most = l->n / 2;
	} else {
		const struct spool_record *r = &l->batch[0]->record;
		log_error(l->u->log, AREA,
			  "MIM refuses an event; it stays in the spool until the next "
			  "start  tenant=%s type=%s status=%d",
			  l->tenant->id, wire_event_name(r->type), status);
		spool_park(l->batch[0]);
		l->most = BATCH_MAX;
	}
	start_timer(l, GATHER);
}

static void tell(const struct lane *l)
{
	const struct spool_record *records[BATCH_MAX];
	if (l->u->told == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		records[i] = &l->batch[i]->record;
	l->u->told(l->u->ctx, records, l->n);
}

static void delivered(struct lane *l)
{
	if (l->failures > 0)
		log_info(l->u->log, AREA, "MIM takes events again  tenant=%s",
			 l->tenant->id);
	l->failures = 0;
	l->most = l->most * 2 < BATCH_MAX ? l->most * 2 : BATCH_MAX;
	tell(l);
	spool_delivered(l->u->spool, l->batch, l->n);
}

static void send_batch(struct lane *l);

static void on_answer(void *ctx, const struct uplink_answer *answer)
{
	struct lane *l = ctx;
	l->call = NULL;
	switch (uplink_judge(answer->status)) {
	case UPLINK_DONE:
		delivered(l);
		send_batch(l);
		break;
	case UPLINK_LATER:
		later(l, answer, answer->err.message);
		break;
	case UPLINK_REFUSED:
		refused(l, answer->status);
		break;
	}
}

static void send_batch(struct lane *l)
{
	static const struct uplink_answer none;
	const struct spool_record *records[BATCH_MAX];
	struct buf body;
	l->n = spool_take(l->tenant, l->batch, l->most);
	if (l->n == 0)
		return;
	for (size_t i = 0; i < l->n; i++)
		records[i] = &l->batch[i]->record;
	buf_init(&body, REQUESTS_BODY_MAX);
	if (requests_write_events(&body, records, l->n))
		l->call = uplink_send(l->u->uplink, str_of(l->tenant->id), "events",
				      &body, ANSWER_MAX, on_answer, l);
	buf_free(&body);
	if (l->call == NULL)
		later(l, &none, "the tenant is not configured, or there is no memory");
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	send_batch(w->data);
}

static struct lane *lane_of(struct upload *u, struct spool_tenant *t)
{
	struct lane *l = u->lanes;
	while (l != NULL && l->tenant != t)
		l = l->next;
	if (l != NULL)
		return l;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->u = u;
	l->tenant = t;
	l->most = BATCH_MAX;
	ev_init(&l->timer, on_timer);
	l->timer.data = l;
	l->next = u->lanes;
	u->lanes = l;
	return l;
}

void upload_kick(struct upload *u)
{
	if (u == NULL) /* the spool was synced before there was an upload */
		return;
	for (struct spool_tenant *t = spool_tenants(u->spool); t != NULL; t = t->next) {
		struct lane *l = t->n > 0 ? lane_of(u, t) : NULL;
		if (l != NULL && l->call == NULL && !ev_is_active(&l->timer))
			start_timer(l, GATHER);
	}
}

void upload_tell(struct upload *u, upload_told *told, void *ctx)
{
	u->told = told;
	u->ctx = ctx;
}

bool upload_is_idle(const struct upload *u)
{
	for (const struct lane *l = u->lanes; l != NULL; l = l->next)
		if (l->call != NULL)
			return false;
	return true;
}

struct upload *upload_new(struct ev_loop *loop, struct spool *spool,
			  struct uplink *uplink, struct log *log)
{
	struct upload *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->loop = loop;
	u->spool = spool;
	u->uplink = uplink;
	u->log = log;
	return u;
}

void upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	while (u->lanes != NULL) {
		struct lane *l = u->lanes;
		u->lanes = l->next;
		uplink_cancel(l->call);
		ev_timer_stop(u->loop, &l->timer);
		free(l);
	}
	free(u);
}
