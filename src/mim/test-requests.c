/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "mim/requests.h"

#define ID "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define HEAD                                                                           \
	"\"node\":\"mail1\",\"user\":\"Ada\",\"protocol\":\"imap\",\"uidValidity\":7," \
	"\"uidNext\":12,\"complete\":true"

static struct arena *arena;

static int start(void **state)
{
	(void)state;
	arena = arena_new(8 << 20);
	return arena == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void a_decision_request_is_read_whole(void **state)
{
	(void)state;
	struct decision_request d;
	struct error err;
	assert_true(decision_request_parse(
		STR("{" HEAD ",\"present\":[{\"guid\":\"" ID "\",\"uid\":3,"
		    "\"seen\":true,\"newer\":2,\"proof\":\"p\"},{\"guid\":\"" ID "\","
		    "\"uid\":4294967295,\"seen\":false,\"newer\":0,"
		    "\"instance\":\"" ID "\"}],"
		    "\"events\":[{\"instance\":\"" ID "\",\"type\":\"gone\","
		    "\"at\":\"1970-01-01T00:00:05Z\",\"seen\":true,"
		    "\"cause\":\"moved\"}]}"),
		arena, &d, &err));
	assert_str(d.user, "Ada");
	assert_false(d.mailbox.pop3);
	assert_str(d.mailbox.node, "mail1");
	assert_int_equal(d.mailbox.uidvalidity, 7);
	assert_int_equal(d.mailbox.uidnext, 12);
	assert_true(d.mailbox.complete);
	assert_int_equal(d.mailbox.n_present, 2);
	assert_int_equal(d.mailbox.present[0].guid.b[0], 0x0f);
	assert_int_equal(d.mailbox.present[0].uid, 3);
	assert_true(d.mailbox.present[0].seen);
	assert_int_equal(d.mailbox.present[0].newer, 2);
	assert_str(d.mailbox.present[0].proof, "p");
	assert_false(d.mailbox.present[0].confirmed);
	assert_int_equal(d.mailbox.present[1].uid, UINT32_MAX);
	assert_true(d.mailbox.present[1].confirmed);
	assert_int_equal(d.mailbox.present[1].instance.b[0], 0x0f);
	assert_null(d.mailbox.present[1].proof.p);
	assert_int_equal(d.n_events, 1);
	assert_int_equal(d.events[0].event.type, WIRE_EVENT_GONE);
	assert_int_equal(d.events[0].event.cause, WIRE_CAUSE_MOVED);
	assert_int_equal(d.events[0].event.at_ms, 5000);
	assert_true(d.events[0].event.seen);
}

static void many_entries_are_read_and_too_many_refused(void **state)
{
	(void)state;
	struct buf b;
	struct decision_request d;
	struct error err;
	for (int n = REQUESTS_PRESENT_MAX; n <= REQUESTS_PRESENT_MAX + 1; n++) {
		buf_init(&b, 1 << 20);
		buf_add_str(&b, STR("{" HEAD ",\"events\":[],\"present\":["));
		for (int i = 0; i < n; i++)
			buf_printf(&b,
				   "%s{\"guid\":\"" ID "\",\"uid\":%d,"
				   "\"seen\":false,\"newer\":0}",
				   i > 0 ? "," : "", i + 1);
		buf_add_str(&b, STR("]}"));
		bool ok = decision_request_parse(buf_str(&b), arena, &d, &err);
		assert_int_equal(ok, n == REQUESTS_PRESENT_MAX);
		if (ok)
			assert_int_equal(d.mailbox.present[n - 1].uid, n);
		else
			assert_int_equal(err.kind, ERROR_TOO_LARGE);
		buf_free(&b);
	}
}

static void an_error_names_the_field(void **state)
{
	(void)state;
	static const struct {
		struct str json;
		enum error_kind kind;
		const char *where;
	} cases[] = {
		{STR_INIT("{" HEAD ",\"present\":[],\"events\":[],\"more\":1}"),
		 ERROR_UNKNOWN_FIELD, "/more"},
		{STR_INIT("{" HEAD ",\"present\":[]}"), ERROR_BAD_VALUE, "/events"},
		{STR_INIT("{" HEAD ",\"present\":[],\"events\":[],\"node\":\"x\"}"),
		 ERROR_BAD_VALUE, "/node"},
		{STR_INIT("{" HEAD ",\"present\":[{\"guid\":\"" ID "\",\"uid\":3,"
			  "\"seen\":true,\"newer\":2},{\"guid\":\"12\"}],"
			  "\"events\":[]}"),
		 ERROR_BAD_VALUE, "/present/1/guid"},
		{STR_INIT("{" HEAD ",\"present\":[{\"uid\":0}],\"events\":[]}"),
		 ERROR_BAD_VALUE, "/present/0/uid"},
		{STR_INIT("{" HEAD ",\"present\":[{\"uid\":1.5}],\"events\":[]}"),
		 ERROR_BAD_VALUE, "/present/0/uid"},
		{STR_INIT("{" HEAD ",\"present\":[{}],\"events\":[]}"), ERROR_BAD_VALUE,
		 "/present/0/guid"},
		{STR_INIT("{" HEAD ",\"present\":{},\"events\":[]}"), ERROR_BAD_VALUE,
		 "/present"},
		{STR_INIT("{" HEAD ",\"present\":[],\"events\":[{\"user\":\"Eve\","
			  "\"instance\":\"" ID "\",\"type\":\"read\","
			  "\"at\":\"1970-01-01T00:00:05Z\"}]}"),
		 ERROR_BAD_VALUE, "/events"},
		{STR_INIT("{" HEAD ",\"present\":[],\"events\":[{"
			  "\"instance\":\"" ID "\",\"type\":\"read\","
			  "\"at\":\"1970-01-01T00:00:05Z\",\"cause\":\"moved\"}]}"),
		 ERROR_BAD_VALUE, "/events/0"},
		{STR_INIT("{" HEAD ",\"present\":[],\"events\":[]"), ERROR_SYNTAX,
		 NULL},
		{STR_INIT("[]"), ERROR_BAD_VALUE, ""},
		{STR_INIT(""), ERROR_SYNTAX, NULL},
	};
	struct decision_request d;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error err = {0};
		assert_false(decision_request_parse(cases[i].json, arena, &d, &err));
		assert_int_equal(err.kind, cases[i].kind);
		if (cases[i].where != NULL)
			assert_string_equal(err.where, cases[i].where);
	}
}

