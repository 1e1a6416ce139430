/* SPDX-License-Identifier: Apache-2.0 */
/* Recalls on a real loop, against a MIM of a few canned answers, with every allocation
 * failing in turn. */
#include "agent/recalls-internal.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/unit-folder.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define G32 "fedcba9876543210fedcba9876543210"
#define LIMIT_US INT64_C(20000000)

/* The MIM: takes no memory, which is counted in all threads ------------------------*/

#define CONNECTIONS 32
struct connection {
	int fd;
	char in[4096];
	size_t n;
};
static struct connection connections[CONNECTIONS];
static int listener;
static uint16_t port;
static pthread_t server;
static atomic_bool ending;
static atomic_size_t woken; /* users */
static atomic_bool absent;  /* it has no recalls */

static void answer(struct connection *c, const char *body)
{
	char out[1024];
	int n = snprintf(out, sizeof out,
			 "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
			 absent ? "404 Not Found" : "200 OK", strlen(body), body);
	/* who has gone does not read it */
	(void)!send(c->fd, out, (size_t)n, MSG_NOSIGNAL);
}

/* At first a reset, then a campaign, then nothing for ever. */
static void serve(struct connection *c)
{
	if (strstr(c->in, "POST /doveadm/v1 ") == c->in) {
		woken++;
		answer(c, "[[\"doveadmResponse\",[],\"inlay\"],"
			  "[\"doveadmResponse\",[],\"inlay\"]]");
	} else if (strstr(c->in, "POST ") == c->in)
		answer(c, "{\"users\":[{\"user\":\"anna\",\"actions\":[{\"op\":"
			  "\"withdraw\",\"guid\":\"" G32
			  "\",\"cause\":\"recall\",\"lazy\":true}]}]}");
	else if (strstr(c->in, "since=") == NULL)
		answer(c, "{\"cursor\":\"1\",\"reset\":true,\"entries\":[]}");
	else if (strstr(c->in, "since=1&") != NULL)
		answer(c, "{\"cursor\":\"2\",\"reset\":false,\"entries\":[{\"user\":"
			  "\"k-anna\"},{\"user\":\"k-carla\"}]}");
	c->n = 0;
}

static bool is_whole(const struct connection *c)
{
	const char *end = strstr(c->in, "\r\n\r\n");
	const char *length = strstr(c->in, "Content-Length: ");
	if (end == NULL)
		return false;
	return length == NULL ||
	       strlen(end + 4) >=
		       strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static void read_from(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, sizeof c->in - 1 - c->n, 0);
	if (n <= 0) {
		close(c->fd);
		*c = (struct connection){.fd = -1};
		return;
	}
	c->n += (size_t)n;
	c->in[c->n] = '\0';
	if (is_whole(c))
		serve(c);
}

static void take(void)
{
	int fd = accept(listener, NULL, NULL);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd < 0) {
			connections[i] = (struct connection){.fd = fd};
			return;
		}
	close(fd);
}

static void *run_server(void *ctx)
{
	(void)ctx;
	while (!ending) {
		struct pollfd fds[CONNECTIONS + 1] = {
			{.fd = listener, .events = POLLIN}};
		for (size_t i = 0; i < CONNECTIONS; i++)
			fds[i + 1] = (struct pollfd){.fd = connections[i].fd,
						     .events = POLLIN};
		if (poll(fds, CONNECTIONS + 1, 50) <= 0)
			continue;
		for (size_t i = 0; i < CONNECTIONS; i++)
			if (fds[i + 1].revents != 0)
				read_from(&connections[i]);
		if (fds[0].revents != 0)
			take();
	}
	return NULL;
}

/* The agent's side -----------------------------------------------------------------*/

static char folder[64], token_file[96];
static struct ev_loop *loop;
static struct agent_settings settings;
static struct agent_tenant_setting tenant;
static struct tokens *tokens;
static struct uplink *polls, *asks;
static struct doveadm *doveadm;
static struct spool *spool;
static size_t pushes;

