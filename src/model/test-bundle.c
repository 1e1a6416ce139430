/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "model/bundle.h"

#include <stdio.h>

#define HASH "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
#define CAMPAIGN(audience)                                                             \
	"{\"id\":\"spring\",\"version\":3,\"name\":\"Spring offer\","                  \
	"\"type\":\"newsletter\",\"legalClass\":\"own_marketing\","                    \
	"\"purpose\":\"newsletter\",\"audience\":{\"from\":\"" audience "\"},"         \
	"\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\","                            \
	"\"end\":\"2026-06-01T08:00:00Z\"},"                                           \
	"\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"a-en\"}}]}"
#define FILE_OF(name) "{\"name\":\"" name "\",\"sha256\":\"" HASH "\",\"bytes\":12}"
#define BUNDLE(audience, files)                                                        \
	"{\"schema\":\"inlay.bundle/1\",\"campaign\":" CAMPAIGN(                       \
		audience) ",\"files\":[" files "]}"
#define TEMPLATE FILE_OF("templates/a-en.json")

struct fixture {
	struct arena *arena;
	struct bundle bundle;
	struct error_list errors;
};

static int setup(void **state)
{
	static struct fixture f;
	f.arena = arena_new(4 << 20);
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

static bool parse(struct fixture *f, const char *json)
{
	error_list_free(&f->errors);
	error_list_init(&f->errors, 100);
	return bundle_parse(str_of(json), f->arena, &f->bundle, &f->errors);
}

static void refuses(struct fixture *f, const char *json, enum error_kind kind,
		    const char *where)
{
	if (parse(f, json))
		fail_msg("taken: %s", json);
	if (f->errors.n != 1)
		fail_msg("%zu errors, the first: %s %s", f->errors.n,
			 f->errors.items[0].where, f->errors.items[0].message);
	assert_string_equal(f->errors.items[0].where, where);
	if (f->errors.items[0].kind != kind)
		fail_msg("got %s, want %s",
			 error_kind_info(f->errors.items[0].kind)->slug,
			 error_kind_info(kind)->slug);
}

static void takes(struct fixture *f, const char *json)
{
	if (!parse(f, json))
		fail_msg("%s %s", f->errors.items[0].where, f->errors.items[0].message);
}

static void a_manifest_is_read(void **state)
{
	struct fixture *f = *state;
	takes(f, BUNDLE("recipients",
			TEMPLATE ",{\"name\":\"recipients.csv.zst\",\"sha256\":\"" HASH
				 "\",\"bytes\":12345678901,\"rows\":10000000}"));
	assert_str(f->bundle.campaign.id, "spring");
	assert_int_equal(f->bundle.n_files, 2);
	const struct bundle_file *r = bundle_recipients(&f->bundle);
	assert_non_null(r);
	assert_str(r->name, "recipients.csv.zst");
	assert_true(r->has_rows);
	assert_int_equal(r->rows, 10000000);
	assert_true(r->bytes == UINT64_C(12345678901));
	assert_int_equal(r->sha256[0], 0x01);
	assert_int_equal(r->sha256[31], 0xef);
	const struct bundle_file *t = bundle_template(&f->bundle, STR("a-en"));
	assert_non_null(t);
	assert_false(t->has_rows);
	assert_null(bundle_template(&f->bundle, STR("a")));
}

static void what_is_written_reads_back(void **state)
{
	struct fixture *f = *state;
	struct json_writer w;
	struct buf out;
	buf_init(&out, BUNDLE_MANIFEST_MAX);
	takes(f, BUNDLE("recipients", TEMPLATE "," FILE_OF("recipients.csv")));
	json_writer_init(&w, &out);
	bundle_put_json(&w, STR(CAMPAIGN("recipients")), f->bundle.files,
			f->bundle.n_files);
	takes(f, buf_cstr(&out));
	assert_int_equal(f->bundle.n_files, 2);
	assert_str(f->bundle.files[1].name, "recipients.csv");
	assert_int_equal(f->bundle.files[1].bytes, 12);
	buf_free(&out);
}

static void everyone_needs_no_recipients(void **state)
{
	struct fixture *f = *state;
	takes(f, BUNDLE("everyone", TEMPLATE));
	assert_null(bundle_recipients(&f->bundle));
	refuses(f, BUNDLE("everyone", TEMPLATE "," FILE_OF("recipients.csv")),
		ERROR_UNPROCESSABLE, "bundle.json#/files");
}

static void the_list_of_files_is_what_the_campaign_needs(void **state)
{
	struct fixture *f = *state;
	refuses(f, BUNDLE("recipients", TEMPLATE), ERROR_UNPROCESSABLE,
		"bundle.json#/files");
	refuses(f, BUNDLE("recipients", FILE_OF("recipients.csv")), ERROR_UNPROCESSABLE,
		"bundle.json#/files");
	refuses(f, BUNDLE("everyone", TEMPLATE "," FILE_OF("templates/b.json")),
		ERROR_UNPROCESSABLE, "bundle.json#/files");
}

static void names_of_files_are_known_ones(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"../a.json",           "/etc/passwd",
					  "templates/../a.json", "templates/a b.json",
					  "templates/.json",     "templates/a.html",
					  "recipients.csv.bz2",  "recipients",
					  "bundle.json",         "templates\\\\a.json"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char json[2048];
		snprintf(json, sizeof json,
			 BUNDLE("everyone",
				TEMPLATE ",{\"name\":\"%s\",\"sha256\":\"" HASH
					 "\",\"bytes\":1}"),
			 bad[i]);
		refuses(f, json, ERROR_BAD_VALUE, "bundle.json#/files/1/name");
	}
	refuses(f, BUNDLE("everyone", TEMPLATE "," FILE_OF("assets/logo.png")),
		ERROR_NOT_BUILT, "bundle.json#/files/1/name");
	refuses(f, BUNDLE("everyone", TEMPLATE "," TEMPLATE), ERROR_BAD_VALUE,
		"bundle.json#/files/1/name");
	refuses(f,
		BUNDLE("recipients", TEMPLATE
		       "," FILE_OF("recipients.csv") "," FILE_OF("recipients.csv.gz")),
		ERROR_BAD_VALUE, "bundle.json#/files/2/name");
}

