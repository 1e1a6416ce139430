/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/requests.h"

#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define H32 "0123456789abcdef0123456789abcdef"
#define G32 "fedcba9876543210fedcba9876543210"
#define H64 H32 H32
#define INJECT                                                                         \
	"{\"op\":\"inject\",\"campaign\":\"spring\",\"instance\":\"" H32               \
	"\",\"guid\":\"" G32 "\",\"proof\":\"" H64 "\",\"template\":\"" H64            \
	"\",\"variables\":{\"name\":\"A\\u00e4\",\"n\":1.5,\"b\":true,\"x\":null},"    \
	"\"placement\":{\"position\":\"top\"},\"validFor\":\"PT30S\""

static void asks_hello(void **state)
{
	(void)state;
	struct wire_hello h = {.tenant = STR("t"),
			       .user = STR("a\"b"),
			       .protocol = STR("imap"),
			       .address = STR("::1")};
	struct buf b;
	buf_init(&b, 1000);
	assert_true(requests_write_hello(&b, &h));
	assert_str(buf_str(&b), "{\"user\":\"a\\\"b\",\"protocol\":\"imap\"}");
	buf_free(&b);
}

static void asks_open_with_what_is_there_and_what_waits(void **state)
{
	(void)state;
	static struct wire_open open = {.request = 9,
					.uid_validity = 17,
					.uid_next = 4294967295u,
					.complete = true,
					.present_count = 2};
	open.present[0] = (struct wire_present){.guid = STR(G32),
						.uid = 3,
						.seen = true,
						.newer = 4,
						.instance = STR(H32)};
	open.present[1] =
		(struct wire_present){.guid = STR(H32), .uid = 5, .proof = STR("x; y")};
	struct spool_record gone = {.type = WIRE_EVENT_GONE,
				    .seen = true,
				    .cause = WIRE_CAUSE_UNKNOWN,
				    .time_ms = INT64_C(1777622400000),
				    .tenant = STR("t"),
				    .user = STR("anna")};
	const struct spool_record *events[] = {&gone};
	struct requests_open q = {.node = STR("n1"),
				  .user = STR("anna"),
				  .protocol = STR("pop3"),
				  .open = &open,
				  .events = events,
				  .n_events = 1};
	struct buf b;
	buf_init(&b, 10000);
	assert_true(requests_write_open(&b, &q));
	assert_str(buf_str(&b),
		   "{\"node\":\"n1\",\"user\":\"anna\",\"protocol\":\"pop3\","
		   "\"uidValidity\":17,\"uidNext\":4294967295,\"complete\":true,"
		   "\"present\":[{\"guid\":\"" G32 "\",\"uid\":3,\"seen\":true,"
		   "\"newer\":4,\"instance\":\"" H32 "\"},{\"guid\":\"" H32
		   "\",\"uid\":5,\"seen\":false,"
		   "\"newer\":0,\"proof\":\"x; y\"}],"
		   "\"events\":[{\"instance\":\"00000000000000000000000000000000\","
		   "\"type\":\"gone\",\"at\":\"2026-05-01T08:00:00Z\",\"seen\":true,"
		   "\"cause\":\"unknown\"}]}");
	buf_clear(&b);
	assert_true(requests_write_events(&b, events, 1));
	assert_str(buf_str(&b),
		   "{\"events\":[{\"user\":\"anna\","
		   "\"instance\":\"00000000000000000000000000000000\","
		   "\"type\":\"gone\",\"at\":\"2026-05-01T08:00:00Z\",\"seen\":true,"
		   "\"cause\":\"unknown\"}]}");
	buf_free(&b);
}

static void a_question_has_a_bound(void **state)
{
	(void)state;
	struct wire_hello h = {.user = STR("anna"), .protocol = STR("imap")};
	struct buf b;
	buf_init(&b, 10);
	assert_false(requests_write_hello(&b, &h));
	buf_free(&b);
}

