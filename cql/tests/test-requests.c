/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a real server: results, paging, conditions, batches, callbacks. */
#include "cql-unit.h"

#include <pthread.h>

#define KEYSPACE "inlay_cql_requests"

static CassCluster *cluster;
static CassSession *session;

static int connect_all(void **unused)
{
	(void)unused;
	cluster = cluster_new();
	session = session_with(cluster, KEYSPACE);
	run(session,
	    "CREATE TABLE IF NOT EXISTS " KEYSPACE ".kinds (id int PRIMARY KEY, "
	    "name text)");
	run(session, "CREATE TABLE IF NOT EXISTS " KEYSPACE ".rows (part text, n int, "
		     "filler blob, PRIMARY KEY (part, n))");
	return 0;
}

static int disconnect_all(void **unused)
{
	(void)unused;
	run(session, "DROP KEYSPACE " KEYSPACE);
	assert_future(cass_session_close(session), CASS_OK);
	cass_session_free(session);
	cass_cluster_free(cluster);
	return 0;
}

static void a_statement_may_change_as_soon_as_it_is_executed(void **unused)
{
	(void)unused;
	const CassPrepared *prepared =
		prepare(session,
			"INSERT INTO " KEYSPACE ".rows (part, n) VALUES ('change', ?)");
	CassStatement *s = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	CassFuture *futures[200];
	for (int i = 0; i < 200; i++) {
		assert_ok(cass_statement_bind_int32(s, 0, i));
		futures[i] = cass_session_execute(session, s);
	}
	cass_statement_free(s);
	for (int i = 0; i < 200; i++)
		assert_future(futures[i], CASS_OK);
	const CassResult *result =
		result_of(session, cass_statement_new("SELECT n FROM " KEYSPACE
						      ".rows WHERE part = 'change'",
						      0));
	assert_int_equal(cass_result_row_count(result), 200);
	CassIterator *rows = cass_iterator_from_result(result);
	assert_int_equal(cass_iterator_type(rows), CASS_ITERATOR_TYPE_RESULT);
	assert_null(cass_iterator_get_row(rows));
	for (int i = 0; i < 200; i++) {
		assert_true(cass_iterator_next(rows));
		const CassRow *row = cass_iterator_get_row(rows);
		assert_int_equal(int_in(row, 0), i);
		CassIterator *columns = cass_iterator_from_row(row);
		assert_int_equal(cass_iterator_type(columns), CASS_ITERATOR_TYPE_ROW);
		assert_true(cass_iterator_next(columns));
		assert_ptr_equal(cass_iterator_get_column(columns),
				 cass_row_get_column(row, 0));
		assert_false(cass_iterator_next(columns));
		cass_iterator_free(columns);
	}
	assert_false(cass_iterator_next(rows));
	cass_iterator_free(rows);
	cass_result_free(result);
}

/* paging */

static void fill_part(const char *part, int count)
{
	const CassPrepared *prepared =
		prepare(session, "INSERT INTO " KEYSPACE
				 ".rows (part, n, filler) VALUES (?, ?, ?)");
	static const cass_byte_t filler[1000];
	for (int i = 0; i < count; i++) {
		CassStatement *s = cass_prepared_bind(prepared);
		assert_ok(cass_statement_bind_string(s, 0, part));
		assert_ok(cass_statement_bind_int32(s, 1, i));
		assert_ok(cass_statement_bind_bytes(s, 2, filler, sizeof filler));
		cass_result_free(result_of(session, s));
	}
	cass_prepared_free(prepared);
}

static void a_result_comes_in_pages(void **unused)
{
	(void)unused;
	fill_part("pages", 25);
	const CassPrepared *prepared =
		prepare(session, "SELECT n FROM " KEYSPACE ".rows WHERE part = ?");
	CassStatement *s = cass_prepared_bind(prepared);
	CassStatement *resumed = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	assert_ok(cass_statement_bind_string(s, 0, "pages"));
	assert_ok(cass_statement_bind_string(resumed, 0, "pages"));
	assert_ok(cass_statement_set_paging_size(s, 10));
	assert_ok(cass_statement_set_paging_size(resumed, 10));
	int seen = 0, pages = 0;
	cass_bool_t more = cass_true;
	while (more) {
		CassFuture *future = cass_session_execute(session, s);
		const CassResult *page = cass_future_get_result(future);
		assert_future(future, CASS_OK);
		CassIterator *rows = cass_iterator_from_result(page);
		while (cass_iterator_next(rows))
			assert_int_equal(int_in(cass_iterator_get_row(rows), 0),
					 seen++);
		cass_iterator_free(rows);
		more = cass_result_has_more_pages(page);
		const char *token;
		size_t length;
		CassError error = cass_result_paging_state_token(page, &token, &length);
		assert_error(error, more ? CASS_OK : CASS_ERROR_LIB_NO_PAGING_STATE);
		if (pages++ == 0)
			assert_ok(cass_statement_set_paging_state_token(resumed, token,
									length));
		assert_ok(cass_statement_set_paging_state(s, page));
		cass_result_free(page);
	}
	assert_int_equal(seen, 25);
	assert_int_equal(pages, 3);
	const CassResult *second = result_of(session, resumed);
	assert_int_equal(int_in(cass_result_first_row(second), 0), 10);
	cass_result_free(second);
	cass_statement_free(s);
}

