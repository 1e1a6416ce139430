/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server.h"

#include "agent/session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define AREA "server"
#define BACKLOG 1024
/* At a time, so that those who are connected get their turn. */
#define ACCEPT_MAX 64
/* Out of descriptors: let some go first. */
#define ACCEPT_PAUSE 0.2

struct server {
	struct agent *agent;
	int fd;
	ev_io accepting;
	ev_timer pause;
	struct sockaddr_un address;
	bool complained; /* about a limit, since the last connection taken */
};

static bool peer_uid(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t n = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || n != sizeof cred)
		return false;
	*uid = cred.uid;
	return true;
}

static void take_connection(struct server *s, int fd)
{
	struct agent *a = s->agent;
	uid_t uid;
	if (!peer_uid(fd, &uid)) {
		close(fd);
		return;
	}
	if (!limits_connect(a->limits, uid, peer_is_trusted(&a->policy, uid))) {
		if (!s->complained)
			log_warn(a->log, AREA,
				 "too many connections; see inlay.limits  uid=%u "
				 "all=%zu",
				 (unsigned)uid, limits_connections(a->limits));
		s->complained = true;
		close(fd);
		return;
	}
	s->complained = false;
	session_start(a, fd, uid);
}

static void on_connection(struct ev_loop *loop, ev_io *w, int revents)
{
	struct server *s = w->data;
	(void)revents;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take_connection(s, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			if (!s->complained)
				log_error(s->agent->log, AREA,
					  "cannot accept  error=%s", strerror(errno));
			s->complained = true;
			ev_io_stop(loop, &s->accepting);
			ev_timer_set(&s->pause, ACCEPT_PAUSE, 0.);
			ev_timer_start(loop, &s->pause);
		}
		return;
	}
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct server *s = w->data;
	(void)revents;
	ev_io_start(loop, &s->accepting);
}

/* Is somebody listening at this address? */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	bool alive =
		connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

static bool make_address(struct sockaddr_un *address, struct str path,
			 struct error *err)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path.n == 0 || path.n >= sizeof address->sun_path)
		return error_set(err, ERROR_BAD_VALUE, "inlay.socket.path",
				 "must have 1 to %zu bytes",
				 sizeof address->sun_path - 1);
	memcpy(address->sun_path, path.p, path.n);
	return true;
}

/* Nobody may connect before mode and group are right, so they are set between bind
 * and listen. */
static bool listen_at(struct server *s, struct error *err)
{
	const struct agent_settings *o = s->agent->settings;
	const char *path = s->address.sun_path;
	mode_t old = umask(0177);
	int bound = bind(s->fd, (struct sockaddr *)&s->address, sizeof s->address);
	int e = errno;
	umask(old);
	if (bound != 0)
		return error_set_errno(err, path, e, "cannot make the socket");
	if (o->socket_group != (gid_t)-1 &&
	    chown(path, (uid_t)-1, o->socket_group) != 0)
		return error_set_errno(err, path, errno, "cannot give it its group");
	if (chmod(path, o->socket_mode) != 0)
		return error_set_errno(err, path, errno, "cannot give it its mode");
	if (listen(s->fd, BACKLOG) != 0)
		return error_set_errno(err, path, errno, "cannot listen");
	return true;
}

static bool clear_path(const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	const char *path = address->sun_path;
	if (lstat(path, &st) != 0)
		return true; /* bind will say what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_CONFLICT, path, "is there, and no socket");
	if (is_alive(address))
		return error_set(err, ERROR_CONFLICT, path,
				 "another process listens there");
	if (unlink(path) != 0)
		return error_set_errno(err, path, errno,
				       "cannot remove the old socket");
	return true;
}

struct server *server_start(struct agent *a, struct error *err)
{
	struct sockaddr_un address;
	if (!make_address(&address, a->settings->socket_path, err) ||
	    !clear_path(&address, err))
		return NULL;
	struct server *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	s->agent = a;
	s->address = address;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ev_io_init(&s->accepting, on_connection, s->fd, EV_READ);
	ev_init(&s->pause, on_pause_over);
	s->accepting.data = s->pause.data = s;
	if (s->fd < 0) {
		error_set_errno(err, "", errno, "cannot make a socket");
		free(s);
		return NULL;
	}
	if (!listen_at(s, err)) {
		close(s->fd);
		free(s);
		return NULL;
	}
	ev_io_start(a->loop, &s->accepting);
	return s;
}

void server_stop(struct server *s)
{
	if (s == NULL)
		return;
	ev_io_stop(s->agent->loop, &s->accepting);
	ev_timer_stop(s->agent->loop, &s->pause);
	unlink(s->address.sun_path);
	close(s->fd);
	free(s);
}