static void reads_hello(void **state)
{
	(void)state;
	struct arena *arena = arena_new(10000);
	struct answer_hello a;
	struct error err = {0};
	assert_true(requests_read_hello(
		STR("{\"new\":[{\"x\":1}],\"open\":true,\"nextCheck\":\"PT15M\"}"),
		arena, &a, &err));
	assert_true(a.open);
	assert_int_equal(a.next_check, 900);
	assert_true(requests_read_hello(STR("{\"open\":false,\"nextCheck\":\"P300D\"}"),
					arena, &a, &err));
	assert_int_equal(a.next_check, REQUESTS_NEXT_CHECK_MAX);
	assert_null(a.user.p);
	assert_true(requests_read_hello(
		STR("{\"user\":\"ab12\",\"open\":true,\"nextCheck\":\"PT15M\"}"), arena,
		&a, &err));
	assert_str(a.user, "ab12");
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"open\":true}",
		"{\"open\":1,\"nextCheck\":\"PT1M\"}",
		"{\"open\":true,\"nextCheck\":60}",
		"{\"open\":true,\"nextCheck\":\"P1M\"}",
		"{\"open\":true,\"nextCheck\":\"PT1M\"} x",
		"{\"open\":true,\"nextCheck\":\"PT1M\",\"user\":1}",
		"{\"open\":true,\"nextCheck\":\"PT1M\"",
	};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (requests_read_hello(str_of(bad[i]), arena, &a, &err))
			fail_msg("taken: %s", bad[i]);
	arena_free(arena);
}

static void reads_a_decision(void **state)
{
	(void)state;
	struct arena *arena = arena_new(1000000);
	struct answer_open a;
	struct error err = {0};
	if (!requests_read_open(
		    STR("{\"known\":[{\"guid\":\"" G32 "\",\"instance\":\"" H32
			"\",\"more\":{}}],\"actions\":[" INJECT
			",\"label\":\"Ad\",\"unsubscribe\":\"https://x/\"},"
			"{\"guid\":\"" G32 "\",\"lazy\":true,\"cause\":\"recall\","
			"\"op\":\"withdraw\"},{\"op\":\"dance\",\"steps\":[1]},"
			"{\"op\":\"reinject\",\"replaces\":\"" H32
			"\",\"campaign\":\"c\",\"instance\":\"" H32 "\",\"guid\":\"" G32
			"\",\"proof\":\"" H64 "\",\"template\":\"" H64
			"\",\"variables\":{},\"placement\":{\"position\":\"date\","
			"\"date\":\"2026-05-01T08:00:00Z\"},\"validFor\":\"PT1M\"}],"
			"\"nextCheck\":\"PT1M\"}"),
		    arena, &a, &err))
		fail_msg("%s: %s", err.where, err.message);
	assert_int_equal(a.n_known, 1);
	assert_str(a.known[0].guid, G32);
	assert_str(a.known[0].instance, H32);
	assert_int_equal(a.next_check, 60);
	assert_int_equal(a.n_actions, 3);
	assert_int_equal(a.n_skipped, 1);
	const struct answer_action *x = &a.actions[0];
	assert_int_equal(x->op, ANSWER_INJECT);
	assert_str(x->campaign, "spring");
	assert_str(x->label, "Ad");
	assert_str(x->unsubscribe, "https://x/");
	assert_int_equal(x->position, WIRE_POSITION_TOP);
	assert_int_equal(x->valid_for, 30);
	struct mustache_values v = mustache_table_values(&x->variables);
	assert_str(v.lookup(v.ctx, STR("name")).text, "A\xC3\xA4");
	assert_int_equal(v.lookup(v.ctx, STR("n")).kind, MUSTACHE_NUMBER);
	assert_str(v.lookup(v.ctx, STR("n")).text, "1.5");
	assert_int_equal(v.lookup(v.ctx, STR("b")).kind, MUSTACHE_BOOL);
	assert_int_equal(v.lookup(v.ctx, STR("x")).kind, MUSTACHE_ABSENT);
	assert_int_equal(v.lookup(v.ctx, STR("none")).kind, MUSTACHE_ABSENT);
	assert_int_equal(a.actions[1].op, ANSWER_WITHDRAW);
	assert_int_equal(a.actions[1].withdraw.cause, WIRE_WITHDRAW_RECALL);
	assert_true(a.actions[1].withdraw.lazy);
	assert_int_equal(a.actions[2].op, ANSWER_REINJECT);
	assert_int_equal(a.actions[2].position, WIRE_POSITION_DATE);
	assert_int_equal(a.actions[2].date_ms, INT64_C(1777622400000));
	assert_str(a.actions[2].replaces, H32);
	arena_free(arena);
}

