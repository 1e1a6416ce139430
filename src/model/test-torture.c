/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants, users, campaigns and bundles without memory, at every allocation in turn. */
#include "base/json-tree.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "model/bundle-build.h"
#include "model/tenant-json.h"
#include "model/user-json.h"

#include <stdlib.h>

#define ARENA_MAX (1u << 20)

static const char campaign_text[] =
	"{\"id\":\"spring\",\"version\":3,\"name\":\"Spring offer\",\"type\":"
	"\"newsletter\",\"legalClass\":\"own_marketing\",\"purpose\":\"newsletter\","
	"\"label\":{\"text\":\"Ad\"},\"audience\":{\"from\":\"recipients\","
	"\"excludeCampaigns\":[\"other\"]},"
	"\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\",\"end\":"
	"\"2026-06-01T08:00:00Z\"},\"repeat\":{\"max\":2,"
	"\"minGap\":\"P1D\",\"after\":[\"read\"]},\"variants\":[{\"id\":\"a\","
	"\"templates\":{\"en\":\"t\"},\"fallback\":\"en\"}]}";
static const char template_text[] =
	"{\"from\":{\"name\":\"Acme\",\"address\":\"news@example.org\"},\"subject\":"
	"\"{{name}}, hello\",\"html\":\"<p>{{name}} {{city}}</p>\",\"defaults\":{"
	"\"city\":\"Bonn\"}}";
static const char recipients[] = "user,name,city\n\"a@example.org\",Ann,Bonn\n"
				 "b@example.org,\"Be\"\"n\",\nc@example.org\n";
static const char tenant_text[] =
	"{\"id\":\"default\",\"name\":\"d\",\"keyspaceName\":\"ks\",\"configuration\":{"
	"\"secretKey\":\"s\",\"hashedEmailAddresses\":false},\"conversionPoints\":[{"
	"\"id\":\"p\",\"type\":\"webhook\",\"eventType\":\"read\","
	"\"connectionInformation\":{\"url\":\"https://e.org/"
	"\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}}],"
	"\"dataSources\":[{\"id\":\"d\",\"type\":\"ongage\",\"defaultDataSource\":true,"
	"\"awsConnectionInformation\":{\"authorizationType\":\"rados\",\"accessKey\":"
	"\"a\",\"secretKey\":\"b\",\"endpoint\":\"e\",\"bucket\":\"c\"}}],\"senders\":["
	"{"
	"\"address\":\"@e.org\",\"company\":\"E\"}],\"timeZone\":\"Europe/Berlin\"}";
static const char attributes_text[] =
	"[{\"name\":\"plan\",\"type\":\"string\",\"allowed\":[\"free\",\"pro\"]},"
	"{\"name\":\"age\",\"type\":\"number\"}]";
static const char purposes_text[] =
	"[{\"id\":\"news\",\"names\":{\"en\":\"News\"},\"legalBasis\":\"consent\","
	"\"wordings\":[{\"version\":\"1\",\"text\":\"Yes\"}]}]";
static const char user_text[] =
	"{\"user\":\"anna\",\"userId\":\"47\",\"email\":\"a@e.org\",\"aliases\":[\"b\","
	"\"c\"],\"attributes\":{\"plan\":\"pro\",\"age\":7},\"consents\":[{\"purpose\":"
	"\"news\",\"granted\":true,\"at\":\"2020-01-01T00:00:00Z\",\"source\":\"web\"}]"
	","
	"\"optOuts\":[{\"at\":\"2019-01-01T00:00:00Z\"}]}";

/* Of the list the one that says it; an empty one: no memory even for that. */
static void find_memory(const struct error_list *errors, struct error *err)
{
	err->kind = ERROR_MEMORY;
	for (size_t i = 0; i < errors->n; i++) {
		*err = errors->items[i];
		if (err->kind == ERROR_MEMORY)
			return;
	}
}

static bool first_error(bool ok, struct error_list *errors, struct error *err)
{
	if (!ok)
		find_memory(errors, err);
	error_list_free(errors);
	return ok;
}

static json_t *load(const char *text)
{
	struct error err; /* it can be one only */
	return json_tree_read(str_of(text), &err);
}

static bool reads_a_campaign(struct error *err)
{
	struct error_list errors;
	struct campaign c;
	struct arena *arena = arena_new(ARENA_MAX);
	error_list_init(&errors, 5);
	bool ok = arena != NULL &&
		  campaign_parse(str_of(campaign_text), arena, &c, &errors);
	if (ok) {
		assert_int_equal(c.n_variants, 1);
		assert_int_equal(c.n_exclude_campaigns, 1);
	}
	arena_free(arena);
	return first_error(ok, &errors, err);
}