static void hello_takes_user_and_protocol(void **state)
{
	(void)state;
	struct hello_request h;
	struct error err;
	assert_true(hello_request_parse(STR("{\"protocol\":\"pop3\",\"user\":\"ada\"}"),
					arena, &h, &err));
	assert_true(h.pop3);
	assert_str(h.user, "ada");
	assert_false(hello_request_parse(
		STR("{\"protocol\":\"lmtp\",\"user\":\"ada\"}"), arena, &h, &err));
	assert_string_equal(err.where, "/protocol");
	assert_false(hello_request_parse(STR("{\"protocol\":\"imap\",\"user\":\"\"}"),
					 arena, &h, &err));
	assert_string_equal(err.where, "/user");
}

static void events_need_their_user(void **state)
{
	(void)state;
	struct events_request e;
	struct error err;
	assert_true(events_request_parse(
		STR("{\"events\":[{\"user\":\"ada\",\"instance\":\"" ID "\","
		    "\"type\":\"refused\",\"cause\":\"quota\","
		    "\"at\":\"2026-05-01T08:00:00Z\"}]}"),
		arena, &e, &err));
	assert_int_equal(e.n, 1);
	assert_str(e.events[0].user, "ada");
	assert_int_equal(e.events[0].event.cause, WIRE_CAUSE_QUOTA);
	assert_true(events_request_parse(STR("{\"events\":[]}"), arena, &e, &err));
	assert_int_equal(e.n, 0);
	assert_false(events_request_parse(STR("{\"events\":[{\"instance\":\"" ID
					      "\",\"type\":\"read\","
					      "\"at\":\"2026-05-01T08:00:00Z\"}]}"),
					  arena, &e, &err));
	assert_string_equal(err.where, "/events");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		TEST(a_decision_request_is_read_whole),
		TEST(many_entries_are_read_and_too_many_refused),
		TEST(an_error_names_the_field),
		TEST(hello_takes_user_and_protocol),
		TEST(events_need_their_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
