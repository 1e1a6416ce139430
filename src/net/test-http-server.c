/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets on loopback, spoken to byte by byte. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/unit.h"
#include "net/http-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* --- the service --------------------------------------------------------- */

/* Requests whose handlers answer when a test says so. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_request *held[64];
	size_t n;
} shelf = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *answer_later(void *rq)
{
	http_respond(rq, 200, "text/plain", STR("later"), NULL, 0);
	return NULL;
}

static void hold(struct http_request *rq)
{
	pthread_mutex_lock(&shelf.lock);
	shelf.held[shelf.n++] = rq;
	pthread_cond_broadcast(&shelf.changed);
	pthread_mutex_unlock(&shelf.lock);
}

static struct http_request *held_request(void)
{
	pthread_mutex_lock(&shelf.lock);
	while (shelf.n == 0)
		pthread_cond_wait(&shelf.changed, &shelf.lock);
	struct http_request *rq = shelf.held[--shelf.n];
	pthread_mutex_unlock(&shelf.lock);
	return rq;
}

static void show(struct http_request *rq)
{
	struct str agent = http_request_header(rq, "User-Agent");
	struct http_header header = {"X-Test", STR("yes")};
	struct str text =
		arena_printf(rq->arena, "%.*s %.*s %.*s %.*s %.*s", STR_ARG(rq->method),
			     STR_ARG(rq->path), STR_ARG(rq->query), STR_ARG(agent),
			     STR_ARG(rq->body));
	http_respond(rq, 200, "text/plain", text, &header, 1);
}

static void head(struct http_request *rq, void *ctx)
{
	(void)ctx;
	struct error err;
	error_set(&err, ERROR_UNAUTHORIZED, "", "no");
	if (str_eqz(rq->path, "/locked"))
		http_respond_error(rq, &err);
	else if (str_eqz(rq->path, "/show"))
		rq->max_body = 1000;
	else if (str_eqz(rq->path, "/large"))
		rq->max_body = 1 << 20;
	else if (str_eqz(rq->path, "/patient"))
		rq->answer_ms = PATIENCE_MS;
}

static void handle(struct http_request *rq, void *ctx)
{
	(void)ctx;
	pthread_t t;
	if (str_eqz(rq->path, "/later")) {
		assert_int_equal(pthread_create(&t, NULL, answer_later, rq), 0);
		pthread_detach(t);
	} else if (str_eqz(rq->path, "/held") || str_eqz(rq->path, "/patient")) {
		hold(rq);
	} else if (str_eqz(rq->path, "/large")) {
		http_respond(rq, 200, NULL, rq->body, NULL, 0);
	} else if (str_eqz(rq->path, "/empty")) {
		http_respond(rq, 204, NULL, (struct str){NULL, 0}, NULL, 0);
	} else {
		show(rq);
	}
}

static struct http_options quick(void)
{
	struct http_options o = http_options_default;
	o.address = "127.0.0.1";
	o.header_ms = 300;
	o.body_ms = 300;
	o.answer_ms = 300;
	o.send_ms = PATIENCE_MS;
	o.idle_ms = 1000;
	o.head = head;
	o.handle = handle;
	return o;
}

static struct http_server *server;

static struct http_server *start(struct http_options o)
{
	struct error err;
	server = http_server_start(&o, &err);
	if (server == NULL)
		fail_msg("%s", err.message);
	return server;
}

static void stop(void)
{
	http_server_stop(server, PATIENCE_MS);
	server = NULL;
}

/* --- a client ------------------------------------------------------------ */

static int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(http_server_port(server)),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool say(int fd, const char *text)
{
	size_t n = strlen(text);
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* What is to be read until `enough` says so or the connection ends; false at the
 * end of patience. */
static bool listen_until(int fd, struct buf *in, bool (*enough)(struct str))
{
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	while (enough == NULL || !enough(buf_str(in))) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char chunk[4096];
		int64_t left = (until - clock_mono_us()) / 1000;
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		ssize_t n = recv(fd, chunk, sizeof chunk, 0);
		if (n <= 0)
			return true;
		buf_add(in, chunk, (size_t)n);
	}
	return true;
}

/* Index of what, or SIZE_MAX. */
static size_t find(struct str s, const char *what)
{
	struct str w = str_of(what);
	for (size_t i = 0; i + w.n <= s.n; i++)
		if (str_starts(str_slice(s, i, s.n), w))
			return i;
	return SIZE_MAX;
}

