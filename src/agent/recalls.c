/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recalls-internal.h"

#include "agent/back-off.h"
#include "base/clock.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_ARENA (4u * 1024 * 1024)
#define GATHER 0.1 /* seconds: news that come close together are one answer */
/* A MIM that does not wait is not asked more often than this. */
#define LEAST_WAIT_US 1000000

void recalls_start_timer(struct recalls_lane *l, ev_timer *timer, double seconds)
{
	struct ev_loop *loop = l->r->config.loop;
	ev_timer_stop(loop, timer);
	ev_timer_set(timer, seconds, 0.);
	ev_timer_start(loop, timer);
}

/* The requests that wait ---------------------------------------------------------*/

static void poll_again(struct recalls_lane *l, double seconds)
{
	if (!l->r->stopped)
		recalls_start_timer(l, &l->poll_timer, seconds);
}

static void poll_failed(struct recalls_lane *l, const struct uplink_answer *answer,
			const char *why)
{
	struct log *log = l->r->config.log;
	l->failures++;
	if (answer->status == 404 && !l->absent)
		log_warn(log, RECALLS_AREA,
			 "this MIM does not tell of recalls: open sessions learn of "
			 "them at their next opening  tenant=%s",
			 l->tenant);
	else if (answer->status != 404 && l->failures == 1)
		log_warn(log, RECALLS_AREA,
			 "no news of recalls  tenant=%s status=%d error=%s", l->tenant,
			 answer->status, why);
	l->absent = l->absent || answer->status == 404;
	poll_again(l,
		   back_off(l->failures, answer->status == 404 ? RECALLS_ABSENT_S
							       : answer->retry_after));
}

/* Those whom it concerns are to be asked for. */
static void take_news(struct recalls_lane *l, const struct answer_recalls *news)
{
	size_t n = 0;
	for (struct recalls_member *m = l->members; m != NULL; m = m->next) {
		struct str key = {m->key, m->key != NULL ? strlen(m->key) : 0};
		if (!requests_recalls_concern(news, key))
			continue;
		m->ask = m->doubt = true;
		m->tries = 0;
		n++;
	}
	if (n > 0)
		recalls_ask_soon(l);
	log_debug(l->r->config.log, RECALLS_AREA,
		  "news  tenant=%s reset=%d all=%d users=%zu sessions=%zu", l->tenant,
		  news->reset, news->all, news->n_users, n);
}

static double next_wait(const struct recalls_lane *l, const struct answer_recalls *news)
{
	/* one reset is how it begins; of many one after the other each session pays */
	if (l->resets > 1)
		return back_off_delay(l->resets - 1);
	if (news->reset)
		return 0;
	if (news->all || news->n_users > 0)
		return GATHER;
	int64_t left_us = l->polled_us + LEAST_WAIT_US - clock_mono_us();
	return left_us > 0 ? (double)left_us / 1e6 : 0;
}

static void heard(struct recalls_lane *l, const struct answer_recalls *news)
{
	if (l->failures > 0)
		log_info(l->r->config.log, RECALLS_AREA,
			 "MIM tells of recalls again  tenant=%s", l->tenant);
	l->failures = 0;
	l->absent = false;
	l->resets = news->reset ? l->resets + 1 : 0;
	memcpy(l->cursor, news->cursor.p, news->cursor.n);
	l->cursor[news->cursor.n] = '\0';
	take_news(l, news);
	poll_again(l, next_wait(l, news));
}

static void on_poll(void *ctx, const struct uplink_answer *answer)
{
	struct recalls_lane *l = ctx;
	struct answer_recalls news;
	struct error err = {0};
	l->poll = NULL;
	if (answer->status != 200) {
		if (answer->err.kind == ERROR_TOO_LARGE)
			l->cursor[0] = '\0'; /* the next answer is a short one */
		poll_failed(l, answer, answer->err.message);
		return;
	}
	struct arena *arena = arena_new(ANSWER_ARENA);
	if (arena != NULL && requests_read_recalls(answer->body, arena, &news, &err))
		heard(l, &news);
	else
		poll_failed(l, answer, arena == NULL ? "out of memory" : err.message);
	arena_free(arena);
}

static void on_poll_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	static const struct uplink_answer none;
	struct recalls_lane *l = w->data;
	struct buf path;
	(void)loop;
	(void)revents;
	if (l->members == NULL)
		return; /* an idle node asks nobody; the next session begins again */
	l->polled_us = clock_mono_us();
	buf_init(&path, REQUESTS_RECALLS_PATH_MAX);
	requests_recalls_path(&path, str_of(l->cursor), RECALLS_WAIT_S);
	const char *text = buf_cstr(&path);
	if (text != NULL)
		l->poll = uplink_send(l->r->config.polls, str_of(l->tenant), text, NULL,
				      REQUESTS_ANSWER_MAX, on_poll, l);
	buf_free(&path);
	if (l->poll == NULL)
		poll_failed(l, &none, "out of memory");
}

