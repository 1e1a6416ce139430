/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the C driver API of Apache Cassandra that Inlay uses. Names, types and
 * numbers are those of the API, so that a program written against this file also links
 * to the drivers of DataStax and ScyllaDB (cql/README.md has what differs).
 *
 * What holds everywhere:
 * - What ..._new, ..._bind, ..._get_result and the like return is the caller's, to be
 *   freed with the ..._free of its type. Free takes NULL.
 * - Functions ending in _n take a text with its length, those without one that ends
 * with a NUL. All texts are UTF-8.
 * - Values are copied when they are bound, statements when they are executed or added
 * to a batch: they may be freed or changed at once.
 * - Sessions, prepared statements, results and futures may be used by several threads
 * at a time; clusters, statements, batches and iterators by one.
 */
#ifndef INLAY_CQL_CASSANDRA_H
#define INLAY_CQL_CASSANDRA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CASS_UINT64_MAX 18446744073709551615ULL
#define CASS_INET_V4_LENGTH 4
#define CASS_INET_V6_LENGTH 16
/* with the NUL */
#define CASS_UUID_STRING_LENGTH 37
#define CASS_LOG_MAX_MESSAGE_SIZE 1024

/* types */

typedef enum { cass_false = 0, cass_true = 1 } cass_bool_t;
typedef float cass_float_t;
typedef double cass_double_t;
typedef int8_t cass_int8_t;
typedef uint8_t cass_uint8_t;
typedef int16_t cass_int16_t;
typedef uint16_t cass_uint16_t;
typedef int32_t cass_int32_t;
typedef uint32_t cass_uint32_t;
typedef int64_t cass_int64_t;
typedef uint64_t cass_uint64_t;
typedef cass_uint8_t cass_byte_t;
typedef cass_uint64_t cass_duration_t; /* microseconds */

typedef struct CassInet_ {
	cass_uint8_t address[CASS_INET_V6_LENGTH];
	cass_uint8_t address_length; /* 4 or 16 */
} CassInet;

/* time_low is in the lowest bits of the first half, not in its highest as in the text
 */
typedef struct CassUuid_ {
	cass_uint64_t time_and_version;
	cass_uint64_t clock_seq_and_node;
} CassUuid;

typedef struct CassCluster_ CassCluster;
typedef struct CassSsl_ CassSsl;
typedef struct CassSession_ CassSession;
typedef struct CassFuture_ CassFuture;
typedef struct CassStatement_ CassStatement;
typedef struct CassPrepared_ CassPrepared;
typedef struct CassBatch_ CassBatch;
typedef struct CassResult_ CassResult;
typedef struct CassErrorResult_ CassErrorResult;
typedef struct CassIterator_ CassIterator;
typedef struct CassRow_ CassRow;
typedef struct CassValue_ CassValue;
typedef struct CassTimestampGen_ CassTimestampGen;
typedef struct CassRetryPolicy_ CassRetryPolicy;

/* numbers: those of the protocol where it has them */

typedef enum CassConsistency_ {
	CASS_CONSISTENCY_UNKNOWN = 0xFFFF,
	CASS_CONSISTENCY_ANY = 0x0000,
	CASS_CONSISTENCY_ONE = 0x0001,
	CASS_CONSISTENCY_TWO = 0x0002,
	CASS_CONSISTENCY_THREE = 0x0003,
	CASS_CONSISTENCY_QUORUM = 0x0004,
	CASS_CONSISTENCY_ALL = 0x0005,
	CASS_CONSISTENCY_LOCAL_QUORUM = 0x0006,
	CASS_CONSISTENCY_EACH_QUORUM = 0x0007,
	CASS_CONSISTENCY_SERIAL = 0x0008,
	CASS_CONSISTENCY_LOCAL_SERIAL = 0x0009,
	CASS_CONSISTENCY_LOCAL_ONE = 0x000A
} CassConsistency;

typedef enum CassWriteType_ {
	CASS_WRITE_TYPE_UNKNOWN,
	CASS_WRITE_TYPE_SIMPLE,
	CASS_WRITE_TYPE_BATCH,
	CASS_WRITE_TYPE_UNLOGGED_BATCH,
	CASS_WRITE_TYPE_COUNTER,
	CASS_WRITE_TYPE_BATCH_LOG,
	CASS_WRITE_TYPE_CAS,
	CASS_WRITE_TYPE_VIEW,
	CASS_WRITE_TYPE_CDC
} CassWriteType;