static bool is_whole(struct str s)
{
	size_t end = find(s, "\r\n\r\n"), at = find(s, "Content-Length: ");
	if (end == SIZE_MAX)
		return false;
	if (at > end)
		return true;
	struct str rest = str_slice(s, at + 16, s.n);
	uint64_t n;
	return str_to_u64(str_slice(rest, 0, str_find_char(rest, '\r')), 1 << 24, &n) &&
	       s.n >= end + 4 + n;
}

static bool is_two(struct str s)
{
	size_t first = find(s, "first");
	return first != SIZE_MAX &&
	       find(str_slice(s, first, s.n), "second") != SIZE_MAX;
}

/* Sends, and wants an answer that begins and ends so. */
static void assert_answer(int fd, const char *request, const char *begins,
			  const char *ends)
{
	struct buf in;
	buf_init(&in, 1 << 22);
	if (request != NULL)
		assert_true(say(fd, request));
	if (!listen_until(fd, &in, is_whole))
		fail_msg("no whole answer to \"%s\": \"%.*s\"", request,
			 STR_ARG(buf_str(&in)));
	if (!str_starts(buf_str(&in), str_of(begins)) ||
	    !str_ends(buf_str(&in), str_of(ends)))
		fail_msg("\"%s\" is answered by \"%.*s\"", request,
			 STR_ARG(buf_str(&in)));
	buf_free(&in);
}

