/* SPDX-License-Identifier: Apache-2.0 */
#include "model/user-json.h"

#include "base/unit.h"

#include <stdlib.h>

static struct arena *arena;
static struct error_list errors;
static struct user_schema schema;
static struct user_rules rules;
static struct buf text;

static json_t *load(const char *json)
{
	json_t *v = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(v);
	return v;
}

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	error_list_init(&errors, 50);
	buf_init(&text, 1 << 16);
	schema = (struct user_schema){0};
	json_t *a =
		load("[{\"name\":\"plan\",\"type\":\"string\",\"allowed\":[\"free\","
		     "\"pro\"]},{\"name\":\"age\",\"type\":\"number\"},"
		     "{\"name\":\"vip\",\"type\":\"boolean\"},"
		     "{\"name\":\"born\",\"type\":\"date\"}]");
	json_t *p = load("[{\"id\":\"news\",\"names\":{\"en\":\"News\",\"de-AT\":"
			 "\"Neues\"},\"wordings\":[{\"version\":\"1\",\"text\":\"Yes\\n"
			 "please\"}]}]");
	assert_true(schema_parse_attributes(a, arena, &schema, &errors));
	assert_true(schema_parse_purposes(p, arena, &schema, &errors));
	json_decref(a);
	json_decref(p);
	rules = (struct user_rules){&schema, false, 1000 * CLOCK_DAY};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	error_list_free(&errors);
	buf_free(&text);
	return 0;
}

static bool parse(const char *json, enum user_form form, struct user_change *out)
{
	struct str name;
	json_t *doc = load(json);
	bool ok = user_parse(doc, form, &rules, arena, &name, out, &errors);
	json_decref(doc);
	return ok;
}

static void assert_error(const char *where)
{
	for (size_t i = 0; i < errors.n; i++)
		if (strcmp(errors.items[i].where, where) == 0)
			return;
	for (size_t i = 0; i < errors.n; i++)
		print_message("%s: %s\n", errors.items[i].where,
			      errors.items[i].message);
	fail_msg("no error at %s", where);
}

static struct user_profile merge(const struct user_profile *old, const char *json,
				 enum user_form form)
{
	struct user_change c;
	struct user_profile p;
	struct error err;
	if (!parse(json, form, &c))
		fail_msg("%s: %s", errors.items[0].where, errors.items[0].message);
	assert_true(user_merge(old, STR("anna@e.org"), &c, arena, &p, &err));
	return p;
}

static const char anna[] =
	"{\"user\":\"anna@e.org\",\"userId\":\"47\",\"email\":\"a@e.org\",\"aliases\":"
	"[\"x@e.org\"],\"attributes\":{\"plan\":\"pro\",\"age\":40,\"vip\":true,"
	"\"born\":\"1980-02-29\"},\"consents\":[{\"purpose\":\"news\",\"granted\":true,"
	"\"at\":\"1971-01-01T00:00:00Z\",\"wording\":\"1\"}],\"optOuts\":[]}";

static void what_is_put_is_shown(void **state)
{
	(void)state;
	struct json_writer w;
	struct user_profile p = merge(NULL, anna, USER_PUT);
	json_writer_init(&w, &text);
	user_print(&w, &p, &schema);
	assert_str(buf_str(&text),
		   "{\"user\":\"anna@e.org\",\"userId\":\"47\",\"email\":\"a@e.org\","
		   "\"aliases\":[\"x@e.org\"],\"attributes\":{\"age\":40,\"born\":"
		   "\"1980-02-29\",\"plan\":\"pro\",\"vip\":true},\"consents\":[{"
		   "\"purpose\":\"news\",\"granted\":true,\"at\":"
		   "\"1971-01-01T00:00:00Z\",\"wording\":\"1\"}],\"optOuts\":[]}");
}

static void put_takes_fields_away_but_never_consents(void **state)
{
	(void)state;
	struct user_profile old = merge(NULL, anna, USER_PUT);
	struct user_profile p = merge(
		&old,
		"{\"user\":\"anna@e.org\",\"attributes\":{\"age\":41},\"consents\":[{"
		"\"purpose\":\"news\",\"granted\":false,\"at\":\"1972-01-01T00:00:"
		"00Z\"}]}",
		USER_PUT);
	assert_null(p.user_id.p);
	assert_null(p.email.p);
	assert_int_equal(p.n_aliases, 0);
	assert_int_equal(p.n_attributes, 1);
	assert_str(p.attributes[0].value, "41");
	assert_int_equal(p.n_consents, 2);
	assert_false(user_has_consent(&p, STR("news"), 1000 * CLOCK_DAY, NULL));
}

static void patch_changes_what_it_names_and_null_takes_away(void **state)
{
	(void)state;
	struct user_profile old = merge(NULL, anna, USER_PUT);
	struct user_profile p = merge(
		&old,
		"{\"email\":null,\"attributes\":{\"plan\":\"free\",\"vip\":null}}",
		USER_PATCH);
	assert_str(p.user_id, "47");
	assert_null(p.email.p);
	assert_int_equal(p.n_aliases, 1);
	assert_int_equal(p.n_attributes, 3);
	assert_str(user_attribute(&p, STR("plan"))->value, "free");
	assert_null(user_attribute(&p, STR("vip")));
	assert_int_equal(p.n_consents, 1);
}