static void without_paging_all_rows_come_at_once(void **unused)
{
	(void)unused;
	fill_part("whole", 25);
	const CassResult *result =
		result_of(session, cass_statement_new("SELECT n FROM " KEYSPACE
						      ".rows WHERE part = 'whole'",
						      0));
	assert_int_equal(cass_result_row_count(result), 25);
	assert_false(cass_result_has_more_pages(result));
	cass_result_free(result);
}

/* conditions, batches, timestamps */

static cass_bool_t applied(const CassResult *result)
{
	cass_bool_t value;
	const CassRow *row = cass_result_first_row(result);
	assert_ok(cass_value_get_bool(cass_row_get_column_by_name(row, "[applied]"),
				      &value));
	return value;
}

static void a_condition_is_applied_once(void **unused)
{
	(void)unused;
	run(session, "DELETE FROM " KEYSPACE ".kinds WHERE id = 20 IF EXISTS");
	const CassPrepared *prepared =
		prepare(session, "INSERT INTO " KEYSPACE
				 ".kinds (id, name) VALUES (20, ?) IF NOT EXISTS");
	CassStatement *s = cass_prepared_bind(prepared);
	assert_ok(cass_statement_set_serial_consistency(s,
							CASS_CONSISTENCY_LOCAL_SERIAL));
	assert_ok(cass_statement_bind_string(s, 0, "first"));
	const CassResult *result = result_of(session, s);
	assert_int_equal(applied(result), cass_true);
	assert_int_equal(cass_result_column_count(result), 1);
	cass_result_free(result);

	/* the same prepared statement now answers with the row that was there */
	s = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	assert_ok(cass_statement_set_serial_consistency(s,
							CASS_CONSISTENCY_LOCAL_SERIAL));
	assert_ok(cass_statement_bind_string(s, 0, "second"));
	result = result_of(session, s);
	assert_int_equal(applied(result), cass_false);
	const CassRow *row = cass_result_first_row(result);
	struct str name;
	assert_ok(cass_value_get_string(cass_row_get_column_by_name(row, "name"),
					&name.p, &name.n));
	assert_str(name, "first");
	cass_result_free(result);

	s = cass_statement_new("SELECT name FROM " KEYSPACE ".kinds WHERE id = 20", 0);
	assert_ok(cass_statement_set_consistency(s, CASS_CONSISTENCY_LOCAL_SERIAL));
	result = result_of(session, s);
	assert_str(text_in(cass_result_first_row(result), 0), "first");
	cass_result_free(result);
}

static CassStatement *row_statement(const CassPrepared *prepared, const char *part,
				    int n)
{
	CassStatement *s = cass_prepared_bind(prepared);
	assert_ok(cass_statement_bind_string(s, 0, part));
	assert_ok(cass_statement_bind_int32(s, 1, n));
	return s;
}

static void add(CassBatch *batch, CassStatement *statement)
{
	assert_ok(cass_batch_add_statement(batch, statement));
	cass_statement_free(statement);
}

static size_t rows_in(const char *part)
{
	CassStatement *s =
		cass_statement_new("SELECT n FROM " KEYSPACE ".rows WHERE part = ?", 1);
	assert_ok(cass_statement_bind_string(s, 0, part));
	const CassResult *result = result_of(session, s);
	size_t count = cass_result_row_count(result);
	cass_result_free(result);
	return count;
}

