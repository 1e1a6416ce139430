/* SPDX-License-Identifier: Apache-2.0 */
/* More load for HTTP on loopback than can be answered: open loop. Requests come due at
 * a fixed rate, whatever becomes of those before. One that is due takes a free
 * connection; if there is none, it counts as `held`, as a client with as many
 * connections would hold it back. An answer that is not there in time is given up as
 * clients do: by closing the connection. With `obey` a connection that was refused
 * rests for a second, as Retry-After asks it to; without, it goes on. Bodies are the
 * lines of a file, taken in order.
 *
 *   bench-overload PORT PATH TOKEN-FILE BODIES CONNECTIONS RATE MILLISECONDS GIVE-UP-MS
 *       [obey]
 *
 * Prints one JSON object. `ok` are answers 200, `refused` 503, `retryAfter` those of
 * them that say when to come again, `lost` requests whose connection ended without an
 * answer, `unconnected` connections that were refused or ended before a request.
 * Latency in us, from the sending. TOKEN-FILE may be "-". */
#include "base/buf.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define ANSWER_MAX (256 * 1024)
#define CHUNK 16384
#define LATENCY_MAX_US 2000000 /* longer ones are counted as this */
#define READY 256
#define REST_US 1000000
/* Sent in a row before answers are looked at. */
#define BURST 1024

enum state {
	CONNECTING,
	FREE,
	ASKED,
	RESTING,
};

struct connection {
	struct connection *next, *prev; /* of the list of its state */
	int fd;
	enum state state;
	int64_t asked_us, refused_us;
	struct buf in;
};

/* In the order in which they came. */
struct list {
	struct connection head;
};

struct latency {
	uint64_t n;
	int64_t longest_us;
	uint32_t *counts; /* [LATENCY_MAX_US + 1] */
};