/* A column of the CQL type text is VARCHAR. */
typedef enum CassValueType_ {
	CASS_VALUE_TYPE_UNKNOWN = 0xFFFF,
	CASS_VALUE_TYPE_CUSTOM = 0x0000,
	CASS_VALUE_TYPE_ASCII = 0x0001,
	CASS_VALUE_TYPE_BIGINT = 0x0002,
	CASS_VALUE_TYPE_BLOB = 0x0003,
	CASS_VALUE_TYPE_BOOLEAN = 0x0004,
	CASS_VALUE_TYPE_COUNTER = 0x0005,
	CASS_VALUE_TYPE_DECIMAL = 0x0006,
	CASS_VALUE_TYPE_DOUBLE = 0x0007,
	CASS_VALUE_TYPE_FLOAT = 0x0008,
	CASS_VALUE_TYPE_INT = 0x0009,
	CASS_VALUE_TYPE_TEXT = 0x000A,
	CASS_VALUE_TYPE_TIMESTAMP = 0x000B,
	CASS_VALUE_TYPE_UUID = 0x000C,
	CASS_VALUE_TYPE_VARCHAR = 0x000D,
	CASS_VALUE_TYPE_VARINT = 0x000E,
	CASS_VALUE_TYPE_TIMEUUID = 0x000F,
	CASS_VALUE_TYPE_INET = 0x0010,
	CASS_VALUE_TYPE_DATE = 0x0011,
	CASS_VALUE_TYPE_TIME = 0x0012,
	CASS_VALUE_TYPE_SMALL_INT = 0x0013,
	CASS_VALUE_TYPE_TINY_INT = 0x0014,
	CASS_VALUE_TYPE_DURATION = 0x0015,
	CASS_VALUE_TYPE_LIST = 0x0020,
	CASS_VALUE_TYPE_MAP = 0x0021,
	CASS_VALUE_TYPE_SET = 0x0022,
	CASS_VALUE_TYPE_UDT = 0x0030,
	CASS_VALUE_TYPE_TUPLE = 0x0031,
	CASS_VALUE_TYPE_LAST_ENTRY
} CassValueType;

typedef enum CassBatchType_ {
	CASS_BATCH_TYPE_LOGGED = 0x00,
	CASS_BATCH_TYPE_UNLOGGED = 0x01,
	CASS_BATCH_TYPE_COUNTER = 0x02
} CassBatchType;

typedef enum CassIteratorType_ {
	CASS_ITERATOR_TYPE_RESULT,
	CASS_ITERATOR_TYPE_ROW
} CassIteratorType;

typedef enum CassSslVerifyFlags_ {
	CASS_SSL_VERIFY_NONE = 0x00,
	CASS_SSL_VERIFY_PEER_CERT = 0x01,
	CASS_SSL_VERIFY_PEER_IDENTITY = 0x02,
	CASS_SSL_VERIFY_PEER_IDENTITY_DNS = 0x04
} CassSslVerifyFlags;

typedef enum CassLogLevel_ {
	CASS_LOG_DISABLED,
	CASS_LOG_CRITICAL,
	CASS_LOG_ERROR,
	CASS_LOG_WARN,
	CASS_LOG_INFO,
	CASS_LOG_DEBUG,
	CASS_LOG_TRACE,
	CASS_LOG_LAST_ENTRY
} CassLogLevel;

typedef enum CassErrorSource_ {
	CASS_ERROR_SOURCE_NONE,
	CASS_ERROR_SOURCE_LIB,
	CASS_ERROR_SOURCE_SERVER,
	CASS_ERROR_SOURCE_SSL,
	CASS_ERROR_SOURCE_COMPRESSION
} CassErrorSource;

#define INLAY_CQL_LIB(code) ((CASS_ERROR_SOURCE_LIB << 24) | (code))
#define INLAY_CQL_SERVER(code) ((CASS_ERROR_SOURCE_SERVER << 24) | (code))
#define INLAY_CQL_SSL(code) ((CASS_ERROR_SOURCE_SSL << 24) | (code))

