/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way from the listener to their handler, without memory at each
 * allocation in turn: answered once, and nobody is told that the request was wrong when
 * it was not. The listener is none: it is called as it would call. */
#include "mim/server.h"

#include "base/unit-folder.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "mim/admission.h"
#include "mim/routes.h"
#include "mim/settings.h"
#include "mim/tokens.h"

#include <pthread.h>
#include <time.h>

struct call {
	struct http_request rq; /* first: what is answered finds the rest by it */
	struct str authorization;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t answered;
	int answers;
	unsigned status;
};

/* Instead of the listener's -------------------------------------------------------*/

static struct http_options options;

struct http_server *__wrap_http_server_start(const struct http_options *o,
					     struct error *err);
void __wrap_http_server_stop(struct http_server *s, int64_t drain_ms);
void __wrap_http_respond(struct http_request *rq, unsigned status, const char *type,
			 struct str body, const struct http_header *headers, size_t n);
void __wrap_http_respond_error(struct http_request *rq, const struct error *err);
struct str __wrap_http_request_header(struct http_request *rq, const char *name);

struct http_server *__wrap_http_server_start(const struct http_options *o,
					     struct error *err)
{
	(void)err;
	options = *o;
	return (struct http_server *)&options;
}

void __wrap_http_server_stop(struct http_server *s, int64_t drain_ms)
{
	(void)drain_ms;
	assert_ptr_equal(s, &options);
}

static void answer(struct http_request *rq, unsigned status)
{
	struct call *c = (struct call *)rq;
	pthread_mutex_lock(&c->lock);
	c->answers++;
	c->status = status;
	pthread_cond_signal(&c->answered);
	pthread_mutex_unlock(&c->lock);
}

void __wrap_http_respond(struct http_request *rq, unsigned status, const char *type,
			 struct str body, const struct http_header *headers, size_t n)
{
	(void)type, (void)body, (void)headers, (void)n;
	answer(rq, status);
}

void __wrap_http_respond_error(struct http_request *rq, const struct error *err)
{
	answer(rq, (unsigned)error_kind_info(err->kind)->http_status);
}

struct str __wrap_http_request_header(struct http_request *rq, const char *name)
{
	const struct call *c = (const struct call *)rq;
	return strcmp(name, "Authorization") == 0
		       ? arena_str(rq->arena, c->authorization)
		       : (struct str){NULL, 0};
}

/* -----------------------------------------------------------------------------------*/

static struct mim mim;
static struct server *server;
static struct settings *settings;
static char folder[64], token_file[96];
/* So long that an arena has to get memory for each of them. */
#define LONG 5000
static char token[LONG + TOKEN_TEXT_MAX + 16], query[LONG + 32];

static void read_token(void)
{
	char text[TOKEN_TEXT_MAX + 2];
	FILE *f = fopen(token_file, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	snprintf(token, sizeof token, "Bearer %*s%.*s", LONG, "",
		 (int)strcspn(text, "\n"), text);
	snprintf(query, sizeof query, "limit=5&after=%%41%0*d", LONG, 0);
}

static int set_up(void **state)
{
	const struct store_options memory = {.backend = "memory"};
	const struct admission_limits limits = {1000, {10, 10, 10}};
	struct error_list errors;
	struct error err;
	size_t n;
	const struct setting *table = mim_settings_table(&n);
	(void)state;
	make_folder_of_own(folder, sizeof folder, "server");
	snprintf(token_file, sizeof token_file, "%s/token", folder);
	error_list_init(&errors, 10);
	settings = settings_parse(table, n, STR(""), "test", &errors, &errors);
	assert_non_null(settings);
	error_list_free(&errors);
	mim = (struct mim){.settings = settings,
			   .router = router_new(),
			   .admission = admission_new(&limits),
			   .workers = workers_new("test", 1, 10, WORKERS_PROMPT, &err)};
	assert_true(store_open(&memory, &mim.store, &err));
	assert_true(store_db_create(mim.store, STR(""), STR(""), &mim.system, &err));
	mim.tenants = tenants_new(&mim, &err);
	mim.tokens = tokens_open(&mim, token_file, &err);
	assert_non_null(mim.tokens);
	read_token();
	server = server_start_api(&mim, &err);
	assert_non_null(server);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_stop(server);
	workers_free(mim.workers);
	admission_free(mim.admission);
	tokens_close(mim.tokens);
	router_free(mim.router);
	tenants_free(mim.tenants);
	store_db_close(mim.system);
	store_close(mim.store);
	settings_free(settings);
	remove_folder(folder);
	return 0;
}

/* The status. */
static unsigned ask(const char *path, const char *words, const char *authorization)
{
	struct call c = {.rq = {.method = STR("GET"),
				.path = str_of(path),
				.query = str_of(words),
				.arena = arena_new(options.arena_max)},
			 .authorization = str_of(authorization)};
	struct timespec until;
	if (c.rq.arena == NULL)
		return 503; /* as the listener would */
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.answered, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	options.head(&c.rq, options.ctx);
	if (c.answers == 0) {
		assert_non_null(c.rq.data);
		options.handle(&c.rq, options.ctx);
	}
	pthread_mutex_lock(&c.lock);
	while (c.answers == 0 &&
	       pthread_cond_timedwait(&c.answered, &c.lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&c.lock);
	assert_int_equal(c.answers, 1);
	pthread_cond_destroy(&c.answered);
	pthread_mutex_destroy(&c.lock);
	arena_free(c.rq.arena);
	return c.status;
}

static void torture(const char *path, const char *words, const char *authorization,
		    unsigned want)
{
	bool came = true;
	for (long nth = 1; came; nth++) {
		unit_malloc_fail(nth);
		unsigned status = ask(path, words, authorization);
		came = !unit_malloc_stop();
		if (status != want && !(came && status == 503))
			fail_msg("%s: %u at allocation %ld", path, status, nth);
	}
}

static void without_memory_nobody_is_told_that_it_was_their_fault(void **state)
{
	(void)state;
	torture("/api/tokens", query, token, 200);
	torture("/api/tokens", "", token, 200);
	torture("/api/tokens", "limit=%zz", token, 400);
	torture("/api/tokens", "", "Bearer inlay_none", 401);
	torture("/api/tokens", "", NULL, 401);
	torture("/api/tenants/t%20t/users/anna", "", token, 404);
	torture("/api/nothing", "", token, 404);
	torture("/health/live", "", NULL, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_memory_nobody_is_told_that_it_was_their_fault, set_up,
			tear_down),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