static void push(struct recalls_member *m, const struct answer_withdrawal *what)
{
	assert_str(m->user, "anna");
	assert_int_equal(what->n, 1);
	assert_str(what->withdraw[0].guid, G32);
	pushes++;
}

static void nothing_synced(void *ctx, uint64_t sequence, bool ok)
{
	(void)ctx, (void)sequence, (void)ok;
}

static void wake(struct ev_loop *l, ev_timer *w, int revents)
{
	(void)l, (void)w, (void)revents;
}

/* The news have come, and what was asked for then. */
static bool is_done(const struct recalls_lane *l)
{
	const struct recalls_away *a = l->r->away;
	return strcmp(l->cursor, "2") == 0 && l->ask == NULL &&
	       !ev_is_active(&l->ask_timer) &&
	       (a == NULL || (a->n_sent == 0 && a->waiting.first == NULL));
}

/* Runs until all is done, or a try has failed. */
static bool run(const struct recalls *r)
{
	const struct recalls_lane *l = r->lanes;
	int64_t end = clock_mono_us() + LIMIT_US;
	ev_timer tick;
	ev_timer_init(&tick, wake, 0.01, 0.01);
	ev_timer_start(loop, &tick);
	const struct recalls_away *a = r->away;
	while (l->failures == 0 && l->ask_failures == 0 &&
	       (a == NULL || a->failures == 0) && !is_done(l)) {
		if (clock_mono_us() > end)
			fail_msg("not within the time: %zu pushed", pushes);
		ev_run(loop, EVRUN_ONCE);
	}
	ev_timer_stop(loop, &tick);
	return is_done(l);
}

/* wakes: NULL: who is away is not remembered. */
static struct recalls *new_recalls(struct doveadm *wakes)
{
	const struct recalls_config config = {.loop = loop,
					      .polls = polls,
					      .uplink = asks,
					      .spool = spool,
					      .doveadm = wakes,
					      .push = push};
	return recalls_new(&config);
}

static bool news_come(struct error *err)
{
	struct recalls_member anna = {0}, again = {0}, bert = {0};
	struct recalls *r = new_recalls(NULL);
	bool ok = r != NULL;
	pushes = 0;
	if (ok) {
		recalls_join(r, &anna, STR("default"), STR("anna"), true);
		recalls_name(&anna, STR("k-anna"));
		recalls_join(r, &again, STR("default"), STR("anna"), true);
		recalls_join(r, &bert, STR("default"), STR("bert"), true);
		recalls_name(&bert, STR("k-bert"));
		ok = anna.lane != NULL && again.lane != NULL && bert.lane != NULL &&
		     run(r);
		/* both sessions, of the reset and of the news or of both together */
		if (ok)
			assert_true(pushes == 2 || pushes == 4);
		assert_false(ok && (anna.ask || again.ask || bert.ask));
		recalls_leave(&anna);
		recalls_leave(&bert);
		recalls_leave(&again);
		recalls_leave(&again);
	}
	recalls_free(r);
	if (!ok)
		err->kind = ERROR_MEMORY;
	return ok;
}

static void news_come_without_memory_later(void **state)
{
	(void)state;
	unit_malloc_torture("recalls", news_come);
}

/* Whose session went, and may hibernate. */
static bool the_absent_are_woken(struct error *err)
{
	struct recalls_member anna = {0}, again = {0}, bert = {0};
	struct recalls *r = new_recalls(doveadm);
	bool ok = r != NULL;
	woken = 0;
	if (ok) {
		recalls_join(r, &bert, STR("default"), STR("bert"), true);
		recalls_name(&bert, STR("k-bert"));
		recalls_join(r, &anna, STR("default"), STR("anna"), true);
		recalls_name(&anna, STR("k-anna"));
		recalls_leave(&anna);
		ok = bert.lane != NULL && run(r);
		/* or there was no memory to remember her */
		if (ok && r->away->n == 1)
			assert_true(woken <= 1);
		/* she comes back, and finds what waits for her */
		recalls_join(r, &again, STR("default"), STR("anna"), true);
		assert_int_equal(r->away->n, 0);
		if (ok)
			assert_int_equal(again.ask, woken == 1);
		recalls_leave(&again);
		recalls_leave(&bert);
	}
	recalls_free(r);
	if (!ok)
		err->kind = ERROR_MEMORY;
	return ok;
}

