/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no server. */
#include "cql-unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_uuid_is_the_same_as_its_text(void **unused)
{
	(void)unused;
	CassUuid uuid;
	assert_ok(cass_uuid_from_string("6ba7b810-9dad-11d1-80b4-00c04fd430c8", &uuid));
	assert_int_equal(uuid.time_and_version, 0x11d19dad6ba7b810);
	assert_int_equal(uuid.clock_seq_and_node, 0x80b400c04fd430c8);
	assert_int_equal(cass_uuid_version(uuid), 1);
	/* 1998-02-04 22:13:53.151 */
	assert_int_equal(cass_uuid_timestamp(uuid), 886630433151);
	char text[CASS_UUID_STRING_LENGTH];
	cass_uuid_string(uuid, text);
	assert_string_equal(text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

static void what_is_no_uuid_is_refused(void **unused)
{
	(void)unused;
	static const char *const bad[] = {
		"",
		"6ba7b8109dad11d180b400c04fd430c8",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c",
		"6ba7b810-9dad-11d1-80b4-00c04fd430cg",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c89",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	};
	CassUuid uuid = {.time_and_version = 7};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_error(cass_uuid_from_string(bad[i], &uuid),
			     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_uuid_from_string(NULL, &uuid), CASS_ERROR_LIB_BAD_PARAMS);
	assert_int_equal(uuid.time_and_version, 7);
}

static void numbers_outside_an_enum_are_refused(void **unused)
{
	(void)unused;
	CassCluster *cluster = cass_cluster_new();
	CassStatement *statement = cass_statement_new("SELECT", 0);
	static const int bad[] = {-1, 11, 0x7fff, 0xffff, 1 << 30};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CassConsistency level = (CassConsistency)bad[i];
		assert_error(cass_cluster_set_consistency(cluster, level),
			     CASS_ERROR_LIB_BAD_PARAMS);
		assert_error(cass_statement_set_consistency(statement, level),
			     CASS_ERROR_LIB_BAD_PARAMS);
		assert_error(cass_statement_set_serial_consistency(statement, level),
			     CASS_ERROR_LIB_BAD_PARAMS);
		assert_null(cass_batch_new((CassBatchType)bad[i]));
		assert_string_equal(cass_error_desc((CassError)bad[i]), "");
	}
	/* a level that is none of conditions */
	assert_error(
		cass_statement_set_serial_consistency(statement, CASS_CONSISTENCY_ONE),
		CASS_ERROR_LIB_BAD_PARAMS);
	assert_string_equal(cass_consistency_string(CASS_CONSISTENCY_LOCAL_QUORUM),
			    "LOCAL_QUORUM");
	assert_string_equal(cass_consistency_string((CassConsistency)11), "");
	assert_string_equal(cass_write_type_string(CASS_WRITE_TYPE_CAS), "CAS");
	assert_string_equal(cass_write_type_string((CassWriteType)9), "");
	cass_statement_free(statement);
	cass_cluster_free(cluster);
}

static void settings_that_make_no_sense_are_refused(void **unused)
{
	(void)unused;
	CassCluster *c = cass_cluster_new();
	assert_error(cass_cluster_set_port(c, 0), CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_port(c, 65536), CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_port(c, -1), CASS_ERROR_LIB_BAD_PARAMS);
	assert_ok(cass_cluster_set_port(c, 65535));
	assert_error(cass_cluster_set_num_threads_io(c, 0), CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_core_connections_per_host(c, 0),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_load_balance_dc_aware(c, "", 0, cass_false),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_load_balance_dc_aware(c, NULL, 0, cass_false),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_constant_speculative_execution_policy(c, -1, 2),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_constant_speculative_execution_policy(c, 30, -1),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_cluster_set_contact_points(c, NULL),
		     CASS_ERROR_LIB_BAD_PARAMS);
	cass_cluster_free(c);
}

static void null_handles_are_errors_not_crashes(void **unused)
{
	(void)unused;
	cass_cluster_free(NULL);
	cass_session_free(NULL);
	cass_future_free(NULL);
	cass_statement_free(NULL);
	cass_batch_free(NULL);
	cass_prepared_free(NULL);
	cass_result_free(NULL);
	cass_iterator_free(NULL);
	cass_ssl_free(NULL);
	cass_error_result_free(NULL);
	assert_null(cass_statement_new(NULL, 0));
	assert_null(cass_prepared_bind(NULL));
	assert_null(cass_iterator_from_result(NULL));
	assert_true(cass_value_is_null(NULL));
	int32_t number;
	assert_error(cass_value_get_int32(NULL, &number), CASS_ERROR_LIB_NULL_VALUE);
	assert_error(cass_statement_bind_null(NULL, 0), CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_future_error_code(NULL), CASS_ERROR_LIB_BAD_PARAMS);
	assert_int_equal(cass_result_row_count(NULL), 0);
	assert_null(cass_row_get_column(NULL, 0));
}

static void a_statement_knows_how_many_parameters_it_has(void **unused)
{
	(void)unused;
	CassStatement *statement = cass_statement_new("INSERT", 2);
	assert_ok(cass_statement_bind_int32(statement, 0, 1));
	assert_ok(cass_statement_bind_string(statement, 1,
					     "a long text of more than 16"));
	assert_error(cass_statement_bind_int32(statement, 2, 1),
		     CASS_ERROR_LIB_INDEX_OUT_OF_BOUNDS);
	assert_error(cass_statement_bind_int32(statement, SIZE_MAX, 1),
		     CASS_ERROR_LIB_INDEX_OUT_OF_BOUNDS);
	assert_ok(cass_statement_bind_string(statement, 0, NULL));
	assert_error(cass_statement_bind_string_n(statement, 0, NULL, 1),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_error(cass_statement_bind_int32_by_name(statement, "a", 1),
		     CASS_ERROR_LIB_NAME_DOES_NOT_EXIST);
	CassInet inet = {.address_length = 5};
	assert_error(cass_statement_bind_inet(statement, 0, inet),
		     CASS_ERROR_LIB_BAD_PARAMS);
	assert_ok(cass_statement_reset_parameters(statement, 3));
	assert_ok(cass_statement_bind_null(statement, 2));
	cass_statement_free(statement);
	assert_null(cass_statement_new("INSERT", 65536));
	assert_null(cass_statement_new("\xff", 0));
}

static void pem_that_is_none_is_refused(void **unused)
{
	(void)unused;
	CassSsl *ssl = cass_ssl_new();
	static const char *const bad[] = {
		"",
		"no PEM",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_error(cass_ssl_add_trusted_cert(ssl, bad[i]),
			     CASS_ERROR_SSL_INVALID_CERT);
		assert_error(cass_ssl_set_cert(ssl, bad[i]),
			     CASS_ERROR_SSL_INVALID_CERT);
		assert_error(cass_ssl_set_private_key(ssl, bad[i], "secret"),
			     CASS_ERROR_SSL_INVALID_PRIVATE_KEY);
		assert_error(cass_ssl_set_private_key(ssl, bad[i], NULL),
			     CASS_ERROR_SSL_INVALID_PRIVATE_KEY);
	}
	cass_ssl_free(ssl);
}

/* The calls of a callback, and on which thread it ran. */
struct calls {
	int count;
	pthread_t thread;
	CassError error;
	bool frees;
};

static void count_call(CassFuture *future, void *data)
{
	struct calls *calls = data;
	calls->error = cass_future_error_code(future);
	calls->thread = pthread_self();
	if (calls->frees)
		cass_future_free(future);
	__atomic_add_fetch(&calls->count, 1, __ATOMIC_RELEASE);
}

static void a_session_that_is_not_connected_takes_no_request(void **unused)
{
	(void)unused;
	CassSession *session = cass_session_new();
	CassStatement *statement = cass_statement_new("SELECT * FROM system.local", 0);
	CassFuture *future = cass_session_execute(session, statement);
	assert_null(cass_future_get_result(future));
	assert_null(cass_future_get_prepared(future));
	assert_null(cass_future_get_error_result(future));
	assert_future(future, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	assert_future(cass_session_prepare(session, "SELECT"),
		      CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	assert_future(cass_session_close(session), CASS_ERROR_LIB_UNABLE_TO_CLOSE);
	assert_future(cass_session_execute(session, NULL), CASS_ERROR_LIB_BAD_PARAMS);
	cass_statement_free(statement);
	cass_session_free(session);
}

static void a_callback_of_a_future_that_is_set_runs_at_once(void **unused)
{
	(void)unused;
	CassSession *session = cass_session_new();
	struct calls calls = {0}, second = {0};
	CassFuture *future = cass_session_prepare(session, "SELECT");
	assert_true(cass_future_ready(future));
	assert_ok(cass_future_set_callback(future, count_call, &calls));
	assert_int_equal(calls.count, 1);
	assert_true(pthread_equal(calls.thread, pthread_self()));
	assert_error(calls.error, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	assert_error(cass_future_set_callback(future, count_call, &second),
		     CASS_ERROR_LIB_CALLBACK_ALREADY_SET);
	assert_int_equal(second.count, 0);
	cass_future_free(future);

	struct calls freeing = {.frees = true};
	future = cass_session_prepare(session, "SELECT");
	assert_ok(cass_future_set_callback(future, count_call, &freeing));
	assert_int_equal(freeing.count, 1);
	cass_session_free(session);
}

static void a_refused_connection_is_an_error_and_can_be_tried_again(void **unused)
{
	(void)unused;
	CassCluster *cluster = cass_cluster_new();
	assert_ok(cass_cluster_set_contact_points(cluster, "127.0.0.1"));
	/* nobody listens on it */
	assert_ok(cass_cluster_set_port(cluster, 1));
	CassSession *session = cass_session_new();
	for (int i = 0; i < 3; i++)
		assert_future(cass_session_connect(session, cluster),
			      CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	assert_ok(cass_cluster_set_contact_points(cluster, ""));
	assert_future(cass_session_connect(session, cluster),
		      CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	cass_session_free(session);
	cass_cluster_free(cluster);
}

/* A host that takes connections and says nothing. */
static int silent_host(int *port)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(listener >= 0);
	struct sockaddr_in address = {.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t length = sizeof address;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length),
			 0);
	*port = ntohs(address.sin_port);
	return listener;
}

static void a_host_that_says_nothing_is_given_up(void **unused)
{
	(void)unused;
	int port;
	int listener = silent_host(&port);
	CassCluster *cluster = cass_cluster_new();
	assert_ok(cass_cluster_set_contact_points(cluster, "127.0.0.1"));
	assert_ok(cass_cluster_set_port(cluster, port));
	cass_cluster_set_connect_timeout(cluster, 200);
	cass_cluster_set_request_timeout(cluster, 200);
	CassSession *session = cass_session_new();
	CassFuture *future = cass_session_connect(session, cluster);
	assert_true(cass_future_wait_timed(future, 20 * 1000000ULL));
	assert_future(future, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	cass_session_free(session);
	cass_cluster_free(cluster);
	close(listener);
}

static void a_session_freed_while_it_connects_calls_back(void **unused)
{
	(void)unused;
	int port;
	int listener = silent_host(&port);
	CassCluster *cluster = cass_cluster_new();
	assert_ok(cass_cluster_set_contact_points(cluster, "127.0.0.1"));
	assert_ok(cass_cluster_set_port(cluster, port));
	CassSession *session = cass_session_new();
	struct calls calls = {.frees = true};
	CassFuture *future = cass_session_connect(session, cluster);
	assert_false(cass_future_ready(future));
	assert_future(cass_session_connect(session, cluster),
		      CASS_ERROR_LIB_UNABLE_TO_CONNECT);
	assert_false(cass_future_wait_timed(future, 1000));
	assert_ok(cass_future_set_callback(future, count_call, &calls));
	cass_session_free(session);
	assert_int_equal(__atomic_load_n(&calls.count, __ATOMIC_ACQUIRE), 1);
	assert_false(pthread_equal(calls.thread, pthread_self()));
	cass_cluster_free(cluster);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uuid_is_the_same_as_its_text),
		cmocka_unit_test(what_is_no_uuid_is_refused),
		cmocka_unit_test(numbers_outside_an_enum_are_refused),
		cmocka_unit_test(settings_that_make_no_sense_are_refused),
		cmocka_unit_test(null_handles_are_errors_not_crashes),
		cmocka_unit_test(a_statement_knows_how_many_parameters_it_has),
		cmocka_unit_test(pem_that_is_none_is_refused),
		cmocka_unit_test(a_session_that_is_not_connected_takes_no_request),
		cmocka_unit_test(a_callback_of_a_future_that_is_set_runs_at_once),
		cmocka_unit_test(
			a_refused_connection_is_an_error_and_can_be_tried_again),
		cmocka_unit_test(a_host_that_says_nothing_is_given_up),
		cmocka_unit_test(a_session_freed_while_it_connects_calls_back),
	};
	return cmocka_run_group_tests_name("cql offline", tests, NULL, NULL);
}