typedef enum CassError_ {
	CASS_OK = 0,

	CASS_ERROR_LIB_BAD_PARAMS = INLAY_CQL_LIB(1),
	CASS_ERROR_LIB_NO_STREAMS = INLAY_CQL_LIB(2),
	CASS_ERROR_LIB_UNABLE_TO_INIT = INLAY_CQL_LIB(3),
	CASS_ERROR_LIB_MESSAGE_ENCODE = INLAY_CQL_LIB(4),
	CASS_ERROR_LIB_HOST_RESOLUTION = INLAY_CQL_LIB(5),
	CASS_ERROR_LIB_UNEXPECTED_RESPONSE = INLAY_CQL_LIB(6),
	CASS_ERROR_LIB_REQUEST_QUEUE_FULL = INLAY_CQL_LIB(7),
	CASS_ERROR_LIB_NO_AVAILABLE_IO_THREAD = INLAY_CQL_LIB(8),
	CASS_ERROR_LIB_WRITE_ERROR = INLAY_CQL_LIB(9),
	CASS_ERROR_LIB_NO_HOSTS_AVAILABLE = INLAY_CQL_LIB(10),
	CASS_ERROR_LIB_INDEX_OUT_OF_BOUNDS = INLAY_CQL_LIB(11),
	CASS_ERROR_LIB_INVALID_ITEM_COUNT = INLAY_CQL_LIB(12),
	CASS_ERROR_LIB_INVALID_VALUE_TYPE = INLAY_CQL_LIB(13),
	CASS_ERROR_LIB_REQUEST_TIMED_OUT = INLAY_CQL_LIB(14),
	CASS_ERROR_LIB_UNABLE_TO_SET_KEYSPACE = INLAY_CQL_LIB(15),
	CASS_ERROR_LIB_CALLBACK_ALREADY_SET = INLAY_CQL_LIB(16),
	CASS_ERROR_LIB_INVALID_STATEMENT_TYPE = INLAY_CQL_LIB(17),
	CASS_ERROR_LIB_NAME_DOES_NOT_EXIST = INLAY_CQL_LIB(18),
	CASS_ERROR_LIB_UNABLE_TO_DETERMINE_PROTOCOL = INLAY_CQL_LIB(19),
	CASS_ERROR_LIB_NULL_VALUE = INLAY_CQL_LIB(20),
	CASS_ERROR_LIB_NOT_IMPLEMENTED = INLAY_CQL_LIB(21),
	CASS_ERROR_LIB_UNABLE_TO_CONNECT = INLAY_CQL_LIB(22),
	CASS_ERROR_LIB_UNABLE_TO_CLOSE = INLAY_CQL_LIB(23),
	CASS_ERROR_LIB_NO_PAGING_STATE = INLAY_CQL_LIB(24),
	CASS_ERROR_LIB_PARAMETER_UNSET = INLAY_CQL_LIB(25),
	CASS_ERROR_LIB_INVALID_ERROR_RESULT_TYPE = INLAY_CQL_LIB(26),
	CASS_ERROR_LIB_INVALID_FUTURE_TYPE = INLAY_CQL_LIB(27),
	CASS_ERROR_LIB_INTERNAL_ERROR = INLAY_CQL_LIB(28),
	CASS_ERROR_LIB_INVALID_CUSTOM_TYPE = INLAY_CQL_LIB(29),
	CASS_ERROR_LIB_INVALID_DATA = INLAY_CQL_LIB(30),
	CASS_ERROR_LIB_NOT_ENOUGH_DATA = INLAY_CQL_LIB(31),
	CASS_ERROR_LIB_INVALID_STATE = INLAY_CQL_LIB(32),
	CASS_ERROR_LIB_NO_CUSTOM_PAYLOAD = INLAY_CQL_LIB(33),
	CASS_ERROR_LIB_EXECUTION_PROFILE_INVALID = INLAY_CQL_LIB(34),
	CASS_ERROR_LIB_NO_TRACING_ID = INLAY_CQL_LIB(35),

	CASS_ERROR_SERVER_SERVER_ERROR = INLAY_CQL_SERVER(0x0000),
	CASS_ERROR_SERVER_PROTOCOL_ERROR = INLAY_CQL_SERVER(0x000A),
	CASS_ERROR_SERVER_BAD_CREDENTIALS = INLAY_CQL_SERVER(0x0100),
	CASS_ERROR_SERVER_UNAVAILABLE = INLAY_CQL_SERVER(0x1000),
	CASS_ERROR_SERVER_OVERLOADED = INLAY_CQL_SERVER(0x1001),
	CASS_ERROR_SERVER_IS_BOOTSTRAPPING = INLAY_CQL_SERVER(0x1002),
	CASS_ERROR_SERVER_TRUNCATE_ERROR = INLAY_CQL_SERVER(0x1003),
	CASS_ERROR_SERVER_WRITE_TIMEOUT = INLAY_CQL_SERVER(0x1100),
	CASS_ERROR_SERVER_READ_TIMEOUT = INLAY_CQL_SERVER(0x1200),
	CASS_ERROR_SERVER_READ_FAILURE = INLAY_CQL_SERVER(0x1300),
	CASS_ERROR_SERVER_FUNCTION_FAILURE = INLAY_CQL_SERVER(0x1400),
	CASS_ERROR_SERVER_WRITE_FAILURE = INLAY_CQL_SERVER(0x1500),
	CASS_ERROR_SERVER_SYNTAX_ERROR = INLAY_CQL_SERVER(0x2000),
	CASS_ERROR_SERVER_UNAUTHORIZED = INLAY_CQL_SERVER(0x2100),
	CASS_ERROR_SERVER_INVALID_QUERY = INLAY_CQL_SERVER(0x2200),
	CASS_ERROR_SERVER_CONFIG_ERROR = INLAY_CQL_SERVER(0x2300),
	CASS_ERROR_SERVER_ALREADY_EXISTS = INLAY_CQL_SERVER(0x2400),
	CASS_ERROR_SERVER_UNPREPARED = INLAY_CQL_SERVER(0x2500),

	CASS_ERROR_SSL_INVALID_CERT = INLAY_CQL_SSL(1),
	CASS_ERROR_SSL_INVALID_PRIVATE_KEY = INLAY_CQL_SSL(2),
	CASS_ERROR_SSL_NO_PEER_CERT = INLAY_CQL_SSL(3),
	CASS_ERROR_SSL_INVALID_PEER_CERT = INLAY_CQL_SSL(4),
	CASS_ERROR_SSL_IDENTITY_MISMATCH = INLAY_CQL_SSL(5),
	CASS_ERROR_SSL_PROTOCOL_ERROR = INLAY_CQL_SSL(6),
	CASS_ERROR_SSL_CLOSED = INLAY_CQL_SSL(7),

	CASS_ERROR_LAST_ENTRY
} CassError;