static void an_unlogged_batch_writes_all_of_it(void **unused)
{
	(void)unused;
	const CassPrepared *insert = prepare(session, "INSERT INTO " KEYSPACE
						      ".rows (part, n) VALUES (?, ?)");
	CassBatch *batch = cass_batch_new(CASS_BATCH_TYPE_UNLOGGED);
	for (int i = 0; i < 10; i++)
		add(batch, row_statement(insert, "batch", i));
	cass_prepared_free(insert);
	/* statements that were not prepared go along */
	add(batch, cass_statement_new("INSERT INTO " KEYSPACE
				      ".rows (part, n) VALUES ('batch', 10)",
				      0));
	CassStatement *s = cass_statement_new(
		"INSERT INTO " KEYSPACE ".rows (part, n) VALUES ('batch', ?)", 1);
	assert_ok(cass_statement_bind_int32(s, 0, 11));
	add(batch, s);
	assert_ok(cass_batch_set_consistency(batch, CASS_CONSISTENCY_LOCAL_QUORUM));
	assert_ok(cass_batch_set_is_idempotent(batch, cass_true));
	assert_future(cass_session_execute_batch(session, batch), CASS_OK);
	/* again: a batch may be executed as often as one likes */
	assert_future(cass_session_execute_batch(session, batch), CASS_OK);
	cass_batch_free(batch);
	assert_int_equal(rows_in("batch"), 12);
}

static void a_conditional_batch_does_all_or_nothing(void **unused)
{
	(void)unused;
	run(session,
	    "CREATE TABLE IF NOT EXISTS " KEYSPACE
	    ".guard (part text, n int, epoch int STATIC, PRIMARY KEY (part, n))");
	const CassPrepared *claim =
		prepare(session, "UPDATE " KEYSPACE
				 ".guard SET epoch = ? WHERE part = ? IF epoch = ?");
	const CassPrepared *insert = prepare(session, "INSERT INTO " KEYSPACE
						      ".guard (part, n) VALUES (?, ?)");
	/* epoch 1 -> 2 twice: the second finds 2 */
	run(session, "INSERT INTO " KEYSPACE ".guard (part, epoch) VALUES ('p', 1)");
	for (int round = 0; round < 2; round++) {
		CassBatch *batch = cass_batch_new(CASS_BATCH_TYPE_UNLOGGED);
		CassStatement *s = cass_prepared_bind(claim);
		assert_ok(cass_statement_bind_int32(s, 0, 2));
		assert_ok(cass_statement_bind_string(s, 1, "p"));
		assert_ok(cass_statement_bind_int32(s, 2, 1));
		add(batch, s);
		add(batch, row_statement(insert, "p", round));
		assert_ok(cass_batch_set_serial_consistency(
			batch, CASS_CONSISTENCY_LOCAL_SERIAL));
		CassFuture *future = cass_session_execute_batch(session, batch);
		const CassResult *result = cass_future_get_result(future);
		assert_future(future, CASS_OK);
		assert_int_equal(applied(result), round == 0 ? cass_true : cass_false);
		cass_result_free(result);
		cass_batch_free(batch);
	}
	cass_prepared_free(claim);
	cass_prepared_free(insert);
	const CassResult *result =
		result_of(session, cass_statement_new("SELECT n FROM " KEYSPACE
						      ".guard WHERE part = 'p'",
						      0));
	assert_int_equal(cass_result_row_count(result), 1);
	assert_int_equal(int_in(cass_result_first_row(result), 0), 0);
	cass_result_free(result);
}

static int64_t written_at(int n)
{
	CassStatement *s = cass_statement_new("SELECT WRITETIME(filler) FROM " KEYSPACE
					      ".rows WHERE part = 'time' AND n = ?",
					      1);
	assert_ok(cass_statement_bind_int32(s, 0, n));
	const CassResult *result = result_of(session, s);
	int64_t time;
	assert_ok(cass_value_get_int64(
		cass_row_get_column(cass_result_first_row(result), 0), &time));
	cass_result_free(result);
	return time;
}