struct load {
	struct str *bodies;
	size_t n_bodies, next;
	struct buf out;
	struct str path, token;
	struct sockaddr_in to;
	struct list free, asked, resting;
	int epoll;
	int64_t give_up_us;
	bool obey;
	bool over; /* nothing more is asked */
	struct latency ok, refused;
	uint64_t due, asked_n, held, retry_after, other, lost, given_up, unconnected;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-overload: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- what is asked ------------------------------------------------------- */

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

static void write_request(struct load *l)
{
	struct str body = l->bodies[l->next];
	l->next = (l->next + 1) % l->n_bodies;
	buf_clear(&l->out);
	buf_add_str(&l->out, STR("POST "));
	buf_add_str(&l->out, l->path);
	buf_add_str(&l->out, STR(" HTTP/1.1\r\nHost: localhost\r\n"
				 "Content-Type: application/json\r\n"));
	if (l->token.n > 0) {
		buf_add_str(&l->out, STR("Authorization: Bearer "));
		buf_add_str(&l->out, l->token);
		buf_add_str(&l->out, STR("\r\n"));
	}
	buf_add_str(&l->out, STR("Content-Length: "));
	buf_add_u64(&l->out, body.n);
	buf_add_str(&l->out, STR("\r\n\r\n"));
	buf_add_str(&l->out, body);
	if (!buf_ok(&l->out))
		die("request");
}

/* --- connections --------------------------------------------------------- */

static void list_init(struct list *l)
{
	l->head.next = l->head.prev = &l->head;
}

static void list_add(struct list *l, struct connection *c)
{
	c->prev = l->head.prev;
	c->next = &l->head;
	c->prev->next = c;
	l->head.prev = c;
}

static void list_remove(struct connection *c)
{
	if (c->next == NULL)
		return;
	c->prev->next = c->next;
	c->next->prev = c->prev;
	c->next = c->prev = NULL;
}

static struct connection *list_first(struct list *l)
{
	return l->head.next != &l->head ? l->head.next : NULL;
}

static void dial(struct load *l, struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
	const int on = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	c->state = CONNECTING;
	if (c->fd < 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		die("socket");
	if (connect(c->fd, (const struct sockaddr *)&l->to, sizeof l->to) != 0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("epoll_ctl");
}

static void hang_up(struct load *l, struct connection *c)
{
	/* no FIN-WAIT, of which there would soon be tens of thousands */
	const struct linger reset = {1, 0};
	list_remove(c);
	buf_clear(&c->in);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(c->fd);
	c->fd = -1;
	if (!l->over)
		dial(l, c);
}

static void set_free(struct load *l, struct connection *c)
{
	list_remove(c);
	c->state = FREE;
	list_add(&l->free, c);
}

static void set_resting(struct load *l, struct connection *c)
{
	list_remove(c);
	c->state = RESTING;
	c->refused_us = clock_mono_us();
	list_add(&l->resting, c);
}

static void end_rests(struct load *l, int64_t now)
{
	struct connection *c;
	while ((c = list_first(&l->resting)) != NULL && now - c->refused_us >= REST_US)
		set_free(l, c);
}

static void connected(struct load *l, struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0)
		die("epoll_ctl");
	set_free(l, c);
}

/* Requests are far smaller than a socket's buffer. */
static void ask(struct load *l, struct connection *c)
{
	write_request(l);
	list_remove(c);
	c->state = ASKED;
	c->asked_us = clock_mono_us();
	list_add(&l->asked, c);
	l->asked_n++;
	ssize_t n = send(c->fd, l->out.p, l->out.n, MSG_NOSIGNAL);
	if (n == (ssize_t)l->out.n)
		return;
	l->lost++;
	hang_up(l, c);
}

/* --- answers ------------------------------------------------------------- */

static void latency_add(struct latency *t, int64_t us)
{
	t->n++;
	t->counts[us < LATENCY_MAX_US ? us : LATENCY_MAX_US]++;
	if (us > t->longest_us)
		t->longest_us = us;
}

static unsigned percentile(const struct latency *t, double share)
{
	uint64_t seen = 0, want = (uint64_t)((double)t->n * share);
	for (unsigned us = 0; us <= LATENCY_MAX_US; us++) {
		seen += t->counts[us];
		if (seen > want)
			return us;
	}
	return 0;
}

/* The value of a field of a head; absent if there is none. */
static struct str field(struct str head, struct str name)
{
	struct str line;
	while (str_next_part(&head, '\n', &line))
		if (line.n > name.n && line.p[name.n] == ':' &&
		    str_ieq(str_slice(line, 0, name.n), name))
			return str_trim(str_slice(line, name.n + 1, line.n));
	return (struct str){NULL, 0};
}

static void count(struct load *l, struct connection *c, struct str head)
{
	int64_t us = clock_mono_us() - c->asked_us;
	if (str_starts(head, STR("HTTP/1.1 200"))) {
		latency_add(&l->ok, us);
	} else if (str_starts(head, STR("HTTP/1.1 503"))) {
		latency_add(&l->refused, us);
		l->retry_after += field(head, STR("Retry-After")).n > 0;
	} else {
		l->other++;
	}
}

/* Looks whether the whole answer is there. */
static void take_answer(struct load *l, struct connection *c)
{
	const char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
	uint64_t length;
	if (end == NULL)
		return;
	struct str head = {c->in.p, (size_t)(end - c->in.p) + 2};
	if (!str_to_u64(field(head, STR("Content-Length")), ANSWER_MAX, &length))
		die("an answer without Content-Length");
	if (c->in.n < head.n + 2 + (size_t)length)
		return;
	count(l, c, head);
	bool rest = l->obey && str_starts(head, STR("HTTP/1.1 503"));
	bool close = str_ieq(field(head, STR("Connection")), STR("close"));
	buf_clear(&c->in);
	if (close)
		hang_up(l, c);
	else if (rest)
		set_resting(l, c);
	else
		set_free(l, c);
}

static void ended(struct load *l, struct connection *c)
{
	if (c->state == ASKED)
		l->lost++;
	else
		l->unconnected++;
	hang_up(l, c);
}

static void look(struct load *l, struct connection *c, uint32_t events)
{
	if (c->state == CONNECTING && (events & (EPOLLERR | EPOLLHUP)) == 0 &&
	    (events & EPOLLOUT) != 0) {
		connected(l, c);
		return;
	}
	char *room = buf_reserve(&c->in, CHUNK);
	if (room == NULL)
		die("answer");
	ssize_t n = recv(c->fd, room, CHUNK, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || c->state != ASKED) {
		ended(l, c);
		return;
	}
	buf_commit(&c->in, (size_t)n);
	take_answer(l, c);
}

/* --- the run ------------------------------------------------------------- */

static void ask_what_is_due(struct load *l, int64_t since_us, double per_us)
{
	uint64_t due = (uint64_t)((double)since_us * per_us);
	for (int i = 0; l->due < due; i++) {
		struct connection *c = list_first(&l->free);
		if (i == BURST && c != NULL)
			return;
		if (c == NULL) {
			l->held += due - l->due;
			l->due = due;
			return;
		}
		l->due++;
		ask(l, c);
	}
}

static void give_up(struct load *l, int64_t now)
{
	struct connection *c;
	while ((c = list_first(&l->asked)) != NULL &&
	       now - c->asked_us >= l->give_up_us) {
		l->given_up++;
		hang_up(l, c);
	}
}

/* Until the time is over and nothing is under way. */
static void run(struct load *l, double rate, int64_t length_us)
{
	struct epoll_event ready[READY];
	int64_t begin = clock_mono_us();
	for (;;) {
		int64_t now = clock_mono_us();
		l->over = now - begin >= length_us;
		give_up(l, now);
		end_rests(l, now);
		if (l->over && list_first(&l->asked) == NULL)
			return;
		if (!l->over)
			ask_what_is_due(l, now - begin, rate / 1e6);
		bool behind = !l->over && list_first(&l->free) != NULL &&
			      (double)(now - begin) * rate / 1e6 > (double)l->due + 1;
		int n = epoll_wait(l->epoll, ready, READY, behind ? 0 : 1);
		for (int i = 0; i < n; i++) {
			struct connection *c = ready[i].data.ptr;
			if (c->fd >= 0)
				look(l, c, ready[i].events);
		}
	}
}

static void latency_print(const char *name, const struct latency *t)
{
	printf("\"%s\":%llu,\"%sP50\":%u,\"%sP99\":%u,\"%sMax\":%lld,", name,
	       (unsigned long long)t->n, name, percentile(t, 0.5), name,
	       percentile(t, 0.99), name, (long long)t->longest_us);
}

static void number_print(const char *name, uint64_t n, char behind)
{
	printf("\"%s\":%llu%c", name, (unsigned long long)n, behind);
}

static void print(const struct load *l, int64_t us)
{
	printf("{\"perSecond\":%.1f,", (double)l->ok.n * 1e6 / (double)us);
	latency_print("ok", &l->ok);
	latency_print("refused", &l->refused);
	number_print("due", l->due, ',');
	number_print("asked", l->asked_n, ',');
	number_print("held", l->held, ',');
	number_print("retryAfter", l->retry_after, ',');
	number_print("other", l->other, ',');
	number_print("lost", l->lost, ',');
	number_print("givenUp", l->given_up, ',');
	number_print("unconnected", l->unconnected, '}');
	printf("\n");
}

static uint64_t number(const char *text, uint64_t max)
{
	uint64_t n;
	if (!str_to_u64(str_of(text), max, &n)) {
		fprintf(stderr, "bench-overload: %s: a number up to %llu\n", text,
			(unsigned long long)max);
		exit(2);
	}
	return n;
}

static void latency_init(struct latency *t)
{
	t->counts = calloc(LATENCY_MAX_US + 1, sizeof *t->counts);
	if (t->counts == NULL)
		die("memory");
}

static void dial_all(struct load *l, size_t n)
{
	struct rlimit r;
	struct connection *all = calloc(n, sizeof *all);
	if (all == NULL || getrlimit(RLIMIT_NOFILE, &r) != 0)
		die("memory");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	for (size_t i = 0; i < n; i++) {
		buf_init(&all[i].in, ANSWER_MAX + CHUNK);
		dial(l, &all[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc != 9 && (argc != 10 || strcmp(argv[9], "obey") != 0)) {
		fprintf(stderr, "usage: bench-overload PORT PATH TOKEN-FILE BODIES "
				"CONNECTIONS RATE MILLISECONDS GIVE-UP-MS [obey]\n");
		return 2;
	}
	static struct load l; /* what it holds goes with the process */
	l = (struct load){.to.sin_family = AF_INET,
			  .to.sin_port = htons((uint16_t)number(argv[1], 65535)),
			  .to.sin_addr = {htonl(INADDR_LOOPBACK)},
			  .path = str_of(argv[2])};
	if (strcmp(argv[3], "-") != 0)
		l.token = str_trim(read_file(argv[3]));
	read_bodies(&l, argv[4]);
	l.give_up_us = (int64_t)number(argv[8], 3600000) * 1000;
	buf_init(&l.out, ANSWER_MAX);
	latency_init(&l.ok);
	latency_init(&l.refused);
	list_init(&l.free);
	list_init(&l.asked);
	list_init(&l.resting);
	l.obey = argc == 10;
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.epoll < 0)
		die("epoll_create1");
	dial_all(&l, (size_t)number(argv[5], CONNECTIONS_MAX));
	int64_t length_us = (int64_t)number(argv[7], 3600000) * 1000;
	run(&l, (double)number(argv[6], 100000000), length_us);
	print(&l, length_us);
	return 0;
}
