/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the store: which tenants and points there are, what has arrived, what the
 * store says of each point. */
#include "base/clock.h"
#include "mim/deliver-internal.h"
#include "mim/sync.h"
#include "model/tenant-json.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)16 << 20)

bool deliver_post_is_idle(const struct deliver_post *p)
{
	for (const struct deliver_queue *q = p->queues; q != NULL; q = q->next)
		if (!deliver_queue_is_idle(q))
			return false;
	return !p->is_sorting;
}

void deliver_post_free(struct deliver_post *p)
{
	struct deliver_queue *next;
	for (struct deliver_queue *q = p->queues; q != NULL; q = next) {
		next = q->next;
		deliver_queue_free(q);
	}
	tenant_runtime_release(p->tenant);
	free(p);
}

void deliver_post_answered(struct deliver_post *p, const struct error *err)
{
	if (err != NULL && !p->is_refused)
		log_warn(p->deliver->mim->log, "points",
			 "the store refuses  tenant=%s reason=%s", p->tenant->id,
			 err->message);
	else if (err == NULL && p->is_refused)
		log_info(p->deliver->mim->log, "points",
			 "the store takes again  tenant=%s", p->tenant->id);
	p->is_refused = err != NULL;
}

static struct deliver_queue *queue_of(struct deliver_post *p, struct str id)
{
	for (struct deliver_queue *q = p->queues; q != NULL; q = q->next)
		if (str_eqz(id, q->id))
			return q;
	return NULL;
}

/* Sorting ------------------------------------------------------------------------*/

static void start_sorting(struct deliver_post *p)
{
	p->is_sorting = true;
	store_outbox_sort(p->tenant->db, clock_onward_ms(&p->deliver->clock),
			  STORE_SORT_MAX, &p->moved, deliver_replied, &p->reply);
}

static void sorted(struct deliver_reply *r)
{
	struct deliver_post *p = r->of;
	p->is_sorting = false;
	if (r->err.kind != ERROR_NONE) {
		deliver_post_answered(p, &r->err);
		return;
	}
	deliver_post_answered(p, NULL);
	if (p->moved > 0)
		p->deliver->look_us = 0; /* there may be new queues */
	if (p->moved == STORE_SORT_MAX && p->wanted && !p->deliver->stopping)
		start_sorting(p);
}

/* Looking ------------------------------------------------------------------------*/

static void count(struct deliver_post *p, const struct store_point *s)
{
	struct deliver *d = p->deliver;
	int64_t since_ms = s->state.failing_since_ms;
	p->counts.waiting += s->waiting;
	p->counts.dead += s->dead;
	p->counts.failing += since_ms != 0 && clock_onward_ms(&d->clock) - since_ms >=
						      d->settings.warn_after_ms;
}

/* A queue for each configured point that has something to send. */
static void take_point(struct deliver_post *p, const struct tenant *t,
		       const struct store_point *s)
{
	struct deliver_queue *q = queue_of(p, s->id);
	if (tenant_conversion_point(t, s->id) == NULL)
		return;
	count(p, s);
	if (q == NULL && s->waiting > 0) {
		q = deliver_queue_new(p, s->id);
		if (q == NULL)
			return; /* no memory: at the next look */
		q->next = p->queues;
		p->queues = q;
	}
	if (q != NULL)
		deliver_queue_take_state(q, s);
}

/* Queues that have nothing to do cost nothing. */
static void drop_idle_queues(struct deliver_post *p)
{
	for (struct deliver_queue **at = &p->queues; *at != NULL;) {
		struct deliver_queue *q = *at;
		if (q->waiting > 0 || !deliver_queue_is_idle(q)) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		deliver_queue_free(q);
	}
}

static void look_at(struct deliver_post *p, struct arena *arena)
{
	struct store_point_list list;
	struct error err;
	struct tenant_config *c = tenant_runtime_config(p->tenant);
	p->counts = (struct deliver_counts){.points = c->tenant->n_conversion_points};
	for (struct deliver_queue *q = p->queues; q != NULL; q = q->next)
		q->waiting = 0;
	if (!p->is_sorting && store_outbox_count(p->tenant->db) > 0)
		start_sorting(p);
	list.n = 0;
	if (c->tenant->n_conversion_points > 0 &&
	    !sync_point_list(p->tenant->db, arena, &list, &err)) {
		deliver_post_answered(p, &err);
		list.n = 0;
	}
	for (size_t i = 0; i < list.n; i++)
		take_point(p, c->tenant, &list.items[i]);
	drop_idle_queues(p);
	tenant_config_release(c);
}

static struct deliver_post *post_of(struct deliver *d, struct tenant_runtime *t)
{
	struct deliver_post *p = d->posts;
	while (p != NULL && p->tenant != t)
		p = p->next;
	if (p != NULL)
		return p;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->deliver = d;
	p->tenant = tenant_runtime_hold(t);
	p->reply = (struct deliver_reply){.deliver = d, .take = sorted, .of = p};
	p->next = d->posts;
	d->posts = p;
	return p;
}

/* Of tenants that are served no more. */
static void drop_posts(struct deliver *d)
{
	for (struct deliver_post **at = &d->posts; *at != NULL;) {
		struct deliver_post *p = *at;
		if (p->wanted || !deliver_post_is_idle(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		deliver_post_free(p);
	}
}

static void sum_up(struct deliver *d)
{
	struct deliver_counts all = {0};
	for (struct deliver_post *p = d->posts; p != NULL; p = p->next) {
		all.waiting += p->counts.waiting;
		all.dead += p->counts.dead;
		all.points += p->counts.points;
		all.failing += p->counts.failing;
	}
	pthread_mutex_lock(&d->lock);
	d->counts = all;
	pthread_mutex_unlock(&d->lock);
}

void deliver_look(struct deliver *d)
{
	size_t n = 0;
	struct arena *arena = arena_new(ARENA_MAX), *one = arena_new(ARENA_MAX);
	struct tenant_runtime **all = arena != NULL && one != NULL
					      ? tenants_all(d->mim->tenants, arena, &n)
					      : NULL;
	if (all == NULL) { /* no memory: at the next look */
		arena_free(arena);
		arena_free(one);
		return;
	}
	for (struct deliver_post *p = d->posts; p != NULL; p = p->next)
		p->wanted = false;
	for (size_t i = 0; i < n; i++) {
		struct deliver_post *p = all[i]->open ? post_of(d, all[i]) : NULL;
		if (p != NULL) {
			p->wanted = true;
			look_at(p, one);
			arena_reset(one);
		}
		tenant_runtime_release(all[i]);
	}
	drop_posts(d);
	sum_up(d);
	arena_free(arena);
	arena_free(one);
}