/* Texts of the library's own; "" for a number that it does not know. */
const char *cass_error_desc(CassError error);
const char *cass_consistency_string(CassConsistency consistency);
const char *cass_write_type_string(CassWriteType write_type);
const char *cass_log_level_string(CassLogLevel level);

/*
 * Log: what the driver has to say of connections that come and go, the same at most
 * once a minute. By default warnings and errors go to stderr. The callback runs on the
 * driver's threads; the message is lent.
 */

typedef struct CassLogMessage_ {
	cass_uint64_t time_ms; /* since 1970 */
	CassLogLevel severity;
	const char *file;
	int line;
	const char *function;
	char message[CASS_LOG_MAX_MESSAGE_SIZE];
} CassLogMessage;

typedef void (*CassLogCallback)(const CassLogMessage *message, void *data);

void cass_log_set_level(CassLogLevel level);
void cass_log_set_callback(CassLogCallback callback, void *data);

/*
 * Cluster: how to reach one. A session takes a copy when it connects. A value that is
 * not valid is CASS_ERROR_LIB_BAD_PARAMS and changes nothing.
 */

CassCluster *cass_cluster_new(void);
void cass_cluster_free(CassCluster *cluster);

/* Host names or addresses separated by commas, added to those there; "" removes all. */
CassError cass_cluster_set_contact_points(CassCluster *cluster,
					  const char *contact_points);
CassError cass_cluster_set_contact_points_n(CassCluster *cluster,
					    const char *contact_points,
					    size_t contact_points_length);