static void values_are_checked(void **state)
{
	struct fixture *f = *state;
#define ONE(rest) BUNDLE("everyone", "{\"name\":\"templates/a-en.json\"," rest "}")
	refuses(f, ONE("\"sha256\":\"12\",\"bytes\":1"), ERROR_BAD_VALUE,
		"bundle.json#/files/0/sha256");
	refuses(f, ONE("\"sha256\":\"" HASH "\",\"bytes\":-1"), ERROR_BAD_VALUE,
		"bundle.json#/files/0/bytes");
	refuses(f, ONE("\"sha256\":\"" HASH "\""), ERROR_BAD_VALUE,
		"bundle.json#/files/0/bytes");
	refuses(f, ONE("\"sha256\":\"" HASH "\",\"bytes\":1,\"rows\":1"),
		ERROR_BAD_VALUE, "bundle.json#/files/0/rows");
	refuses(f, ONE("\"sha256\":\"" HASH "\",\"bytes\":1,\"mode\":1"),
		ERROR_UNKNOWN_FIELD, "bundle.json#/files/0/mode");
	refuses(f,
		"{\"schema\":\"inlay.bundle/2\",\"campaign\":" CAMPAIGN(
			"everyone") ",\"files\":[" TEMPLATE "]}",
		ERROR_BAD_VALUE, "bundle.json#/schema");
	refuses(f,
		"{\"schema\":\"inlay.bundle/1\",\"campaign\":" CAMPAIGN(
			"everyone") ",\"files\":[]}",
		ERROR_BAD_VALUE, "bundle.json#/files");
	refuses(f, "{", ERROR_SYNTAX, "bundle.json");
	refuses(f, "", ERROR_SYNTAX, "bundle.json");
	refuses(f, "7", ERROR_SYNTAX, "bundle.json");
	refuses(f, "[]", ERROR_BAD_VALUE, "bundle.json#");
}

static void the_campaign_s_errors_bear_its_pointer(void **state)
{
	struct fixture *f = *state;
	refuses(f,
		"{\"schema\":\"inlay.bundle/1\",\"campaign\":7,\"files\":[" TEMPLATE
		"]}",
		ERROR_BAD_VALUE, "bundle.json#/campaign");
	assert_false(parse(f,
			   "{\"schema\":\"inlay.bundle/1\",\"campaign\":{\"slot\":1},"
			   "\"files\":[" TEMPLATE "]}"));
	bool found = false;
	for (size_t i = 0; i < f->errors.n; i++)
		found = found || (f->errors.items[i].kind == ERROR_NOT_BUILT &&
				  strcmp(f->errors.items[i].where,
					 "bundle.json#/campaign/slot") == 0);
	assert_true(found);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_manifest_is_read),
		T(what_is_written_reads_back),
		T(everyone_needs_no_recipients),
		T(the_list_of_files_is_what_the_campaign_needs),
		T(names_of_files_are_known_ones),
		T(values_are_checked),
		T(the_campaign_s_errors_bear_its_pointer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
