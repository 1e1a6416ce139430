/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, limits of connections, and the end of a server. */
#include "base/clock.h"
#include "net/test-http.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_late_answer_is_dropped(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	struct http_options o = service_quick();
	o.stats = &stats;
	service_start(o);
	int fd = client_dial();
	assert_answer(fd, GET("/held"), "HTTP/1.1 504 ", "]}");
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	struct http_request *rq = service_held();
	assert_str(rq->path, "/held"); /* still there */
	http_respond(rq, 200, NULL, STR("late"), NULL, 0);
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_int_equal(stats.requests, 3);
	assert_int_equal(stats.connections, 1);
	assert_int_equal(stats.accepted, 1);
	close(fd);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.timed_out, 1); /* counted behind the answer */
	assert_int_equal(stats.connections, 0);
}

static void a_call_may_be_given_more_time(void **state)
{
	(void)state;
	service_start(service_quick());
	int slow = client_dial(), fd = client_dial();
	assert_true(client_say(slow, GET("/patient")));
	struct http_request *rq = service_held();
	assert_answer(fd, GET("/held"), "HTTP/1.1 504 ", "]}");
	http_respond(service_held(), 200, NULL, STR("late"), NULL, 0);
	http_respond(rq, 200, NULL, STR("patience"), NULL, 0);
	assert_answer(slow, NULL, "HTTP/1.1 200 ", "patience");
	close(slow);
	close(fd);
	service_stop(PATIENCE_MS);
}

