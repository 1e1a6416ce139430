/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes at a steady pace, until its standard input ends, whatever happens to
 * the cluster meanwhile. Prints a line a second:
 *
 *	ok=N slow_ms=N errors=N code=0x...
 *
 * with the slowest request and the last error of that second, and at the end, as
 *`lost`, how many writes that were confirmed are not there, or which futures were never
 *set.
 */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cassandra.h>

enum { PACE_MS = 50, PARTS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	int ok, errors, under_way;
	int64_t slow_ms;
	CassError code;
} second;
/* the highest number that was confirmed, by partition */
static int confirmed[PARTS];

struct request {
	int64_t started;
	int part, n; /* of a write; n 0: a read */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void done(CassFuture *future, void *data)
{
	struct request *request = data;
	CassError error = cass_future_error_code(future);
	cass_future_free(future);
	int64_t took = now_ms() - request->started;
	pthread_mutex_lock(&lock);
	if (error == CASS_OK) {
		second.ok++;
		if (request->n > confirmed[request->part])
			confirmed[request->part] = request->n;
	} else {
		second.errors++;
		second.code = error;
	}
	if (took > second.slow_ms)
		second.slow_ms = took;
	second.under_way--;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	free(request);
}

static void must(CassFuture *future, const char *what)
{
	CassError error = cass_future_error_code(future);
	if (error != CASS_OK) {
		const char *text;
		size_t length;
		cass_future_error_message(future, &text, &length);
		fprintf(stderr, "%s: 0x%08x %.*s\n", what, (unsigned)error, (int)length,
			text);
		exit(1);
	}
	cass_future_free(future);
}

static void run(CassSession *session, const char *query)
{
	CassStatement *s = cass_statement_new(query, 0);
	must(cass_session_execute(session, s), query);
	cass_statement_free(s);
}

static const CassPrepared *prepare(CassSession *session, const char *query)
{
	CassFuture *future = cass_session_prepare(session, query);
	const CassPrepared *prepared = cass_future_get_prepared(future);
	must(future, query);
	return prepared;
}

static void report(void)
{
	pthread_mutex_lock(&lock);
	printf("ok=%d slow_ms=%lld errors=%d code=0x%08x\n", second.ok,
	       (long long)second.slow_ms, second.errors, (unsigned)second.code);
	second.ok = second.errors = 0;
	second.slow_ms = 0;
	second.code = CASS_OK;
	pthread_mutex_unlock(&lock);
	fflush(stdout);
}

static void start(CassSession *session, const CassPrepared *prepared, int part, int n)
{
	struct request *request = calloc(1, sizeof *request);
	if (request == NULL)
		abort();
	*request = (struct request){.started = now_ms(), .part = part, .n = n};
	CassStatement *s = cass_prepared_bind(prepared);
	cass_statement_set_is_idempotent(s, cass_true);
	cass_statement_bind_int32(s, 0, part);
	if (n != 0)
		cass_statement_bind_int32(s, 1, n);
	pthread_mutex_lock(&lock);
	second.under_way++;
	pthread_mutex_unlock(&lock);
	CassFuture *future = cass_session_execute(session, s);
	cass_statement_free(s);
	cass_future_set_callback(future, done, request);
}

/* Until the input ends; how many numbers were drawn. */
static int load(CassSession *session, const CassPrepared *insert,
		const CassPrepared *select)
{
	int64_t begin = now_ms(), told = begin;
	for (int i = 1;; i++) {
		int64_t wait = begin + (int64_t)i * PACE_MS - now_ms();
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		if (poll(&input, 1, wait > 0 ? (int)wait : 0) > 0)
			return i;
		start(session, insert, i % PARTS, i);
		start(session, select, i % PARTS, 0);
		if (now_ms() - told >= 1000) {
			told = now_ms();
			report();
		}
	}
}

/* Partitions whose last confirmed number is not there. */
static int lost(CassSession *session)
{
	int missing = 0;
	for (int part = 0; part < PARTS; part++) {
		CassStatement *s = cass_statement_new(
			"SELECT MAX(n) FROM inlay_cql_load.rows WHERE part = ?", 1);
		cass_statement_bind_int32(s, 0, part);
		cass_statement_set_request_timeout(s, 30000);
		CassFuture *future = cass_session_execute(session, s);
		cass_statement_free(s);
		const CassResult *result = cass_future_get_result(future);
		must(future, "count");
		int32_t there = 0;
		const CassRow *row = cass_result_first_row(result);
		cass_value_get_int32(cass_row_get_column(row, 0), &there);
		missing += there < confirmed[part];
		cass_result_free(result);
	}
	return missing;
}

int main(void)
{
	CassCluster *cluster = cass_cluster_new();
	cass_cluster_set_contact_points(cluster, getenv("INLAY_CQL_HOSTS"));
	cass_cluster_set_load_balance_dc_aware(cluster, getenv("INLAY_CQL_DC"), 0,
					       cass_false);
	cass_cluster_set_consistency(cluster, CASS_CONSISTENCY_LOCAL_QUORUM);
	cass_cluster_set_connect_timeout(cluster, 2000);
	cass_cluster_set_request_timeout(cluster, 5000);
	cass_cluster_set_connection_heartbeat_interval(cluster, 1);
	cass_cluster_set_connection_idle_timeout(cluster, 5);
	cass_cluster_set_constant_speculative_execution_policy(cluster, 30, 2);
	CassSession *session = cass_session_new();
	must(cass_session_connect(session, cluster), "connect");
	run(session, "CREATE KEYSPACE IF NOT EXISTS inlay_cql_load WITH replication = "
		     "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}");
	run(session, "CREATE TABLE IF NOT EXISTS inlay_cql_load.rows (part int, n int, "
		     "PRIMARY KEY (part, n))");
	const CassPrepared *insert = prepare(
		session, "INSERT INTO inlay_cql_load.rows (part, n) VALUES (?, ?)");
	const CassPrepared *select = prepare(
		session,
		"SELECT n FROM inlay_cql_load.rows WHERE part = ? ORDER BY n DESC "
		"LIMIT 1");
	load(session, insert, select);

	struct timespec limit;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 30;
	pthread_mutex_lock(&lock);
	while (second.under_way > 0)
		if (pthread_cond_timedwait(&changed, &lock, &limit) != 0)
			break;
	int never = second.under_way;
	pthread_mutex_unlock(&lock);
	report();
	printf("lost=%d never=%d\n", lost(session), never);
	cass_prepared_free(insert);
	cass_prepared_free(select);
	cass_session_free(session);
	cass_cluster_free(cluster);
	return 0;
}
