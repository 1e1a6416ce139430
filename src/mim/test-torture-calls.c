/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the agents, of campaigns, the kill switch and why, without memory at
 * every allocation in turn, and with a store that fails at every write: each call is
 * answered once, and works when it is made again. */
#include "mim/handlers.h"
#include "mim/tenants-internal.h"
#include "mim/test-world.h"

#include "base/unit-malloc.h"

#include <stdlib.h>

struct server {
	struct world *w;
	struct mim mim;
	struct tenant_runtime *t;
	long serial; /* a user of its own for each try */
	int answers, status;
	char text[1 << 16]; /* of the last answer */
};

/* jansson takes a string that it has no memory for as a bad one. */
static bool json_failed;

static void *json_malloc(size_t n)
{
	void *p = __wrap_malloc(n);
	json_failed = json_failed || p == NULL;
	return p;
}

static int set_up(void **state)
{
	struct server *s = test_calloc(1, sizeof *s);
	struct error err;
	s->w = world_new(0);
	s->mim.store = s->w->store;
	s->mim.jobs = workers_new("test", 1, 1000, &err);
	assert_non_null(s->mim.jobs);
	struct tenant_config *c = tenant_config_new(&s->w->tenant, 1);
	assert_non_null(c);
	s->t = tenant_runtime_new(&s->mim, c);
	assert_non_null(s->t);
	assert_true(store_db_open(s->w->store, STR("test"), STR("t"), &s->t->db, &err));
	s->t->key = s->w->key;
	s->t->open = true;
	world_campaigns(s->w, 2);
	assert_true(tenant_runtime_rebuild(s->t, &err));
	struct buf body;
	buf_init(&body, 100);
	buf_add_str(&body, STR("{\"subject\":\"x\"}"));
	world_put(s->w, STORE_TEMPLATE, STR(WORLD_TEMPLATE), &body);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct server *s = *state;
	workers_free(s->mim.jobs);
	tenant_runtime_release(s->t);
	world_free(s->w);
	test_free(s);
	return 0;
}

static void keep_answer(struct request *q)
{
	struct server *s = q->transport;
	s->answers++;
	s->status = q->status;
	snprintf(s->text, sizeof s->text, "%.*s", STR_ARG(buf_str(&q->out)));
	buf_free(&q->out);
	arena_free(q->arena);
}

struct call {
	const char *method, *path; /* below /api/tenants/{tenantId} */
	const char *param;         /* "USER": the user of this try */
	const char *body;          /* USER and INSTANCE stand for this try's */
	const char *query;         /* name=value */
	int want, also;
};

static const struct route *route_of(const struct call *c)
{
	char whole[128];
	snprintf(whole, sizeof whole, "/api/tenants/{tenantId}%s", c->path);
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		if (strcmp(r->method, c->method) == 0 && strcmp(r->path, whole) == 0)
			return r;
	}
	fail_msg("no route %s %s", c->method, whole);
	return NULL;
}

/* Text with this try's user and instance put in. */
static struct str fill(struct server *s, const char *text, const char *instance)
{
	struct buf out;
	buf_init(&out, 4096);
	while (text != NULL && *text != '\0') {
		if (strncmp(text, "USER", 4) == 0) {
			buf_printf(&out, "user%ld", s->serial);
			text += 4;
		} else if (strncmp(text, "INSTANCE", 8) == 0) {
			buf_add_str(&out, str_of(instance));
			text += 8;
		} else {
			buf_add_char(&out, *text++);
		}
	}
	struct str copy = arena_str(s->w->arena, buf_str(&out));
	buf_free(&out);
	return copy;
}

