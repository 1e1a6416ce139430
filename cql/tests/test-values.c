/* SPDX-License-Identifier: Apache-2.0 */
/* Values of every type, to a real server and back. */
#include "cql-unit.h"

#define KEYSPACE "inlay_cql_values"

static CassCluster *cluster;
static CassSession *session;

static int connect_all(void **unused)
{
	(void)unused;
	cluster = cluster_new();
	session = session_with(cluster, KEYSPACE);
	run(session,
	    "CREATE TABLE IF NOT EXISTS " KEYSPACE ".kinds (id int PRIMARY KEY, "
	    "tiny tinyint, small smallint, big bigint, real float, twice double, "
	    "flag boolean, name text, plain ascii, data blob, u uuid, t timeuuid, "
	    "at timestamp, day date, \"From\" inet, many list<int>)");
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

#define INSERT_KINDS                                                                   \
	"INSERT INTO " KEYSPACE                                                        \
	".kinds (id, tiny, small, big, real, twice, flag, name, "                      \
	"plain, data, u, t, at, day, \"From\") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define SELECT_KINDS                                                                   \
	"SELECT id, tiny, small, big, real, twice, flag, name, plain, data, u, t, "    \
	"at, "                                                                         \
	"day, \"From\", many FROM " KEYSPACE ".kinds WHERE id = ?"

static const CassResult *row_of(int id, const char *query)
{
	const CassPrepared *prepared = prepare(session, query);
	CassStatement *statement = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	assert_ok(cass_statement_bind_int32(statement, 0, id));
	return result_of(session, statement);
}

static void every_type_comes_back_as_it_was_bound(void **unused)
{
	(void)unused;
	CassUuid random, timed;
	assert_ok(
		cass_uuid_from_string("0e8fbb1c-9b7f-4c1d-8f4e-2f6a1c0d3b5a", &random));
	assert_ok(
		cass_uuid_from_string("6ba7b810-9dad-11d1-80b4-00c04fd430c8", &timed));
	const CassInet v4 = {.address = {127, 0, 0, 1}, .address_length = 4};
	const CassPrepared *prepared = prepare(session, INSERT_KINDS);
	CassStatement *s = cass_prepared_bind(prepared);
	const char *name;
	size_t length;
	assert_ok(cass_prepared_parameter_name(prepared, 7, &name, &length));
	assert_str(text_of(name, length), "name");
	assert_error(cass_prepared_parameter_name(prepared, 15, &name, &length),
		     CASS_ERROR_LIB_INDEX_OUT_OF_BOUNDS);
	/* the statement needs no more of it */
	cass_prepared_free(prepared);

	static const cass_byte_t bytes[] = {0, 1, 0xff, 0, 'x'};
	char text[] =
		"Zürich \xf0\x9f\x93\xac a text that is longer than sixteen bytes";
	assert_ok(cass_statement_bind_int32(s, 0, INT32_MIN));
	assert_ok(cass_statement_bind_int8(s, 1, -128));
	assert_ok(cass_statement_bind_int16(s, 2, 32767));
	assert_ok(cass_statement_bind_int64(s, 3, INT64_MAX));
	assert_ok(cass_statement_bind_float(s, 4, -0.5F));
	assert_ok(cass_statement_bind_double(s, 5, 1e300));
	assert_ok(cass_statement_bind_bool(s, 6, cass_true));
	assert_ok(cass_statement_bind_string(s, 7, text));
	assert_ok(cass_statement_bind_string_n(s, 8, "plain and more", 5));
	assert_ok(cass_statement_bind_bytes(s, 9, bytes, sizeof bytes));
	assert_ok(cass_statement_bind_uuid(s, 10, random));
	assert_ok(cass_statement_bind_uuid_by_name(s, "T", timed));
	assert_ok(cass_statement_bind_int64_by_name(s, "at", 1700000000123));
	assert_ok(cass_statement_bind_uint32(s, 13, 2147483648U + 20000));
	assert_ok(cass_statement_bind_inet_by_name(s, "\"From\"", v4));
	/* copied when bound */
	memset(text, '!', sizeof text - 1);
	cass_result_free(result_of(session, s));

	const CassResult *result = row_of(INT32_MIN, SELECT_KINDS);
	assert_int_equal(cass_result_row_count(result), 1);
	assert_int_equal(cass_result_column_count(result), 16);
	const CassRow *row = cass_result_first_row(result);
	int8_t tiny;
	int16_t small;
	int64_t big, at;
	float real;
	double twice;
	cass_bool_t flag;
	uint32_t day;
	CassUuid u, t;
	CassInet from;
	const cass_byte_t *data;
	assert_int_equal(int_in(row, 0), INT32_MIN);
	assert_ok(cass_value_get_int8(cass_row_get_column(row, 1), &tiny));
	assert_int_equal(tiny, -128);
	assert_ok(cass_value_get_int16(cass_row_get_column(row, 2), &small));
	assert_int_equal(small, 32767);
	assert_ok(cass_value_get_int64(cass_row_get_column(row, 3), &big));
	assert_int_equal(big, INT64_MAX);
	assert_ok(cass_value_get_float(cass_row_get_column(row, 4), &real));
	assert_true(real == -0.5F);
	assert_ok(cass_value_get_double(cass_row_get_column(row, 5), &twice));
	assert_true(twice == 1e300);
	assert_ok(cass_value_get_bool(cass_row_get_column(row, 6), &flag));
	assert_int_equal(flag, cass_true);
	assert_str(text_in(row, 7),
		   "Zürich \xf0\x9f\x93\xac a text that is longer than sixteen bytes");
	assert_str(text_in(row, 8), "plain");
	assert_ok(cass_value_get_bytes(cass_row_get_column(row, 9), &data, &length));
	assert_int_equal(length, sizeof bytes);
	assert_memory_equal(data, bytes, sizeof bytes);
	assert_ok(cass_value_get_uuid(cass_row_get_column(row, 10), &u));
	assert_memory_equal(&u, &random, sizeof u);
	assert_ok(cass_value_get_uuid(cass_row_get_column_by_name(row, "t"), &t));
	assert_memory_equal(&t, &timed, sizeof t);
	assert_ok(cass_value_get_int64(cass_row_get_column_by_name(row, "AT"), &at));
	assert_int_equal(at, 1700000000123);
	assert_ok(cass_value_get_uint32(cass_row_get_column(row, 13), &day));
	assert_int_equal(day, 2147483648U + 20000);
	assert_ok(cass_value_get_inet(cass_row_get_column_by_name(row, "\"From\""),
				      &from));
	assert_int_equal(from.address_length, 4);
	assert_memory_equal(from.address, v4.address, 4);
	assert_null(cass_row_get_column(row, 16));
	assert_null(cass_row_get_column_by_name(row, "nobody"));
	/* in quotes the case counts */
	assert_null(cass_row_get_column_by_name(row, "\"from\""));
	cass_result_free(result);
}

static void columns_have_names_and_types(void **unused)
{
	(void)unused;
	static const struct {
		const char *name;
		CassValueType type;
	} want[] = {
		{"id", CASS_VALUE_TYPE_INT},
		{"tiny", CASS_VALUE_TYPE_TINY_INT},
		{"small", CASS_VALUE_TYPE_SMALL_INT},
		{"big", CASS_VALUE_TYPE_BIGINT},
		{"real", CASS_VALUE_TYPE_FLOAT},
		{"twice", CASS_VALUE_TYPE_DOUBLE},
		{"flag", CASS_VALUE_TYPE_BOOLEAN},
		{"name", CASS_VALUE_TYPE_VARCHAR},
		{"plain", CASS_VALUE_TYPE_ASCII},
		{"data", CASS_VALUE_TYPE_BLOB},
		{"u", CASS_VALUE_TYPE_UUID},
		{"t", CASS_VALUE_TYPE_TIMEUUID},
		{"at", CASS_VALUE_TYPE_TIMESTAMP},
		{"day", CASS_VALUE_TYPE_DATE},
		{"From", CASS_VALUE_TYPE_INET},
		{"many", CASS_VALUE_TYPE_LIST},
	};
	const CassResult *result = row_of(4711, SELECT_KINDS);
	assert_int_equal(cass_result_row_count(result), 0);
	assert_null(cass_result_first_row(result));
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		const char *name;
		size_t length;
		assert_ok(cass_result_column_name(result, i, &name, &length));
		assert_str(text_of(name, length), want[i].name);
		assert_int_equal(cass_result_column_type(result, i), want[i].type);
	}
	assert_int_equal(cass_result_column_type(result, 16), CASS_VALUE_TYPE_UNKNOWN);
	cass_result_free(result);
}

