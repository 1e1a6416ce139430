/* SPDX-License-Identifier: Apache-2.0 */
/* Users without a connection: their session may hibernate. Each is a member like a
 * session, so that it is asked for like one; but what is to be taken back cannot be
 * pushed. Its session is woken (doveadm.h), and then is a member itself.
 *
 * Nobody says whether there is such a session, or that it has woken. So what MIM would
 * still take back after a while is tried again, a few times. */
#include "agent/recalls-internal.h"

#include "agent/back-off.h"
#include "base/clock.h"

#include <stddef.h>
#include <stdlib.h>

#define GATHER 0.01 /* seconds */
#define AGAIN_US (RECALLS_AWAY_AGAIN_S * INT64_C(1000000))

struct away {
	struct recalls_member m;
	struct away *next; /* of the same place in the table */
	struct away *older, *newer;
	struct wake *wake; /* or NULL */
	char name[];
};

static struct away *away_of(struct recalls_member *m)
{
	return (struct away *)(void *)((char *)m - offsetof(struct away, m));
}

static void push(struct wakes *q, struct wake *w)
{
	w->next = NULL;
	if (q->first != NULL)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
}

static struct wake *pop(struct wakes *q)
{
	struct wake *w = q->first;
	if (w != NULL)
		q->first = w->next;
	return w;
}

/* Who is away ---------------------------------------------------------------------*/

static struct away **place_of(struct recalls_away *a, const struct recalls_lane *l,
			      struct str user)
{
	uint64_t h = 14695981039346656037u ^ (uintptr_t)l; /* FNV-1a */
	for (size_t i = 0; i < user.n; i++)
		h = (h ^ (unsigned char)user.p[i]) * 1099511628211u;
	struct away **at = &a->table[(h ^ h >> 32) & (RECALLS_AWAY_TABLE - 1)];
	while (*at != NULL && ((*at)->m.lane != l || !str_eq((*at)->m.user, user)))
		at = &(*at)->next;
	return at;
}

static void list(struct recalls_away *a, struct away *u)
{
	u->older = a->newest;
	u->newer = NULL;
	if (a->newest != NULL)
		a->newest->newer = u;
	else
		a->oldest = u;
	a->newest = u;
}

static void unlist(struct recalls_away *a, struct away *u)
{
	if (u->older != NULL)
		u->older->newer = u->newer;
	else
		a->oldest = u->newer;
	if (u->newer != NULL)
		u->newer->older = u->older;
	else
		a->newest = u->older;
}

static void forget(struct recalls_away *a, struct away **at)
{
	struct away *u = *at;
	*at = u->next;
	unlist(a, u);
	a->n--;
	if (u->wake != NULL)
		u->wake->of = NULL;
	recalls_unlink(&u->m);
	free(u->m.key);
	free(u);
}

static void start(struct recalls_away *a, ev_timer *timer, double seconds)
{
	if (a->r->stopped || ev_is_active(timer))
		return;
	ev_timer_set(timer, seconds, 0.);
	ev_timer_start(a->r->config.loop, timer);
}

static void ask_again(struct recalls_away *a, struct wake *w)
{
	w->again_us = clock_mono_us() + AGAIN_US;
	push(&a->woken, w);
	start(a, &a->again_timer, RECALLS_AWAY_AGAIN_S);
}

static struct wake *wake_of(struct away *u)
{
	if (u->wake != NULL)
		return NULL; /* it is being taken care of */
	struct wake *w = calloc(1, sizeof *w);
	if (w != NULL) {
		w->of = u;
		u->wake = w;
	}
	return w;
}

/* What the session left undone is the user's. */
static void inherit(struct recalls_away *a, struct away *u, struct recalls_member *m)
{
	free(u->m.key);
	u->m.key = m->key;
	m->key = NULL;
	u->m.doubt = m->doubt;
	u->m.asked = u->m.asked || m->asked;
	u->m.tries = m->tries;
	if (m->ask) {
		u->m.ask = true;
		recalls_ask_soon(u->m.lane);
	}
	struct wake *w = m->pushed ? wake_of(u) : NULL;
	if (w != NULL)
		ask_again(a, w);
}

void recalls_away_add(struct recalls *r, struct recalls_member *m)
{
	struct recalls_away *a = r->away;
	struct recalls_lane *l = m->lane;
	if (a == NULL || r->stopped || !m->may_hibernate || !doveadm_may_name(m->user))
		return;
	struct away **at = place_of(a, l, m->user), *u = *at;
	if (u == NULL) {
		u = calloc(1, sizeof *u + m->user.n);
		if (u == NULL)
			return; /* the recall acts at the next opening */
		memcpy(u->name, m->user.p, m->user.n);
		u->m.is_away = true;
		u->m.user = (struct str){u->name, m->user.n};
		*at = u;
		a->n++;
		recalls_link(l, &u->m);
	} else {
		unlist(a, u);
	}
	list(a, u);
	inherit(a, u, m);
}

void recalls_away_back(struct recalls *r, struct recalls_member *m)
{
	struct recalls_away *a = r->away;
	if (a == NULL)
		return;
	/* not when one more goes: somebody may be going through all of them */
	while (a->n > RECALLS_AWAY_MAX)
		forget(a, place_of(a, a->oldest->m.lane, a->oldest->m.user));
	struct away **at = place_of(a, m->lane, m->user), *u = *at;
	if (u == NULL)
		return;
	m->tries = u->m.tries;
	m->doubt = m->doubt || u->m.doubt;
	if (u->m.ask || u->m.asked || u->wake != NULL) {
		m->ask = m->doubt = true;
		recalls_ask_soon(m->lane);
	}
	forget(a, at);
}

