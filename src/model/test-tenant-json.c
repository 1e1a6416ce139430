/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tenant-json.h"

#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* The original's body of POST /api/tenants/ with its angle brackets filled in. */
static const char original[] =
	"{\"id\":\"default\",\"name\":\"default\",\"keyspaceName\":\"mim_default\","
	"\"configuration\":{\"secretKey\":\"s3cret\",\"hashedEmailAddresses\":true},"
	"\"conversionPoints\":[{\"id\":\"injection\",\"type\":\"ongage\",\"eventType\":"
	"\"injected\",\"description\":\"Dovecot Injection Tracking\","
	"\"connectionInformation\":{\"url\":\"https://t.example/i?u={userId}\"}},"
	"{\"id\":\"reinjection\",\"type\":\"ongage\",\"eventType\":\"reinjected\","
	"\"description\":\"Dovecot Re-Injection Tracking\",\"connectionInformation\":"
	"{\"url\":\"https://t.example/r\"}},"
	"{\"id\":\"read\",\"type\":\"ongage\",\"eventType\":\"read\",\"description\":"
	"\"Dovecot Read Tracking\",\"connectionInformation\":{\"url\":"
	"\"https://t.example/o\"}},"
	"{\"id\":\"expunged\",\"type\":\"ongage\",\"eventType\":\"expunged\","
	"\"description\":\"Dovecot Expunged Tracking\",\"connectionInformation\":"
	"{\"url\":\"https://t.example/e\"}}],"
	"\"dataSources\":[{\"id\":\"default\",\"type\":\"ongage\","
	"\"defaultDataSource\":"
	"true,\"deleteTemporaryImportFiles\":false,\"awsConnectionInformation\":{"
	"\"authorizationType\":\"rados\",\"accessKey\":\"AK\",\"secretKey\":\"SK\","
	"\"endpoint\":\"https://rgw.example\",\"bucket\":\"b\"}}]}";

struct fixture {
	struct arena *arena;
	struct error_list errors;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	if (f == NULL || (f->arena = arena_new(1 << 20)) == NULL)
		return 1;
	error_list_init(&f->errors, 50);
	buf_init(&f->out, 1 << 16);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	error_list_free(&f->errors);
	buf_free(&f->out);
	free(f);
	return 0;
}

static bool parse(struct fixture *f, const char *text, struct tenant *t)
{
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	error_list_free(&f->errors);
	bool ok = tenant_parse(doc, TENANT_GIVEN, f->arena, t, &f->errors);
	json_decref(doc);
	return ok;
}

/* The original's body with one piece of text replaced. */
static const char *with(struct fixture *f, const char *from, const char *to)
{
	const char *at = strstr(original, from);
	assert_non_null(at);
	struct str s = arena_printf(f->arena, "%.*s%s%s", (int)(at - original),
				    original, to, at + strlen(from));
	return s.p;
}

static void assert_error(struct fixture *f, enum error_kind kind, const char *where)
{
	for (size_t i = 0; i < f->errors.n; i++)
		if (strcmp(f->errors.items[i].where, where) == 0) {
			assert_int_equal(f->errors.items[i].kind, kind);
			return;
		}
	for (size_t i = 0; i < f->errors.n; i++)
		print_message("%s: %s\n", f->errors.items[i].where,
			      f->errors.items[i].message);
	fail_msg("no error at %s", where);
}

