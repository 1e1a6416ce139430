/* SPDX-License-Identifier: Apache-2.0 */
/* What an outage leaves on mail servers: asks for decisions, and writes into agents'
 * spools, by the agent's own code, that what was handed out was saved and then read.
 *
 *   bench-spool PORT PATH TOKEN-FILE BODIES USERS CONNECTIONS DIRECTORY...
 *
 * Each of the first USERS lines of BODIES is asked once; users are dealt out to the
 * directories in turn. All events of the first kind come before those of the second, so
 * that no two of one user stand side by side. Prints {"events":N,"withoutMessage":N}.
 */
#include "bench-http.h"

#include "agent/requests.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/crypto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define DIRECTORIES_MAX 64
#define ANSWER_ARENA (1u << 20)
#define INSTANCE_BYTES 16
#define SYNC_EACH 10000

struct connection {
	int fd;
	size_t line; /* of the bodies, that is being asked */
	bool asks;
	struct buf in, out;
};

struct making {
	struct target target;
	struct bodies bodies;
	size_t n_users, asked, answered, without;
	struct connection connections[CONNECTIONS_MAX];
	size_t n_connections;
	struct arena *arena;
	uint8_t (*instances)[INSTANCE_BYTES]; /* by line */
	bool *given;
	struct ev_loop *loop;
	struct spool *spools[DIRECTORIES_MAX];
	size_t n_spools;
	uint64_t events;
};

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		bench_die("connect");
	return fd;
}

static void push(const struct connection *c)
{
	if (send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL) != (ssize_t)c->out.n)
		bench_die("send");
}

static void ask_next(struct making *m, struct connection *c)
{
	c->asks = m->asked < m->n_users;
	if (!c->asks)
		return;
	c->line = m->bodies.next;
	m->asked++;
	request_write(&c->out, &m->target, &m->bodies);
	push(c);
}

static void take_answer(struct making *m, const struct connection *c, struct str body)
{
	struct answer_open answer;
	struct error err = {0};
	arena_reset(m->arena);
	if (!requests_read_open(body, m->arena, &answer, &err)) {
		fprintf(stderr, "bench-spool: %s: %.*s\n", err.message, STR_ARG(body));
		exit(1);
	}
	m->answered++;
	if (answer.n_actions == 0 || answer.actions[0].op != ANSWER_INJECT) {
		m->without++;
		return;
	}
	crypto_unhex(answer.actions[0].instance, m->instances[c->line], INSTANCE_BYTES);
	m->given[c->line] = true;
}

static void pull(struct making *m, struct connection *c)
{
	char *room = buf_reserve(&c->in, 16384);
	struct str head;
	ssize_t n = room != NULL ? recv(c->fd, room, 16384, 0) : -1;
	if (n <= 0)
		bench_die("the connection ended");
	buf_commit(&c->in, (size_t)n);
	size_t whole = answer_size(buf_str(&c->in), &head);
	if (whole == 0)
		return;
	if (str_starts(head, STR("HTTP/1.1 503"))) { /* just started, it is slow */
		buf_clear(&c->in);
		push(c);
		return;
	}
	if (!str_starts(head, STR("HTTP/1.1 200"))) {
		fprintf(stderr, "bench-spool: %.*s\n", STR_ARG(head));
		exit(1);
	}
	take_answer(m, c, str_slice(buf_str(&c->in), head.n + 2, whole));
	buf_clear(&c->in);
	ask_next(m, c);
}

static void ask_all(struct making *m)
{
	struct pollfd fds[CONNECTIONS_MAX];
	for (size_t i = 0; i < m->n_connections; i++) {
		fds[i] = (struct pollfd){.fd = m->connections[i].fd, .events = POLLIN};
		ask_next(m, &m->connections[i]);
	}
	while (m->answered < m->n_users) {
		if (poll(fds, m->n_connections, 10000) <= 0)
			bench_die("poll");
		for (size_t i = 0; i < m->n_connections; i++)
			if (fds[i].revents != 0)
				pull(m, &m->connections[i]);
	}
}

