/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a call fails once: the call still answers exactly once, leaks
 * nothing (sanitizer builds see that), and works when it is made again. The linker puts
 * our malloc before the real one (--wrap); jansson is given it. */
#include "mim/routes.h"
#include "mim/secrets.h"
#include "mim/tenant-admin.h"

#include "base/clock.h"
#include "base/json-tree.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A middleware without listeners ---------------------------------------------------*/

static struct mim mim;
static struct master_key key = {{7}, "0123456789abcdef"};
static char folder[64], token_file[96];
static int answers, status;
static bool is_routed; /* else the server has refused it itself */

static const char tenant_body[] =
	"{\"id\":\"default\",\"name\":\"d\",\"keyspaceName\":\"ks\",\"configuration\":"
	"{\"secretKey\":\"s\",\"hashedEmailAddresses\":false},\"conversionPoints\":[{"
	"\"id\":\"p\",\"type\":\"webhook\",\"eventType\":\"read\","
	"\"connectionInformation\":{\"url\":\"https://e.org/"
	"\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}}],"
	"\"dataSources\":[{\"id\":\"d\",\"type\":\"ongage\",\"defaultDataSource\":true,"
	"\"awsConnectionInformation\":{\"authorizationType\":\"rados\",\"accessKey\":"
	"\"a\",\"secretKey\":\"b\",\"endpoint\":\"e\",\"bucket\":\"c\"}}],\"senders\":["
	"{"
	"\"address\":\"@e.org\",\"company\":\"E\"}],\"timeZone\":\"Europe/Berlin\"}";
static const char sources_body[] =
	"[{\"id\":\"d\",\"type\":\"ongage\",\"defaultDataSource\":true,"
	"\"awsConnectionInformation\":{\"authorizationType\":\"rados\",\"accessKey\":"
	"\"a\",\"secretKey\":\"********\",\"endpoint\":\"e\",\"bucket\":\"f\"}}]";
static const char user_body[] =
	"{\"user\":\"anna\",\"userId\":\"47\",\"email\":\"a@e.org\",\"aliases\":[\"b\"]"
	","
	"\"attributes\":{\"plan\":\"pro\"},\"consents\":[{\"purpose\":\"news\","
	"\"granted\":true,\"at\":\"2020-01-01T00:00:00Z\"}],\"optOuts\":[{\"at\":"
	"\"2019-01-01T00:00:00Z\"}]}";

static void keep_answer(struct request *q)
{
	answers++;
	status = q->status;
	buf_free(&q->out);
	tenant_runtime_release(q->tenant);
}

/* As the server does it, but for the listener and the token. */
static void call(const char *method, const char *path, const char *body)
{
	struct error err;
	struct request q = {.mim = &mim,
			    .who = {.scope = TOKEN_ADMIN},
			    .body = str_of(body),
			    .now_ms = clock_real_ms(),
			    .send = keep_answer};
	answers = status = 0;
	is_routed = false;
	q.arena = arena_new(REQUEST_ARENA_MAX);
	if (q.arena == NULL)
		return;
	buf_init(&q.out, REQUEST_REPLY_MAX);
	struct str raw = str_of(path), query = {NULL, 0};
	size_t mark = str_find_char(raw, '?');
	if (mark < raw.n) {
		query = str_slice(raw, mark + 1, raw.n);
		q.query[0] = (struct request_pair){STR("createDB"), STR("true")};
		q.n_query = query.n > 0;
	}
	q.route = router_match(mim.router, str_of(method), str_slice(raw, 0, mark),
			       q.arena, q.params, &err);
	if (q.route != NULL) {
		if (str_starts(str_of(q.route->path), STR("/api/tenants/{")))
			q.tenant = tenants_find(mim.tenants, q.params[0]);
		is_routed = true;
		q.route->handler(&q);
	}
	arena_free(q.arena);
}