static void a_value_of_another_type_fails_when_it_is_bound(void **unused)
{
	(void)unused;
	const CassPrepared *prepared = prepare(session, INSERT_KINDS);
	CassStatement *s = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	const CassError wrong = CASS_ERROR_LIB_INVALID_VALUE_TYPE;
	const CassUuid uuid = {0};
	assert_error(cass_statement_bind_int64(s, 0, 1), wrong);
	assert_error(cass_statement_bind_string(s, 0, "1"), wrong);
	assert_error(cass_statement_bind_int32(s, 3, 1), wrong);
	assert_error(cass_statement_bind_int32(s, 6, 1), wrong);
	assert_error(cass_statement_bind_double(s, 4, 1), wrong);
	assert_error(cass_statement_bind_float(s, 5, 1), wrong);
	assert_error(cass_statement_bind_bytes(s, 7, (const cass_byte_t *)"x", 1),
		     wrong);
	assert_error(cass_statement_bind_bool(s, 0, cass_true), wrong);
	assert_error(cass_statement_bind_uuid(s, 9, uuid), wrong);
	assert_error(cass_statement_bind_int32_by_name(s, "name", 1), wrong);
	assert_error(cass_statement_bind_int32_by_name(s, "nobody", 1),
		     CASS_ERROR_LIB_NAME_DOES_NOT_EXIST);
	assert_error(cass_statement_bind_int32(s, 15, 1),
		     CASS_ERROR_LIB_INDEX_OUT_OF_BOUNDS);
	/* a text may be kept as bytes */
	assert_ok(cass_statement_bind_string(s, 9, "x"));
	cass_statement_free(s);
}