static void stop_lane(struct recalls_lane *l)
{
	struct ev_loop *loop = l->r->config.loop;
	uplink_cancel(l->poll);
	l->poll = NULL;
	ev_timer_stop(loop, &l->poll_timer);
	recalls_ask_cancel(l);
}

/* Members --------------------------------------------------------------------------*/

static struct recalls_lane *find_lane(struct recalls *r, struct str tenant)
{
	struct recalls_lane *l = r->lanes;
	while (l != NULL && !str_eqz(tenant, l->tenant))
		l = l->next;
	return l;
}

static struct recalls_lane *lane_of(struct recalls *r, struct str tenant)
{
	struct recalls_lane *l = find_lane(r, tenant);
	if (l != NULL || tenant.n >= sizeof l->tenant)
		return l;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->r = r;
	memcpy(l->tenant, tenant.p, tenant.n);
	l->ask_most = REQUESTS_USERS_MAX;
	ev_init(&l->poll_timer, on_poll_timer);
	ev_init(&l->ask_timer, recalls_ask_timer);
	l->poll_timer.data = l->ask_timer.data = l;
	l->next = r->lanes;
	r->lanes = l;
	return l;
}

void recalls_link(struct recalls_lane *l, struct recalls_member *m)
{
	m->lane = l;
	m->next = l->members;
	m->previous = NULL;
	if (l->members != NULL)
		l->members->previous = m;
	l->members = m;
}

void recalls_unlink(struct recalls_member *m)
{
	if (m->previous != NULL)
		m->previous->next = m->next;
	else
		m->lane->members = m->next;
	if (m->next != NULL)
		m->next->previous = m->previous;
	m->lane = NULL;
}

void recalls_join(struct recalls *r, struct recalls_member *m, struct str tenant,
		  struct str user, bool may_hibernate)
{
	struct recalls_lane *l = r->stopped ? NULL : lane_of(r, tenant);
	if (l == NULL)
		return;
	m->user = user;
	m->may_hibernate = may_hibernate;
	/* what an earlier session of the user saved, MIM may not know yet */
	m->doubt = spool_of_user(r->config.spool, tenant, user, NULL, 0) > 0;
	recalls_link(l, m);
	recalls_away_back(r, m);
	if (l->poll == NULL && !ev_is_active(&l->poll_timer))
		recalls_start_timer(l, &l->poll_timer, 0);
}

void recalls_leave(struct recalls_member *m)
{
	if (m->lane != NULL) {
		recalls_away_add(m->lane->r, m);
		recalls_unlink(m);
	}
	free(m->key);
	m->key = NULL;
}

void recalls_name(struct recalls_member *m, struct str key)
{
	free(m->key);
	m->key = key.n > 0 ? strndup(key.p, key.n) : NULL;
}

void recalls_opened(struct recalls_member *m)
{
	if (m->lane == NULL || !m->doubt)
		return;
	m->ask = true;
	recalls_ask_soon(m->lane);
}

void recalls_delivered(struct recalls *r, const struct spool_record *const *events,
		       size_t n)
{
	struct str users[REQUESTS_EVENTS_MAX];
	size_t n_users = 0;
	struct recalls_lane *l = n > 0 ? find_lane(r, events[0]->tenant) : NULL;
	for (size_t i = 0; l != NULL && i < n && n_users < REQUESTS_EVENTS_MAX; i++)
		if (events[i]->type == WIRE_EVENT_INJECTED ||
		    events[i]->type == WIRE_EVENT_REINJECTED)
			users[n_users++] = events[i]->user;
	if (n_users == 0)
		return;
	qsort(users, n_users, sizeof *users, str_cmp_items);
	for (struct recalls_member *m = l->members; m != NULL; m = m->next)
		if (m->doubt && bsearch(&m->user, users, n_users, sizeof *users,
					str_cmp_items) != NULL)
			recalls_opened(m);
}

/* All of it ------------------------------------------------------------------------*/

struct recalls *recalls_new(const struct recalls_config *config)
{
	struct recalls *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->config = *config;
	if (config->doveadm != NULL && !recalls_away_new(r)) {
		free(r);
		return NULL;
	}
	return r;
}

void recalls_stop(struct recalls *r)
{
	r->stopped = true;
	for (struct recalls_lane *l = r->lanes; l != NULL; l = l->next)
		stop_lane(l);
	recalls_away_stop(r);
}

void recalls_free(struct recalls *r)
{
	if (r == NULL)
		return;
	recalls_stop(r);
	recalls_away_free(r);
	while (r->lanes != NULL) {
		struct recalls_lane *l = r->lanes;
		r->lanes = l->next;
		free(l);
	}
	free(r);
}