/* The user of a question, as it is written: nothing in it is escaped. */
static struct str user_of(struct str line)
{
	const struct str key = STR("\"user\":\"");
	const char *at = memmem(line.p, line.n, key.p, key.n);
	if (at == NULL)
		bench_die("a question without a user");
	struct str rest = str_slice(line, (size_t)(at - line.p) + key.n, line.n);
	return str_slice(rest, 0, str_find_char(rest, '"'));
}

static void wait_for_disk(const struct making *m)
{
	for (size_t i = 0; i < m->n_spools; i++)
		while (!spool_is_synced(m->spools[i]))
			ev_run(m->loop, EVRUN_ONCE);
}

static void write_events(struct making *m, uint8_t type, int64_t now_ms)
{
	for (size_t i = 0; i < m->n_users; i++) {
		struct error err = {0};
		struct spool_record r = {.type = type,
					 .time_ms = now_ms,
					 .tenant = STR("default"),
					 .user = user_of(m->bodies.lines[i])};
		if (!m->given[i])
			continue;
		memcpy(r.instance, m->instances[i], sizeof r.instance);
		if (!spool_append(m->spools[i % m->n_spools], &r, &err)) {
			fprintf(stderr, "bench-spool: %s\n", err.message);
			exit(1);
		}
		if (++m->events % SYNC_EACH == 0)
			wait_for_disk(m);
	}
	wait_for_disk(m);
}

static void nothing(void *ctx, uint64_t sequence, bool ok)
{
	(void)ctx, (void)sequence, (void)ok;
}

static void open_spools(struct making *m, char **directories)
{
	m->loop = ev_default_loop(EVFLAG_AUTO);
	for (size_t i = 0; i < m->n_spools; i++) {
		struct error err = {0};
		const struct spool_config config = {.directory = directories[i],
						    .max_bytes = 1u << 30,
						    .loop = m->loop,
						    .synced = nothing};
		m->spools[i] = spool_open(&config, &err);
		if (m->spools[i] == NULL) {
			fprintf(stderr, "bench-spool: %s: %s\n", err.where,
				err.message);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	static struct making m;
	if (argc < 8 || argc > 7 + DIRECTORIES_MAX) {
		fputs("bench-spool PORT PATH TOKEN-FILE BODIES USERS CONNECTIONS "
		      "DIRECTORY...\n",
		      stderr);
		return 2;
	}
	uint16_t port = (uint16_t)bench_number(argv[1], UINT16_MAX);
	m.target = target_read(argv[2], argv[3]);
	bodies_read(&m.bodies, argv[4]);
	m.n_users = bench_number(argv[5], m.bodies.n);
	m.n_connections = bench_number(argv[6], CONNECTIONS_MAX);
	m.n_spools = (size_t)argc - 7;
	m.arena = arena_new(ANSWER_ARENA);
	m.instances = calloc(m.n_users, sizeof *m.instances);
	m.given = calloc(m.n_users, sizeof *m.given);
	if (m.arena == NULL || m.instances == NULL || m.given == NULL)
		bench_die("memory");
	for (size_t i = 0; i < m.n_connections; i++) {
		struct connection *c = &m.connections[i];
		c->fd = connect_to(port);
		buf_init(&c->in, ANSWER_MAX + 16384);
		buf_init(&c->out, ANSWER_MAX);
	}
	ask_all(&m);
	open_spools(&m, argv + 7);
	int64_t now_ms = clock_real_ms();
	write_events(&m, WIRE_EVENT_INJECTED, now_ms);
	write_events(&m, WIRE_EVENT_READ, now_ms + CLOCK_SECOND);
	for (size_t i = 0; i < m.n_spools; i++)
		spool_close(m.spools[i]);
	printf("{\"events\":%llu,\"withoutMessage\":%zu}\n",
	       (unsigned long long)m.events, m.without);
	return 0;
}
