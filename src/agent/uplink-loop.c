/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink-loop.h"

#include <stdlib.h>

struct uplink_loop {
	struct uplink_loop_config config;
	CURLM *multi;
	ev_timer timer;
	bool lost;               /* a socket could not be watched: all transfers fail */
	struct watched *watched; /* sockets, the last first */
};

/* A socket of libcurl's. */
struct watched {
	struct uplink_loop *l;
	struct watched *next, **before; /* in the list of l */
	ev_io io;
	curl_socket_t fd;
};

static void take_finished(struct uplink_loop *l)
{
	int left;
	CURLMsg *m;
	while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
		void *mine;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&mine);
		l->config.done(mine, code); /* may start others */
	}
}

static void on_socket(struct ev_loop *loop, ev_io *w, int revents)
{
	struct watched *s = w->data;
	struct uplink_loop *l = s->l;
	int running, what = 0;
	(void)loop;
	if (revents & EV_READ)
		what |= CURL_CSELECT_IN;
	if (revents & EV_WRITE)
		what |= CURL_CSELECT_OUT;
	curl_multi_socket_action(l->multi, s->fd, what, &running);
	if (l->config.moved != NULL)
		l->config.moved(l->config.ctx);
	take_finished(l);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct uplink_loop *l = w->data;
	int running;
	(void)loop;
	(void)revents;
	/* libcurl ends them all, but only those that it looks at: at all, then */
	bool lost = l->lost;
	l->lost = false;
	if (lost)
		curl_multi_perform(l->multi, &running);
	else
		curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(l);
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
	struct uplink_loop *l = ctx;
	struct ev_loop *loop = l->config.loop;
	(void)multi;
	ev_timer_stop(loop, &l->timer);
	if (l->lost)
		ms = 0;
	if (ms < 0)
		return 0;
	/* 0 too goes through the loop: libcurl must not be called from here */
	ev_timer_set(&l->timer, (double)ms / 1000.0, 0);
	ev_timer_start(loop, &l->timer);
	return 0;
}

static struct watched *watch(struct uplink_loop *l, curl_socket_t fd)
{
	struct watched *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->l = l;
	s->fd = fd;
	ev_init(&s->io, on_socket);
	s->io.data = s;
	s->next = l->watched;
	s->before = &l->watched;
	if (s->next != NULL)
		s->next->before = &s->next;
	l->watched = s;
	curl_multi_assign(l->multi, fd, s);
	return s;
}

static void unwatch(struct watched *s)
{
	ev_io_stop(s->l->config.loop, &s->io);
	*s->before = s->next;
	if (s->next != NULL)
		s->next->before = s->before;
	free(s);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct uplink_loop *l = ctx;
	struct ev_loop *loop = l->config.loop;
	struct watched *s = mine;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			curl_multi_assign(l->multi, fd, NULL);
			unwatch(s);
		}
		return 0;
	}
	if (s == NULL && (s = watch(l, fd)) == NULL) {
		l->lost = true;
		want_timer(l->multi, 0, l);
		return -1;
	}
	ev_io_stop(loop, &s->io);
	ev_io_set(&s->io, fd,
		  (what & CURL_POLL_IN ? EV_READ : 0) |
			  (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(loop, &s->io);
	return 0;
}

struct uplink_loop *uplink_loop_new(const struct uplink_loop_config *config,
				    struct error *err)
{
	struct uplink_loop *l = calloc(1, sizeof *l);
	CURLM *multi = l != NULL ? curl_multi_init() : NULL;
	if (multi == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		free(l);
		return NULL;
	}
	l->config = *config;
	l->multi = multi;
	ev_init(&l->timer, on_timer);
	l->timer.data = l;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			  (long)config->connections);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)config->connections);
	return l;
}

void uplink_loop_free(struct uplink_loop *l)
{
	if (l == NULL)
		return;
	curl_multi_cleanup(l->multi);
	/* libcurl without memory does not say that it has closed a socket */
	while (l->watched != NULL)
		unwatch(l->watched);
	ev_timer_stop(l->config.loop, &l->timer);
	free(l);
}

bool uplink_loop_add(struct uplink_loop *l, CURL *easy)
{
	return curl_multi_add_handle(l->multi, easy) == CURLM_OK;
}

void uplink_loop_remove(struct uplink_loop *l, CURL *easy)
{
	curl_multi_remove_handle(l->multi, easy);
}