static void what_is_not_declared_is_an_error(void **state)
{
	(void)state;
	struct user_change c;
	assert_false(parse("{\"user\":\"anna\",\"colour\":1,\"attributes\":{\"shoe\":"
			   "\"42\",\"plan\":"
			   "\"gold\",\"age\":\"40\",\"vip\":1,\"born\":\"1981-02-29\"},"
			   "\"consents\":"
			   "[{\"purpose\":\"spam\",\"granted\":true,\"at\":\"1971-01-"
			   "01T00:00:00Z\"},"
			   "{\"purpose\":\"news\",\"granted\":true,\"at\":\"2999-01-"
			   "01T00:00:00Z\","
			   "\"wording\":\"9\"}],\"optOuts\":[{\"purpose\":\"spam\"}]}",
			   USER_PUT, &c));
	assert_error("/colour");
	assert_error("/attributes/shoe");
	assert_error("/attributes/plan");
	assert_error("/attributes/age");
	assert_error("/attributes/vip");
	assert_error("/attributes/born");
	assert_error("/consents/0/purpose");
	assert_error("/consents/1/at");
	assert_error("/consents/1/wording");
	assert_error("/optOuts/0/at");
}

static void a_hashed_tenant_takes_no_addresses(void **state)
{
	(void)state;
	struct user_change c;
	rules.hashed = true;
	assert_false(parse("{\"user\":\"anna\",\"email\":\"a@e.org\",\"aliases\":"
			   "[\"x@e.org\"]}",
			   USER_PUT, &c));
	assert_error("/email");
	assert_error("/aliases/0");
}

static void the_schema_prints_what_reads_back(void **state)
{
	(void)state;
	struct json_writer w;
	struct user_schema back;
	json_writer_init(&w, &text);
	schema_print_purposes(&w, &schema);
	json_t *doc = load(buf_cstr(&text));
	assert_true(schema_parse_purposes(doc, arena, &back, &errors));
	json_decref(doc);
	assert_int_equal(back.n_purposes, 1);
	assert_int_equal(back.purposes[0].n_names, 2);
	assert_str(back.purposes[0].wordings[0].text, "Yes\nplease");
	buf_clear(&text);
	json_writer_init(&w, &text);
	schema_print_attributes(&w, &schema);
	doc = load(buf_cstr(&text));
	assert_true(schema_parse_attributes(doc, arena, &back, &errors));
	json_decref(doc);
	assert_int_equal(back.n_attributes, 4);
	assert_int_equal(back.attributes[0].n_allowed, 2);
	assert_int_equal(back.attributes[3].type, ATTRIBUTE_DATE);
}

static void a_schema_says_all_that_is_wrong(void **state)
{
	(void)state;
	struct user_schema s;
	json_t *a =
		load("[{\"name\":\"1a\",\"type\":\"text\"},{\"name\":\"b\",\"type\":"
		     "\"number\",\"allowed\":[\"x\"]},{\"name\":\"b\",\"type\":"
		     "\"number\"}]");
	assert_false(schema_parse_attributes(a, arena, &s, &errors));
	json_decref(a);
	assert_error("/0/name");
	assert_error("/0/type");
	assert_error("/1/allowed/0");
	assert_error("/2/name");
	json_t *p =
		load("[{\"id\":\"a\",\"names\":{\"e\":\"x\"},\"legalBasis\":"
		     "\"existingCustomer\",\"wordings\":[{\"version\":\"1\",\"text\":"
		     "\"t\",\"hash\":\"00000000000000000000000000000000000000000000000"
		     "00000000000000000\"}]}]");
	assert_false(schema_parse_purposes(p, arena, &s, &errors));
	json_decref(p);
	assert_error("/0/names/e");
	assert_error("/0/legalBasis");
	assert_error("/0/wordings/0/hash");
}

static void numbers_are_those_of_json(void **state)
{
	(void)state;
	static const char *const good[] = {"0", "-1", "10", "0.5", "1e3", "-2.5E-1"};
	static const char *const bad[] = {"",      "-",   "01", "1.", ".5", "1e",
					  "1e999", "0x1", "1 ", "+1", "NaN"};
	const struct attribute_schema a = {.name = STR("n"), .type = ATTRIBUTE_NUMBER};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(attribute_check(&a, str_of(good[i]), NULL));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(attribute_check(&a, str_of(bad[i]), NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(what_is_put_is_shown),
		T(put_takes_fields_away_but_never_consents),
		T(patch_changes_what_it_names_and_null_takes_away),
		T(what_is_not_declared_is_an_error),
		T(a_hashed_tenant_takes_no_addresses),
		T(the_schema_prints_what_reads_back),
		T(a_schema_says_all_that_is_wrong),
		T(numbers_are_those_of_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
