/* SPDX-License-Identifier: Apache-2.0 */
/* Against a store in a process of its own, which answers by method and path alone:
 * whatever allocation of ours fails (not of libcurl and expat), the call says so. What
 * is sent, and what real and odd stores do, is tested by test_import_s3.py,
 * test_datasource.py and test_source_*.py. */
#include "base/buf.h"
#include "base/crypto.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "net/object-store.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT "what is in it"
#define HEAD_MAX 8192
#define LARGE ((off_t)(16 << 20) + 5)

static char endpoint[64];
static pid_t server;
static struct object_store *store;
static int file, large;

/* The store ----------------------------------------------------------------------*/

struct asked {
	char head[HEAD_MAX];
	size_t n;
};

static bool is(const struct asked *a, const char *begin, const char *in_it)
{
	return strncmp(a->head, begin, strlen(begin)) == 0 &&
	       strstr(a->head, in_it) != NULL;
}

/* The body of the answer; NULL: there is nothing of the kind. */
static const char *answer_to(const struct asked *a)
{
	if (is(a, "GET /bucket?", "list-type=2"))
		return "<ListBucketResult><IsTruncated>false</IsTruncated>"
		       "<Contents><Key>a/b</Key><Size>13</Size></Contents>"
		       "</ListBucketResult>";
	if (is(a, "POST /bucket/", "?uploads "))
		return "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
		       "</InitiateMultipartUploadResult>";
	if (is(a, "POST /bucket/", "?uploadId=u "))
		return "<CompleteMultipartUploadResult><ETag>e</ETag>"
		       "</CompleteMultipartUploadResult>";
	if (is(a, "GET /bucket/a/b ", "") || is(a, "HEAD /bucket/a/b ", ""))
		return TEXT;
	return is(a, "PUT ", "") || is(a, "DELETE ", "") ? "" : NULL;
}

