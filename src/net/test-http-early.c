/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in two steps: all but the last byte, and that byte. */
#include "net/test-http.h"

#include <pthread.h>
#include <unistd.h>

#define HEAD "Content-Length: 6\r\n"

static bool lacks_its_end(struct str s)
{
	return str_ends(s, STR("early"));
}

static bool has_its_end(struct str s)
{
	return str_ends(s, STR("early\n"));
}

/* Asks, and has all of the answer but its end. */
static struct http_request *begun(int fd, struct buf *in)
{
	buf_init(in, 1 << 16);
	assert_true(client_say(fd, GET("/patient")));
	struct http_request *rq = service_held();
	http_respond_early(rq, 200, "text/plain", STR("early"));
	assert_true(client_listen(fd, in, lacks_its_end));
	assert_true(str_starts(buf_str(in), STR("HTTP/1.1 200 ")));
	assert_true(text_find(buf_str(in), HEAD) != SIZE_MAX);
	return rq;
}

static void the_end_comes_when_it_is_said(void **state)
{
	struct buf in;
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	for (int i = 0; i < 20; i++) {
		struct http_request *rq = begun(fd, &in);
		http_respond_end(rq, true);
		assert_true(client_listen(fd, &in, has_its_end));
		buf_free(&in);
	}
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(fd);
	service_stop(PATIENCE_MS);
}

/* Both before the connection's thread has begun to send. */
static void both_steps_may_come_at_once(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	for (int i = 0; i < 20; i++) {
		assert_true(client_say(fd, GET("/patient")));
		struct http_request *rq = service_held();
		http_respond_early(rq, 200, "text/plain", STR("early"));
		http_respond_end(rq, true);
		assert_answer(fd, NULL, "HTTP/1.1 200 ", "early\n");
	}
	close(fd);
	service_stop(PATIENCE_MS);
}

static void a_long_one_comes_whole(void **state)
{
	static char text[300000];
	struct buf in;
	(void)state;
	memset(text, 'x', sizeof text);
	buf_init(&in, 1 << 20);
	service_start(service_calm());
	int fd = client_dial();
	assert_true(client_say(
		fd, "GET /patient HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	struct http_request *rq = service_held();
	http_respond_early(rq, 200, NULL, (struct str){text, sizeof text});
	http_respond_end(rq, true);
	assert_true(client_listen(fd, &in, NULL));
	assert_true(str_ends(buf_str(&in), STR("xxx\n")));
	size_t body = text_find(buf_str(&in), "\r\n\r\n") + 4;
	assert_int_equal(in.n - body, sizeof text + 1);
	buf_free(&in);
	close(fd);
	service_stop(PATIENCE_MS);
}

/* The client has fewer bytes than it was told, and no other answer. */
static void what_does_not_count_has_no_end(void **state)
{
	struct buf in;
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	struct http_request *rq = begun(fd, &in);
	http_respond_end(rq, false);
	assert_true(client_listen(fd, &in, NULL));
	assert_true(lacks_its_end(buf_str(&in)));
	buf_free(&in);
	close(fd);
	service_stop(PATIENCE_MS);
}

static void over_its_time_it_is_cut(void **state)
{
	struct http_stats stats = {0};
	struct http_options o = service_quick();
	struct buf in;
	(void)state;
	o.stats = &stats;
	service_start(o);
	int fd = client_dial();
	buf_init(&in, 1 << 16);
	assert_true(client_say(fd, GET("/held")));
	struct http_request *rq = service_held();
	http_respond_early(rq, 200, "text/plain", STR("early"));
	assert_true(client_listen(fd, &in, NULL));
	assert_false(has_its_end(buf_str(&in)));
	buf_free(&in);
	http_respond_end(rq, true);
	close(fd);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.connections, 0);
}

/* It was given up before its first step. */
static void one_that_is_late_is_dropped(void **state)
{
	(void)state;
	service_start(service_quick());
	int fd = client_dial();
	assert_answer(fd, GET("/held"), "HTTP/1.1 504 ", "]}");
	struct http_request *rq = service_held();
	http_respond_early(rq, 200, "text/plain", STR("early"));
	http_respond_end(rq, true);
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(fd);
	service_stop(PATIENCE_MS);
}

static void a_client_that_left_harms_nobody(void **state)
{
	struct buf in;
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	struct http_request *rq = begun(fd, &in);
	close(fd);
	http_respond_end(rq, true);
	buf_free(&in);
	service_stop(PATIENCE_MS);
}

static void *stop_now(void *ms)
{
	service_stop(*(int64_t *)ms);
	return NULL;
}

static void stopping_waits_for_the_end(void **state)
{
	int64_t ms = PATIENCE_MS;
	pthread_t t;
	struct buf in;
	(void)state;
	service_start(service_calm());
	int fd = client_dial(), idle = client_dial();
	struct http_request *rq = begun(fd, &in);
	assert_answer(idle, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_int_equal(pthread_create(&t, NULL, stop_now, &ms), 0);
	assert_closed(idle); /* the stop is under way */
	http_respond_end(rq, true);
	assert_true(client_listen(fd, &in, has_its_end));
	buf_free(&in);
	pthread_join(t, NULL);
	close(fd);
}

static void stopping_cuts_what_does_not_end(void **state)
{
	struct buf in;
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	struct http_request *rq = begun(fd, &in);
	service_stop(50);
	assert_true(client_listen(fd, &in, NULL));
	assert_true(lacks_its_end(buf_str(&in)));
	buf_free(&in);
	http_respond_end(rq, true);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_comes_when_it_is_said),
		cmocka_unit_test(both_steps_may_come_at_once),
		cmocka_unit_test(a_long_one_comes_whole),
		cmocka_unit_test(what_does_not_count_has_no_end),
		cmocka_unit_test(over_its_time_it_is_cut),
		cmocka_unit_test(one_that_is_late_is_dropped),
		cmocka_unit_test(a_client_that_left_harms_nobody),
		cmocka_unit_test(stopping_waits_for_the_end),
		cmocka_unit_test(stopping_cuts_what_does_not_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
