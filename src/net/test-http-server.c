/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and what is answered. */
#include "net/test-http.h"

#include "base/slice.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool answers_are_two(struct str s)
{
	size_t first = text_find(s, "first");
	return first != SIZE_MAX &&
	       text_find(str_slice(s, first, s.n), "second") != SIZE_MAX;
}

static void answers_and_keeps_the_connection(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
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
	service_stop(PATIENCE_MS);
}

static void head_is_get_without_its_body(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	struct buf in;
	buf_init(&in, 1 << 16);
	assert_true(client_say(
		fd, "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	assert_true(client_listen(fd, &in, NULL));
	assert_true(text_find(buf_str(&in), "Content-Length: 10\r\n") != SIZE_MAX);
	assert_true(text_find(buf_str(&in), "X-Test: yes\r\n") != SIZE_MAX);
	assert_true(str_ends(buf_str(&in), STR("\r\n\r\n")));
	buf_free(&in);
	close(fd);
	service_stop(PATIENCE_MS);
}

static void takes_requests_in_one_piece(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	struct buf in;
	buf_init(&in, 1 << 16);
	assert_true(client_say(fd, GET("/first") GET("/second")));
	assert_true(client_listen(fd, &in, answers_are_two));
	buf_free(&in);
	close(fd);
	service_stop(PATIENCE_MS);
}

static void an_old_client_needs_no_host(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	assert_answer(fd, "GET /a HTTP/1.0\r\n\r\n", "HTTP/1.", "GET /a   ");
	assert_closed(fd);
	service_stop(PATIENCE_MS);
}

static void assert_refused(struct str request)
{
	int fd = client_dial();
	struct buf in;
	buf_init(&in, 1 << 16);
	assert_int_equal(send(fd, request.p, request.n, MSG_NOSIGNAL), request.n);
	if (!client_listen(fd, &in, NULL))
		fail_msg("\"%.*s\" leaves the connection open", STR_ARG(request));
	if (text_find(buf_str(&in), " 400 ") != 8)
		fail_msg("\"%.*s\" is answered by \"%.*s\"", STR_ARG(request),
			 STR_ARG(buf_str(&in)));
	buf_free(&in);
	close(fd);
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
		"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n"
		"0\r\n\r\n",
		"GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	service_start(service_calm());
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_refused(str_of(bad[i]));
	service_stop(PATIENCE_MS);
}

/* One field, or more, behind a good beginning. */
#define HEAD(fields) STR_INIT("GET /a HTTP/1.1\r\nHost: x\r\n" fields "\r\n\r\n")

static void refuses_what_stands_behind_a_nul_or_on_a_second_line(void **state)
{
	(void)state;
	static const struct str bad[] = {
		HEAD("A: b\0c"),
		HEAD("A: b\0c\r\nB: c"),
		HEAD("A: b\r\nB\0C: c"),
		HEAD("A: b\r\n c"),
		HEAD("A: b\r\n c\r\nB: d"),
		HEAD("A: b\r\n c\0d"),
		HEAD("A: b\0c\r\n d"),
		HEAD("A: b\r\n c\r\nB: c\0d"),
		HEAD("A: b\0c\r\n d\r\nB: c"),
	};
	service_start(service_calm());
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_refused(bad[i]);
	service_stop(PATIENCE_MS);
}

static void a_body_over_its_limit_is_refused(void **state)
{
	(void)state;
	char text[2000];
	service_start(service_calm());
	int fd = client_dial();
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
	service_stop(PATIENCE_MS);
}

static void an_answer_before_the_body_keeps_the_connection(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	assert_answer(
		fd, "POST /locked HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 401 ", "]}");
	assert_answer(fd, GET("/locked"), "HTTP/1.1 401 ", "]}");
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(fd);
	service_stop(PATIENCE_MS);
}

static void a_large_body_goes_both_ways(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
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
	service_stop(PATIENCE_MS);
}

/* Sends one byte of `text` every 20 ms until the server has had enough. */
static void a_taken_port_is_told(void **state)
{
	(void)state;
	struct error err;
	service_start(service_calm());
	struct http_options o = service_calm();
	o.port = service_port();
	assert_null(http_server_start(&o, &err));
	assert_true(text_find(str_of(err.message), "cannot listen on 127.0.0.1 port") ==
		    0);
	o.address = "no such address";
	assert_null(http_server_start(&o, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	service_stop(PATIENCE_MS);
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
	int fd = client_dial();
	for (int i = 0; fd >= 0 && i < CROWD_ROUNDS; i++) {
		struct buf in;
		buf_init(&in, 1 << 16);
		if (client_say(fd, requests[i % 3]) &&
		    client_listen(fd, &in, answer_is_whole) &&
		    text_find(buf_str(&in), " 200 ") == 8)
			crowd_good++;
		buf_free(&in);
		if (i % 10 == 9) {
			close(fd);
			fd = client_dial();
		}
	}
	close(fd);
	return NULL;
}

static void many_clients_at_once(void **state)
{
	(void)state;
	pthread_t t[CROWD];
	struct http_options o = service_calm();
	service_start(o);
	crowd_good = 0;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&t[i], NULL, crowd_member, NULL), 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(crowd_good, CROWD * CROWD_ROUNDS);
	service_stop(PATIENCE_MS);
}

#define STOPS 300
static atomic_bool newcomers_end;
static struct sockaddr_in newcomers_to;

static void *newcomer(void *unused)
{
	(void)unused;
	while (!newcomers_end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		/* refused, cut or let in: all the same */
		if (fd >= 0 && connect(fd, (struct sockaddr *)&newcomers_to,
				       sizeof newcomers_to) == 0)
			(void)!write(fd, GET("/"), sizeof GET("/") - 1);
		close(fd);
	}
	return NULL;
}

/* The library, when it takes its listening socket back from threads that just look for
 * connections, ends the process; so it is not asked to. */
static void it_stops_in_the_face_of_newcomers(void **state)
{
	(void)state;
	for (int i = 0; i < STOPS; i++) {
		pthread_t t[2];
		service_start(service_calm());
		newcomers_to =
			(struct sockaddr_in){.sin_family = AF_INET,
					     .sin_port = htons(service_port()),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		newcomers_end = false;
		for (int k = 0; k < 2; k++)
			assert_int_equal(pthread_create(&t[k], NULL, newcomer, NULL),
					 0);
		int fd = client_dial();
		assert_answer(fd, GET("/"), "HTTP/1.1 200 ", "");
		close(fd);
		service_stop(0);
		newcomers_end = true;
		for (int k = 0; k < 2; k++)
			pthread_join(t[k], NULL);
	}
}

static void *stop_service(void *patience_ms)
{
	service_stop(*(int64_t *)patience_ms);
	return NULL;
}

static bool is_answered(void)
{
	struct buf in;
	int fd = client_dial();
	buf_init(&in, 4096);
	client_say(fd, GET("/"));
	assert_true(client_listen(fd, &in, answer_is_whole));
	bool answered = in.n > 0;
	buf_free(&in);
	close(fd);
	return answered;
}

static void who_comes_while_it_stops_is_turned_away(void **state)
{
	(void)state;
	service_start(service_calm());
	int waiting = client_dial();
	assert_true(client_say(waiting, GET("/held")));
	struct http_request *rq = service_held();
	pthread_t t;
	int64_t patience = PATIENCE_MS;
	assert_int_equal(pthread_create(&t, NULL, stop_service, &patience), 0);
	while (is_answered())
		; /* until it has begun to stop */
	http_respond(rq, 200, NULL, STR("held"), NULL, 0);
	assert_answer(waiting, NULL, "HTTP/1.1 200 ", "held");
	close(waiting);
	pthread_join(t, NULL);
}

static void who_answers_does_not_wait_behind_who_works_long(void **state)
{
	(void)state;
	int64_t own = slice_us();
	if (own == 0)
		skip(); /* Linux before 6.12 */
	service_start(service_calm());
	assert_int_equal(slice_us(), own);
	int fd = client_dial();
	assert_answer(fd, GET("/slice"), "HTTP/1.1 200 ", "\r\n\r\n100 us");
	close(fd);
	service_stop(PATIENCE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_keeps_the_connection),
		cmocka_unit_test(head_is_get_without_its_body),
		cmocka_unit_test(takes_requests_in_one_piece),
		cmocka_unit_test(an_old_client_needs_no_host),
		cmocka_unit_test(refuses_what_can_be_read_in_two_ways),
		cmocka_unit_test(refuses_what_stands_behind_a_nul_or_on_a_second_line),
		cmocka_unit_test(a_body_over_its_limit_is_refused),
		cmocka_unit_test(an_answer_before_the_body_keeps_the_connection),
		cmocka_unit_test(a_large_body_goes_both_ways),
		cmocka_unit_test(a_taken_port_is_told),
		cmocka_unit_test(many_clients_at_once),
		cmocka_unit_test(it_stops_in_the_face_of_newcomers),
		cmocka_unit_test(who_comes_while_it_stops_is_turned_away),
		cmocka_unit_test(who_answers_does_not_wait_behind_who_works_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