static void a_write_has_the_timestamp_that_it_is_given(void **unused)
{
	(void)unused;
	const char *query = "INSERT INTO " KEYSPACE
			    ".rows (part, n, filler) VALUES ('time', ?, 0x00)";
	const CassPrepared *prepared = prepare(session, query);
	CassStatement *s = cass_prepared_bind(prepared);
	assert_ok(cass_statement_bind_int32(s, 0, 1));
	assert_ok(cass_statement_set_timestamp(s, 1234567));
	cass_result_free(result_of(session, s));
	assert_int_equal(written_at(1), 1234567);

	CassBatch *batch = cass_batch_new(CASS_BATCH_TYPE_UNLOGGED);
	s = cass_prepared_bind(prepared);
	assert_ok(cass_statement_bind_int32(s, 0, 2));
	add(batch, s);
	assert_ok(cass_batch_set_timestamp(batch, 7654321));
	assert_future(cass_session_execute_batch(session, batch), CASS_OK);
	cass_batch_free(batch);
	assert_int_equal(written_at(2), 7654321);

	/* else the client's own time, ascending */
	for (int n = 3; n < 6; n++) {
		s = cass_prepared_bind(prepared);
		assert_ok(cass_statement_bind_int32(s, 0, n));
		cass_result_free(result_of(session, s));
	}
	cass_prepared_free(prepared);
	assert_true(written_at(3) > 1700000000000000);
	assert_true(written_at(3) < written_at(4));
	assert_true(written_at(4) < written_at(5));
}

/* errors */

static CassError error_of(const char *query)
{
	CassStatement *s = cass_statement_new(query, 0);
	CassFuture *future = cass_session_execute(session, s);
	cass_statement_free(s);
	CassError error = cass_future_error_code(future);
	assert_null(cass_future_get_result(future));
	cass_future_free(future);
	return error;
}

static void the_servers_errors_have_its_numbers(void **unused)
{
	(void)unused;
	assert_error(error_of("nonsense"), CASS_ERROR_SERVER_SYNTAX_ERROR);
	assert_error(error_of("SELECT * FROM " KEYSPACE ".nobody"),
		     CASS_ERROR_SERVER_INVALID_QUERY);
	assert_error(error_of("SELECT * FROM nobody.nobody"),
		     CASS_ERROR_SERVER_INVALID_QUERY);
	assert_error(error_of("CREATE KEYSPACE " KEYSPACE " WITH replication = "
			      "{'class': 'SimpleStrategy', 'replication_factor': 1}"),
		     CASS_ERROR_SERVER_ALREADY_EXISTS);
	assert_error(error_of("CREATE KEYSPACE inlay_bad WITH replication = "
			      "{'class': 'NoStrategy'}"),
		     CASS_ERROR_SERVER_CONFIG_ERROR);
	CassFuture *future =
		cass_session_prepare(session, "SELECT * FROM " KEYSPACE ".nobody");
	assert_null(cass_future_get_prepared(future));
	assert_future(future, CASS_ERROR_SERVER_INVALID_QUERY);
}

static void an_error_says_what_exists_already(void **unused)
{
	(void)unused;
	CassStatement *s = cass_statement_new(
		"CREATE TABLE " KEYSPACE ".rows (part text PRIMARY KEY)", 0);
	CassFuture *future = cass_session_execute(session, s);
	cass_statement_free(s);
	const CassErrorResult *error = cass_future_get_error_result(future);
	assert_non_null(error);
	struct str keyspace, table;
	assert_error(cass_error_result_code(error), CASS_ERROR_SERVER_ALREADY_EXISTS);
	assert_ok(cass_error_result_keyspace(error, &keyspace.p, &keyspace.n));
	assert_ok(cass_error_result_table(error, &table.p, &table.n));
	assert_str(keyspace, KEYSPACE);
	assert_str(table, "rows");
	assert_int_equal(cass_error_result_consistency(error),
			 CASS_CONSISTENCY_UNKNOWN);
	assert_int_equal(cass_error_result_write_type(error), CASS_WRITE_TYPE_UNKNOWN);
	assert_int_equal(cass_error_result_num_failures(error), -1);
	/* it outlives its future */
	cass_future_free(future);
	assert_error(cass_error_result_code(error), CASS_ERROR_SERVER_ALREADY_EXISTS);
	cass_error_result_free(error);
}

static void too_few_replicas_are_told_with_their_number(void **unused)
{
	(void)unused;
	CassStatement *s = cass_statement_new(
		"INSERT INTO " KEYSPACE ".rows (part, n) VALUES ('two', 1)", 0);
	assert_ok(cass_statement_set_consistency(s, CASS_CONSISTENCY_TWO));
	CassFuture *future = cass_session_execute(session, s);
	cass_statement_free(s);
	const CassErrorResult *error = cass_future_get_error_result(future);
	assert_future(future, CASS_ERROR_SERVER_UNAVAILABLE);
	assert_int_equal(cass_error_result_consistency(error), CASS_CONSISTENCY_TWO);
	assert_int_equal(cass_error_result_responses_required(error), 2);
	assert_int_equal(cass_error_result_responses_received(error), 1);
	cass_error_result_free(error);
}