static void who_is_away_is_woken_without_memory_later(void **state)
{
	(void)state;
	unit_malloc_torture("away", the_absent_are_woken);
	assert_int_equal(woken, 1);
}

static void the_latest_are_remembered(void **state)
{
	(void)state;
	struct recalls *r = new_recalls(doveadm);
	struct recalls_member m = {0}, pop3 = {0}, many = {0}, first = {0};
	char name[32];
	assert_non_null(r);
	recalls_join(r, &pop3, STR("default"), STR("pop3"), false);
	recalls_leave(&pop3);
	recalls_join(r, &many, STR("default"), STR("*@example.org"), true);
	recalls_leave(&many);
	assert_int_equal(r->away->n, 0);
	for (int i = 0; i < RECALLS_AWAY_MAX + 10; i++) {
		snprintf(name, sizeof name, "user-%d", i);
		recalls_join(r, &m, STR("default"), str_of(name), true);
		m.pushed = i == 0 || i == 10;
		recalls_leave(&m);
		m = (struct recalls_member){0};
	}
	recalls_join(r, &first, STR("default"), STR("user-0"), true);
	assert_false(first.ask); /* forgotten */
	assert_int_equal(r->away->n, RECALLS_AWAY_MAX);
	recalls_join(r, &m, STR("default"), STR("user-10"), true);
	assert_true(m.ask); /* what was pushed may have come too late */
	recalls_stop(r);
	recalls_leave(&m);
	recalls_leave(&first);
	recalls_free(r);
}

static void a_mim_without_recalls_is_asked_again_after_minutes(void **state)
{
	(void)state;
	struct recalls *r = new_recalls(NULL);
	struct recalls_member m = {0};
	assert_non_null(r);
	absent = true;
	recalls_join(r, &m, STR("default"), STR("anna"), true);
	assert_false(run(r));
	absent = false;
	ev_now_update(loop);
	double wait = ev_timer_remaining(loop, &m.lane->poll_timer);
	assert_true(ev_is_active(&m.lane->poll_timer));
	assert_true(wait > RECALLS_ABSENT_S - 20 && wait <= RECALLS_ABSENT_S * 1.1);
	recalls_leave(&m);
	recalls_free(r);
}

static void a_delivery_asks_for_who_is_in_doubt(void **state)
{
	(void)state;
	struct recalls *r = new_recalls(NULL);
	struct recalls_member a = {0}, b = {0}, other = {0};
	struct spool_record saved = {.type = WIRE_EVENT_INJECTED,
				     .tenant = STR("default"),
				     .user = STR("anna")};
	struct spool_record seen = saved, strange = saved;
	const struct spool_record *const events[] = {&seen, &strange, &saved};
	assert_non_null(r);
	seen.type = WIRE_EVENT_READ;
	seen.user = STR("bert");
	strange.user = STR("carla");
	recalls_delivered(r, events, 3); /* no session at all */
	recalls_join(r, &a, STR("default"), STR("anna"), true);
	recalls_join(r, &b, STR("default"), STR("bert"), true);
	recalls_join(r, &other, STR("other"), STR("anna"), true);
	recalls_delivered(r, events, 3);
	assert_false(a.ask || b.ask || other.ask);
	a.doubt = b.doubt = other.doubt = true;
	recalls_delivered(r, events, 0);
	recalls_delivered(r, events, 2);
	assert_false(a.ask || b.ask || other.ask);
	recalls_delivered(r, events, 3);
	assert_true(a.ask);
	assert_false(b.ask || other.ask);
	recalls_leave(&a);
	recalls_leave(&b);
	recalls_leave(&other);
	recalls_free(r);
}