CassError cass_cluster_set_port(CassCluster *cluster, int port);
void cass_cluster_set_credentials(CassCluster *cluster, const char *username,
				  const char *password);
void cass_cluster_set_credentials_n(CassCluster *cluster, const char *username,
				    size_t username_length, const char *password,
				    size_t password_length);
void cass_cluster_set_ssl(CassCluster *cluster, CassSsl *ssl);

/* Of hosts in other data centres all are used or none. No local one: every host is. */
CassError cass_cluster_set_load_balance_dc_aware(
	CassCluster *cluster, const char *local_dc, unsigned used_hosts_per_remote_dc,
	cass_bool_t allow_remote_dcs_for_local_cl);
CassError cass_cluster_set_load_balance_dc_aware_n(
	CassCluster *cluster, const char *local_dc, size_t local_dc_length,
	unsigned used_hosts_per_remote_dc, cass_bool_t allow_remote_dcs_for_local_cl);
void cass_cluster_set_load_balance_round_robin(CassCluster *cluster);
void cass_cluster_set_token_aware_routing(CassCluster *cluster, cass_bool_t enabled);
void cass_cluster_set_token_aware_routing_shuffle_replicas(CassCluster *cluster,
							   cass_bool_t enabled);

/* Default LOCAL_ONE; of conditions as the server has it (ANY). */
CassError cass_cluster_set_consistency(CassCluster *cluster,
				       CassConsistency consistency);
CassError cass_cluster_set_serial_consistency(CassCluster *cluster,
					      CassConsistency consistency);

/* Default 5 s to connect, 12 s for a request, 5 s for a host name; 0: no limit. */
void cass_cluster_set_connect_timeout(CassCluster *cluster, unsigned timeout_ms);
void cass_cluster_set_request_timeout(CassCluster *cluster, unsigned timeout_ms);
void cass_cluster_set_resolve_timeout(CassCluster *cluster, unsigned timeout_ms);

/* How long a change of the schema waits for all hosts to have it: default 10 s. */
void cass_cluster_set_max_schema_wait_time(CassCluster *cluster, unsigned wait_time_ms);

/* Default 30 s, 0 turns it off; a connection that is silent for 60 s is given up. */
void cass_cluster_set_connection_heartbeat_interval(CassCluster *cluster,
						    unsigned interval_secs);
void cass_cluster_set_connection_idle_timeout(CassCluster *cluster,
					      unsigned timeout_secs);

/* Of idempotent requests alone. Default: none. */
CassError cass_cluster_set_constant_speculative_execution_policy(
	CassCluster *cluster, cass_int64_t constant_delay_ms,
	int max_speculative_executions);
CassError cass_cluster_set_no_speculative_execution_policy(CassCluster *cluster);
void cass_cluster_set_retry_policy(CassCluster *cluster, CassRetryPolicy *retry_policy);
void cass_cluster_set_timestamp_gen(CassCluster *cluster,
				    CassTimestampGen *timestamp_gen);

/* Threads of a session and its connections to each host: default 1. */
CassError cass_cluster_set_num_threads_io(CassCluster *cluster, unsigned num_threads);
CassError cass_cluster_set_core_connections_per_host(CassCluster *cluster,
						     unsigned num_connections);
void cass_cluster_set_tcp_nodelay(CassCluster *cluster, cass_bool_t enabled);
void cass_cluster_set_tcp_keepalive(CassCluster *cluster, cass_bool_t enabled,
				    unsigned delay_secs);
void cass_cluster_set_application_name(CassCluster *cluster,
				       const char *application_name);
void cass_cluster_set_application_version(CassCluster *cluster,
					  const char *application_version);

/* Retry: the default one repeats what cannot do harm, the other nothing. */
CassRetryPolicy *cass_retry_policy_default_new(void);
CassRetryPolicy *cass_retry_policy_fallthrough_new(void);
void cass_retry_policy_free(CassRetryPolicy *policy);

/* Timestamps of writes: by default ascending ones of the client. */
CassTimestampGen *cass_timestamp_gen_server_side_new(void);
CassTimestampGen *cass_timestamp_gen_monotonic_new(void);
void cass_timestamp_gen_free(CassTimestampGen *timestamp_gen);

