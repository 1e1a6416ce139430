/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "model/campaign-json.h"

#include <stdio.h>

/* What is needed and nothing else; in tests, one member is put in or changed. */
#define MINIMAL                                                                        \
	"{\"id\":\"spring\",\"version\":3,\"name\":\"Spring offer\","                  \
	"\"type\":\"newsletter\",\"legalClass\":\"own_marketing\","                    \
	"\"purpose\":\"newsletter\",\"audience\":{\"from\":\"recipients\"},"           \
	"\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\","                            \
	"\"end\":\"2026-06-01T08:00:00+02:00\"},"                                      \
	"\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"a-en\"}}]}"

struct fixture {
	struct arena *arena;
	struct campaign campaign;
	struct error_list errors;
};

static int setup(void **state)
{
	static struct fixture f;
	f.arena = arena_new(1 << 20);
	error_list_init(&f.errors, 100);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	error_list_free(&f->errors);
	return 0;
}

static bool parse(struct fixture *f, const json_t *value)
{
	error_list_free(&f->errors);
	error_list_init(&f->errors, 100);
	return campaign_from_json(value, "", f->arena, &f->campaign, &f->errors);
}

/* MINIMAL with `changes` (an object) laid over it; null takes a member out. */
static bool parse_with(struct fixture *f, const char *changes)
{
	json_error_t why;
	json_t *base = json_loads(MINIMAL, 0, &why);
	json_t *over = json_loads(changes, 0, &why);
	assert_non_null(base);
	if (over == NULL)
		fail_msg("%s: %s", changes, why.text);
	const char *key;
	json_t *value;
	json_object_foreach(over, key, value)
	{
		if (json_is_null(value))
			json_object_del(base, key);
		else
			json_object_set(base, key, value);
	}
	bool ok = parse(f, base);
	json_decref(base);
	json_decref(over);
	return ok;
}

static bool has_error(const struct fixture *f, enum error_kind kind, const char *where)
{
	for (size_t i = 0; i < f->errors.n; i++)
		if (f->errors.items[i].kind == kind &&
		    strcmp(f->errors.items[i].where, where) == 0)
			return true;
	return false;
}

static void refuses(struct fixture *f, const char *changes, enum error_kind kind,
		    const char *where)
{
	if (parse_with(f, changes))
		fail_msg("%s was taken", changes);
	if (!has_error(f, kind, where)) {
		assert_true(f->errors.n > 0);
		fail_msg("%s: got %s at \"%s\" (%s), want %s at \"%s\"", changes,
			 error_kind_info(f->errors.items[0].kind)->slug,
			 f->errors.items[0].where, f->errors.items[0].message,
			 error_kind_info(kind)->slug, where);
	}
	if (f->errors.n != 1)
		fail_msg("%s: %zu errors; the second: %s %s", changes, f->errors.n,
			 f->errors.items[1].where, f->errors.items[1].message);
}

static void takes(struct fixture *f, const char *changes)
{
	if (!parse_with(f, changes))
		fail_msg("%s: %s %s", changes, f->errors.items[0].where,
			 f->errors.items[0].message);
}

static void the_least_gets_defaults(void **state)
{
	struct fixture *f = *state;
	takes(f, "{}");
	const struct campaign *c = &f->campaign;
	assert_str(c->id, "spring");
	assert_str(c->name, "Spring offer");
	assert_int_equal(c->version, 3);
	assert_int_equal(c->type, CAMPAIGN_NEWSLETTER);
	assert_int_equal(c->legal_class, LEGAL_OWN_MARKETING);
	assert_str(c->purpose, "newsletter");
	assert_null(c->label.p);
	assert_int_equal(c->from, AUDIENCE_RECIPIENTS);
	assert_int_equal(c->n_exclude_campaigns, 0);
	assert_true(c->start_ms == INT64_C(1777622400000));
	assert_true(c->end_ms == INT64_C(1780293600000));
	assert_int_equal(c->tier, 5);
	assert_int_equal(c->weight, 100);
	assert_int_equal(c->repeat.max, 1);
	assert_true(c->repeat.min_gap_ms == 0);
	assert_int_equal(c->repeat.after, 7);
	assert_int_equal(c->position, PLACEMENT_TOP);
	assert_int_equal(c->n_variants, 1);
	assert_str(c->variants[0].id, "a");
	assert_str(c->variants[0].language, "en");
	assert_str(c->variants[0].template_name, "a-en");
}

