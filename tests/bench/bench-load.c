/* SPDX-License-Identifier: Apache-2.0 */
/* Load for HTTP on loopback: kept-alive connections, one request under way on each, no
 * pipelining. Bodies are the lines of a file, taken in order (from the start again at
 * the end), so that the caller decides who is asked for.
 *
 *   bench-load PORT PATH TOKEN-FILE BODIES FIRST-LINE CONNECTIONS SECONDS [WORD [RATE]]
 *
 * Without RATE it is a closed loop: each connection asks again when it was answered.
 * With it, so many requests a second are due at even distances, whatever the server
 * does; one that finds no connection free waits, and its latency counts from when it
 * was due. SIGTERM ends the run before its time.
 *
 * Prints one JSON object: requests/s, latency in us (p50, p99, max), how many answers
 * were not 200, how many held WORD, and the line to go on from. TOKEN-FILE may be "-".
 * Ends with 1 if the server closed a connection. */
#include "bench-http.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096

struct connection {
	int fd;
	int64_t asked_us;
	struct buf in, out;
};

struct load {
	struct target target;
	struct bodies bodies;
	size_t asked;
	struct str word;
	struct connection *connections;
	size_t n_connections;
	/* those that wait for work, in a ring: the one that waited longest comes first,
	 * so that a server that ends idle connections finds none */
	struct connection **idle;
	size_t first_idle, n_idle;
	double interval_us; /* between two requests; 0: closed loop */
	int epoll;
	struct latency latency;
	uint64_t bad, with_word;
};

/* Requests are far smaller than a socket's buffer, so this does not wait. */
static void push(const struct connection *c)
{
	size_t sent = 0;
	while (sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + sent, c->out.n - sent, MSG_NOSIGNAL);
		if (n < 0)
			bench_die("send");
		sent += (size_t)n;
	}
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* due_us: when its latency begins */
static void ask(struct load *l, struct connection *c, int64_t due_us)
{
	l->asked++;
	request_write(&c->out, &l->target, &l->bodies);
	c->asked_us = due_us;
	push(c);
}

/* Is the whole answer there? */
static bool answer_is_complete(struct load *l, const struct connection *c)
{
	struct str head;
	size_t whole = answer_size(buf_str(&c->in), &head);
	if (whole == 0)
		return false;
	if (c->in.n > whole)
		bench_die("more than an answer");
	l->bad += !str_starts(head, STR("HTTP/1.1 200"));
	return true;
}

static void count(struct load *l, const struct connection *c)
{
	latency_add(&l->latency, clock_mono_us() - c->asked_us);
	if (l->word.n > 0 && memmem(c->in.p, c->in.n, l->word.p, l->word.n) != NULL)
		l->with_word++;
}