/*
 * TLS. All texts are PEM. By default the server's certificate must come from a trusted
 * one; PEER_IDENTITY asks besides that it names the address that was connected to. TLS
 * 1.2 is the oldest that is spoken.
 */

CassSsl *cass_ssl_new(void);
CassSsl *cass_ssl_new_no_lib_init(void);
void cass_ssl_free(CassSsl *ssl);
CassError cass_ssl_add_trusted_cert(CassSsl *ssl, const char *cert);
CassError cass_ssl_add_trusted_cert_n(CassSsl *ssl, const char *cert,
				      size_t cert_length);
void cass_ssl_set_verify_flags(CassSsl *ssl, int flags);
/* the client's own, with what leads to its authority after it */
CassError cass_ssl_set_cert(CassSsl *ssl, const char *cert);
CassError cass_ssl_set_cert_n(CassSsl *ssl, const char *cert, size_t cert_length);
CassError cass_ssl_set_private_key(CassSsl *ssl, const char *key, const char *password);
CassError cass_ssl_set_private_key_n(CassSsl *ssl, const char *key, size_t key_length,
				     const char *password, size_t password_length);

/*
 * Session. connect may be repeated after it failed, and after close. close lets
 * requests under way finish; free closes and waits, so it must not be called from a
 * callback.
 */

CassSession *cass_session_new(void);
void cass_session_free(CassSession *session);
CassFuture *cass_session_connect(CassSession *session, const CassCluster *cluster);
CassFuture *cass_session_connect_keyspace(CassSession *session,
					  const CassCluster *cluster,
					  const char *keyspace);
CassFuture *cass_session_connect_keyspace_n(CassSession *session,
					    const CassCluster *cluster,
					    const char *keyspace,
					    size_t keyspace_length);
CassFuture *cass_session_close(CassSession *session);
CassFuture *cass_session_prepare(CassSession *session, const char *query);
CassFuture *cass_session_prepare_n(CassSession *session, const char *query,
				   size_t query_length);
CassFuture *cass_session_execute(CassSession *session, const CassStatement *statement);
CassFuture *cass_session_execute_batch(CassSession *session, const CassBatch *batch);

/*
 * Future. Its callback runs once: on a thread of the driver, or within
 * cass_future_set_callback if the future is set already. It may free the future. The
 * other functions wait until the future is set; in a callback it is.
 */

typedef void (*CassFutureCallback)(CassFuture *future, void *data);

void cass_future_free(CassFuture *future);
CassError cass_future_set_callback(CassFuture *future, CassFutureCallback callback,
				   void *data);
cass_bool_t cass_future_ready(CassFuture *future);
void cass_future_wait(CassFuture *future);
cass_bool_t cass_future_wait_timed(CassFuture *future, cass_duration_t timeout_us);
CassError cass_future_error_code(CassFuture *future);
/* The text is the future's and has no NUL at its end. */
void cass_future_error_message(CassFuture *future, const char **message,
			       size_t *message_length);
/* NULL after an error, or if the future is of another kind. */
const CassResult *cass_future_get_result(CassFuture *future);
const CassPrepared *cass_future_get_prepared(CassFuture *future);
/* NULL if the error did not come from the server. */
const CassErrorResult *cass_future_get_error_result(CassFuture *future);

/* Numbers are -1, types unknown, where an error has no such detail. */
void cass_error_result_free(const CassErrorResult *error_result);
CassError cass_error_result_code(const CassErrorResult *error_result);
CassConsistency cass_error_result_consistency(const CassErrorResult *error_result);
cass_int32_t cass_error_result_responses_received(const CassErrorResult *error_result);
cass_int32_t cass_error_result_responses_required(const CassErrorResult *error_result);
cass_int32_t cass_error_result_num_failures(const CassErrorResult *error_result);
cass_bool_t cass_error_result_data_present(const CassErrorResult *error_result);
CassWriteType cass_error_result_write_type(const CassErrorResult *error_result);
CassError cass_error_result_keyspace(const CassErrorResult *error_result,
				     const char **keyspace, size_t *keyspace_length);
CassError cass_error_result_table(const CassErrorResult *error_result,
				  const char **table, size_t *table_length);

/* Prepared statement */