static void a_client_that_left_harms_nobody(void **state)
{
	(void)state;
	service_start(service_calm());
	int fd = client_dial();
	assert_true(client_say(fd, GET("/patient")));
	struct http_request *rq = service_held();
	close(fd);
	http_respond(rq, 200, NULL, STR("gone"), NULL, 0);
	service_stop(PATIENCE_MS);
}

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
	service_start(service_quick());
	int64_t from = clock_mono_us();
	drip(client_dial(),
	     "GET /a HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
	drip(client_dial(),
	     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	int fd = client_dial();
	assert_true(client_say(
		fd, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
		    "\r\n"));
	drip(fd, "z");
	assert_true(clock_mono_us() - from < PATIENCE_MS * 1000);
	service_stop(PATIENCE_MS);
}

static void an_idle_connection_is_closed(void **state)
{
	(void)state;
	service_start(service_quick());
	int fd = client_dial(), silent = client_dial();
	assert_answer(fd, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_closed(silent);
	assert_closed(fd);
	service_stop(PATIENCE_MS);
}

static void one_address_gets_so_many_connections(void **state)
{
	(void)state;
	struct http_options o = service_calm();
	o.max_per_address = 2;
	service_start(o);
	int a = client_dial(), b = client_dial();
	assert_answer(a, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_answer(b, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_closed(client_dial());
	assert_answer(a, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	close(a);
	close(b);
	service_stop(PATIENCE_MS);
}

#define FEW 4

static void start_with_few(struct http_stats *stats)
{
	struct http_options o = service_calm();
	o.max_connections = FEW;
	/* which sees that a connection has its answer before it reads the next one's
	 * question */
	o.threads = 1;
	o.stats = stats;
	service_start(o);
}

static void dial_all(int fds[FEW], const char *say)
{
	for (size_t i = 0; i < FEW; i++) {
		fds[i] = client_dial();
		assert_true(client_say(fds[i], say));
	}
}

static void the_oldest_idle_connection_makes_room(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	int fds[FEW];
	start_with_few(&stats);
	for (size_t i = 0; i < FEW; i++) {
		fds[i] = client_dial();
		assert_answer(fds[i], GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	}
	int more = client_dial();
	assert_answer(more, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_closed(fds[0]);
	for (size_t i = 1; i < FEW; i++) {
		assert_answer(fds[i], GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
		close(fds[i]);
	}
	close(more);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.shed, 1);
	assert_int_equal(stats.excess, 0);
}

static void who_is_known_keeps_its_connection(void **state)
{
	(void)state;
	int others[20 * FEW];
	start_with_few(NULL);
	int known = client_dial();
	assert_answer(known, KNOWN_GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		others[i] = client_dial();
		assert_answer(others[i], GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	}
	assert_answer(known, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		close(others[i]);
	close(known);
	service_stop(PATIENCE_MS);
}

static void when_all_are_busy_the_next_is_told_so(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	int fds[FEW];
	struct http_request *held[FEW];
	struct buf in;
	start_with_few(&stats);
	dial_all(fds, GET("/patient"));
	for (size_t i = 0; i < FEW; i++)
		held[i] = service_held();
	int more = client_dial();
	buf_init(&in, 1 << 16);
	assert_true(client_say(more, GET("/a")));
	assert_true(client_listen(more, &in, NULL)); /* and it is closed */
	assert_true(str_starts(buf_str(&in), STR("HTTP/1.1 503 ")));
	assert_true(text_find(buf_str(&in), "Retry-After: 1\r\n") != SIZE_MAX);
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	while (stats.connections > FEW && clock_mono_us() < until)
		sched_yield();
	int known = client_dial();
	assert_answer(known, KNOWN_GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	for (size_t i = 0; i < FEW; i++)
		http_respond(held[i], 200, NULL, STR("patience"), NULL, 0);
	for (size_t i = 0; i < FEW; i++) {
		assert_answer(fds[i], NULL, "HTTP/1.1 200 ", "patience");
		close(fds[i]);
	}
	buf_free(&in);
	close(more);
	close(known);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.excess, 2);
	assert_int_equal(stats.refused, 1);
}

/* The next is refused while the others may still be in earnest; then one of them goes.
 */
static void who_drips_makes_room(void **state)
{
	(void)state;
	int fds[FEW];
	bool answered = false;
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	start_with_few(NULL);
	dial_all(fds, "GET /a HTTP/1.1\r\nHost:");
	while (!answered && clock_mono_us() < until) {
		struct buf in;
		int fd = client_dial();
		buf_init(&in, 1 << 16);
		client_say(fd, GET("/a"));
		assert_true(client_listen(fd, &in, answer_is_whole));
		answered = str_starts(buf_str(&in), STR("HTTP/1.1 200 "));
		buf_free(&in);
		close(fd);
	}
	assert_true(answered);
	for (size_t i = 0; i < FEW; i++)
		close(fds[i]);
	service_stop(PATIENCE_MS);
}

static void says_how_long_a_request_lay_unread(void **state)
{
	(void)state;
	struct http_options o = service_calm();
	o.threads = 1;
	service_start(o);
	int first = client_dial(), second = client_dial();
	struct pollfd p = {.fd = second, .events = POLLIN};
	assert_answer(second, GET("/unread"), "HTTP/1.1 200 ", "no");
	assert_true(client_say(first, GET("/stall")));
	assert_true(client_say(second, GET("/unread")));
	assert_int_equal(poll(&p, 1, 4 * UNREAD_MS), 0);
	service_go_on();
	assert_answer(first, NULL, "HTTP/1.1 200 ", "stalled");
	assert_answer(second, NULL, "HTTP/1.1 200 ", "yes");
	close(first);
	close(second);
	service_stop(PATIENCE_MS);
}

#define PROMPT "POST /prompt?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
#define PROMPTED "POST /prompt a=b  "

/* Only the connection that was told to; and it is served then. */
static void who_comes_too_soon_waits(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	struct http_options o = service_calm();
	o.stats = &stats;
	service_start(o);
	int told = client_dial(), other = client_dial();
	int64_t from = clock_mono_us();
	assert_answer(told, GET("/pause"), "HTTP/1.1 503 ", "]}");
	assert_true(client_say(told, PROMPT));
	assert_answer(other, PROMPT, "HTTP/1.1 200 ", PROMPTED);
	assert_answer(told, NULL, "HTTP/1.1 200 ", PROMPTED);
	assert_true(clock_mono_us() - from >= PAUSE_MS * 1000);
	assert_answer(told, PROMPT, "HTTP/1.1 200 ", PROMPTED);
	close(told);
	close(other);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.requests, 4);
}

/* The pause does not end in the time of this test. */
static void what_is_not_held_is_served_at_once(void **state)
{
	(void)state;
	service_start(service_calm());
	int told = client_dial();
	assert_answer(told, GET("/pause/long"), "HTTP/1.1 503 ", "]}");
	assert_answer(told, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_answer(told, GET("/locked"), "HTTP/1.1 401 ", "]}");
	assert_answer(told, GET("/later"), "HTTP/1.1 200 ", "later");
	close(told);
	service_stop(PATIENCE_MS);
}

/* Nobody else has to go for one that is paused, and it has no deadline but its own. */
static void who_is_paused_keeps_its_place(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	struct http_options o = service_quick();
	struct pollfd p = {.events = POLLIN | POLLRDHUP};
	o.max_connections = FEW;
	o.stats = &stats;
	service_start(o);
	int told[FEW];
	for (size_t i = 0; i < FEW; i++) {
		told[i] = client_dial();
		assert_answer(told[i], GET("/pause/long"), "HTTP/1.1 503 ", "]}");
		assert_true(client_say(told[i], PROMPT));
	}
	/* over a second and over header_ms: they would be slow */
	p.fd = told[0];
	assert_int_equal(poll(&p, 1, 1200), 0);
	int more = client_dial();
	assert_answer(more, GET("/a"), "HTTP/1.1 503 ", "]}");
	for (size_t i = 0; i < FEW; i++) {
		p.fd = told[i];
		assert_int_equal(poll(&p, 1, 0), 0);
		close(told[i]);
	}
	close(more);
	service_stop(PATIENCE_MS);
	assert_int_equal(stats.shed, 0);
	assert_int_equal(stats.cut, 0);
}

/* The pause does not end in the time of this test. */
static void who_hangs_up_in_a_pause_loses_its_place(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	start_with_few(&stats);
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	for (size_t i = 0; i < FEW; i++) {
		int fd = client_dial();
		assert_answer(fd, GET("/pause/long"), "HTTP/1.1 503 ", "]}");
		assert_true(client_say(fd, PROMPT));
		close(fd);
	}
	while (stats.connections > 0 && clock_mono_us() < until)
		sched_yield();
	assert_int_equal(stats.connections, 0);
	assert_int_equal(stats.requests, 2 * FEW);
	service_stop(PATIENCE_MS);
}

/* Until the service has read so many. */
static void wait_for_requests(const struct http_stats *stats, uint64_t n)
{
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	while (stats->requests < n && clock_mono_us() < until)
		sched_yield();
	assert_int_equal(stats->requests, n);
}

static void stopping_ends_pauses(void **state)
{
	(void)state;
	struct http_stats stats = {0};
	struct http_options o = service_calm();
	o.stats = &stats;
	service_start(o);
	int told = client_dial();
	assert_answer(told, GET("/pause/long"), "HTTP/1.1 503 ", "]}");
	assert_true(client_say(told, PROMPT));
	wait_for_requests(&stats, 2);
	service_stop(0);
	assert_answer(told, NULL, "HTTP/1.1 503 ", "]}");
	close(told);
}

static void *stop_now(void *ms)
{
	service_stop(*(int64_t *)ms);
	return NULL;
}

static void stopping_lets_requests_come_to_their_end(void **state)
{
	(void)state;
	int64_t ms = PATIENCE_MS;
	pthread_t t;
	service_start(service_calm());
	int busy = client_dial(), idle = client_dial();
	assert_answer(idle, GET("/a"), "HTTP/1.1 200 ", "GET /a   ");
	assert_true(client_say(busy, GET("/patient")));
	struct http_request *rq = service_held();
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
	service_start(service_calm());
	int busy = client_dial(), half = client_dial();
	assert_true(client_say(half, "GET /a HTT"));
	assert_true(client_say(busy, GET("/patient")));
	struct http_request *rq = service_held();
	service_stop(50);
	assert_answer(busy, NULL, "HTTP/1.1 503 ", "]}");
	assert_closed(busy);
	assert_closed(half);
	http_respond(rq, 200, NULL, STR("too late"), NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_answer_is_dropped),
		cmocka_unit_test(a_call_may_be_given_more_time),
		cmocka_unit_test(a_client_that_left_harms_nobody),
		cmocka_unit_test(dripping_does_not_move_a_deadline),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(one_address_gets_so_many_connections),
		cmocka_unit_test(the_oldest_idle_connection_makes_room),
		cmocka_unit_test(who_is_known_keeps_its_connection),
		cmocka_unit_test(when_all_are_busy_the_next_is_told_so),
		cmocka_unit_test(who_drips_makes_room),
		cmocka_unit_test(says_how_long_a_request_lay_unread),
		cmocka_unit_test(who_comes_too_soon_waits),
		cmocka_unit_test(what_is_not_held_is_served_at_once),
		cmocka_unit_test(who_is_paused_keeps_its_place),
		cmocka_unit_test(who_hangs_up_in_a_pause_loses_its_place),
		cmocka_unit_test(stopping_ends_pauses),
		cmocka_unit_test(stopping_lets_requests_come_to_their_end),
		cmocka_unit_test(stopping_ends_what_does_not_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
