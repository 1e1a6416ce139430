/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include "mim/documents.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arena *arena;
static struct buf text;

static int start(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	buf_init(&text, 1 << 20);
	return arena == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	buf_free(&text);
	return 0;
}

static struct version_document spring(void)
{
	static const struct template_variable variables[] = {{STR_INIT("city"), true},
							     {STR_INIT("name"), false}};
	static const struct campaign_variant variant = {
		.id = STR_INIT("a"),
		.language = STR_INIT("en"),
		.template_name = STR_INIT("spring"),
		.template_sha256 = STR_INIT(SHA),
		.variables = variables,
		.n_variables = 2,
	};
	return (struct version_document){
		.campaign =
			{
				.id = STR("spring"),
				.name = STR("Spring \"offer\""),
				.version = 3,
				.type = CAMPAIGN_NEWSLETTER,
				.legal_class = LEGAL_OWN_MARKETING,
				.purpose = STR("newsletter"),
				.label = STR("Ad"),
				.end_ms = 86400000,
				.tier = 5,
				.weight = 100,
				.repeat = {.max = 2,
					   .min_gap_ms = 3600000,
					   .after = REPEAT_AFTER_READ},
				.variants = &variant,
				.n_variants = 1,
			},
		.bundle_sha256 = STR(SHA),
		.import = STR("i1"),
		.load = UINT64_C(0xfedcba9876543210),
		.rows = 1000,
		.rejected = 2,
		.imported_ms = 1700000000000,
		.ready = true,
	};
}

static void a_version_comes_back_as_it_was_written(void **state)
{
	(void)state;
	struct version_document want = spring(), got;
	struct error err;
	assert_true(version_document_write(&text, &want));
	assert_true(version_document_parse(buf_str(&text), arena, &got, &err));
	assert_str(got.campaign.name, "Spring \"offer\"");
	assert_int_equal(got.campaign.version, 3);
	assert_int_equal(got.campaign.repeat.min_gap_ms, 3600000);
	assert_int_equal(got.campaign.n_variants, 1);
	assert_str(got.campaign.variants[0].id, "a");
	assert_str(got.campaign.variants[0].template_sha256, SHA);
	assert_int_equal(got.campaign.variants[0].n_variables, 2);
	assert_str(got.campaign.variants[0].variables[1].name, "name");
	assert_false(got.campaign.variants[0].variables[1].has_default);
	assert_true(got.campaign.variants[0].variables[0].has_default);
	assert_true(got.load == want.load);
	assert_int_equal(got.rows, 1000);
	assert_int_equal(got.imported_ms, want.imported_ms);
	assert_true(got.ready);
	assert_str(version_document_id(arena, got.campaign.id, 3), "spring/0000000003");
}

static void a_campaigns_state_comes_back_as_it_was_written(void **state)
{
	(void)state;
	struct campaign_document want = {.state = {.status = CAMPAIGN_PAUSED,
						   .active_version = 3,
						   .active_load = 77,
						   .import_epoch = 1,
						   .recall = RECALL_UNREAD,
						   .recalled_before_ms = 1000,
						   .changed_ms = 2000},
					 .newest_version = 4,
					 .shown_version = 3,
					 .claimed_version = 5,
					 .claimed_by = STR("i5")},
				 got;
	struct error err;
	assert_true(campaign_document_write(&text, &want));
	assert_true(campaign_document_parse(buf_str(&text), arena, &got, &err));
	assert_int_equal(got.state.status, CAMPAIGN_PAUSED);
	assert_int_equal(got.state.active_version, 3);
	assert_int_equal(got.state.active_load, 77);
	assert_int_equal(got.state.import_epoch, 1);
	assert_int_equal(got.state.recall, RECALL_UNREAD);
	assert_int_equal(got.state.recalled_before_ms, 1000);
	assert_int_equal(got.state.changed_ms, 2000);
	assert_int_equal(got.newest_version, 4);
	assert_int_equal(got.shown_version, 3);
	assert_int_equal(got.claimed_version, 5);
	assert_str(got.claimed_by, "i5");
}

static void a_load_comes_back_as_it_was_written(void **state)
{
	(void)state;
	static const struct str columns[] = {STR_INIT("name"), STR_INIT("city")};
	struct load_document want = {.campaign = STR("spring"),
				     .sha256 = STR(SHA),
				     .content = STR(SHA),
				     .import = STR("i1"),
				     .columns = columns,
				     .n_columns = 2,
				     .rows = 9,
				     .created_ms = 5000,
				     .state = LOAD_COMPLETE},
			     got;
	struct error err;
	char id[LOAD_ID_LEN + 1];
	uint64_t back = 0;
	assert_true(load_document_write(&text, &want));
	assert_true(load_document_parse(buf_str(&text), arena, &got, &err));
	assert_int_equal(got.n_columns, 2);
	assert_str(got.columns[1], "city");
	assert_int_equal(got.state, LOAD_COMPLETE);
	assert_int_equal(got.created_ms, 5000);
	load_document_id(UINT64_C(0x0102030405060708), id);
	assert_string_equal(id, "0102030405060708");
	assert_true(load_document_id_parse(str_of(id), &back));
	assert_true(back == UINT64_C(0x0102030405060708));
	assert_false(load_document_id_parse(STR("01020304050607"), &back));
}

static void the_kill_switch_comes_back_as_it_was_written(void **state)
{
	(void)state;
	struct kill_document want = {KILL_NON_SERVICE, 3000}, got;
	struct error err;
	assert_true(kill_document_write(&text, &want));
	assert_str(buf_str(&text), "{\"scope\":\"nonService\","
				   "\"changed\":\"1970-01-01T00:00:03Z\"}");
	assert_true(kill_document_parse(buf_str(&text), arena, &got, &err));
	assert_int_equal(got.scope, KILL_NON_SERVICE);
	assert_int_equal(got.changed_ms, 3000);
}

static void a_damaged_document_is_corrupt_and_says_where(void **state)
{
	(void)state;
	struct kill_document kill;
	struct campaign_document campaign;
	struct version_document version;
	struct error err;
	assert_false(kill_document_parse(STR("{"), arena, &kill, &err));
	assert_int_equal(err.kind, ERROR_CORRUPT);
	assert_false(
		kill_document_parse(STR("{\"scope\":\"some\"}"), arena, &kill, &err));
	assert_int_equal(err.kind, ERROR_CORRUPT);
	assert_string_equal(err.where, "/scope");
	assert_false(campaign_document_parse(STR("{\"activeLoad\":7}"), arena,
					     &campaign, &err));
	assert_false(version_document_parse(STR("{\"campaign\":{},\"templates\":[{}]}"),
					    arena, &version, &err));
	assert_int_equal(err.kind, ERROR_CORRUPT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		TEST(a_version_comes_back_as_it_was_written),
		TEST(a_campaigns_state_comes_back_as_it_was_written),
		TEST(a_load_comes_back_as_it_was_written),
		TEST(the_kill_switch_comes_back_as_it_was_written),
		TEST(a_damaged_document_is_corrupt_and_says_where),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