void cass_prepared_free(const CassPrepared *prepared);
CassStatement *cass_prepared_bind(const CassPrepared *prepared);
CassError cass_prepared_parameter_name(const CassPrepared *prepared, size_t index,
				       const char **name, size_t *name_length);

/*
 * Statement. A value of another type than the parameter's is
 * CASS_ERROR_LIB_INVALID_VALUE_TYPE when it is bound; if the statement was not
 * prepared, when it is executed. What is not bound keeps what the row has.
 */

CassStatement *cass_statement_new(const char *query, size_t parameter_count);
CassStatement *cass_statement_new_n(const char *query, size_t query_length,
				    size_t parameter_count);
void cass_statement_free(CassStatement *statement);
CassError cass_statement_reset_parameters(CassStatement *statement, size_t count);
CassError cass_statement_set_consistency(CassStatement *statement,
					 CassConsistency consistency);
CassError cass_statement_set_serial_consistency(CassStatement *statement,
						CassConsistency serial_consistency);
CassError cass_statement_set_timestamp(CassStatement *statement,
				       cass_int64_t timestamp);
/* 0: no limit, CASS_UINT64_MAX: as the cluster has it. */
CassError cass_statement_set_request_timeout(CassStatement *statement,
					     cass_uint64_t timeout_ms);
CassError cass_statement_set_is_idempotent(CassStatement *statement,
					   cass_bool_t is_idempotent);
CassError cass_statement_set_retry_policy(CassStatement *statement,
					  CassRetryPolicy *retry_policy);
/* Rows a page; -1, the default: all in one. */
CassError cass_statement_set_paging_size(CassStatement *statement, int page_size);
CassError cass_statement_set_paging_state(CassStatement *statement,
					  const CassResult *result);
CassError cass_statement_set_paging_state_token(CassStatement *statement,
						const char *paging_state,
						size_t paging_state_size);

#define INLAY_CQL_BIND(type, value_type)                                               \
	CassError cass_statement_bind_##type(CassStatement *statement, size_t index,   \
					     value_type value);                        \
	CassError cass_statement_bind_##type##_by_name(                                \
		CassStatement *statement, const char *name, value_type value);         \
	CassError cass_statement_bind_##type##_by_name_n(                              \
		CassStatement *statement, const char *name, size_t name_length,        \
		value_type value)

INLAY_CQL_BIND(int8, cass_int8_t);
INLAY_CQL_BIND(int16, cass_int16_t);
INLAY_CQL_BIND(int32, cass_int32_t);
INLAY_CQL_BIND(uint32, cass_uint32_t); /* date */
INLAY_CQL_BIND(int64, cass_int64_t);   /* bigint, counter, timestamp, time */
INLAY_CQL_BIND(float, cass_float_t);
INLAY_CQL_BIND(double, cass_double_t);
INLAY_CQL_BIND(bool, cass_bool_t);
INLAY_CQL_BIND(uuid, CassUuid);
INLAY_CQL_BIND(inet, CassInet);
#undef INLAY_CQL_BIND

CassError cass_statement_bind_null(CassStatement *statement, size_t index);
CassError cass_statement_bind_null_by_name(CassStatement *statement, const char *name);
CassError cass_statement_bind_null_by_name_n(CassStatement *statement, const char *name,
					     size_t name_length);
/* text, ascii, blob; NULL is the empty text */
CassError cass_statement_bind_string(CassStatement *statement, size_t index,
				     const char *value);
CassError cass_statement_bind_string_n(CassStatement *statement, size_t index,
				       const char *value, size_t value_length);
CassError cass_statement_bind_string_by_name(CassStatement *statement, const char *name,
					     const char *value);
CassError cass_statement_bind_string_by_name_n(CassStatement *statement,
					       const char *name, size_t name_length,
					       const char *value, size_t value_length);
/* blob, varint */
CassError cass_statement_bind_bytes(CassStatement *statement, size_t index,
				    const cass_byte_t *value, size_t value_size);
CassError cass_statement_bind_bytes_by_name(CassStatement *statement, const char *name,
					    const cass_byte_t *value,
					    size_t value_size);
CassError cass_statement_bind_bytes_by_name_n(CassStatement *statement,
					      const char *name, size_t name_length,
					      const cass_byte_t *value,
					      size_t value_size);