static void a_value_of_another_type_is_not_read(void **unused)
{
	(void)unused;
	run(session, "INSERT INTO " KEYSPACE ".kinds (id, name, many) "
		     "VALUES (7, 'x', [1, 2])");
	const CassResult *result = row_of(7, SELECT_KINDS);
	const CassRow *row = cass_result_first_row(result);
	int64_t big = 5;
	CassUuid uuid;
	int32_t number;
	assert_error(cass_value_get_int64(cass_row_get_column(row, 0), &big),
		     CASS_ERROR_LIB_INVALID_VALUE_TYPE);
	assert_int_equal(big, 5);
	assert_error(cass_value_get_uuid(cass_row_get_column(row, 7), &uuid),
		     CASS_ERROR_LIB_INVALID_VALUE_TYPE);
	assert_error(cass_value_get_int32(cass_row_get_column(row, 15), &number),
		     CASS_ERROR_LIB_INVALID_VALUE_TYPE);
	assert_error(cass_value_get_int64(cass_row_get_column(row, 3), &big),
		     CASS_ERROR_LIB_NULL_VALUE);
	cass_result_free(result);
}

static void null_empty_and_unset_are_three_things(void **unused)
{
	(void)unused;
	const CassPrepared *prepared = prepare(
		session, "INSERT INTO " KEYSPACE ".kinds (id, name, plain, data) "
			 "VALUES (?, ?, ?, ?)");
	CassStatement *s = cass_prepared_bind(prepared);
	assert_ok(cass_statement_bind_int32(s, 0, 8));
	assert_ok(cass_statement_bind_string(s, 1, "stays"));
	assert_ok(cass_statement_bind_string(s, 2, "goes"));
	cass_result_free(result_of(session, s));
	s = cass_prepared_bind(prepared);
	cass_prepared_free(prepared);
	assert_ok(cass_statement_bind_int32(s, 0, 8));
	assert_ok(cass_statement_bind_null(s, 2));
	assert_ok(cass_statement_bind_bytes(s, 3, NULL, 0));
	cass_result_free(result_of(session, s));
	const CassResult *result = row_of(8, SELECT_KINDS);
	const CassRow *row = cass_result_first_row(result);
	assert_str(text_in(row, 7), "stays");
	assert_true(cass_value_is_null(cass_row_get_column(row, 8)));
	assert_false(cass_value_is_null(cass_row_get_column(row, 9)));
	assert_str(text_in(row, 9), "");
	cass_result_free(result);
}

static void a_query_with_values_is_checked_when_it_is_executed(void **unused)
{
	(void)unused;
	CassStatement *s = cass_statement_new(
		"INSERT INTO " KEYSPACE ".kinds (id, name) VALUES (?, ?)", 2);
	assert_ok(cass_statement_bind_int32(s, 0, 9));
	assert_ok(cass_statement_bind_string(s, 1, "not prepared"));
	assert_future(cass_session_execute(session, s), CASS_OK);
	assert_ok(cass_statement_bind_int32(s, 1, 9));
	assert_future(cass_session_execute(session, s),
		      CASS_ERROR_LIB_INVALID_VALUE_TYPE);
	assert_ok(cass_statement_reset_parameters(s, 1));
	assert_ok(cass_statement_bind_int32(s, 0, 9));
	assert_future(cass_session_execute(session, s),
		      CASS_ERROR_LIB_INVALID_ITEM_COUNT);
	cass_statement_free(s);
	const CassResult *result = row_of(9, SELECT_KINDS);
	assert_str(text_in(cass_result_first_row(result), 7), "not prepared");
	cass_result_free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_was_bound),
		cmocka_unit_test(columns_have_names_and_types),
		cmocka_unit_test(a_value_of_another_type_fails_when_it_is_bound),
		cmocka_unit_test(a_value_of_another_type_is_not_read),
		cmocka_unit_test(null_empty_and_unset_are_three_things),
		cmocka_unit_test(a_query_with_values_is_checked_when_it_is_executed),
	};
	return cmocka_run_group_tests_name("cql values", tests, connect_all,
					   disconnect_all);
}
