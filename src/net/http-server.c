/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-internal.h"

#include "base/clock.h"
#include "base/slice.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* For the 503 of requests that were not answered when the server stops. */
#define LAST_WORD_MS 500

const struct http_options http_options_default = {
	.threads = 2,
	.max_connections = 2000,
	.max_head = 32768,
	.arena_max = 8u << 20,
	.header_ms = 10 * CLOCK_SECOND,
	.body_ms = 30 * CLOCK_SECOND,
	.answer_ms = 30 * CLOCK_SECOND,
	.send_ms = 60 * CLOCK_SECOND,
	.idle_ms = 75 * CLOCK_SECOND,
};

/* A listening socket, or -1. */
static int listen_on(const struct addrinfo *a)
{
	const int on = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int problem = errno;
	close(fd);
	errno = problem;
	return -1;
}

static int open_socket(const char *address, uint16_t port, struct error *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char service[8];
	snprintf(service, sizeof service, "%u", port);
	int problem = getaddrinfo(address, service, &hints, &found);
	if (problem != 0) {
		error_set(err, ERROR_USAGE, "", "cannot listen on %s: %s", address,
			  gai_strerror(problem));
		return -1;
	}
	int fd = listen_on(found);
	if (fd < 0)
		error_set_errno(err, "", errno, "cannot listen on %s port %u", address,
				port);
	freeaddrinfo(found);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void log_library(void *server, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void log_library(void *server, const char *fmt, va_list ap)
{
	const struct http_server *s = server;
	char text[256];
	if (!log_enabled(s->o.log, LOG_DEBUG, "http"))
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	struct str line = str_trim(str_of(text));
	log_debug(s->o.log, "http", "library  said=%.*s", STR_ARG(line));
}

/* The library keeps the whole string and passes nothing through it. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *mhd, char *text)
{
	(void)ctx;
	(void)mhd;
	return strlen(text);
}

/* Who comes while it stops is turned away. */
static enum MHD_Result may_come(void *server, const struct sockaddr *from, socklen_t n)
{
	const struct http_server *s = server;
	(void)from;
	(void)n;
	return s->draining ? MHD_NO : MHD_YES;
}

static bool start_daemon(struct http_server *s, int fd, struct error *err)
{
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
			       MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
	/* a pool of one is no pool to the library */
	struct MHD_OptionItem pool[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)s->o.threads, NULL},
		{MHD_OPTION_END, 0, NULL}};
	if (s->o.threads < 2)
		pool[0].option = MHD_OPTION_END;
	/* its threads take it over: each request is short, and behind a thread that
	 * works off events or writes it would wait for that one's turn */
	slice_set(SLICE_SHORT_US);
	s->daemon = MHD_start_daemon(
		flags, 0, may_come, s, call_go_on, s, MHD_OPTION_EXTERNAL_LOGGER,
		log_library, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_ARRAY, pool,
		MHD_OPTION_CONNECTION_LIMIT,
		s->o.max_connections + room_headroom(&s->o),
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->o.max_per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.max_head,
		MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s,
		MHD_OPTION_URI_LOG_CALLBACK, call_begin, s, MHD_OPTION_NOTIFY_COMPLETED,
		call_completed, s, MHD_OPTION_NOTIFY_CONNECTION, connection_notify, s,
		MHD_OPTION_END);
	slice_set(SLICE_DEFAULT_US);
	return s->daemon != NULL ||
	       error_set(err, ERROR_IO, "", "cannot start the HTTP server");
}

struct http_server *http_server_start(const struct http_options *o, struct error *err)
{
	assert(o->handle != NULL && o->threads > 0);
	struct http_server *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for the HTTP server");
		return NULL;
	}
	s->o = *o;
	s->stats = o->stats != NULL ? o->stats : &s->own_stats;
	int fd = open_socket(o->address, o->port, err);
	if (fd < 0)
		goto no_socket;
	s->port = port_of(fd);
	if (!timer_init(s, err))
		goto no_timer;
	if (!timer_start(s, err))
		goto no_thread;
	if (start_daemon(s, fd, err))
		return s;
	timer_stop(s);
no_thread:
	timer_destroy(s);
no_timer:
	close(fd);
no_socket:
	free(s);
	return NULL;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stop(struct http_server *s, int64_t drain_ms)
{
	int64_t until = clock_mono_us() + drain_ms * 1000;
	/* The listening socket stays until the end: MHD_quiesce_daemon() takes it from
	 * threads that may let go of it at the same moment, and then the library ends
	 * the process. */
	s->draining = true;
	if (!connections_drained(s, until)) {
		s->closing = true;
		connections_sweep(s, SWEEP_CALLS);
		until = clock_mono_us() + LAST_WORD_MS * 1000;
		/* what was in the middle of a stage shows up in a later round */
		while (!connections_drained(s, clock_mono_us() + 20000))
			connections_sweep(s, clock_mono_us() < until ? SWEEP_CALLS
								     : SWEEP_SOCKETS);
	}
	MHD_stop_daemon(s->daemon);
	timer_stop(s);
	timer_destroy(s);
	free(s);
}