static bool read_head(int fd, struct asked *a)
{
	a->n = 0;
	while (a->n < HEAD_MAX - 1) {
		if (read(fd, a->head + a->n, 1) != 1)
			return false;
		a->head[++a->n] = '\0';
		if (a->n >= 4 && memcmp(a->head + a->n - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

static bool skip_body(int fd, const struct asked *a)
{
	static char piece[65536];
	const char *length = strcasestr(a->head, "\r\ncontent-length: ");
	size_t left = length != NULL ? strtoul(length + 18, NULL, 10) : 0;
	while (left > 0) {
		ssize_t n = read(fd, piece, left < sizeof piece ? left : sizeof piece);
		if (n <= 0)
			return false;
		left -= (size_t)n;
	}
	return true;
}

static void serve(int fd)
{
	struct asked a;
	while (read_head(fd, &a) && skip_body(fd, &a)) {
		const char *body = answer_to(&a);
		bool head = is(&a, "HEAD ", "");
		dprintf(fd,
			"HTTP/1.1 %s\r\nETag: \"e\"\r\nContent-Length: %zu\r\n\r\n%s",
			body != NULL ? "200 OK" : "404 Not Found",
			body != NULL ? strlen(body) : 0,
			body != NULL && !head ? body : "");
	}
	close(fd);
}

static int start_server(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", ntohs(a.sin_port));
	server = fork();
	if (server != 0) {
		close(fd);
		return server > 0 ? 0 : -1;
	}
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		if (c >= 0 && fork() == 0) {
			serve(c);
			_exit(0);
		}
		close(c);
	}
}

/* Calls --------------------------------------------------------------------------*/

static struct object_store *open_store(struct error *err)
{
	const struct object_s3_settings settings = {.endpoint = str_of(endpoint),
						    .bucket = STR("bucket"),
						    .access_key = STR("key"),
						    .secret_key = STR("secret"),
						    .timeout_ms = 20000};
	return object_store_s3(&settings, err);
}

static bool take(void *ctx, struct str bytes, struct error *err)
{
	return buf_add_str(ctx, bytes) || error_set(err, ERROR_MEMORY, "", "no memory");
}

static bool read_it(struct error *err)
{
	struct buf out;
	buf_init(&out, 1024);
	bool ok = object_store_read(store, STR("a/b"), take, &out, err);
	if (ok)
		assert_str(buf_str(&out), TEXT);
	buf_free(&out);
	return ok;
}

static bool find_it(struct error *err)
{
	uint64_t size = 0;
	bool ok = object_store_find(store, STR("a/b"), &size, err);
	if (ok)
		assert_int_equal(size, strlen(TEXT));
	return ok;
}

static bool see(void *ctx, struct str key, uint64_t size, struct error *err)
{
	int *seen = ctx;
	(void)err;
	assert_str(key, "a/b");
	assert_int_equal(size, 13);
	++*seen;
	return true;
}

static bool list_it(struct error *err)
{
	const struct object_range range = {.prefix = STR("a"), .pages = 1};
	int seen = 0;
	bool more = true;
	bool ok = object_store_list(store, &range, see, &seen, &more, err);
	if (ok) {
		assert_int_equal(seen, 1);
		assert_false(more);
	}
	return ok;
}

static bool write_it(struct error *err)
{
	return object_s3_write(store, STR("x/y"), file, err);
}

static bool write_large(struct error *err)
{
	return object_s3_write(store, STR("x/y"), large, err);
}

static bool open_it(struct error *err)
{
	struct object_store *s = open_store(err);
	object_store_close(s);
	return s != NULL;
}

static const struct {
	const char *name;
	bool (*call)(struct error *err);
} calls[] = {
	{"open", open_it}, {"read", read_it},   {"find", find_it},
	{"list", list_it}, {"write", write_it}, {"write in parts", write_large},
};

/* Tests --------------------------------------------------------------------------*/

static void each_call_is_answered(void **state)
{
	struct error err = {0};
	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (!calls[i].call(&err))
			fail_msg("%s: %s", calls[i].name, err.message);
}

static void whatever_memory_is_lacking_it_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		unit_malloc_torture(calls[i].name, calls[i].call);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct error err = {0};
	uint64_t size;
	struct buf out;
	(void)state;
	buf_init(&out, 1024);
	assert_false(object_store_read(store, STR("no"), take, &out, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_false(object_store_find(store, STR("no"), &size, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	buf_free(&out);
}

static void what_is_no_key_is_not_asked_for(void **state)
{
	static const char *const bad[] = {"", "/a", "a//b", "../a", "a\n"};
	struct error err = {0};
	uint64_t size;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(object_store_find(store, str_of(bad[i]), &size, &err));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
		assert_false(object_s3_write(store, str_of(bad[i]), file, &err));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
	}
	assert_false(object_s3_write(store, STR("a"), -1, &err));
	assert_int_equal(err.kind, ERROR_IO);
}

static bool refuses(void *ctx, struct str bytes, struct error *err)
{
	(void)ctx;
	(void)bytes;
	return error_set(err, ERROR_FULL, "", "no room");
}

static void who_takes_it_may_stop(void **state)
{
	struct error err = {0};
	(void)state;
	assert_false(object_store_read(store, STR("a/b"), refuses, NULL, &err));
	assert_int_equal(err.kind, ERROR_FULL);
}

static int make_file(off_t size)
{
	char path[] = "/tmp/test-object-s3-XXXXXX";
	int fd = mkstemp(path);
	if (fd >= 0)
		unlink(path);
	return fd >= 0 && ftruncate(fd, size) == 0 ? fd : -1;
}

static int set_up(void **state)
{
	struct error err;
	(void)state;
	if (!crypto_init() || start_server() != 0)
		return -1;
	file = make_file(7);
	large = make_file(LARGE);
	store = open_store(&err);
	return file < 0 || large < 0 || store == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	object_store_close(store);
	close(file);
	close(large);
	kill(server, SIGKILL);
	return waitpid(server, NULL, 0) != server;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_answered),
		cmocka_unit_test(whatever_memory_is_lacking_it_is_said),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(what_is_no_key_is_not_asked_for),
		cmocka_unit_test(who_takes_it_may_stop),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