/* What an earlier session saved may wait in the spool still. */
static void who_has_events_in_the_spool_is_in_doubt(void **state)
{
	(void)state;
	struct spool_record event = {.type = WIRE_EVENT_INJECTED,
				     .time_ms = 1,
				     .tenant = STR("default"),
				     .user = STR("dora")};
	struct recalls *r = new_recalls(NULL);
	struct recalls_member d = {0}, e = {0};
	struct error err = {0};
	assert_non_null(r);
	assert_true(spool_append(spool, &event, &err));
	recalls_join(r, &d, STR("default"), STR("dora"), true);
	recalls_join(r, &e, STR("default"), STR("emil"), true);
	assert_true(d.doubt);
	assert_false(e.doubt);
	recalls_stop(r);
	struct recalls_member late = {0};
	recalls_join(r, &late, STR("default"), STR("emil"), true);
	assert_null(late.lane);
	recalls_leave(&late);
	recalls_leave(&d);
	recalls_leave(&e);
	recalls_free(r);
}

/* ----------------------------------------------------------------------------------*/

static void listen_on_loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 32), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	port = ntohs(a.sin_port);
	for (size_t i = 0; i < CONNECTIONS; i++)
		connections[i].fd = -1;
	assert_int_equal(pthread_create(&server, NULL, run_server, NULL), 0);
}

static int set_up(void **state)
{
	static char url[64];
	struct error err = {0};
	(void)state;
	make_folder_of_own(folder, sizeof folder, "recalls");
	snprintf(token_file, sizeof token_file, "%s/token", folder);
	write_file_at(token_file, STR("secret\n"));
	listen_on_loopback();
	snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)port);
	tenant = (struct agent_tenant_setting){STR("default"), str_of(token_file)};
	settings.tenants = &tenant;
	settings.n_tenants = 1;
	settings.urls[0] = str_of(url);
	settings.n_urls = 1;
	loop = ev_loop_new(EVFLAG_AUTO);
	const struct uplink_limits limits = {.connections = 4, .timeout_ms = 10000};
	const struct spool_config config = {.directory = folder,
					    .max_bytes = SPOOL_MIN_SIZE,
					    .loop = loop,
					    .synced = nothing_synced};
	tokens = tokens_new(settings.tenants, settings.n_tenants, &err);
	assert_non_null(tokens);
	polls = uplink_new(loop, &settings, &limits, tokens, NULL, &err);
	asks = uplink_new(loop, &settings, &limits, tokens, NULL, &err);
	settings.doveadm_url = str_of(url);
	settings.doveadm_key_file = str_of(token_file);
	doveadm = doveadm_new(loop, &settings, &err);
	assert_non_null(doveadm);
	spool = spool_open(&config, &err);
	assert_true(polls != NULL && asks != NULL && spool != NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_close(spool);
	doveadm_free(doveadm);
	uplink_free(polls);
	uplink_free(asks);
	tokens_free(tokens);
	ev_loop_destroy(loop);
	ending = true;
	pthread_join(server, NULL);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd >= 0)
			close(connections[i].fd);
	close(listener);
	remove_folder(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_come_without_memory_later),
		cmocka_unit_test(who_is_away_is_woken_without_memory_later),
		cmocka_unit_test(the_latest_are_remembered),
		cmocka_unit_test(a_mim_without_recalls_is_asked_again_after_minutes),
		cmocka_unit_test(a_delivery_asks_for_who_is_in_doubt),
		cmocka_unit_test(who_has_events_in_the_spool_is_in_doubt),
	};
	if (!crypto_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