static void the_originals_body_is_taken_as_it_stands(void **state)
{
	struct fixture *f = *state;
	struct tenant t;
	assert_true(parse(f, original, &t));
	assert_str(t.id, "default");
	assert_str(t.keyspace, "mim_default");
	assert_true(t.hashed_email_addresses);
	assert_int_equal(t.n_conversion_points, 4);
	assert_str(t.conversion_points[1].event_type, "reinjected");
	assert_str(t.conversion_points[0].url, "https://t.example/i?u={userId}");
	assert_int_equal(t.n_data_sources, 1);
	assert_str(t.data_sources[0].type, "ongage");
	assert_int_equal(t.data_sources[0].authorization, AUTHORIZATION_RADOS);
	assert_str(t.data_sources[0].secret_key, "SK");
	assert_int_equal(t.limits.live_unread, 2);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
	struct fixture *f = *state;
	struct tenant t, back;
	struct json_writer w;
	assert_true(parse(f, original, &t));
	t.senders = &(struct sender){STR("@example.com"), STR("Example")};
	t.n_senders = 1;
	t.restrict_senders = true;
	t.time_zone = STR("Europe/Berlin");
	t.limits.min_spacing_ms = 90 * 60 * 1000;
	t.data_sources[0].signature_version = 2;
	t.data_sources[0].restricted = true;
	json_writer_init(&w, &f->out);
	tenant_print(&w, tenant_copy(f->arena, &t), TENANT_STORED);
	struct str first = arena_str(f->arena, buf_str(&f->out));
	json_t *doc = json_loadb(first.p, first.n, 0, NULL);
	assert_true(tenant_parse(doc, TENANT_STORED, f->arena, &back, &f->errors));
	json_decref(doc);
	assert_true(back.data_sources[0].restricted);
	assert_int_equal(back.limits.min_spacing_ms, 90 * 60 * 1000);
	buf_clear(&f->out);
	json_writer_init(&w, &f->out);
	tenant_print(&w, &back, TENANT_STORED);
	assert_str(buf_str(&f->out), first.p);
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
	struct fixture *f = *state;
	struct tenant t;
	assert_false(parse(
		f,
		"{\"id\":\"-x\",\"name\":7,\"keyspaceName\":\"Mim\",\"colour\":1,"
		"\"configuration\":{\"secretKey\":\"s\",\"hashedEmailAddresses\":"
		"\"no\"},"
		"\"caps\":[],\"a/b~c\":1,\"limits\":{\"liveUnread\":101},"
		"\"conversionPoints\":[{\"id\":\"a\",\"type\":\"ongage\",\"eventType\":"
		"\"clicked\",\"connectionInformation\":{\"url\":\"ftp://x\"}}],"
		"\"dataSources\":{}}",
		&t));
	assert_error(f, ERROR_BAD_VALUE, "/id");
	assert_error(f, ERROR_BAD_VALUE, "/name");
	assert_error(f, ERROR_BAD_VALUE, "/keyspaceName");
	assert_error(f, ERROR_UNKNOWN_FIELD, "/colour");
	assert_error(f, ERROR_UNKNOWN_FIELD, "/a~1b~0c");
	assert_error(f, ERROR_NOT_BUILT, "/caps");
	assert_error(f, ERROR_BAD_VALUE, "/configuration/hashedEmailAddresses");
	assert_error(f, ERROR_BAD_VALUE, "/limits/liveUnread");
	assert_error(f, ERROR_BAD_VALUE, "/conversionPoints/0/eventType");
	assert_error(f, ERROR_BAD_VALUE,
		     "/conversionPoints/0/connectionInformation/url");
	assert_error(f, ERROR_BAD_VALUE, "/dataSources");
}

static void exactly_one_data_source_is_the_default(void **state)
{
	struct fixture *f = *state;
	struct tenant t;
	assert_false(parse(
		f, with(f, "\"defaultDataSource\":true", "\"defaultDataSource\":false"),
		&t));
	assert_error(f, ERROR_BAD_VALUE, "/dataSources");
	json_t *doc = json_loads(original, 0, NULL);
	json_t *list = json_object_get(doc, "dataSources");
	json_array_append_new(list, json_deep_copy(json_array_get(list, 0)));
	error_list_free(&f->errors);
	assert_false(tenant_parse_data_sources(list, f->arena, &t, &f->errors));
	assert_error(f, ERROR_BAD_VALUE, "");
	assert_error(f, ERROR_BAD_VALUE, "/1/id");
	json_decref(doc);
}

static void a_caller_cannot_say_what_is_ours(void **state)
{
	struct fixture *f = *state;
	struct tenant t;
	assert_false(parse(f,
			   with(f, "\"defaultDataSource\":true",
				"\"defaultDataSource\":true,\"restricted\":false"),
			   &t));
	assert_error(f, ERROR_UNKNOWN_FIELD, "/dataSources/0/restricted");
}

