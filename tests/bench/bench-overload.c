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
 * `patient` are those of the refused that were not asked within a second after a
 * refusal on the same connection. Latency in us, from the sending to the reading of the
 * answer; `patientThere` to when it lay in the client's socket, as the kernel noted,
 * and `unread` for how long any answer lay there. TOKEN-FILE may be "-". */
#include "bench-http.h"

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
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define CHUNK 16384
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
	int64_t asked_us;
	int64_t refused_us; /* 0: not since it was connected */
	int64_t unread_us;  /* for how long its last bytes lay in the socket */
	struct buf in;
};

/* In the order in which they came. */
struct list {
	struct connection head;
};

struct load {
	struct target target;
	struct bodies bodies;
	struct buf out;
	struct sockaddr_in to;
	struct list free, asked, resting;
	int epoll;
	int64_t give_up_us;
	bool obey;
	bool over; /* nothing more is asked */
	struct latency ok, refused, patient, patient_there, unread;
	uint64_t due, asked_n, held, retry_after, other, lost, given_up, unconnected;
};

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
	c->refused_us = 0;
	if (c->fd < 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
		bench_die("socket");
	if (connect(c->fd, (const struct sockaddr *)&l->to, sizeof l->to) != 0 &&
	    errno != EINPROGRESS)
		bench_die("connect");
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		bench_die("epoll_ctl");
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
		bench_die("epoll_ctl");
	set_free(l, c);
}

/* Requests are far smaller than a socket's buffer. */
static void ask(struct load *l, struct connection *c)
{
	request_write(&l->out, &l->target, &l->bodies);
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

static void count_refusal(struct load *l, struct connection *c, int64_t now)
{
	int64_t us = now - c->asked_us;
	latency_add(&l->refused, us);
	if (c->refused_us == 0 || c->asked_us - c->refused_us >= REST_US) {
		latency_add(&l->patient, us);
		latency_add(&l->patient_there,
			    us > c->unread_us ? us - c->unread_us : 0);
	}
	c->refused_us = now;
}

static void count(struct load *l, struct connection *c, struct str head)
{
	int64_t now = clock_mono_us();
	latency_add(&l->unread, c->unread_us);
	if (str_starts(head, STR("HTTP/1.1 200"))) {
		latency_add(&l->ok, now - c->asked_us);
	} else if (str_starts(head, STR("HTTP/1.1 503"))) {
		count_refusal(l, c, now);
		l->retry_after += head_field(head, STR("Retry-After")).n > 0;
	} else {
		l->other++;
	}
}

/* Looks whether the whole answer is there. */
static void take_answer(struct load *l, struct connection *c)
{
	struct str head;
	if (answer_size(buf_str(&c->in), &head) == 0)
		return;
	count(l, c, head);
	bool rest = l->obey && str_starts(head, STR("HTTP/1.1 503"));
	bool close = str_ieq(head_field(head, STR("Connection")), STR("close"));
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

static int64_t since(struct timespec then)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t us = (now.tv_sec - then.tv_sec) * INT64_C(1000000) +
		     (now.tv_nsec - then.tv_nsec) / 1000;
	return us > 0 ? us : 0;
}

/* As recv(), and how long the last of it lay there. */
static ssize_t receive(struct connection *c, char *room)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec to = {room, CHUNK};
	struct msghdr m = {.msg_iov = &to,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	ssize_t n = recvmsg(c->fd, &m, 0);
	c->unread_us = 0;
	if (n <= 0)
		return n;
	for (const struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL;
	     h = CMSG_NXTHDR(&m, (struct cmsghdr *)h)) {
		struct timespec came;
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&came, CMSG_DATA(h), sizeof came);
		c->unread_us = since(came);
	}
	return n;
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
		bench_die("answer");
	ssize_t n = receive(c, room);
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
	       (unsigned long long)t->n, name, latency_percentile(t, 0.5), name,
	       latency_percentile(t, 0.99), name, (long long)t->longest_us);
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
	latency_print("patient", &l->patient);
	latency_print("patientThere", &l->patient_there);
	latency_print("unread", &l->unread);
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

static void dial_all(struct load *l, size_t n)
{
	struct rlimit r;
	struct connection *all = calloc(n, sizeof *all);
	if (all == NULL || getrlimit(RLIMIT_NOFILE, &r) != 0)
		bench_die("memory");
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
			  .to.sin_port = htons((uint16_t)bench_number(argv[1], 65535)),
			  .to.sin_addr = {htonl(INADDR_LOOPBACK)},
			  .target = target_read(argv[2], argv[3])};
	bodies_read(&l.bodies, argv[4]);
	l.give_up_us = (int64_t)bench_number(argv[8], 3600000) * 1000;
	buf_init(&l.out, ANSWER_MAX);
	latency_init(&l.ok);
	latency_init(&l.refused);
	latency_init(&l.patient);
	latency_init(&l.patient_there);
	latency_init(&l.unread);
	list_init(&l.free);
	list_init(&l.asked);
	list_init(&l.resting);
	l.obey = argc == 10;
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.epoll < 0)
		bench_die("epoll_create1");
	dial_all(&l, (size_t)bench_number(argv[5], CONNECTIONS_MAX));
	int64_t length_us = (int64_t)bench_number(argv[7], 3600000) * 1000;
	run(&l, (double)bench_number(argv[6], 100000000), length_us);
	print(&l, length_us);
	return 0;
}
