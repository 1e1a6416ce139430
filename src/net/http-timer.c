/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd knows only a time without activity, which a client that drips one
 * byte a second never passes. So each connection has an absolute deadline, which one
 * thread watches, and a suspended request has its own. */
#include "net/http-internal.h"

#include "base/clock.h"

#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* How late a deadline may be noticed. */
#define TICK_MS 50
/* In so many of them it is looked at each that is paused, whether its client is there:
 * that costs a system call, and there may be thousands. */
#define TURNS 4
/* Fewer connections are nothing to speak of. */
#define CROWD 256
/* Given up in one round; the rest follows in the next, at once. */
#define BATCH 64

void connection_enter(struct connection *conn, enum phase phase, int64_t ms)
{
	uint64_t until = ms > 0 ? (uint64_t)(clock_mono_coarse_us() + ms * 1000) : 0;
	atomic_store_explicit(&conn->stage, until << 2 | (uint64_t)phase,
			      memory_order_relaxed);
}

void connection_shut(struct http_server *s, struct connection *conn)
{
	shutdown(conn->fd, SHUT_RDWR);
	s->n_shut += !conn->shut;
	conn->shut = true;
}

static struct connection *connection_add(struct http_server *s,
					 struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *conn = calloc(1, sizeof *conn);
	if (conn == NULL || info == NULL) {
		free(conn);
		return NULL; /* call_begin refuses what comes on it */
	}
	conn->fd = info->connect_fd;
	conn->mhd = mhd;
	connection_enter(conn, PHASE_IDLE, s->o.header_ms);
	pthread_mutex_lock(&s->lock);
	conn->next = s->connections;
	if (conn->next != NULL)
		conn->next->prev = conn;
	else
		s->oldest = conn;
	s->connections = conn;
	s->n_connections++;
	s->stats->connections++;
	room_make(s, conn);
	pthread_mutex_unlock(&s->lock);
	return conn;
}

/* Before the socket is closed: behind this, nobody shuts a number that belongs to
 * another connection already. */
static void connection_remove(struct http_server *s, struct connection *conn)
{
	if (conn == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		s->connections = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	else
		s->oldest = conn->prev;
	s->n_connections--;
	s->n_shut -= conn->shut;
	s->stats->connections--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	free(conn);
}

void connection_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
		       enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = server;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		s->stats->accepted++;
		*socket_context = connection_add(s, mhd);
	} else {
		connection_remove(s, *socket_context);
		*socket_context = NULL;
	}
}

void connection_wait(struct http_server *s, struct connection *conn, struct call *c)
{
	pthread_mutex_lock(&s->lock);
	conn->waiting = c;
	pthread_mutex_unlock(&s->lock);
}

/* The timer's thread resumes it: not before it knows of it. */
void connection_pause(struct http_server *s, struct connection *conn)
{
	MHD_suspend_connection(conn->mhd);
	pthread_mutex_lock(&s->lock);
	conn->paused = true;
	pthread_mutex_unlock(&s->lock);
}

bool connection_is_gone(const struct connection *conn)
{
	struct pollfd p = {.fd = conn->fd, .events = POLLRDHUP};
	return poll(&p, 1, 0) > 0 && p.revents != 0;
}

static bool is_rested(const struct http_server *s, const struct connection *c,
		      int64_t now)
{
	return c->pause_until_us <= now || c->shut ||
	       ((unsigned)c->fd % TURNS == s->turn && connection_is_gone(c));
}

/* What one round found. */
struct found {
	struct call *late[BATCH]; /* over their time, each with a reference */
	size_t n_late;
	struct MHD_Connection *rested[BATCH]; /* their pause is over */
	size_t n_rested;
};

