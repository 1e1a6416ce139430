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
#include "base/buf.h"
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
#define ANSWER_MAX (256 * 1024)
#define LATENCY_MAX_US 2000000 /* longer ones are counted as this */

struct connection {
	int fd;
	int64_t asked_us;
	struct buf in, out;
};

struct load {
	struct str *bodies;
	size_t n_bodies, next, asked;
	struct str path, token, word;
	struct connection *connections;
	size_t n_connections;
	/* those that wait for work, in a ring: the one that waited longest comes first,
	 * so that a server that ends idle connections finds none */
	struct connection **idle;
	size_t first_idle, n_idle;
	double interval_us; /* between two requests; 0: closed loop */
	int epoll;
	uint32_t *latency; /* [LATENCY_MAX_US + 1], counts */
	uint64_t answers, bad, with_word;
	int64_t longest_us;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct str read_file(const char *path)
{
	struct buf b;
	char chunk[65536];
	size_t n;
	FILE *f = fopen(path, "rbe");
	if (f == NULL)
		die(path);
	buf_init(&b, SIZE_MAX / 2);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	if (!buf_ok(&b))
		die(path);
	return buf_str(&b); /* kept to the end of the process */
}

static void read_bodies(struct load *l, const char *path)
{
	struct str rest = read_file(path), line;
	size_t cap = 0;
	while (str_next_part(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (l->n_bodies == cap) {
			cap = cap == 0 ? 4096 : 2 * cap;
			l->bodies = realloc(l->bodies, cap * sizeof *l->bodies);
			if (l->bodies == NULL)
				die(path);
		}
		l->bodies[l->n_bodies++] = line;
	}
	if (l->n_bodies == 0)
		die(path);
}

/* Requests are far smaller than a socket's buffer, so this does not wait. */
static void push(const struct connection *c)
{
	size_t sent = 0;
	while (sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + sent, c->out.n - sent, MSG_NOSIGNAL);
		if (n < 0)
			die("send");
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
	struct str body = l->bodies[l->next];
	l->next = (l->next + 1) % l->n_bodies;
	l->asked++;
	buf_clear(&c->out);
	buf_add_str(&c->out, STR("POST "));
	buf_add_str(&c->out, l->path);
	buf_add_str(&c->out, STR(" HTTP/1.1\r\nHost: localhost\r\n"
				 "Content-Type: application/json\r\n"));
	if (l->token.n > 0) {
		buf_add_str(&c->out, STR("Authorization: Bearer "));
		buf_add_str(&c->out, l->token);
		buf_add_str(&c->out, STR("\r\n"));
	}
	buf_add_str(&c->out, STR("Content-Length: "));
	buf_add_u64(&c->out, body.n);
	buf_add_str(&c->out, STR("\r\n\r\n"));
	buf_add_str(&c->out, body);
	if (!buf_ok(&c->out))
		die("request");
	c->asked_us = due_us;
	push(c);
}

/* Is the whole answer there? Only what mimd and nginx write: Content-Length. */
static bool answer_is_complete(struct load *l, const struct connection *c)
{
	const struct str name = STR("\r\ncontent-length:");
	const char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
	uint64_t length;
	if (end == NULL)
		return false;
	struct str head = {c->in.p, (size_t)(end - c->in.p) + 2};
	for (size_t i = 0; i + name.n < head.n; i++) {
		if (head.p[i] != '\r' || !str_ieq(str_slice(head, i, i + name.n), name))
			continue;
		struct str rest = str_slice(head, i + name.n, head.n);
		struct str value =
			str_trim(str_slice(rest, 0, str_find_char(rest, '\r')));
		if (!str_to_u64(value, ANSWER_MAX, &length))
			die("Content-Length");
		size_t whole = head.n + 2 + (size_t)length;
		if (c->in.n > whole)
			die("more than an answer");
		if (c->in.n < whole)
			return false;
		l->bad += !str_starts(head, STR("HTTP/1.1 200"));
		return true;
	}
	die("an answer without Content-Length");
}

static void count(struct load *l, const struct connection *c)
{
	int64_t us = clock_mono_us() - c->asked_us;
	l->answers++;
	l->latency[us < LATENCY_MAX_US ? us : LATENCY_MAX_US]++;
	if (us > l->longest_us)
		l->longest_us = us;
	if (l->word.n > 0 && memmem(c->in.p, c->in.n, l->word.p, l->word.n) != NULL)
		l->with_word++;
}

/* True when an answer was complete. */
static bool pull(struct load *l, struct connection *c)
{
	char *room = buf_reserve(&c->in, 16384);
	if (room == NULL)
		die("answer");
	ssize_t n = recv(c->fd, room, 16384, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("the connection ended");
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
			die("connect");
	}
}

static void add_idle(struct load *l, struct connection *c)
{
	l->idle[(l->first_idle + l->n_idle++) % l->n_connections] = c;
}

static struct connection *take_idle(struct load *l)
{
	struct connection *c = l->idle[l->first_idle];
	l->first_idle = (l->first_idle + 1) % l->n_connections;
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
		die("epoll_pwait2");
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

static unsigned percentile(const struct load *l, double share)
{
	uint64_t seen = 0, want = (uint64_t)((double)l->answers * share);
	for (unsigned us = 0; us <= LATENCY_MAX_US; us++) {
		seen += l->latency[us];
		if (seen > want)
			return us;
	}
	return LATENCY_MAX_US;
}

static void print(const struct load *l, int64_t us)
{
	printf("{\"answers\":%llu,\"perSecond\":%.1f,\"p50\":%u,\"p99\":%u,\"max\":%"
	       "lld,"
	       "\"bad\":%llu,\"withWord\":%llu,\"next\":%zu,\"asked\":%zu}\n",
	       (unsigned long long)l->answers, (double)l->answers * 1e6 / (double)us,
	       percentile(l, 0.5), percentile(l, 0.99), (long long)l->longest_us,
	       (unsigned long long)l->bad, (unsigned long long)l->with_word, l->next,
	       l->asked);
}

static uint64_t number(const char *text, uint64_t max)
{
	uint64_t n;
	if (!str_to_u64(str_of(text), max, &n)) {
		fprintf(stderr, "bench-load: %s: a number up to %llu\n", text,
			(unsigned long long)max);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 8 || argc > 10) {
		fprintf(stderr, "usage: bench-load PORT PATH TOKEN-FILE BODIES "
				"FIRST-LINE CONNECTIONS SECONDS [WORD [RATE]]\n");
		return 2;
	}
	struct load l = {.path = str_of(argv[2]),
			 .word = str_of(argc > 8 ? argv[8] : NULL)};
	if (strcmp(argv[3], "-") != 0)
		l.token = str_trim(read_file(argv[3]));
	read_bodies(&l, argv[4]);
	l.next = (size_t)number(argv[5], SIZE_MAX) % l.n_bodies;
	l.n_connections = (size_t)number(argv[6], CONNECTIONS_MAX);
	l.connections = calloc(l.n_connections, sizeof *l.connections);
	l.latency = calloc(LATENCY_MAX_US + 1, sizeof *l.latency);
	l.idle = calloc(l.n_connections, sizeof(struct connection *));
	if (l.connections == NULL || l.idle == NULL || l.latency == NULL)
		die("memory");
	if (argc > 9)
		l.interval_us = 1e6 / (double)number(argv[9], 1000000);
	signal(SIGTERM, stop);
	connect_all(&l, (uint16_t)number(argv[1], 65535));
	int64_t begin = clock_mono_us();
	run(&l, begin, begin + (int64_t)number(argv[7], 3600) * 1000000);
	print(&l, clock_mono_us() - begin);
	return 0;
}