static void directories_stay_below_their_root(void **state)
{
	static const char *const bad[] = {"/etc", "a/../../b", ".."};
	struct fixture *f = *state;
	struct tenant t;
	for (size_t i = 0; i < 3; i++) {
		struct str to = arena_printf(
			f->arena, "\"directory\",\"endpoint\":\"%s\"}}]}", bad[i]);
		const char *text = with(f, "\"rados\"", to.p);
		/* what follows the replaced word is cut off */
		struct str cut = arena_printf(
			f->arena, "%.*s",
			(int)(strstr(text, to.p) - text + (ptrdiff_t)to.n), text);
		assert_false(parse(f, cut.p, &t));
		assert_error(f, ERROR_BAD_VALUE,
			     "/dataSources/0/awsConnectionInformation/endpoint");
	}
}

static void a_mask_keeps_the_secret_if_only_the_bucket_changed(void **state)
{
	struct fixture *f = *state;
	struct tenant old, t;
	assert_true(parse(f, original, &old));
	assert_true(parse(f,
			  with(f,
			       "\"SK\",\"endpoint\":\"https://rgw.example\","
			       "\"bucket\":\"b\"",
			       "\"********\",\"endpoint\":\"https://rgw.example\","
			       "\"bucket\":\"c\""),
			  &t));
	assert_true(tenant_unmask(&t, &old, TENANT_WHOLE, &f->errors));
	assert_str(t.data_sources[0].secret_key, "SK");
	assert_str(t.data_sources[0].bucket, "c");
}

static void a_mask_with_another_endpoint_asks_for_the_secret(void **state)
{
	struct fixture *f = *state;
	struct tenant old, t;
	assert_true(parse(f, original, &old));
	assert_true(parse(f,
			  with(f, "\"SK\",\"endpoint\":\"https://rgw.example\"",
			       "\"********\",\"endpoint\":\"https://evil.example\""),
			  &t));
	assert_false(tenant_unmask(&t, &old, TENANT_WHOLE, &f->errors));
	assert_error(f, ERROR_BAD_VALUE,
		     "/dataSources/0/awsConnectionInformation/secretKey");
	assert_non_null(strstr(f->errors.items[0].message, "send the secret again"));
	error_list_free(&f->errors);
	assert_false(tenant_unmask(&t, NULL, TENANT_DATA_SOURCES, &f->errors));
	assert_error(f, ERROR_BAD_VALUE, "/0/awsConnectionInformation/secretKey");
}

static void masking_leaves_no_secret(void **state)
{
	struct fixture *f = *state;
	struct tenant t;
	struct json_writer w;
	assert_true(parse(f, original, &t));
	tenant_mask(&t);
	json_writer_init(&w, &f->out);
	tenant_print(&w, &t, TENANT_GIVEN);
	const char *text = buf_cstr(&f->out);
	assert_null(strstr(text, "s3cret"));
	assert_null(strstr(text, "\"SK\""));
	assert_non_null(strstr(text, "\"secretKey\":\"********\""));
}

static void a_tenants_token_may_not_set_keyspace_or_directories(void **state)
{
	struct fixture *f = *state;
	struct tenant old, t;
	assert_true(parse(f, original, &old));
	assert_true(parse(f, with(f, "\"mim_default\"", "\"mim_other\""), &t));
	t.data_sources[0].authorization = AUTHORIZATION_DIRECTORY;
	t.conversion_points[2].url = STR("https://other.example/");
	assert_false(tenant_restrict(&t, &old, TENANT_WHOLE, &f->errors));
	assert_error(f, ERROR_FORBIDDEN, "/keyspaceName");
	assert_error(f, ERROR_FORBIDDEN, "/dataSources/0");
	assert_true(t.conversion_points[2].restricted);
	assert_false(t.conversion_points[1].restricted);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_originals_body_is_taken_as_it_stands),
		T(what_is_printed_reads_back_as_the_same),
		T(all_that_is_wrong_is_said_at_once),
		T(exactly_one_data_source_is_the_default),
		T(a_caller_cannot_say_what_is_ours),
		T(directories_stay_below_their_root),
		T(a_mask_keeps_the_secret_if_only_the_bucket_changed),
		T(a_mask_with_another_endpoint_asks_for_the_secret),
		T(masking_leaves_no_secret),
		T(a_tenants_token_may_not_set_keyspace_or_directories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
