/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session-internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define AREA "session"
#define HELLO_TIMEOUT 10.0 /* seconds */
#define READ_SIZE 16384
/* A whole answer: eight messages and the frames around them. */
#define OUT_MAX ((size_t)(WIRE_ACTIONS_MAX + 1) * (WIRE_FRAME_MAX + 4))
#define IN_MAX (WIRE_SMALL_MAX + 4 + READ_SIZE)

static void unlink_session(struct session *s)
{
	if (s->previous != NULL)
		s->previous->next = s->next;
	else
		s->agent->sessions = s->next;
	if (s->next != NULL)
		s->next->previous = s->previous;
}

bool session_may_log(struct agent *a)
{
	size_t left_out;
	if (!throttle_allows(&a->noise, clock_mono_us(), &left_out))
		return false;
	if (left_out > 0)
		log_warn(a->log, AREA, "lines like those before were left out  n=%zu",
			 left_out);
	return true;
}

void session_close(struct session *s)
{
	struct agent *a = s->agent;
	ev_io_stop(a->loop, &s->reading);
	ev_io_stop(a->loop, &s->writing);
	ev_timer_stop(a->loop, &s->hello_timer);
	uplink_cancel(s->hello_call);
	session_cancel_open(s);
	recalls_leave(&s->recall);
	session_unlist_unconfirmed(s);
	unlink_session(s);
	limits_disconnect(a->limits, s->uid);
	close(s->fd);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s->names);
	free(s);
}

bool session_send(struct session *s, const struct wire_frame *frame)
{
	enum wire_status status = wire_frame_encode(&s->out, frame);
	if (status != WIRE_OK) {
		if (session_may_log(s->agent))
			log_warn(s->agent->log, AREA, "cannot send  frame=%s why=%s",
				 wire_type_name(frame->type), wire_status_text(status));
		return false;
	}
	ev_io_start(s->agent->loop, &s->writing);
	return true;
}

static bool write_some(struct session *s)
{
	while (s->out.n > 0) {
		ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		buf_drop(&s->out, (size_t)n);
	}
	ev_io_stop(s->agent->loop, &s->writing);
	buf_free(&s->out); /* most sessions have nothing to say for hours */
	return true;
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	if (!write_some(w->data))
		session_close(w->data);
}

/* Takes the whole frames out of the input. */
static bool take_frames(struct session *s)
{
	struct wire_frame *frame = &s->agent->frame;
	size_t at = 0, length;
	enum wire_status status;
	for (;;) {
		struct str rest = str_slice(buf_str(&s->in), at, s->in.n);
		status = wire_frame_find(rest, &length);
		/* no frame that a plugin may send is as long as a message */
		if (status == WIRE_MORE && length > WIRE_SMALL_MAX + 4)
			status = WIRE_BAD_LENGTH;
		if (status == WIRE_OK) {
			status = wire_frame_decode(str_slice(rest, 0, length), frame);
			if (status == WIRE_OK && !session_take_frame(s, frame))
				return false;
		}
		if (status != WIRE_OK && status != WIRE_SKIP)
			break;
		at += length;
	}
	buf_drop(&s->in, at);
	if (s->in.n == 0)
		buf_free(&s->in);
	if (status == WIRE_MORE)
		return true;
	if (session_may_log(s->agent))
		log_warn(s->agent->log, AREA, "a bad frame  uid=%u why=%s",
			 (unsigned)s->uid, wire_status_text(status));
	return false;
}

static bool read_some(struct session *s)
{
	char *room = buf_reserve(&s->in, READ_SIZE);
	if (room == NULL)
		return false;
	ssize_t n = recv(s->fd, room, READ_SIZE, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	if (n == 0)
		return false;
	buf_commit(&s->in, (size_t)n);
	return take_frames(s);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	if (!read_some(w->data))
		session_close(w->data);
}

static void on_no_hello(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	session_close(w->data);
}

void session_start(struct agent *a, int fd, uid_t uid)
{
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL) {
		limits_disconnect(a->limits, uid);
		close(fd);
		return;
	}
	s->agent = a;
	s->fd = fd;
	s->uid = uid;
	s->trusted = peer_is_trusted(&a->policy, uid);
	buf_init(&s->in, IN_MAX);
	buf_init(&s->out, OUT_MAX);
	ev_io_init(&s->reading, on_readable, fd, EV_READ);
	ev_io_init(&s->writing, on_writable, fd, EV_WRITE);
	ev_timer_init(&s->hello_timer, on_no_hello, HELLO_TIMEOUT, 0.);
	s->reading.data = s->writing.data = s->hello_timer.data = s;
	ev_io_start(a->loop, &s->reading);
	ev_timer_start(a->loop, &s->hello_timer);
	s->next = a->sessions;
	if (a->sessions != NULL)
		a->sessions->previous = s;
	a->sessions = s;
}

void sessions_close_all(struct agent *a)
{
	struct session *next;
	for (struct session *s = a->sessions; s != NULL; s = next) {
		next = s->next;
		session_close(s);
	}
}

bool sessions_are_idle(const struct agent *a)
{
	if (a->opens > 0)
		return false;
	for (const struct session *s = a->sessions; s != NULL; s = s->next)
		if (s->out.n > 0 || s->n_unconfirmed > 0)
			return false;
	return true;
}