/* The other side ends the connection without (further) answer. */
static void assert_closed(int fd)
{
	struct buf in;
	buf_init(&in, 1 << 16);
	if (!listen_until(fd, &in, NULL))
		fail_msg("still open");
	assert_int_equal(in.n, 0);
	buf_free(&in);
	close(fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* --- tests --------------------------------------------------------------- */

static void answers_and_keeps_the_connection(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	assert_answer(fd,
		      "GET /show/%41?b=%20&c HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\n"
		      "\r\n",
		      "HTTP/1.1 200 ", "\r\n\r\nGET /show/%41 b=%20&c me ");
	assert_answer(fd,
		      "POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
		      "HTTP/1.1 200 ", "\r\n\r\nPOST /show   body");
	assert_answer(
		fd,
		"PUT /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		"HTTP/1.1 200 ", "PUT /show   abcde");
	assert_answer(fd, GET("/empty"), "HTTP/1.1 204 ", "\r\n\r\n");
	assert_answer(fd, GET("/later"), "HTTP/1.1 200 ", "\r\n\r\nlater");
	close(fd);
	stop();
}

static void head_is_get_without_its_body(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	struct buf in;
	buf_init(&in, 1 << 16);
	assert_true(
		say(fd, "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	assert_true(listen_until(fd, &in, NULL));
	assert_true(find(buf_str(&in), "Content-Length: 10\r\n") != SIZE_MAX);
	assert_true(find(buf_str(&in), "X-Test: yes\r\n") != SIZE_MAX);
	assert_true(str_ends(buf_str(&in), STR("\r\n\r\n")));
	buf_free(&in);
	close(fd);
	stop();
}

static void takes_requests_in_one_piece(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	struct buf in;
	buf_init(&in, 1 << 16);
	assert_true(say(fd, GET("/first") GET("/second")));
	assert_true(listen_until(fd, &in, is_two));
	buf_free(&in);
	close(fd);
	stop();
}

static void an_old_client_needs_no_host(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	assert_answer(fd, "GET /a HTTP/1.0\r\n\r\n", "HTTP/1.", "GET /a   ");
	assert_closed(fd);
	stop();
}

static void refuses_what_can_be_read_in_two_ways(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"GET /a HTTP/1.1\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		"Content-Length: 3\r\n\r\nabc",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		"Content-Length: 4\r\n\r\nabc",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
		"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n"
		"0\r\n\r\n",
		"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"POST /show HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	start(quick());
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int fd = dial();
		struct buf in;
		buf_init(&in, 1 << 16);
		assert_true(say(fd, bad[i]));
		if (!listen_until(fd, &in, NULL))
			fail_msg("\"%s\" leaves the connection open", bad[i]);
		if (find(buf_str(&in), " 400 ") != 8)
			fail_msg("\"%s\" is answered by \"%.*s\"", bad[i],
				 STR_ARG(buf_str(&in)));
		buf_free(&in);
		close(fd);
	}
	stop();
}

static void a_body_over_its_limit_is_refused(void **state)
{
	(void)state;
	char text[2000];
	start(quick());
	int fd = dial();
	int n = snprintf(
		text, sizeof text,
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
	memset(text + n, 'x', 1000);
	text[n + 1000] = '\0';
	assert_answer(fd, text, "HTTP/1.1 200 ", "xxx");
	n = snprintf(text, sizeof text,
		     "POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
	memset(text + n, 'x', 1001);
	text[n + 1001] = '\0';
	assert_answer(fd, text, "HTTP/1.1 413 ", "]}");
	n = snprintf(
		text, sizeof text,
		"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3e9\r\n");
	memset(text + n, 'x', 1001);
	memcpy(text + n + 1001, "\r\n0\r\n\r\n", 8);
	assert_answer(fd, text, "HTTP/1.1 413 ", "]}");
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_answer(fd,
		      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
		      "HTTP/1.1 413 ", "]}");
	assert_closed(fd);
	stop();
}

static void an_answer_before_the_body_keeps_the_connection(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	assert_answer(
		fd, "POST /locked HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 401 ", "]}");
	assert_answer(fd, GET("/locked"), "HTTP/1.1 401 ", "]}");
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(fd);
	stop();
}

static void a_large_body_goes_both_ways(void **state)
{
	(void)state;
	struct http_options o = quick();
	o.body_ms = PATIENCE_MS;
	start(o);
	int fd = dial();
	const size_t n = 1 << 20;
	char *text = malloc(n + 200);
	assert_non_null(text);
	int at = snprintf(
		text, 200,
		"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
	memset(text + at, 'y', n);
	text[(size_t)at + n] = '\0';
	assert_answer(fd, text, "HTTP/1.1 200 ", "yyy");
	free(text);
	close(fd);
	stop();
}

static void a_late_answer_is_dropped(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	struct http_options o = quick();
	o.stats = &stats;
	start(o);
	int fd = dial();
	assert_answer(fd, GET("/held"), "HTTP/1.1 504 ", "]}");
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	struct http_request *rq = held_request();
	assert_str(rq->path, "/held"); /* still there */
	http_respond(rq, 200, NULL, STR("late"), NULL, 0);
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_int_equal(stats.timed_out, 1);
	assert_int_equal(stats.requests, 3);
	assert_int_equal(stats.connections, 1);
	assert_int_equal(stats.accepted, 1);
	close(fd);
	stop();
	assert_int_equal(stats.connections, 0);
}

static void a_call_may_be_given_more_time(void **state)
{
	(void)state;
	start(quick());
	int slow = dial(), fd = dial();
	assert_true(say(slow, GET("/patient")));
	struct http_request *rq = held_request();
	assert_answer(fd, GET("/held"), "HTTP/1.1 504 ", "]}");
	http_respond(held_request(), 200, NULL, STR("late"), NULL, 0);
	http_respond(rq, 200, NULL, STR("patience"), NULL, 0);
	assert_answer(slow, NULL, "HTTP/1.1 200 ", "patience");
	close(slow);
	close(fd);
	stop();
}

static void a_client_that_left_harms_nobody(void **state)
{
	(void)state;
	start(quick());
	int fd = dial();
	assert_true(say(fd, GET("/patient")));
	struct http_request *rq = held_request();
	close(fd);
	http_respond(rq, 200, NULL, STR("gone"), NULL, 0);
	stop();
}

/* Sends one byte of `text` every 20 ms until the server has had enough. */
static void drip(int fd, const char *text)
{
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	for (size_t i = 0;; i = i + 1 < strlen(text) ? i + 1 : i) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char byte;
		if (send(fd, text + i, 1, MSG_NOSIGNAL) != 1)
			break;
		if (poll(&p, 1, 20) > 0 && recv(fd, &byte, 1, 0) <= 0)
			break;
		if (clock_mono_us() > until)
			fail_msg("it listens to \"%s\" for ever", text);
	}
	close(fd);
}

static void dripping_does_not_move_a_deadline(void **state)
{
	(void)state;
	start(quick());
	int64_t from = clock_mono_us();
	drip(dial(), "GET /a HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
	drip(dial(),
	     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	int fd = dial();
	assert_true(say(fd,
			"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
			"\r\n"));
	drip(fd, "z");
	assert_true(clock_mono_us() - from < 4 * 1000 * 1000);
	stop();
}

static void an_idle_connection_is_closed(void **state)
{
	(void)state;
	start(quick());
	int fd = dial(), silent = dial();
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_closed(silent);
	assert_closed(fd);
	stop();
}

static void one_address_gets_so_many_connections(void **state)
{
	(void)state;
	struct http_options o = quick();
	o.max_per_address = 2;
	start(o);
	int a = dial(), b = dial();
	assert_answer(a, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_answer(b, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_closed(dial());
	assert_answer(a, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(a);
	close(b);
	stop();
}

static void no_more_connections_than_allowed(void **state)
{
	(void)state;
	struct http_options o = quick();
	o.max_connections = 4;
	o.idle_ms = PATIENCE_MS;
	start(o);
	int fds[4];
	for (size_t i = 0; i < 4; i++) {
		fds[i] = dial();
		assert_answer(fds[i], GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	}
	/* it waits in the queue of the socket, or is closed */
	int more = dial();
	struct pollfd p = {.fd = more, .events = POLLIN};
	char byte;
	assert_true(say(more, GET("/a")));
	assert_true(poll(&p, 1, 200) == 0 || recv(more, &byte, 1, 0) <= 0);
	for (size_t i = 0; i < 4; i++) {
		assert_answer(fds[i], GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
		close(fds[i]);
	}
	close(more);
	stop();
}

static void *stop_now(void *ms)
{
	http_server_stop(server, *(int64_t *)ms);
	return NULL;
}

static void stopping_lets_requests_come_to_their_end(void **state)
{
	(void)state;
	int64_t ms = PATIENCE_MS;
	pthread_t t;
	start(quick());
	int busy = dial(), idle = dial();
	assert_answer(idle, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_true(say(busy, GET("/patient")));
	struct http_request *rq = held_request();
	assert_int_equal(pthread_create(&t, NULL, stop_now, &ms), 0);
	assert_closed(idle); /* the stop is under way */
	http_respond(rq, 200, NULL, STR("done"), NULL, 0);
	assert_answer(busy, NULL, "HTTP/1.1 200 ", "done");
	assert_closed(busy);
	pthread_join(t, NULL);
}

static void stopping_ends_what_does_not_end(void **state)
{
	(void)state;
	start(quick());
	int busy = dial(), half = dial();
	assert_true(say(half, "GET /a HTT"));
	assert_true(say(busy, GET("/patient")));
	struct http_request *rq = held_request();
	http_server_stop(server, 50);
	assert_answer(busy, NULL, "HTTP/1.1 503 ", "]}");
	assert_closed(busy);
	assert_closed(half);
	http_respond(rq, 200, NULL, STR("too late"), NULL, 0);
}

static void a_taken_port_is_told(void **state)
{
	(void)state;
	struct error err;
	start(quick());
	struct http_options o = quick();
	o.port = http_server_port(server);
	assert_null(http_server_start(&o, &err));
	assert_true(find(str_of(err.message), "cannot listen on 127.0.0.1 port") == 0);
	o.address = "no such address";
	assert_null(http_server_start(&o, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	stop();
}

#define CROWD 8
#define CROWD_ROUNDS 100
static _Atomic int crowd_good;

static void *crowd_member(void *unused)
{
	static const char *const requests[] = {
		GET("/later"), GET("/a"),
		"POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"};
	(void)unused;
	int fd = dial();
	for (int i = 0; fd >= 0 && i < CROWD_ROUNDS; i++) {
		struct buf in;
		buf_init(&in, 1 << 16);
		if (say(fd, requests[i % 3]) && listen_until(fd, &in, is_whole) &&
		    find(buf_str(&in), " 200 ") == 8)
			crowd_good++;
		buf_free(&in);
		if (i % 10 == 9) {
			close(fd);
			fd = dial();
		}
	}
	close(fd);
	return NULL;
}

static void many_clients_at_once(void **state)
{
	(void)state;
	pthread_t t[CROWD];
	struct http_options o = quick();
	o.answer_ms = PATIENCE_MS;
	o.header_ms = PATIENCE_MS;
	start(o);
	crowd_good = 0;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&t[i], NULL, crowd_member, NULL), 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(crowd_good, CROWD * CROWD_ROUNDS);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_keeps_the_connection),
		cmocka_unit_test(head_is_get_without_its_body),
		cmocka_unit_test(takes_requests_in_one_piece),
		cmocka_unit_test(an_old_client_needs_no_host),
		cmocka_unit_test(refuses_what_can_be_read_in_two_ways),
		cmocka_unit_test(a_body_over_its_limit_is_refused),
		cmocka_unit_test(an_answer_before_the_body_keeps_the_connection),
		cmocka_unit_test(a_large_body_goes_both_ways),
		cmocka_unit_test(a_late_answer_is_dropped),
		cmocka_unit_test(a_call_may_be_given_more_time),
		cmocka_unit_test(a_client_that_left_harms_nobody),
		cmocka_unit_test(dripping_does_not_move_a_deadline),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(one_address_gets_so_many_connections),
		cmocka_unit_test(no_more_connections_than_allowed),
		cmocka_unit_test(stopping_lets_requests_come_to_their_end),
		cmocka_unit_test(stopping_ends_what_does_not_end),
		cmocka_unit_test(a_taken_port_is_told),
		cmocka_unit_test(many_clients_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
