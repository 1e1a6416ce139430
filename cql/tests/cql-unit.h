/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the driver share: a session, and requests that must succeed. */
#ifndef INLAY_CQL_UNIT_H
#define INLAY_CQL_UNIT_H

#include "base/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cassandra.h>

/* Fails with the message of the future unless its error is `want`; frees it. */
static inline void assert_future(CassFuture *future, CassError want)
{
	CassError got = cass_future_error_code(future);
	if (got != want) {
		const char *message;
		size_t length;
		cass_future_error_message(future, &message, &length);
		fail_msg("got 0x%08x (%.*s), want 0x%08x (%s)", (unsigned)got,
			 (int)length, message, (unsigned)want, cass_error_desc(want));
	}
	cass_future_free(future);
}

#define assert_error(got, want)                                                        \
	do {                                                                           \
		CassError got_ = (got), want_ = (want);                                \
		if (got_ != want_)                                                     \
			fail_msg("got 0x%08x (%s), want 0x%08x (%s)", (unsigned)got_,  \
				 cass_error_desc(got_), (unsigned)want_,               \
				 cass_error_desc(want_));                              \
	} while (0)

#define assert_ok(got) assert_error(got, CASS_OK)

/* What the runner (cql/tests/test_cql.py) says of the server that it started. */
static inline const char *given(const char *name)
{
	const char *value = getenv(name);
	if (value == NULL)
		fail_msg("%s is not set: run it by make test-cql", name);
	return value;
}

/* With the default time-outs, which a busy machine keeps; the caller frees it. */
static inline CassCluster *cluster_new(void)
{
	CassCluster *cluster = cass_cluster_new();
	assert_non_null(cluster);
	assert_ok(cass_cluster_set_contact_points(cluster, given("INLAY_CQL_HOSTS")));
	assert_ok(cass_cluster_set_port(cluster, 9042));
	assert_ok(cass_cluster_set_load_balance_dc_aware(cluster, given("INLAY_CQL_DC"),
							 0, cass_false));
	return cluster;
}

static inline CassSession *session_new(const CassCluster *cluster)
{
	CassSession *session = cass_session_new();
	assert_non_null(session);
	assert_future(cass_session_connect(session, cluster), CASS_OK);
	return session;
}

/* The result of a statement that must succeed; frees the statement. */
static inline const CassResult *result_of(CassSession *session,
					  CassStatement *statement)
{
	CassFuture *future = cass_session_execute(session, statement);
	cass_statement_free(statement);
	const CassResult *result = cass_future_get_result(future);
	assert_future(future, CASS_OK);
	assert_non_null(result);
	return result;
}

static inline void run(CassSession *session, const char *query)
{
	cass_result_free(result_of(session, cass_statement_new(query, 0)));
}

/* With a keyspace of a test's own. */
static inline CassSession *session_with(CassCluster *cluster, const char *keyspace)
{
	char query[256];
	assert_ok(cass_cluster_set_consistency(cluster, CASS_CONSISTENCY_LOCAL_QUORUM));
	CassSession *session = session_new(cluster);
	snprintf(query, sizeof query,
		 "CREATE KEYSPACE IF NOT EXISTS %s WITH replication = {'class': "
		 "'SimpleStrategy', 'replication_factor': 1}",
		 keyspace);
	run(session, query);
	return session;
}

static inline const CassPrepared *prepare(CassSession *session, const char *query)
{
	CassFuture *future = cass_session_prepare(session, query);
	const CassPrepared *prepared = cass_future_get_prepared(future);
	assert_future(future, CASS_OK);
	assert_non_null(prepared);
	return prepared;
}

static inline struct str text_of(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline struct str text_in(const CassRow *row, size_t column)
{
	struct str text;
	assert_ok(cass_value_get_string(cass_row_get_column(row, column), &text.p,
					&text.n));
	return text;
}

static inline int32_t int_in(const CassRow *row, size_t column)
{
	int32_t value;
	assert_ok(cass_value_get_int32(cass_row_get_column(row, column), &value));
	return value;
}

#endif