static void a_request_that_takes_too_long_is_given_up(void **unused)
{
	(void)unused;
	fill_part("slow", 300);
	CassStatement *s = cass_statement_new(
		"SELECT filler FROM " KEYSPACE ".rows WHERE part = 'slow'", 0);
	assert_ok(cass_statement_set_request_timeout(s, 1));
	int late = 0;
	for (int i = 0; i < 200 && late == 0; i++) {
		CassFuture *future = cass_session_execute(session, s);
		CassError error = cass_future_error_code(future);
		if (error != CASS_OK) {
			assert_error(error, CASS_ERROR_LIB_REQUEST_TIMED_OUT);
			late++;
		}
		cass_future_free(future);
	}
	assert_int_equal(late, 1);
	/* 0: as long as it takes */
	assert_ok(cass_statement_set_request_timeout(s, 0));
	assert_future(cass_session_execute(session, s), CASS_OK);
	assert_ok(cass_statement_set_request_timeout(s, CASS_UINT64_MAX));
	cass_result_free(result_of(session, s));
}

/* callbacks */

struct seen {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int calls, ok;
	bool foreign; /* a call on another thread than the test's */
	pthread_t self;
};

static void see(CassFuture *future, void *data)
{
	struct seen *seen = data;
	const CassResult *result = cass_future_get_result(future);
	bool ok = cass_future_error_code(future) == CASS_OK && result != NULL;
	cass_result_free(result);
	cass_future_free(future);
	pthread_mutex_lock(&seen->mutex);
	seen->calls++;
	seen->ok += ok;
	seen->foreign |= !pthread_equal(pthread_self(), seen->self);
	pthread_cond_signal(&seen->changed);
	pthread_mutex_unlock(&seen->mutex);
}

static void each_callback_runs_once_and_may_free_its_future(void **unused)
{
	(void)unused;
	struct seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER,
			    .self = pthread_self()};
	const CassPrepared *prepared =
		prepare(session, "SELECT n FROM " KEYSPACE ".rows WHERE part = ?");
	enum { COUNT = 2000 };
	for (int i = 0; i < COUNT; i++) {
		CassStatement *s = cass_prepared_bind(prepared);
		assert_ok(cass_statement_bind_string(s, 0, "pages"));
		CassFuture *future = cass_session_execute(session, s);
		cass_statement_free(s);
		assert_ok(cass_future_set_callback(future, see, &seen));
	}
	cass_prepared_free(prepared);
	pthread_mutex_lock(&seen.mutex);
	while (seen.calls < COUNT)
		pthread_cond_wait(&seen.changed, &seen.mutex);
	assert_int_equal(seen.calls, COUNT);
	assert_int_equal(seen.ok, COUNT);
	assert_true(seen.foreign);
	pthread_mutex_unlock(&seen.mutex);
}

/* In a callback: a request, and a wait for its answer. */
static void ask_again(CassFuture *future, void *data)
{
	int *answered = data;
	CassStatement *s = cass_statement_new("SELECT key FROM system.local", 0);
	CassFuture *inner = cass_session_execute(session, s);
	cass_statement_free(s);
	bool ok = cass_future_error_code(future) == CASS_OK &&
		  cass_future_error_code(inner) == CASS_OK;
	cass_future_free(inner);
	__atomic_store_n(answered, ok ? 1 : -1, __ATOMIC_RELEASE);
}

static void a_callback_may_make_a_request_and_wait_for_it(void **unused)
{
	(void)unused;
	int answered = 0;
	CassStatement *s = cass_statement_new("SELECT key FROM system.local", 0);
	CassFuture *future = cass_session_execute(session, s);
	cass_statement_free(s);
	assert_ok(cass_future_set_callback(future, ask_again, &answered));
	/* A wait ends after the callback, if it began before; else the result is there.
	 */
	while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) == 0)
		cass_future_wait_timed(future, 1000);
	assert_int_equal(answered, 1);
	cass_future_free(future);
}

