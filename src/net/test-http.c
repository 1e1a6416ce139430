/* SPDX-License-Identifier: Apache-2.0 */
#include "net/test-http.h"

#include "base/clock.h"
#include "base/slice.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the service --------------------------------------------------------- */

/* Requests whose handlers answer when a test says so. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_request *held[64];
	size_t n;
	bool go_on;
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

struct http_request *service_held(void)
{
	pthread_mutex_lock(&shelf.lock);
	while (shelf.n == 0)
		pthread_cond_wait(&shelf.changed, &shelf.lock);
	struct http_request *rq = shelf.held[--shelf.n];
	pthread_mutex_unlock(&shelf.lock);
	return rq;
}

static void stall(void)
{
	pthread_mutex_lock(&shelf.lock);
	while (!shelf.go_on)
		pthread_cond_wait(&shelf.changed, &shelf.lock);
	shelf.go_on = false;
	pthread_mutex_unlock(&shelf.lock);
}

void service_go_on(void)
{
	pthread_mutex_lock(&shelf.lock);
	shelf.go_on = true;
	pthread_cond_broadcast(&shelf.changed);
	pthread_mutex_unlock(&shelf.lock);
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

static void pause_it(struct http_request *rq)
{
	struct error err;
	error_set(&err, ERROR_BUSY, "", "too much");
	http_respond_error(rq, &err);
	rq->pause_ms = str_eqz(rq->path, "/pause") ? PAUSE_MS : 10 * PATIENCE_MS;
}

static void head(struct http_request *rq, void *ctx)
{
	(void)ctx;
	static char yes[] = "yes", no[] = "no";
	struct error err;
	error_set(&err, ERROR_UNAUTHORIZED, "", "no");
	rq->known = http_request_header(rq, "Authorization").p != NULL;
	if (str_eqz(rq->path, "/locked"))
		http_respond_error(rq, &err);
	else if (str_eqz(rq->path, "/show"))
		rq->max_body = 1000;
	else if (str_eqz(rq->path, "/large"))
		rq->max_body = 1 << 20;
	else if (str_eqz(rq->path, "/unread"))
		rq->data = http_request_waited_ms(rq) >= UNREAD_MS ? yes : no;
	else if (str_starts(rq->path, STR("/pause")))
		pause_it(rq);
	else if (str_starts(rq->path, STR("/prompt")))
		rq->hold = rq->early;
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
	} else if (str_eqz(rq->path, "/stall")) {
		stall();
		http_respond(rq, 200, NULL, STR("stalled"), NULL, 0);
	} else if (str_eqz(rq->path, "/unread")) {
		http_respond(rq, 200, NULL, str_of(rq->data), NULL, 0);
	} else if (str_eqz(rq->path, "/slice")) {
		http_respond(rq, 200, NULL,
			     arena_printf(rq->arena, "%lld us", (long long)slice_us()),
			     NULL, 0);
	} else if (str_eqz(rq->path, "/empty")) {
		http_respond(rq, 204, NULL, (struct str){NULL, 0}, NULL, 0);
	} else {
		show(rq);
	}
}

/* No deadline that a busy machine could miss. */
struct http_options service_calm(void)
{
	struct http_options o = http_options_default;
	o.address = "127.0.0.1";
	o.header_ms = o.body_ms = o.answer_ms = o.send_ms = o.idle_ms = PATIENCE_MS;
	o.head = head;
	o.handle = handle;
	return o;
}

struct http_options service_quick(void)
{
	struct http_options o = service_calm();
	o.header_ms = o.body_ms = o.answer_ms = 300;
	o.idle_ms = 1000;
	return o;
}

static struct http_server *server;

void service_start(struct http_options o)
{
	struct error err;
	server = http_server_start(&o, &err);
	if (server == NULL)
		fail_msg("%s", err.message);
}

void service_stop(int64_t drain_ms)
{
	http_server_stop(server, drain_ms);
	server = NULL;
}

uint16_t service_port(void)
{
	return http_server_port(server);
}

/* --- a client ------------------------------------------------------------ */

int client_dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(service_port()),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

bool client_say(int fd, const char *text)
{
	size_t n = strlen(text);
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* What is to be read until `enough` says so or the connection ends; false at the
 * end of patience. */
bool client_listen(int fd, struct buf *in, bool (*enough)(struct str))
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
size_t text_find(struct str s, const char *what)
{
	struct str w = str_of(what);
	for (size_t i = 0; i + w.n <= s.n; i++)
		if (str_starts(str_slice(s, i, s.n), w))
			return i;
	return SIZE_MAX;
}

bool answer_is_whole(struct str s)
{
	size_t end = text_find(s, "\r\n\r\n"), at = text_find(s, "Content-Length: ");
	if (end == SIZE_MAX)
		return false;
	if (at > end)
		return true;
	struct str rest = str_slice(s, at + 16, s.n);
	uint64_t n;
	return str_to_u64(str_slice(rest, 0, str_find_char(rest, '\r')), 1 << 24, &n) &&
	       s.n >= end + 4 + n;
}

/* Sends, and wants an answer that begins and ends so. */
void assert_answer(int fd, const char *request, const char *begins, const char *ends)
{
	struct buf in;
	buf_init(&in, 1 << 22);
	if (request != NULL)
		assert_true(client_say(fd, request));
	if (!client_listen(fd, &in, answer_is_whole))
		fail_msg("no whole answer to \"%s\": \"%.*s\"", request,
			 STR_ARG(buf_str(&in)));
	if (!str_starts(buf_str(&in), str_of(begins)) ||
	    !str_ends(buf_str(&in), str_of(ends)))
		fail_msg("\"%s\" is answered by \"%.*s\"", request,
			 STR_ARG(buf_str(&in)));
	buf_free(&in);
}

/* The other side ends the connection without (further) answer. */
void assert_closed(int fd)
{
	struct buf in;
	buf_init(&in, 1 << 16);
	if (!client_listen(fd, &in, NULL))
		fail_msg("still open");
	assert_int_equal(in.n, 0);
	buf_free(&in);
	close(fd);
}