/* nth 0: nothing fails. True if the nth allocation has come. */
static bool make(struct server *s, const struct call *c, const char *instance, long nth)
{
	struct request q = {.mim = &s->mim,
			    .route = route_of(c),
			    .tenant = s->t,
			    .arena = arena_new(REQUEST_ARENA_MAX),
			    .params = {STR("t"), fill(s, c->param, ""), str_of("1")},
			    .body = fill(s, c->body, instance),
			    .now_ms = WORLD_NOW,
			    .send = keep_answer,
			    .transport = s};
	const char *equals = c->query != NULL ? strchr(c->query, '=') : NULL;
	if (equals != NULL) {
		struct str all = str_of(c->query);
		size_t at = (size_t)(equals - c->query);
		q.query[0] = (struct request_pair){str_slice(all, 0, at),
						   str_slice(all, at + 1, all.n)};
		q.n_query = 1;
	}
	assert_non_null(q.arena);
	buf_init(&q.out, REQUEST_REPLY_MAX);
	s->answers = 0;
	json_failed = false;
	unit_malloc_fail(nth);
	q.route->handler(&q);
	bool has_come = !unit_malloc_stop();
	if (s->answers != 1)
		fail_msg("%s %s: %d answers at %ld", c->method, c->path, s->answers,
			 nth);
	return has_come;
}

static const struct call opening = {
	"POST",
	"/dovecot/decisions",
	"",
	"{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":1,"
	"\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[]}",
	NULL,
	200,
	0};

/* A new user, whom something was given if `given`; the instance. */
static const char *new_user(struct server *s, bool given)
{
	char name[32];
	s->serial++;
	snprintf(name, sizeof name, "user%ld", s->serial);
	world_consents(s->w, name);
	if (!given)
		return "";
	make(s, &opening, "", 0);
	assert_int_equal(s->status, 200);
	const char *at = strstr(s->text, "\"instance\":\"");
	assert_non_null(at);
	return arena_str(s->w->arena, (struct str){at + 12, ID_TEXT_LEN}).p;
}

static bool needs_instance(const struct call *c)
{
	return c->body != NULL && strstr(c->body, "INSTANCE") != NULL;
}

static void check_status(const struct server *s, const struct call *c, long nth,
			 bool failed)
{
	bool excused =
		failed && (s->status >= 500 || (s->status == 400 && json_failed));
	if (s->status != c->want && s->status != c->also && !excused)
		fail_msg("%s %s: %d at %ld: %s", c->method, c->path, s->status, nth,
			 s->text);
}

/* Until the call goes through all its allocations. */
static void torture_memory(struct server *s, const struct call *c)
{
	for (long nth = 1; nth < 5000; nth++) {
		const char *instance = new_user(s, needs_instance(c));
		bool failed = make(s, c, instance, nth);
		check_status(s, c, nth, failed);
		if (!failed) {
			assert_true(nth > 1);
			return;
		}
		/* an answer that could not be written says nothing of what was done */
		make(s, c, instance, 0);
		check_status(s, c, nth, false);
	}
	fail_msg("%s %s never ended", c->method, c->path);
}

/* Until the call goes through all its writes. */
static void torture_store(struct server *s, const struct call *c, char when)
{
	for (uint64_t nth = 1; nth < 100; nth++) {
		const char *instance = new_user(s, needs_instance(c));
		store_faulty_arm(s->w->store, nth, when);
		make(s, c, instance, 0);
		bool failed = store_faulty_arm(s->w->store, 0, when) >= nth;
		check_status(s, c, (long)nth, failed);
		if (!failed)
			return;
		make(s, c, instance, 0);
		check_status(s, c, (long)nth, false);
	}
	fail_msg("%s %s never ended", c->method, c->path);
}

#define CAMPAIGN "/campaigns/{campaignId}"