/* Batch */

CassBatch *cass_batch_new(CassBatchType type);
void cass_batch_free(CassBatch *batch);
CassError cass_batch_add_statement(CassBatch *batch, CassStatement *statement);
CassError cass_batch_set_consistency(CassBatch *batch, CassConsistency consistency);
CassError cass_batch_set_serial_consistency(CassBatch *batch,
					    CassConsistency serial_consistency);
CassError cass_batch_set_timestamp(CassBatch *batch, cass_int64_t timestamp);
CassError cass_batch_set_request_timeout(CassBatch *batch, cass_uint64_t timeout_ms);
CassError cass_batch_set_is_idempotent(CassBatch *batch, cass_bool_t is_idempotent);
CassError cass_batch_set_retry_policy(CassBatch *batch, CassRetryPolicy *retry_policy);

/*
 * Result. Rows, values, names and tokens are the result's own, until it is freed. A
 * statement that returns no rows has a result without columns.
 */

void cass_result_free(const CassResult *result);
size_t cass_result_row_count(const CassResult *result);
size_t cass_result_column_count(const CassResult *result);
CassError cass_result_column_name(const CassResult *result, size_t index,
				  const char **name, size_t *name_length);
CassValueType cass_result_column_type(const CassResult *result, size_t index);
const CassRow *cass_result_first_row(const CassResult *result);
cass_bool_t cass_result_has_more_pages(const CassResult *result);
CassError cass_result_paging_state_token(const CassResult *result,
					 const char **paging_state,
					 size_t *paging_state_size);

/* Starts before the first: next, then get. */
CassIterator *cass_iterator_from_result(const CassResult *result);
CassIterator *cass_iterator_from_row(const CassRow *row);
void cass_iterator_free(CassIterator *iterator);
CassIteratorType cass_iterator_type(CassIterator *iterator);
cass_bool_t cass_iterator_next(CassIterator *iterator);
const CassRow *cass_iterator_get_row(const CassIterator *iterator);
const CassValue *cass_iterator_get_column(const CassIterator *iterator);

/* NULL if there is no such column. Names are found in any case, in "quotes" exactly. */
const CassValue *cass_row_get_column(const CassRow *row, size_t index);
const CassValue *cass_row_get_column_by_name(const CassRow *row, const char *name);
const CassValue *cass_row_get_column_by_name_n(const CassRow *row, const char *name,
					       size_t name_length);

/* A null value, or NULL, is CASS_ERROR_LIB_NULL_VALUE. */
CassValueType cass_value_type(const CassValue *value);
cass_bool_t cass_value_is_null(const CassValue *value);
CassError cass_value_get_int8(const CassValue *value, cass_int8_t *output);
CassError cass_value_get_int16(const CassValue *value, cass_int16_t *output);
CassError cass_value_get_int32(const CassValue *value, cass_int32_t *output);
CassError cass_value_get_uint32(const CassValue *value, cass_uint32_t *output);
CassError cass_value_get_int64(const CassValue *value, cass_int64_t *output);
CassError cass_value_get_float(const CassValue *value, cass_float_t *output);
CassError cass_value_get_double(const CassValue *value, cass_double_t *output);
CassError cass_value_get_bool(const CassValue *value, cass_bool_t *output);
CassError cass_value_get_uuid(const CassValue *value, CassUuid *output);
CassError cass_value_get_inet(const CassValue *value, CassInet *output);
/* of a value of any type, as it is stored */
CassError cass_value_get_string(const CassValue *value, const char **output,
				size_t *output_size);
CassError cass_value_get_bytes(const CassValue *value, const cass_byte_t **output,
			       size_t *output_size);

/* UUID. The time is in milliseconds since 1970, of version 1. */
cass_uint64_t cass_uuid_timestamp(CassUuid uuid);
cass_uint8_t cass_uuid_version(CassUuid uuid);
/* output has CASS_UUID_STRING_LENGTH bytes */
void cass_uuid_string(CassUuid uuid, char *output);
CassError cass_uuid_from_string(const char *str, CassUuid *output);
CassError cass_uuid_from_string_n(const char *str, size_t str_length, CassUuid *output);

#ifdef __cplusplus
}
#endif

#endif