static void refuses_a_decision_that_lacks_or_twists_something(void **state)
{
	(void)state;
#define OPEN(actions) "{\"known\":[],\"actions\":[" actions "],\"nextCheck\":\"PT1M\"}"
	static const struct {
		const char *json, *where;
	} bad[] = {
		{"{\"actions\":[],\"nextCheck\":\"PT1M\"}", "/known"},
		{"{\"known\":[],\"actions\":[]}", "/nextCheck"},
		{"{\"known\":[{}],\"actions\":[],\"nextCheck\":\"PT1M\"}", "/known"},
		{"{\"known\":[{\"guid\":\"AB\",\"instance\":\"" H32
		 "\"}],\"nextCheck\":\"PT1M\"}",
		 "/known/guid"},
		{"{\"known\":{},\"nextCheck\":\"PT1M\"}", "/known"},
		{"{\"known\":[],\"known\":[],\"nextCheck\":\"PT1M\"}", "/known"},
		{OPEN("{}"), "/actions/op"},
		{OPEN("[]"), "/actions"},
		{OPEN("{\"op\":\"inject\"}"), "/actions/guid"},
		{OPEN("{\"op\":\"inject\",\"guid\":\"" G32 "\"}"), "/actions"},
		{OPEN("{\"op\":\"reinject\"," INJECT "}"), "byte"},
		{OPEN("{\"op\":\"withdraw\",\"guid\":\"" G32 "\",\"cause\":\"mood\"}"),
		 "/actions/cause"},
		{OPEN(INJECT ",\"placement\":{\"position\":\"side\"}}"),
		 "/actions/placement/position"},
		{OPEN(INJECT ",\"placement\":{\"position\":\"rank\"}}"),
		 "/actions/placement/rank"},
		{OPEN(INJECT ",\"placement\":{\"rank\":0}}"),
		 "/actions/placement/rank"},
		{OPEN(INJECT ",\"placement\":{\"date\":\"tomorrow\"}}"),
		 "/actions/placement/date"},
		{OPEN(INJECT ",\"variables\":{\"a\":[]}}"), "/actions/variables"},
		{OPEN(INJECT ",\"variables\":{\"a\":\"1\",\"a\":\"2\"}}"),
		 "/actions/variables"},
		{OPEN(INJECT ",\"template\":\"..\"}"), "/actions/template"},
		{OPEN(INJECT ",\"template\":\"" H32 "../../../../../../../../../../x"
			     "\"}"),
		 "/actions/template"},
		{OPEN(INJECT ",\"campaign\":\"a/b\"}"), "/actions/campaign"},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena *arena = arena_new(1000000);
		struct answer_open a;
		struct error err = {0};
		if (requests_read_open(str_of(bad[i].json), arena, &a, &err))
			fail_msg("taken: %s", bad[i].json);
		if (!str_starts(str_of(err.where), str_of(bad[i].where)))
			fail_msg("%s: at \"%s\", want \"%s\"", bad[i].json, err.where,
				 bad[i].where);
		arena_free(arena);
	}
}

static void takes_eight_actions_and_no_ninth(void **state)
{
	(void)state;
	for (int n = 8; n <= 9; n++) {
		struct arena *arena = arena_new(1000000);
		struct answer_open a;
		struct buf b;
		buf_init(&b, 100000);
		buf_add_str(&b, STR("{\"known\":[],\"actions\":["));
		for (int i = 0; i < n; i++)
			buf_printf(&b,
				   "%s{\"op\":\"withdraw\",\"guid\":\"" G32
				   "\",\"cause\":\"expired\",\"lazy\":false}",
				   i > 0 ? "," : "");
		buf_add_str(&b, STR("],\"nextCheck\":\"PT1M\"}"));
		assert_int_equal(requests_read_open(buf_str(&b), arena, &a, NULL),
				 n == 8);
		buf_free(&b);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_hello),
		cmocka_unit_test(asks_open_with_what_is_there_and_what_waits),
		cmocka_unit_test(a_question_has_a_bound),
		cmocka_unit_test(reads_hello),
		cmocka_unit_test(reads_a_decision),
		cmocka_unit_test(refuses_a_decision_that_lacks_or_twists_something),
		cmocka_unit_test(takes_eight_actions_and_no_ninth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