#define EVERYTHING                                                                     \
	"{\"label\":{\"text\":\"Anzeige\"},\"audience\":{\"from\":\"everyone\","       \
	"\"excludeCampaigns\":[\"winter\",\"autumn\"]},"                               \
	"\"priority\":{\"tier\":1,\"weight\":1000},"                                   \
	"\"repeat\":{\"max\":3,\"minGap\":\"P7D\",\"after\":[\"read\",\"expired\"]},"  \
	"\"placement\":{\"position\":\"date\",\"date\":\"2026-05-02T08:00:00Z\"},"     \
	"\"variants\":[{\"id\":\"b\",\"weight\":50,\"templates\":{\"de-AT\":\"x\"},"   \
	"\"fallback\":\"de-AT\"}]}"

static void every_built_field_is_read(void **state)
{
	struct fixture *f = *state;
	takes(f, EVERYTHING);
	const struct campaign *c = &f->campaign;
	assert_str(c->label, "Anzeige");
	assert_int_equal(c->from, AUDIENCE_EVERYONE);
	assert_int_equal(c->n_exclude_campaigns, 2);
	assert_str(c->exclude_campaigns[1], "autumn");
	assert_int_equal(c->tier, 1);
	assert_int_equal(c->weight, 1000);
	assert_int_equal(c->repeat.max, 3);
	assert_true(c->repeat.min_gap_ms == 7 * INT64_C(86400000));
	assert_int_equal(c->repeat.after, REPEAT_AFTER_READ | REPEAT_AFTER_EXPIRED);
	assert_int_equal(c->position, PLACEMENT_DATE);
	assert_true(c->date_ms == INT64_C(1777708800000));
	assert_str(c->variants[0].language, "de-AT");
}

#define KEPT_ON_TOP                                                                    \
	"{\"placement\":{\"position\":\"rank\",\"rank\":3,\"keepOnTop\":"              \
	"{\"whileUnread\":true,\"afterNewer\":10,\"maxTimes\":3}},"                    \
	"\"reinjection\":{\"after\":\"P2D\",\"maxTimes\":2}}"

static void a_rank_and_the_ways_to_come_back_are_read(void **state)
{
	struct fixture *f = *state;
	const struct campaign *c = &f->campaign;
	takes(f, "{}");
	assert_int_equal(c->position, PLACEMENT_TOP);
	assert_int_equal(c->keep_on_top.max_times, 0);
	assert_int_equal(c->reinjection.max_times, 0);
	takes(f, KEPT_ON_TOP);
	assert_int_equal(c->position, PLACEMENT_RANK);
	assert_int_equal(c->rank, 3);
	assert_int_equal(c->keep_on_top.after_newer, 10);
	assert_int_equal(c->keep_on_top.max_times, 3);
	assert_true(c->reinjection.after_ms == 2 * CLOCK_DAY);
	assert_int_equal(c->reinjection.max_times, 2);
}