/* True when an answer was complete. */
static bool pull(struct load *l, struct connection *c)
{
	char *room = buf_reserve(&c->in, 16384);
	if (room == NULL)
		bench_die("answer");
	ssize_t n = recv(c->fd, room, 16384, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		bench_die("the connection ended");
	buf_commit(&c->in, (size_t)n);
	if (!answer_is_complete(l, c))
		return false;
	count(l, c);
	buf_clear(&c->in);
	return true;
}

static void connect_all(struct load *l, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < l->n_connections; i++) {
		struct connection *c = &l->connections[i];
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		const int on = 1;
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		buf_init(&c->in, ANSWER_MAX + 16384);
		buf_init(&c->out, ANSWER_MAX);
		if (c->fd < 0 ||
		    connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
		    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
		    epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
			bench_die("connect");
	}
}

static size_t in_ring(const struct load *l, size_t place)
{
	return place < l->n_connections ? place : place - l->n_connections;
}

static void add_idle(struct load *l, struct connection *c)
{
	l->idle[in_ring(l, l->first_idle + l->n_idle++)] = c;
}

static struct connection *take_idle(struct load *l)
{
	struct connection *c = l->idle[l->first_idle];
	l->first_idle = in_ring(l, l->first_idle + 1);
	l->n_idle--;
	return c;
}

/* Takes the answers that are there, waiting for the first up to wait_us (-1: as long as
 * a server may take). Connections whose answer is complete are idle then. */
static void collect(struct load *l, int64_t wait_us)
{
	struct epoll_event ready[64];
	int64_t us = wait_us < 0 ? 10000000 : wait_us;
	struct timespec wait = {us / 1000000, us % 1000000 * 1000};
	int n = epoll_pwait2(l->epoll, ready, 64, &wait, NULL);
	if (n == 0 && wait_us < 0)
		errno = ETIMEDOUT;
	if ((n == 0 && wait_us < 0) || (n < 0 && errno != EINTR))
		bench_die("epoll_pwait2");
	for (int i = 0; i < n; i++) {
		struct connection *c = ready[i].data.ptr;
		if (pull(l, c))
			add_idle(l, c);
	}
}

static bool is_over(int64_t end_us)
{
	return stopped || clock_mono_us() >= end_us;
}

static void run_closed(struct load *l, int64_t end_us)
{
	while (!is_over(end_us)) {
		while (l->n_idle > 0)
			ask(l, take_idle(l), clock_mono_us());
		collect(l, -1);
	}
}

static void run_at_rate(struct load *l, int64_t begin_us, int64_t end_us)
{
	uint64_t k = 0;
	while (!is_over(end_us)) {
		int64_t due = begin_us + (int64_t)((double)k * l->interval_us);
		int64_t now = clock_mono_us();
		if (due <= now && l->n_idle > 0) {
			ask(l, take_idle(l), due);
			k++;
		} else {
			collect(l, due <= now ? -1 : due - now);
		}
	}
}

/* Until the time is over and every answer is there. */
static void run(struct load *l, int64_t begin_us, int64_t end_us)
{
	for (size_t i = 0; i < l->n_connections; i++)
		add_idle(l, &l->connections[i]);
	if (l->interval_us > 0)
		run_at_rate(l, begin_us, end_us);
	else
		run_closed(l, end_us);
	while (l->n_idle < l->n_connections)
		collect(l, -1);
}

static void print(const struct load *l, int64_t us)
{
	printf("{\"answers\":%llu,\"perSecond\":%.1f,\"p50\":%u,\"p99\":%u,\"max\":%"
	       "lld,"
	       "\"bad\":%llu,\"withWord\":%llu,\"next\":%zu,\"asked\":%zu}\n",
	       (unsigned long long)l->latency.n,
	       (double)l->latency.n * 1e6 / (double)us,
	       latency_percentile(&l->latency, 0.5),
	       latency_percentile(&l->latency, 0.99), (long long)l->latency.longest_us,
	       (unsigned long long)l->bad, (unsigned long long)l->with_word,
	       l->bodies.next, l->asked);
}

int main(int argc, char **argv)
{
	if (argc < 8 || argc > 10) {
		fprintf(stderr, "usage: bench-load PORT PATH TOKEN-FILE BODIES "
				"FIRST-LINE CONNECTIONS SECONDS [WORD [RATE]]\n");
		return 2;
	}
	struct load l = {.target = target_read(argv[2], argv[3]),
			 .word = str_of(argc > 8 ? argv[8] : NULL)};
	bodies_read(&l.bodies, argv[4]);
	l.bodies.next = (size_t)bench_number(argv[5], SIZE_MAX) % l.bodies.n;
	l.n_connections = (size_t)bench_number(argv[6], CONNECTIONS_MAX);
	l.connections = calloc(l.n_connections, sizeof *l.connections);
	latency_init(&l.latency);
	l.idle = calloc(l.n_connections, sizeof(struct connection *));
	if (l.n_connections == 0 || l.connections == NULL || l.idle == NULL)
		bench_die("connections");
	if (argc > 9)
		l.interval_us = 1e6 / (double)bench_number(argv[9], 1000000);
	signal(SIGTERM, stop);
	connect_all(&l, (uint16_t)bench_number(argv[1], 65535));
	int64_t begin = clock_mono_us();
	run(&l, begin, begin + (int64_t)bench_number(argv[7], 3600) * 1000000);
	print(&l, clock_mono_us() - begin);
	return 0;
}