/* Shuts what is over its time. True if there may be more than fits. */
static bool look(struct http_server *s, enum sweep how, struct found *f)
{
	int64_t now = clock_mono_us();
	f->n_late = f->n_rested = 0;
	pthread_mutex_lock(&s->lock);
	for (struct connection *c = s->connections; c != NULL; c = c->next) {
		const struct stage is = connection_stage(c);
		bool idle = is.phase == PHASE_IDLE && s->draining;
		bool over = is.deadline_us > 0 && is.deadline_us <= now;
		if (!c->shut && (how == SWEEP_SOCKETS || idle || over)) {
			connection_shut(s, c);
			if (over && is.phase != PHASE_IDLE)
				s->stats->cut++;
		}
		if (c->paused && f->n_rested < BATCH &&
		    (how != SWEEP_LATE || is_rested(s, c, now))) {
			c->paused = false;
			f->rested[f->n_rested++] = c->mhd;
		}
		if (c->waiting != NULL && f->n_late < BATCH &&
		    (how != SWEEP_LATE || c->waiting->answer_deadline_us <= now)) {
			c->waiting->refs++;
			f->late[f->n_late++] = c->waiting;
			c->waiting = NULL;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return f->n_late == BATCH || f->n_rested == BATCH;
}

void connections_sweep(struct http_server *s, enum sweep how)
{
	struct found f;
	struct error err;
	bool more;
	if (how == SWEEP_LATE)
		error_set(&err, ERROR_TIMEOUT, "", "no answer within the time allowed");
	else
		error_set(&err, ERROR_UNAVAILABLE, "", "the server is stopping");
	do {
		more = look(s, how, &f);
		for (size_t i = 0; i < f.n_rested; i++)
			MHD_resume_connection(f.rested[i]);
		for (size_t i = 0; i < f.n_late; i++) {
			if (call_give_up(f.late[i], &err) && how == SWEEP_LATE)
				s->stats->timed_out++;
			call_unref(f.late[i]);
		}
	} while (more);
}

/* Each connection has memory of the library's, of which the allocator keeps what a
 * crowd had, for good, unless it is asked not to. */
static bool is_crowd_gone(struct http_server *s)
{
	if (s->n_connections > s->crowd)
		s->crowd = s->n_connections;
	if (s->crowd < CROWD || s->n_connections > s->crowd / 2)
		return false;
	s->crowd = s->n_connections;
	return true;
}

static void *timer_main(void *server)
{
	struct http_server *s = server;
	pthread_mutex_lock(&s->lock);
	while (!s->end_timer) {
		struct timespec next = clock_mono_after(TICK_MS * 1000);
		pthread_cond_timedwait(&s->wake, &s->lock, &next);
		pthread_mutex_unlock(&s->lock);
		s->turn = (s->turn + 1) % TURNS;
		connections_sweep(s, SWEEP_LATE);
		pthread_mutex_lock(&s->lock);
		bool trim = is_crowd_gone(s);
		pthread_mutex_unlock(&s->lock);
		if (trim)
			malloc_trim(0);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

bool timer_init(struct http_server *s, struct error *err)
{
	pthread_condattr_t attr;
	int problem = pthread_condattr_init(&attr);
	if (problem == 0) {
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_mutex_init(&s->lock, NULL);
		pthread_cond_init(&s->changed, &attr);
		pthread_cond_init(&s->wake, &attr);
		pthread_condattr_destroy(&attr);
	}
	return problem == 0 || error_set_errno(err, "", problem, "no condition");
}

void timer_destroy(struct http_server *s)
{
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

bool timer_start(struct http_server *s, struct error *err)
{
	int problem = pthread_create(&s->timer, NULL, timer_main, s);
	return problem == 0 || error_set_errno(err, "", problem,
					       "cannot start the HTTP timer's thread");
}

void timer_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->end_timer = true;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->timer, NULL);
}

bool connections_drained(struct http_server *s, int64_t until_us)
{
	pthread_mutex_lock(&s->lock);
	for (;;) {
		int64_t left = until_us - clock_mono_us();
		if (s->n_connections == 0 || left <= 0)
			break;
		struct timespec until = clock_mono_after(left);
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	bool all = s->n_connections == 0;
	pthread_mutex_unlock(&s->lock);
	return all;
}