/* Waking --------------------------------------------------------------------------*/

static void send_soon(struct recalls_away *a, double seconds)
{
	if (a->n_sent == 0 && a->waiting.first != NULL)
		start(a, &a->send_timer, seconds);
}

void recalls_away_push(struct recalls_member *m, const struct answer_withdrawal *what)
{
	struct recalls_away *a = m->lane->r->away;
	struct away *u = away_of(m);
	if (what == NULL || what->n == 0) {
		m->tries = 0;
		return;
	}
	struct wake *w = m->tries < RECALLS_AWAY_TRIES ? wake_of(u) : NULL;
	if (w == NULL)
		return;
	for (size_t i = 0; i < what->n; i++)
		memcpy(w->guids[i], what->withdraw[i].guid.p, sizeof w->guids[i]);
	w->n = what->n;
	push(&a->waiting, w);
	send_soon(a, GATHER);
}

static void woken(struct recalls_away *a, struct wake *w)
{
	if (w->of == NULL) {
		free(w);
		return;
	}
	w->of->m.tries++;
	ask_again(a, w);
}

static void failed(struct recalls_away *a, const struct doveadm_answer *answer)
{
	if (a->failures++ == 0)
		log_warn(a->r->config.log, RECALLS_AREA,
			 "doveadm wakes nobody: recalls reach sessions that hibernate "
			 "later  status=%d error=%s",
			 answer->status, answer->err.message);
	/* fewer, and others: one of them may be what takes so long */
	a->most = a->n_sent > 1 ? a->n_sent / 2 : 1;
	for (size_t i = 0; i < a->n_sent; i++)
		if (a->n_sent == 1 && answer->err.kind == ERROR_TIMEOUT)
			woken(a, a->sent[i]);
		else
			push(&a->waiting, a->sent[i]);
	a->n_sent = 0;
	send_soon(a, back_off(a->failures, 0));
}

static void on_answer(void *ctx, const struct doveadm_answer *answer)
{
	struct recalls_away *a = ctx;
	struct log *log = a->r->config.log;
	if (answer->status != 200) {
		failed(a, answer);
		return;
	}
	if (a->failures > 0)
		log_info(log, RECALLS_AREA, "doveadm wakes sessions again");
	if (answer->n_failed > 0)
		log_warn(log, RECALLS_AREA,
			 "doveadm could not open the INBOX of users  users=%zu",
			 answer->n_failed);
	a->failures = 0;
	a->most = a->most * 2 < DOVEADM_USERS_MAX ? a->most * 2 : DOVEADM_USERS_MAX;
	for (size_t i = 0; i < a->n_sent; i++)
		woken(a, a->sent[i]);
	a->n_sent = 0;
	send_soon(a, 0);
}

static void take_waiting(struct recalls_away *a, struct doveadm_user *users)
{
	struct wake *w;
	while (a->n_sent < a->most && (w = pop(&a->waiting)) != NULL) {
		if (w->of == NULL) {
			free(w);
			continue;
		}
		struct doveadm_user *u = &users[a->n_sent];
		u->name = w->of->m.user;
		u->n = w->n;
		for (size_t i = 0; i < w->n; i++)
			u->guids[i] = (struct str){w->guids[i], sizeof w->guids[i]};
		a->sent[a->n_sent++] = w;
	}
}

static void on_send_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	static const struct doveadm_answer none;
	struct recalls_away *a = timer->data;
	struct doveadm_user users[DOVEADM_USERS_MAX];
	(void)loop;
	(void)revents;
	if (a->n_sent > 0)
		return;
	take_waiting(a, users);
	if (a->n_sent > 0 &&
	    !doveadm_wake(a->r->config.doveadm, users, a->n_sent, on_answer, a))
		failed(a, &none);
}

static void on_again_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct recalls_away *a = timer->data;
	int64_t now = clock_mono_us();
	(void)loop;
	(void)revents;
	while (a->woken.first != NULL && a->woken.first->again_us <= now) {
		struct wake *w = pop(&a->woken);
		struct away *u = w->of;
		free(w);
		if (u == NULL)
			continue;
		u->wake = NULL;
		u->m.ask = true;
		recalls_ask_soon(u->m.lane);
	}
	if (a->woken.first != NULL)
		start(a, &a->again_timer,
		      (double)(a->woken.first->again_us - now) / 1e6);
}

/* ---------------------------------------------------------------------------------*/

bool recalls_away_new(struct recalls *r)
{
	struct recalls_away *a = calloc(1, sizeof *a);
	if (a == NULL)
		return false;
	a->r = r;
	a->most = DOVEADM_USERS_MAX;
	ev_init(&a->send_timer, on_send_timer);
	ev_init(&a->again_timer, on_again_timer);
	a->send_timer.data = a->again_timer.data = a;
	r->away = a;
	return true;
}

void recalls_away_stop(struct recalls *r)
{
	struct recalls_away *a = r->away;
	if (a == NULL)
		return;
	doveadm_cancel(r->config.doveadm);
	ev_timer_stop(r->config.loop, &a->send_timer);
	ev_timer_stop(r->config.loop, &a->again_timer);
}

static void free_wakes(struct wakes *q)
{
	struct wake *w;
	while ((w = pop(q)) != NULL)
		free(w);
}

void recalls_away_free(struct recalls *r)
{
	struct recalls_away *a = r->away;
	if (a == NULL)
		return;
	while (a->oldest != NULL)
		forget(a, place_of(a, a->oldest->m.lane, a->oldest->m.user));
	free_wakes(&a->waiting);
	free_wakes(&a->woken);
	for (size_t i = 0; i < a->n_sent; i++)
		free(a->sent[i]);
	free(a);
	r->away = NULL;
}
