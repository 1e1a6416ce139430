/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recalls-internal.h"

#include "agent/back-off.h"

#include <stdlib.h>

#define BODY_MAX (128u * 1024)
#define ANSWER_ARENA (4u * 1024 * 1024)
#define GATHER 0.01 /* seconds */

void recalls_ask_soon(struct recalls_lane *l)
{
	if (l->ask == NULL && !ev_is_active(&l->ask_timer) && !l->r->stopped)
		recalls_start_timer(l, &l->ask_timer, GATHER);
}

void recalls_ask_cancel(struct recalls_lane *l)
{
	uplink_cancel(l->ask);
	l->ask = NULL;
	ev_timer_stop(l->r->config.loop, &l->ask_timer);
}

/* Those who are being asked for have not been answered. */
static void put_back(struct recalls_lane *l)
{
	for (struct recalls_member *m = l->members; m != NULL; m = m->next) {
		m->ask = m->ask || m->asked;
		m->asked = false;
	}
}

static void later(struct recalls_lane *l, const struct uplink_answer *answer,
		  const char *why)
{
	put_back(l);
	if (l->ask_failures++ == 0)
		log_warn(l->r->config.log, RECALLS_AREA,
			 "what is to be taken back cannot be asked  tenant=%s "
			 "status=%d error=%s",
			 l->tenant, answer->status, why);
	recalls_start_timer(l, &l->ask_timer,
			    back_off(l->ask_failures, answer->retry_after));
}

/* Fewer users the next time, until the one that is refused stands alone. */
static void refused(struct recalls_lane *l, int status)
{
	if (l->n_asked > 1) {
		put_back(l);
		l->ask_most = l->n_asked / 2;
	} else {
		log_error(l->r->config.log, RECALLS_AREA,
			  "MIM refuses to say what is to be taken back from a user  "
			  "tenant=%s status=%d",
			  l->tenant, status);
		for (struct recalls_member *m = l->members; m != NULL; m = m->next)
			m->asked = false;
		l->ask_most = REQUESTS_USERS_MAX;
	}
	recalls_ask_soon(l);
}

static bool has_more(const struct recalls_lane *l)
{
	const struct recalls_member *m = l->members;
	while (m != NULL && !m->ask)
		m = m->next;
	return m != NULL;
}

static void push_all(struct recalls_lane *l, const struct answer_withdrawals *answer)
{
	struct recalls_member *next;
	size_t sessions = 0;
	/* a push may end the last session, and with it all requests of the lane */
	for (struct recalls_member *m = l->members; m != NULL; m = next) {
		next = m->next;
		const struct answer_withdrawal *what =
			m->asked ? requests_withdrawals_of(answer, m->user) : NULL;
		bool asked = m->asked;
		m->asked = false;
		if (m->is_away && asked)
			recalls_away_push(m, what);
		if (m->is_away || what == NULL || what->n == 0)
			continue;
		sessions++;
		m->pushed = true;
		l->r->config.push(m, what);
	}
	if (sessions > 0)
		log_info(l->r->config.log, RECALLS_AREA,
			 "messages are taken back  tenant=%s users=%zu sessions=%zu",
			 l->tenant, answer->n, sessions);
}

static void on_answer(void *ctx, const struct uplink_answer *answer)
{
	struct recalls_lane *l = ctx;
	struct answer_withdrawals read;
	struct error err = {0};
	l->ask = NULL;
	if (answer->status != 200) {
		if (uplink_judge(answer->status) == UPLINK_REFUSED ||
		    answer->err.kind == ERROR_TOO_LARGE)
			refused(l, answer->status);
		else
			later(l, answer, answer->err.message);
		return;
	}
	struct arena *arena = arena_new(ANSWER_ARENA);
	if (arena == NULL ||
	    !requests_read_withdrawals(answer->body, l->n_asked, arena, &read, &err)) {
		later(l, answer, arena == NULL ? "out of memory" : err.message);
	} else {
		l->ask_failures = 0;
		if (l->ask_most < REQUESTS_USERS_MAX / 2)
			l->ask_most *= 2;
		else
			l->ask_most = REQUESTS_USERS_MAX;
		push_all(l, &read);
		if (has_more(l))
			recalls_ask_soon(l);
	}
	arena_free(arena);
}

static int compare_members(const void *a, const void *b)
{
	return str_cmp((*(struct recalls_member *const *)a)->user,
		       (*(struct recalls_member *const *)b)->user);
}

/* Those to be asked for, sorted by the user. NULL: nobody, or no memory. */
static struct recalls_member **gather(const struct recalls_lane *l, size_t *n)
{
	size_t all = 0;
	for (const struct recalls_member *m = l->members; m != NULL; m = m->next)
		all += m->ask;
	struct recalls_member **list = all > 0 ? calloc(all, sizeof(void *)) : NULL;
	*n = 0;
	if (list == NULL)
		return NULL;
	for (struct recalls_member *m = l->members; m != NULL; m = m->next)
		if (m->ask)
			list[(*n)++] = m;
	qsort(list, all, sizeof *list, compare_members);
	return list;
}

/* The first of them, each user once. */
static bool write_users(struct recalls_lane *l, struct recalls_member **list, size_t n,
			struct buf *body)
{
	struct str users[REQUESTS_USERS_MAX];
	size_t n_users = 0, bytes = 0;
	for (size_t i = 0; i < n; i++) {
		struct str user = list[i]->user;
		if (n_users == 0 || !str_eq(user, users[n_users - 1])) {
			/* in JSON a byte may become six */
			if (n_users == l->ask_most || bytes + 6 * user.n > BODY_MAX)
				break;
			users[n_users++] = user;
			bytes += 6 * user.n + 3;
		}
		list[i]->ask = false;
		list[i]->asked = true;
	}
	l->n_asked = n_users;
	return requests_write_withdrawals(body, users, n_users);
}

void recalls_ask_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	static const struct uplink_answer none;
	struct recalls_lane *l = w->data;
	struct buf body;
	size_t n;
	(void)loop;
	(void)revents;
	if (!has_more(l))
		return;
	struct recalls_member **list = gather(l, &n);
	buf_init(&body, REQUESTS_BODY_MAX);
	if (list != NULL && write_users(l, list, n, &body))
		l->ask = uplink_send(l->r->config.uplink, str_of(l->tenant),
				     "withdrawals", &body, REQUESTS_ANSWER_MAX,
				     on_answer, l);
	buf_free(&body);
	free(list);
	if (l->ask == NULL)
		later(l, &none, "out of memory");
}