static int set_up(void **state)
{
	struct error err;
	const struct store_options options = {.backend = "memory"};
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/inlay-torture-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(token_file, sizeof token_file, "%s/token", folder);
	mim = (struct mim){.master_key = &key, .router = router_new()};
	assert_non_null(mim.router);
	assert_true(store_open(&options, &mim.store, &err));
	assert_true(store_db_create(mim.store, STR(""), STR(""), &mim.system, &err));
	mim.tenants = tenants_new(&mim, &err);
	mim.tokens = tokens_open(&mim, token_file, &err);
	assert_non_null(mim.tenants);
	assert_non_null(mim.tokens);
	call("POST", "/api/tenants?createDB=true", tenant_body);
	assert_int_equal(status, 201);
	call("PUT", "/api/tenants/default/attributes",
	     "[{\"name\":\"plan\",\"type\":\"string\"}]");
	assert_int_equal(status, 200);
	call("PUT", "/api/tenants/default/purposes",
	     "[{\"id\":\"news\",\"names\":{\"en\":\"News\"}}]");
	assert_int_equal(status, 200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tokens_close(mim.tokens);
	router_free(mim.router);
	tenants_free(mim.tenants);
	store_db_close(mim.system);
	store_close(mim.store);
	unlink(token_file);
	rmdir(folder);
	return 0;
}

/* Until the call goes through all its allocations, or says what it says when an
 * earlier try was done although its answer failed. */
static void torture(const char *method, const char *path, const char *body, int want,
		    int also)
{
	for (long nth = 1; nth < 2000; nth++) {
		unit_malloc_fail(nth);
		call(method, path, body);
		bool is_over = unit_malloc_stop();
		if (!is_routed)
			continue;
		if (answers != 1)
			fail_msg("%s %s: %d answers at allocation %ld", method, path,
				 answers, nth);
		if (status != want && status != also && (is_over || status < 500))
			fail_msg("%s %s: %d at allocation %ld", method, path, status,
				 nth);
		if (is_over) {
			assert_true(nth > 2);
			return;
		}
	}
	fail_msg("%s %s never ended", method, path);
}

#define T "/api/tenants/default"

static void reads_answer_once(void **state)
{
	(void)state;
	call("PUT", T "/users/anna", user_body);
	assert_int_equal(status, 201);
	torture("GET", "/api/tenants", NULL, 200, 0);
	torture("GET", T, NULL, 200, 0);
	torture("GET", T "/dataSources", NULL, 200, 0);
	torture("GET", T "/conversionPoints", NULL, 200, 0);
	torture("GET", T "/attributes", NULL, 200, 0);
	torture("GET", T "/purposes", NULL, 200, 0);
	torture("GET", T "/users/47", NULL, 200, 0);
	torture("GET", T "/users/anna/export", NULL, 200, 0);
	torture("GET", T "/users/nobody", NULL, 404, 0);
	torture("GET", "/api/tokens", NULL, 200, 0);
	torture("GET", "/health/ready", NULL, 200, 0);
}

static void writes_can_be_repeated(void **state)
{
	(void)state;
	torture("PUT", T, tenant_body, 200, 0);
	torture("PUT", T "/dataSources", sources_body, 200, 0);
	torture("PUT", T "/attributes", "[{\"name\":\"plan\",\"type\":\"string\"}]",
		200, 0);
	torture("PUT", T "/users/anna", user_body, 201, 200);
	torture("PATCH", T "/users/47", "{\"email\":null}", 200, 0);
	torture("DELETE", T "/users/47", NULL, 204, 404);
	torture("POST", "/api/tokens", "{\"scope\":\"read:default\"}", 201, 0);
	torture("DELETE", T, NULL, 204, 404);
	torture("POST", "/api/tenants?createDB=true", tenant_body, 201, 409);
	call("GET", T, NULL);
	assert_int_equal(status, 200);
}

static void errors_are_told_once(void **state)
{
	(void)state;
	torture("PUT", T, "{\"id\":1,\"colour\":2}", 400, 0);
	torture("PUT", T "/users/bob", "{\"user\":\"bob\",\"attributes\":{\"x\":1}}",
		400, 0);
	torture("PUT", T "/purposes", "[{\"id\":\"-\"}]", 400, 0);
	torture("POST", "/api/tokens", "{", 400, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(reads_answer_once),
		TEST(writes_can_be_repeated),
		TEST(errors_are_told_once),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
