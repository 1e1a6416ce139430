/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-link.h"

#include "inlay-clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_MAX (512u * 1024)
#define READ_SIZE (64u * 1024)
/* One call reads no more than this, so that a sender without an end cannot hold the
 * process: all answers to one OPEN. */
#define READ_MAX_AT_ONCE ((WIRE_ACTIONS_MAX + 1) * (size_t)WIRE_FRAME_MAX)

struct inlay_link {
	int fd;
	struct io *io_in, *io_out;
	struct buf in, out;
	inlay_link_frame_t *frame;
	inlay_link_wake_t *wake;
	void *context;
	const char *error; /* static text, NULL while it is up */
};

static void link_input(struct inlay_link *link);
static void link_output(struct inlay_link *link);

struct inlay_link *inlay_link_connect(const char *path, inlay_link_frame_t *frame,
				      inlay_link_wake_t *wake, void *context,
				      const char **error_r)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path)) {
		*error_r = t_strdup_printf("%s: too long for a unix socket", path);
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		*error_r = t_strdup_printf("socket() failed: %m");
		return NULL;
	}
	/* a unix socket connects at once or not at all; EAGAIN: its backlog is full */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		*error_r = t_strdup_printf("connect(%s) failed: %m", path);
		i_close_fd(&fd);
		return NULL;
	}
	struct inlay_link *link = i_new(struct inlay_link, 1);
	link->fd = fd;
	link->frame = frame;
	link->wake = wake;
	link->context = context;
	buf_init(&link->in, 4 + WIRE_FRAME_MAX + READ_SIZE);
	buf_init(&link->out, OUT_MAX);
	link->io_in = io_add_to(io_loop_get_root(), fd, IO_READ, link_input, link);
	return link;
}

static void link_down(struct inlay_link *link, const char *why)
{
	if (link->error != NULL)
		return;
	link->error = why;
	io_remove(&link->io_in);
	io_remove(&link->io_out);
	i_close_fd(&link->fd);
	buf_free(&link->in);
	buf_free(&link->out);
}

void inlay_link_close(struct inlay_link **_link)
{
	struct inlay_link *link = *_link;
	if (link == NULL)
		return;
	*_link = NULL;
	link_down(link, "closed");
	i_free(link);
}

bool inlay_link_is_up(const struct inlay_link *link)
{
	return link != NULL && link->error == NULL;
}

const char *inlay_link_error(const struct inlay_link *link)
{
	return link->error != NULL ? link->error : "up";
}

/* Sends what the socket takes. */
static void link_flush(struct inlay_link *link)
{
	while (link->error == NULL && link->out.n > 0) {
		ssize_t ret = send(link->fd, link->out.p, link->out.n, MSG_NOSIGNAL);
		if (ret > 0) {
			buf_drop(&link->out, (size_t)ret);
		} else if (errno != EINTR) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				link_down(link, "the agent has closed the connection");
			break;
		}
	}
	if (link->error != NULL)
		return;
	if (link->out.n == 0)
		io_remove(&link->io_out);
	else if (link->io_out == NULL)
		link->io_out = io_add_to(io_loop_get_root(), link->fd, IO_WRITE,
					 link_output, link);
}

void inlay_link_send(struct inlay_link *link, const struct wire_frame *frame)
{
	if (link->error != NULL)
		return;
	enum wire_status status = wire_frame_encode(&link->out, frame);
	if (status == WIRE_NO_ROOM)
		link_down(link, "the agent does not read");
	else if (status != WIRE_OK)
		i_error("inlay: cannot encode %s: %s", wire_type_name(frame->type),
			wire_status_text(status));
	else
		link_flush(link);
}

/* All whole frames that are in the buffer. */
static void link_take_frames(struct inlay_link *link)
{
	/* 50 KiB that most of a session's life are not needed */
	struct wire_frame *frame = i_new(struct wire_frame, 1);
	size_t used = 0, length = 0;
	enum wire_status status = WIRE_OK;

	while (link->error == NULL) {
		struct str rest = str_slice(buf_str(&link->in), used, link->in.n);
		status = wire_frame_find(rest, &length);
		if (status == WIRE_OK) {
			status = wire_frame_decode(str_slice(rest, 0, length), frame);
			if (status == WIRE_OK && !link->frame(frame, link->context))
				status = WIRE_BAD_VALUE;
		}
		if (status != WIRE_OK && status != WIRE_SKIP)
			break;
		used += length;
	}
	i_free(frame);
	if (link->error != NULL)
		return;
	if (status != WIRE_MORE) {
		link_down(link, wire_status_text(status));
		return;
	}
	buf_drop(&link->in, used);
	if (link->in.n == 0)
		buf_free(&link->in); /* a message may have made it large */
}

void inlay_link_read(struct inlay_link *link)
{
	size_t total = 0;

	while (link->error == NULL && total < READ_MAX_AT_ONCE) {
		char *room = buf_reserve(&link->in, READ_SIZE);
		if (room == NULL) {
			link_down(link, "no memory");
			break;
		}
		ssize_t ret = recv(link->fd, room, READ_SIZE, 0);
		if (ret > 0) {
			buf_commit(&link->in, (size_t)ret);
			total += (size_t)ret;
			link_take_frames(link);
		} else if (ret == 0) {
			link_down(link, "the agent has closed the connection");
		} else if (errno != EINTR) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				link_down(link, "reading from the agent failed");
			break;
		}
	}
	if (link->error == NULL && link->in.n == 0)
		buf_free(&link->in);
}

static void link_input(struct inlay_link *link)
{
	inlay_link_read(link);
	link->wake(link->context);
}

static void link_output(struct inlay_link *link)
{
	link_flush(link);
	if (link->error != NULL)
		link->wake(link->context);
}

void inlay_link_wait(struct inlay_link *link, const bool *done, int64_t until)
{
	inlay_link_read(link);
	while (link->error == NULL && !*done) {
		/* the user waits: not a part of a millisecond too long */
		int64_t left = inlay_clock_left_us(until);
		if (left <= 0)
			return;
		struct timespec wait = {.tv_sec = left / 1000000,
					.tv_nsec = left % 1000000 * 1000};
		struct pollfd pfd = {.fd = link->fd, .events = POLLIN};
		if (link->out.n > 0)
			pfd.events |= POLLOUT;
		int ret = ppoll(&pfd, 1, &wait, NULL);
		if (ret < 0 && errno != EINTR)
			return;
		if (ret > 0 && (pfd.revents & POLLOUT) != 0)
			link_flush(link);
		if (ret > 0 && link->error == NULL &&
		    (pfd.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			inlay_link_read(link);
	}
}