static const struct call agents[] = {
	{"POST", "/dovecot/hello", "", "{\"user\":\"USER\",\"protocol\":\"imap\"}",
	 NULL, 200, 0},
	{"POST", "/dovecot/decisions", "",
	 "{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":"
	 "1,"
	 "\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[]}",
	 NULL, 200, 0},
	{"POST", "/dovecot/decisions", "",
	 "{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":"
	 "1,"
	 "\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[{\"instance\":"
	 "\"INSTANCE\",\"type\":\"injected\",\"at\":\"2023-11-14T22:13:20Z\"}]}",
	 NULL, 200, 0},
	{"POST", "/dovecot/events", "",
	 "{\"events\":[{\"user\":\"USER\",\"instance\":\"INSTANCE\",\"type\":\"read\","
	 "\"at\":\"2023-11-14T22:13:20Z\"},{\"user\":\"USER\",\"instance\":"
	 "\"INSTANCE\",\"type\":\"gone\",\"cause\":\"expunged\",\"seen\":true,"
	 "\"at\":\"2023-11-14T22:13:20Z\"}]}",
	 NULL, 200, 0},
	{"GET", "/dovecot/templates/{sha256}", WORLD_TEMPLATE, NULL, NULL, 200, 0},
	{"POST", "/dovecot/decisions", "", "{\"node\":1}", NULL, 400, 0},
};

static const struct call reads[] = {
	{"GET", "/campaigns", "", NULL, NULL, 200, 0},
	{"GET", "/campaigns", "", NULL, "limit=1", 200, 0},
	{"GET", CAMPAIGN, "c0", NULL, NULL, 200, 0},
	{"GET", CAMPAIGN, "none", NULL, NULL, 404, 0},
	{"GET", CAMPAIGN "/statistics", "c0", NULL, "interval=hour", 200, 0},
	{"GET", CAMPAIGN "/statistics", "c0", NULL, "interval=week", 400, 0},
	{"GET", "/users/{user}/why", "USER", NULL, NULL, 200, 0},
	{"GET", "/users/{user}/why", "nobody", NULL, NULL, 200, 404},
	{"GET", "/pause", "", NULL, NULL, 200, 0},
	{"GET", "/imports", "", NULL, NULL, 200, 0},
	{"GET", "/imports/{importId}", "none", NULL, NULL, 404, 0},
};

static const struct call writes[] = {
	{"POST", CAMPAIGN "/pause", "c0", "{}", NULL, 200, 0},
	{"POST", CAMPAIGN "/resume", "c0", NULL, NULL, 200, 0},
	{"POST", CAMPAIGN "/recall", "c0", "{\"scope\":\"all\"}", NULL, 200, 0},
	{"POST", CAMPAIGN "/versions/{version}/activate", "c1", NULL, NULL, 200, 0},
	{"POST", "/pause", "", "{\"scope\":\"nonService\"}", NULL, 200, 0},
	{"POST", "/resume", "", NULL, NULL, 200, 0},
	{"POST", CAMPAIGN "/cancel", "c1", NULL, NULL, 200, 0},
};

#define EACH(calls, c)                                                                 \
	for (const struct call *c = (calls); c < (calls) + sizeof(calls) / sizeof *c;  \
	     c++)

static void without_memory_an_agent_is_answered_once(void **state)
{
	EACH(agents, c)
	torture_memory(*state, c);
}

static void without_memory_a_read_is_answered_once(void **state)
{
	new_user(*state, true); /* something to count */
	EACH(reads, c)
	torture_memory(*state, c);
}

static void without_memory_a_write_is_answered_once_and_can_be_repeated(void **state)
{
	EACH(writes, c)
	torture_memory(*state, c);
}

static void with_a_failing_store_each_call_is_answered_once(void **state)
{
	EACH(agents, c)
	{
		torture_store(*state, c, 'b');
		torture_store(*state, c, 'a');
	}
	EACH(writes, c)
	{
		torture_store(*state, c, 'b');
		torture_store(*state, c, 'a');
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(without_memory_an_agent_is_answered_once),
		TEST(without_memory_a_read_is_answered_once),
		TEST(without_memory_a_write_is_answered_once_and_can_be_repeated),
		TEST(with_a_failing_store_each_call_is_answered_once),
	};
	json_set_alloc_funcs(json_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