static void a_position_goes_with_its_own_value_only(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[] = {
		"{\"placement\":{\"position\":\"rank\"}}",
		"{\"placement\":{\"position\":\"top\",\"rank\":3}}",
		"{\"placement\":{\"position\":\"date\",\"rank\":3,"
		"\"date\":\"2026-05-01T08:00:00Z\"}}",
		"{\"placement\":{\"position\":\"date\","
		"\"date\":\"2026-05-01T08:00:00Z\","
		"\"keepOnTop\":{\"afterNewer\":1,\"maxTimes\":1}}}",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(f, cases[i], ERROR_UNPROCESSABLE, "/placement");
	refuses(f,
		"{\"placement\":{\"position\":\"top\",\"keepOnTop\":{"
		"\"whileUnread\":false,\"afterNewer\":1,\"maxTimes\":1}}}",
		ERROR_UNPROCESSABLE, "/placement/keepOnTop/whileUnread");
}

static void print(const struct campaign *c, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	campaign_put_json(&w, c);
	assert_true(buf_ok(out));
}

static void what_is_written_reads_back_as_equal(void **state)
{
	struct fixture *f = *state;
	const char *changes[] = {"{}", EVERYTHING, KEPT_ON_TOP,
				 ("{\"type\":\"service_alert\",\"legalClass\":"
				  "\"service\",\"purpose\":null}")};
	for (size_t i = 0; i < 4; i++) {
		struct buf once, twice;
		buf_init(&once, CAMPAIGN_JSON_MAX);
		buf_init(&twice, CAMPAIGN_JSON_MAX);
		takes(f, changes[i]);
		print(&f->campaign, &once);
		struct campaign again;
		if (!campaign_parse(buf_str(&once), f->arena, &again, &f->errors))
			fail_msg("%s", f->errors.items[0].message);
		print(&again, &twice);
		assert_str(buf_str(&twice), buf_cstr(&once));
		buf_free(&once);
		buf_free(&twice);
	}
}

static void each_needed_field_is_missed(void **state)
{
	struct fixture *f = *state;
	const char *names[] = {"id",         "version",  "name",     "type",
			       "legalClass", "audience", "schedule", "variants"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char changes[64], where[64];
		snprintf(changes, sizeof changes, "{\"%s\":null}", names[i]);
		snprintf(where, sizeof where, "/%s", names[i]);
		refuses(f, changes, ERROR_BAD_VALUE, where);
	}
}

static void what_is_not_built_is_refused_by_name(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][2] = {
		{"{\"advertiser\":\"acme\"}", "/advertiser"},
		{"{\"notWithAdvertisers\":[]}", "/notWithAdvertisers"},
		{"{\"slot\":\"top-ad\"}", "/slot"},
		{"{\"goal\":{\"unit\":\"read\"}}", "/goal"},
		{"{\"pacing\":\"asap\"}", "/pacing"},
		{"{\"caps\":[]}", "/caps"},
		{"{\"minGap\":\"PT12H\"}", "/minGap"},
		{"{\"expireUnread\":\"P14D\"}", "/expireUnread"},
		{"{\"recall\":{}}", "/recall"},
		{"{\"onNewVersion\":\"keep\"}", "/onNewVersion"},
		{"{\"holdoutPercent\":5}", "/holdoutPercent"},
		{"{\"conversion\":{}}", "/conversion"},
		{"{\"clicks\":false}", "/clicks"},
		{"{\"audience\":{\"from\":\"everyone\",\"rule\":{}}}",
		 "/audience/rule"},
		{"{\"audience\":{\"from\":\"everyone\",\"excludeRule\":{}}}",
		 "/audience/excludeRule"},
		{"{\"audience\":{\"from\":\"everyone\",\"excludeUnknown\":true}}",
		 "/audience/excludeUnknown"},
		{"{\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\","
		 "\"end\":\"2026-06-01T08:00:00Z\",\"timeZone\":\"user\"}}",
		 "/schedule/timeZone"},
		{"{\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\","
		 "\"end\":\"2026-06-01T08:00:00Z\",\"dayparts\":[]}}",
		 "/schedule/dayparts"},
		{"{\"variants\":[{},{}]}", "/variants"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":"
		 "{\"de\":\"x\",\"en\":\"y\"}}]}",
		 "/variants/0/templates"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(f, cases[i][0], ERROR_NOT_BUILT, cases[i][1]);
}

static void unknown_fields_are_refused_at_every_depth(void **state)
{
	struct fixture *f = *state;
	refuses(f, "{\"nmae\":1}", ERROR_UNKNOWN_FIELD, "/nmae");
	refuses(f, "{\"a/b~c\":1}", ERROR_UNKNOWN_FIELD, "/a~1b~0c");
	refuses(f, "{\"label\":{\"text\":\"Ad\",\"color\":1}}", ERROR_UNKNOWN_FIELD,
		"/label/color");
	refuses(f,
		"{\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"x\"},\"w\":1}]}",
		ERROR_UNKNOWN_FIELD, "/variants/0/w");
	refuses(f, "{\"*\":1}", ERROR_UNKNOWN_FIELD, "/*");
}

static void values_are_held_to_their_limits(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][2] = {
		{"{\"id\":\"-x\"}", "/id"},
		{"{\"id\":7}", "/id"},
		{"{\"version\":0}", "/version"},
		{"{\"version\":4294967296}", "/version"},
		{"{\"version\":1.0}", "/version"},
		{"{\"name\":\"\"}", "/name"},
		{"{\"name\":\"a\\nb\"}", "/name"},
		{"{\"type\":\"spam\"}", "/type"},
		{"{\"legalClass\":\"none\"}", "/legalClass"},
		{"{\"purpose\":\"a b\"}", "/purpose"},
		{"{\"label\":{}}", "/label/text"},
		{"{\"label\":\"Ad\"}", "/label"},
		{"{\"label\":{\"text\":\"A\\r\\nBcc: x\"}}", "/label/text"},
		{"{\"audience\":{\"from\":\"all\"}}", "/audience/from"},
		{"{\"audience\":{}}", "/audience/from"},
		{"{\"audience\":{\"from\":\"everyone\",\"excludeCampaigns\":"
		 "[\"a\",\"a\"]}}",
		 "/audience/excludeCampaigns/1"},
		{"{\"audience\":{\"from\":\"everyone\",\"excludeCampaigns\":[1]}}",
		 "/audience/excludeCampaigns/0"},
		{"{\"schedule\":{\"start\":\"tomorrow\","
		 "\"end\":\"2026-06-01T08:00:00Z\"}}",
		 "/schedule/start"},
		{"{\"priority\":{\"tier\":0}}", "/priority/tier"},
		{"{\"priority\":{\"tier\":10}}", "/priority/tier"},
		{"{\"priority\":{\"weight\":1001}}", "/priority/weight"},
		{"{\"repeat\":{\"max\":0}}", "/repeat/max"},
		{"{\"repeat\":{\"max\":501}}", "/repeat/max"},
		{"{\"repeat\":{\"minGap\":\"P1M\"}}", "/repeat/minGap"},
		{"{\"repeat\":{\"after\":[]}}", "/repeat/after"},
		{"{\"repeat\":{\"after\":[\"opened\"]}}", "/repeat/after/0"},
		{"{\"placement\":{}}", "/placement/position"},
		{"{\"placement\":{\"position\":\"rank\",\"rank\":0}}",
		 "/placement/rank"},
		{"{\"placement\":{\"position\":\"rank\",\"rank\":101}}",
		 "/placement/rank"},
		{"{\"placement\":{\"position\":\"top\",\"keepOnTop\":"
		 "{\"maxTimes\":1}}}",
		 "/placement/keepOnTop/afterNewer"},
		{"{\"placement\":{\"position\":\"top\",\"keepOnTop\":"
		 "{\"afterNewer\":0,\"maxTimes\":1}}}",
		 "/placement/keepOnTop/afterNewer"},
		{"{\"placement\":{\"position\":\"top\",\"keepOnTop\":"
		 "{\"whileUnread\":1,\"afterNewer\":1,\"maxTimes\":1}}}",
		 "/placement/keepOnTop/whileUnread"},
		{"{\"reinjection\":{\"maxTimes\":1}}", "/reinjection/after"},
		{"{\"reinjection\":{\"after\":\"P1D\"}}", "/reinjection/maxTimes"},
		{"{\"reinjection\":{\"after\":\"P1D\",\"maxTimes\":0}}",
		 "/reinjection/maxTimes"},
		{"{\"reinjection\":{\"after\":\"PT0S\",\"maxTimes\":1}}",
		 "/reinjection/after"},
		{"{\"variants\":[]}", "/variants"},
		{"{\"variants\":{}}", "/variants"},
		{"{\"variants\":[1]}", "/variants/0"},
		{"{\"variants\":[{\"templates\":{\"en\":\"x\"}}]}", "/variants/0/id"},
		{"{\"variants\":[{\"id\":\"a\"}]}", "/variants/0/templates"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":{}}]}",
		 "/variants/0/templates"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":{\"e n\":\"x\"}}]}",
		 "/variants/0/templates"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"../x\"}}]}",
		 "/variants/0/templates"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"x\"},"
		 "\"fallback\":\"de\"}]}",
		 "/variants/0/fallback"},
		{"{\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"x\"},"
		 "\"weight\":0}]}",
		 "/variants/0/weight"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(f, cases[i][0], ERROR_BAD_VALUE, cases[i][1]);
	char changes[512], name[CAMPAIGN_NAME_MAX + 2];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	snprintf(changes, sizeof changes, "{\"name\":\"%s\"}", name);
	refuses(f, changes, ERROR_TOO_LARGE, "/name");
	snprintf(changes, sizeof changes, "{\"name\":\"%s\"}", name + 1);
	takes(f, changes);
}

static void rules_across_fields_hold(void **state)
{
	struct fixture *f = *state;
	refuses(f, "{\"legalClass\":\"service\"}", ERROR_UNPROCESSABLE, "/legalClass");
	takes(f, "{\"legalClass\":\"service\",\"type\":\"service_alert\"}");
	refuses(f, "{\"purpose\":null}", ERROR_UNPROCESSABLE, "/purpose");
	refuses(f, "{\"legalClass\":\"third_party_ad\",\"type\":\"third_party\"}",
		ERROR_UNPROCESSABLE, "/label");
	takes(f, "{\"legalClass\":\"third_party_ad\",\"type\":\"third_party\","
		 "\"label\":{\"text\":\"Ad\"}}");
	refuses(f,
		"{\"schedule\":{\"start\":\"2026-06-01T08:00:00Z\","
		"\"end\":\"2026-06-01T08:00:00Z\"}}",
		ERROR_UNPROCESSABLE, "/schedule");
	refuses(f, "{\"placement\":{\"position\":\"date\"}}", ERROR_UNPROCESSABLE,
		"/placement");
	refuses(f,
		"{\"placement\":{\"position\":\"top\","
		"\"date\":\"2026-06-01T08:00:00Z\"}}",
		ERROR_UNPROCESSABLE, "/placement");
	refuses(f,
		"{\"audience\":{\"from\":\"everyone\","
		"\"excludeCampaigns\":[\"spring\"]}}",
		ERROR_UNPROCESSABLE, "/audience/excludeCampaigns/0");
}

static void all_errors_come_at_once_under_the_prefix(void **state)
{
	struct fixture *f = *state;
	json_error_t why;
	json_t *v = json_loads("{\"id\":\"!\",\"version\":0,\"slot\":\"x\",\"huh\":1}",
			       0, &why);
	assert_false(
		campaign_from_json(v, "/campaign", f->arena, &f->campaign, &f->errors));
	json_decref(v);
	/* and name, type, legalClass, audience, schedule, variants are missing */
	assert_int_equal(f->errors.n, 10);
	assert_true(has_error(f, ERROR_BAD_VALUE, "/campaign/id"));
	assert_true(has_error(f, ERROR_BAD_VALUE, "/campaign/version"));
	assert_true(has_error(f, ERROR_NOT_BUILT, "/campaign/slot"));
	assert_true(has_error(f, ERROR_UNKNOWN_FIELD, "/campaign/huh"));
}

static void a_text_that_is_no_object_is_refused(void **state)
{
	struct fixture *f = *state;
	assert_false(campaign_parse(STR("{"), f->arena, &f->campaign, &f->errors));
	assert_int_equal(f->errors.items[0].kind, ERROR_SYNTAX);
	assert_false(campaign_parse(STR("[]"), f->arena, &f->campaign, &f->errors));
	assert_int_equal(f->errors.items[1].kind, ERROR_BAD_VALUE);
	assert_false(campaign_parse(STR("{\"id\":\"a\",\"id\":\"b\"}"), f->arena,
				    &f->campaign, &f->errors));
	assert_int_equal(f->errors.items[2].kind, ERROR_SYNTAX);
}

static void a_tenant_without_public_url_sends_service_messages_only(void **state)
{
	struct fixture *f = *state;
	struct tenant t = {.brand = STR_INIT("Acme")};
	takes(f, "{}");
	assert_false(campaign_check_tenant(&f->campaign, &t, "/campaign", &f->errors));
	assert_true(has_error(f, ERROR_UNPROCESSABLE, "/campaign/legalClass"));
	takes(f, "{\"legalClass\":\"service\",\"type\":\"service_alert\"}");
	assert_true(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
	takes(f, "{}");
	t.public_url = STR("https://mail.example.org");
	assert_true(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
}

static void an_ad_stands_on_top_unless_the_tenant_allows_more(void **state)
{
	struct fixture *f = *state;
	struct tenant t = {.public_url = STR_INIT("https://mail.example.org")};
	takes(f, "{\"legalClass\":\"third_party_ad\",\"label\":{\"text\":\"Ad\"},"
		 "\"placement\":{\"position\":\"date\","
		 "\"date\":\"2026-06-01T08:00:00Z\"}}");
	assert_false(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
	assert_true(has_error(f, ERROR_UNPROCESSABLE, "/placement/position"));
	t.allow_interleaved_ads = true;
	assert_true(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
	takes(f, "{\"legalClass\":\"third_party_ad\",\"label\":{\"text\":\"Ad\"},"
		 "\"placement\":{\"position\":\"rank\",\"rank\":2}}");
	assert_true(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
	t.allow_interleaved_ads = false;
	assert_false(campaign_check_tenant(&f->campaign, &t, "", &f->errors));
}

static void own_marketing_is_known_by_label_or_brand(void **state)
{
	struct fixture *f = *state;
	struct tenant t = {.brand = STR_INIT("Acme")};
	struct error_list *e = &f->errors;
	takes(f, "{}");
	const struct campaign *c = &f->campaign;
	assert_true(campaign_check_label(c, &t, STR("Acme"), "", e));
	assert_true(campaign_check_label(c, &t, STR("ACME Offers"), "", e));
	assert_true(campaign_check_label(c, &t, STR("Acme's news"), "", e));
	assert_false(campaign_check_label(c, &t, STR("Acmetopia"), "", e));
	assert_false(campaign_check_label(c, &t, STR("Acme\xc3\xa9"), "", e));
	assert_false(campaign_check_label(c, &t, STR("The Acme"), "", e));
	assert_false(campaign_check_label(c, &t, STR("Acme{{x}}"), "", e));
	assert_true(campaign_check_label(c, &t, STR("Acme {{x}}"), "", e));
	assert_false(campaign_check_label(c, &t, STR(""), "", e));
	t.brand = STR("");
	assert_false(campaign_check_label(c, &t, STR("Acme"), "", e));
	takes(f, "{\"label\":{\"text\":\"Ad\"}}");
	assert_true(campaign_check_label(c, &t, STR("Anyone"), "", e));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_least_gets_defaults),
		T(every_built_field_is_read),
		T(a_rank_and_the_ways_to_come_back_are_read),
		T(a_position_goes_with_its_own_value_only),
		T(what_is_written_reads_back_as_equal),
		T(each_needed_field_is_missed),
		T(what_is_not_built_is_refused_by_name),
		T(unknown_fields_are_refused_at_every_depth),
		T(values_are_held_to_their_limits),
		T(rules_across_fields_hold),
		T(all_errors_come_at_once_under_the_prefix),
		T(a_text_that_is_no_object_is_refused),
		T(a_tenant_without_public_url_sends_service_messages_only),
		T(an_ad_stands_on_top_unless_the_tenant_allows_more),
		T(own_marketing_is_known_by_label_or_brand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