static bool reads_a_tenant(struct error *err)
{
	struct error_list errors;
	struct tenant t;
	json_t *doc = load(tenant_text);
	struct arena *arena = arena_new(ARENA_MAX);
	error_list_init(&errors, 5);
	bool ok = arena != NULL && doc != NULL &&
		  tenant_parse(doc, TENANT_GIVEN, arena, &t, &errors);
	if (ok) {
		assert_int_equal(t.n_data_sources, 1);
		assert_int_equal(t.n_conversion_points, 1);
		const struct tenant *copy = tenant_copy(arena, &t);
		ok = copy != NULL;
		if (ok)
			assert_str(copy->senders[0].company, "E");
	}
	arena_free(arena);
	json_decref(doc);
	return first_error(ok, &errors, err);
}

static bool reads_a_schema(struct error *err)
{
	struct error_list errors;
	struct user_schema schema = {0};
	json_t *attributes = load(attributes_text), *purposes = load(purposes_text);
	struct arena *arena = arena_new(ARENA_MAX);
	error_list_init(&errors, 5);
	bool ok = arena != NULL && attributes != NULL && purposes != NULL &&
		  schema_parse_attributes(attributes, arena, &schema, &errors) &&
		  schema_parse_purposes(purposes, arena, &schema, &errors);
	if (ok) {
		assert_non_null(schema_attribute(&schema, STR("plan")));
		assert_non_null(schema_purpose(&schema, STR("news")));
	}
	arena_free(arena);
	json_decref(attributes);
	json_decref(purposes);
	return first_error(ok, &errors, err);
}

static bool reads_a_user(struct error *err)
{
	struct error_list errors;
	struct user_schema schema = {0};
	struct user_change change;
	struct str name;
	json_t *doc = load(user_text), *attributes = load(attributes_text),
	       *purposes = load(purposes_text);
	struct arena *arena = arena_new(ARENA_MAX);
	error_list_init(&errors, 5);
	const struct user_rules rules = {&schema, false, INT64_C(2000000000000)};
	bool ok = arena != NULL && doc != NULL && attributes != NULL &&
		  purposes != NULL &&
		  schema_parse_attributes(attributes, arena, &schema, &errors) &&
		  schema_parse_purposes(purposes, arena, &schema, &errors) &&
		  user_parse(doc, USER_PUT, &rules, arena, &name, &change, &errors);
	if (ok)
		assert_str(name, "anna");
	arena_free(arena);
	json_decref(doc);
	json_decref(attributes);
	json_decref(purposes);
	return first_error(ok, &errors, err);
}

/* Bundles ------------------------------------------------------------------------*/

static struct buf manifest;

static bool read_file(void *ctx, struct str name, bundle_bytes_fn *take, void *tctx,
		      struct error *err)
{
	(void)ctx;
	if (str_eqz(name, "bundle.json"))
		return take(tctx, buf_str(&manifest), err);
	if (str_eqz(name, "campaign.json"))
		return take(tctx, str_of(campaign_text), err);
	if (str_eqz(name, "templates/t.json"))
		return take(tctx, str_of(template_text), err);
	if (str_eqz(name, "recipients.csv"))
		return take(tctx, str_of(recipients), err);
	return error_set(err, ERROR_NOT_FOUND, "", "no such file");
}

static const struct bundle_source source = {NULL, read_file};

static bool builds_a_bundle(struct error *err)
{
	struct error_list errors;
	struct buf out;
	buf_init(&out, BUNDLE_MANIFEST_MAX);
	error_list_init(&errors, 5);
	bool ok = bundle_build(&source, &out, &errors);
	if (ok)
		assert_str(buf_str(&out), buf_cstr(&manifest));
	buf_free(&out);
	return first_error(ok, &errors, err);
}

static bool checks_a_bundle(struct error *err)
{
	static const struct bundle_rows_sink nobody = {.ctx = NULL};
	struct bundle_check *c = bundle_check_new();
	bool ok = c != NULL && bundle_check_documents(c, &source, NULL) &&
		  bundle_check_rows(c, &source, &nobody);
	if (ok) {
		assert_int_equal(c->rows_read, 3);
		assert_int_equal(c->rows_rejected, 1);
	} else if (c != NULL) {
		find_memory(&c->errors, err);
	} else {
		err->kind = ERROR_MEMORY;
	}
	bundle_check_free(c);
	return ok;
}

static void documents_are_read_whole_or_not_at_all(void **state)
{
	(void)state;
	unit_malloc_torture("campaign", reads_a_campaign);
	unit_malloc_torture("tenant", reads_a_tenant);
	unit_malloc_torture("schema", reads_a_schema);
	unit_malloc_torture("user", reads_a_user);
}

static void bundles_are_built_and_checked_whole_or_not_at_all(void **state)
{
	(void)state;
	struct error_list errors;
	error_list_init(&errors, 5);
	buf_init(&manifest, BUNDLE_MANIFEST_MAX);
	assert_true(bundle_build(&source, &manifest, &errors));
	unit_malloc_torture("bundle_build", builds_a_bundle);
	unit_malloc_torture("bundle_check", checks_a_bundle);
	buf_free(&manifest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_read_whole_or_not_at_all),
		cmocka_unit_test(bundles_are_built_and_checked_whole_or_not_at_all),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