static void a_close_lets_requests_finish(void **unused)
{
	(void)unused;
	struct seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER,
			    .self = pthread_self()};
	CassSession *other = session_new(cluster);
	CassStatement *s = cass_statement_new(
		"SELECT n FROM " KEYSPACE ".rows WHERE part = 'pages'", 0);
	enum { COUNT = 100 };
	for (int i = 0; i < COUNT; i++)
		assert_ok(cass_future_set_callback(cass_session_execute(other, s), see,
						   &seen));
	CassFuture *closing = cass_session_close(other);
	assert_future(cass_session_execute(other, s),
		      CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	assert_future(closing, CASS_OK);
	assert_int_equal(seen.calls, COUNT);
	assert_int_equal(seen.ok, COUNT);
	/* and may be opened again, then freed with requests under way */
	seen.calls = seen.ok = 0;
	CassFuture *connecting = cass_session_connect(other, cluster);
	CassError error = cass_future_error_code(connecting);
	cass_future_free(connecting);
	assert_ok(error);
	for (int i = 0; i < COUNT; i++)
		assert_ok(cass_future_set_callback(cass_session_execute(other, s), see,
						   &seen));
	cass_session_free(other);
	assert_int_equal(seen.calls, COUNT);
	assert_int_equal(seen.ok, COUNT);
	cass_statement_free(s);
}

/* many threads */

static void *work(void *data)
{
	const CassPrepared *prepared = data;
	for (int i = 0; i < 200; i++) {
		CassStatement *s = row_statement(prepared, "threads", i);
		CassFuture *future = cass_session_execute(session, s);
		cass_statement_free(s);
		CassError error = cass_future_error_code(future);
		cass_future_free(future);
		if (error != CASS_OK)
			return data;
	}
	return NULL;
}

static void a_session_serves_many_threads(void **unused)
{
	(void)unused;
	const CassPrepared *insert = prepare(session, "INSERT INTO " KEYSPACE
						      ".rows (part, n) VALUES (?, ?)");
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						(void *)(uintptr_t)insert),
				 0);
	for (int i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	cass_prepared_free(insert);
	assert_int_equal(rows_in("threads"), 200);
}

/* connecting */

static void a_wrong_data_centre_is_told(void **unused)
{
	(void)unused;
	CassCluster *wrong = cluster_new();
	assert_ok(cass_cluster_set_load_balance_dc_aware(wrong, "mars", 0, cass_false));
	CassSession *other = cass_session_new();
	CassFuture *future = cass_session_connect(other, wrong);
	const char *message;
	size_t length;
	cass_future_error_message(future, &message, &length);
	assert_non_null(memmem(message, length, "mars", 4));
	assert_non_null(memmem(message, length, given("INLAY_CQL_DC"),
			       strlen(given("INLAY_CQL_DC"))));
	assert_future(future, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	/* and the same session connects with the right one */
	assert_future(cass_session_connect(other, cluster), CASS_OK);
	cass_session_free(other);
	cass_cluster_free(wrong);
}

static void a_session_may_have_a_keyspace(void **unused)
{
	(void)unused;
	CassSession *other = cass_session_new();
	assert_future(cass_session_connect_keyspace(other, cluster, "nobody"),
		      CASS_ERROR_LIB_UNABLE_TO_SET_KEYSPACE);
	assert_future(cass_session_connect_keyspace(other, cluster, KEYSPACE), CASS_OK);
	run(other, "SELECT n FROM rows WHERE part = 'pages'");
	cass_session_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_may_change_as_soon_as_it_is_executed),
		cmocka_unit_test(a_result_comes_in_pages),
		cmocka_unit_test(without_paging_all_rows_come_at_once),
		cmocka_unit_test(a_condition_is_applied_once),
		cmocka_unit_test(an_unlogged_batch_writes_all_of_it),
		cmocka_unit_test(a_conditional_batch_does_all_or_nothing),
		cmocka_unit_test(a_write_has_the_timestamp_that_it_is_given),
		cmocka_unit_test(the_servers_errors_have_its_numbers),
		cmocka_unit_test(an_error_says_what_exists_already),
		cmocka_unit_test(too_few_replicas_are_told_with_their_number),
		cmocka_unit_test(a_request_that_takes_too_long_is_given_up),
		cmocka_unit_test(each_callback_runs_once_and_may_free_its_future),
		cmocka_unit_test(a_callback_may_make_a_request_and_wait_for_it),
		cmocka_unit_test(a_close_lets_requests_finish),
		cmocka_unit_test(a_session_serves_many_threads),
		cmocka_unit_test(a_wrong_data_centre_is_told),
		cmocka_unit_test(a_session_may_have_a_keyspace),
	};
	return cmocka_run_group_tests_name("cql requests", tests, connect_all,
					   disconnect_all);
}
