/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "net/s3-place.h"

#define N(array) (sizeof(array) / sizeof *(array))

static struct s3_place place;
static struct error err;

static bool set(const char *endpoint, const char *bucket, const char *region,
		bool amazon)
{
	const struct s3_place_given given = {.endpoint = str_of(endpoint),
					     .bucket = str_of(bucket),
					     .region = str_of(region),
					     .amazon = amazon};
	return s3_place_set(&place, &given, &err);
}

static void check_url(const char *key, const char *want)
{
	struct buf out;
	buf_init(&out, 4096);
	assert_true(s3_place_root(&place, &out));
	assert_true(s3_place_path(&place, str_of(key), &out));
	assert_str(buf_str(&out), want);
	buf_free(&out);
}

static void buckets_stand_where_they_can(void **state)
{
	static const struct {
		const char *endpoint, *bucket, *region;
		bool amazon;
		const char *bare, *with_key;
	} cases[] = {
		{"https://o.example.org", "b", "", false, "https://o.example.org/b",
		 "https://o.example.org/b/a%20b/c"},
		{"o.example.org:8443/", "b", "", false, "https://o.example.org:8443/b",
		 "https://o.example.org:8443/b/a%20b/c"},
		{"http://[::1]:80", "b", "", false, "http://[::1]/b",
		 "http://[::1]/b/a%20b/c"},
		{"http://127.0.0.1:7480", "t:b", "", false,
		 "http://127.0.0.1:7480/t%3Ab", "http://127.0.0.1:7480/t%3Ab/a%20b/c"},
		{"", "bucket", "eu-west-1", true,
		 "https://bucket.s3.eu-west-1.amazonaws.com/",
		 "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/c"},
		{"", "bucket", "cn-north-1", true,
		 "https://bucket.s3.cn-north-1.amazonaws.com.cn/",
		 "https://bucket.s3.cn-north-1.amazonaws.com.cn/a%20b/c"},
		/* no certificate is for two labels more */
		{"s3.example.org", "my.bucket", "", true,
		 "https://s3.example.org/my.bucket",
		 "https://s3.example.org/my.bucket/a%20b/c"},
		{"http://s3.example.org", "my.bucket", "", true,
		 "http://my.bucket.s3.example.org/",
		 "http://my.bucket.s3.example.org/a%20b/c"},
		{"s3.example.org", "My_Bucket", "", true,
		 "https://s3.example.org/My_Bucket",
		 "https://s3.example.org/My_Bucket/a%20b/c"},
		{"http://10.0.0.1:80", "bucket", "", true, "http://10.0.0.1/bucket",
		 "http://10.0.0.1/bucket/a%20b/c"},
		{"[fe80::1]:9000", "bucket", "", true, "https://[fe80::1]:9000/bucket",
		 "https://[fe80::1]:9000/bucket/a%20b/c"},
	};
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		if (!set(cases[i].endpoint, cases[i].bucket, cases[i].region,
			 cases[i].amazon))
			fail_msg("case %zu: %s", i, err.message);
		check_url("", cases[i].bare);
		check_url("a b/c", cases[i].with_key);
	}
}

static void version_2_signs_the_bucket_in_any_case(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 256);
	assert_true(set("s3.example.org", "bucket", "", true));
	assert_true(s3_place_resource(&place, &out));
	assert_str(buf_str(&out), "/bucket");
	buf_clear(&out);
	assert_true(set("s3.example.org", "bucket", "", false));
	assert_true(s3_place_resource(&place, &out));
	assert_str(buf_str(&out), "");
	buf_free(&out);
}

static void another_region_is_within_the_same_domain(void **state)
{
	static const struct {
		const char *endpoint, *region, *to, *host;
	} cases[] = {
		{"s3.amazonaws.com", "", "eu-west-1",
		 "bucket.s3.eu-west-1.amazonaws.com"},
		{"", "us-east-1", "eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"},
		{"s3.us-east-1.example.org:8443", "us-east-1", "x-2",
		 "bucket.s3.x-2.example.org:8443"},
		{"s3.dualstack.us-east-1.amazonaws.com", "us-east-1", "eu-west-1",
		 "bucket.s3.dualstack.eu-west-1.amazonaws.com"},
		/* with the region that it has, but not in its host */
		{"s3.amazonaws.com", "eu-west-1", "eu-west-1",
		 "bucket.s3.eu-west-1.amazonaws.com"},
		/* whose host names another one than was given */
		{"s3.us-east-1.example.org", "eu-west-1", "us-east-1",
		 "bucket.s3.us-east-1.example.org"},
		{"s3.us-east-1.amazonaws.com", "eu-west-1", "ap-south-1",
		 "bucket.s3.ap-south-1.amazonaws.com"},
		/* a label before this would be another's domain */
		{"s3.eu", "a", "b", "bucket.s3.eu"},
		/* whose host names no region keeps it */
		{"objects.example.org", "a", "b", "bucket.objects.example.org"},
	};
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_true(set(cases[i].endpoint, "bucket", cases[i].region, true));
		assert_true(s3_place_move(&place, str_of(cases[i].to)));
		assert_string_equal(place.host, cases[i].host);
		assert_string_equal(place.region, cases[i].to);
		assert_false(s3_place_move(&place, str_of(cases[i].to)));
	}
	assert_true(set("s3.example.org", "b", "a", false));
	assert_true(s3_place_move(&place, STR("b")));
	assert_string_equal(place.host, "s3.example.org");
}

static void what_is_no_region_leads_nowhere(void **state)
{
	static const char *const bad[] = {
		"",
		"evil.example.net/",
		"a.b",
		"A",
		"a b",
		"a:80",
		"a@b",
		"\xc3\xbc",
		"a123456789012345678901234567890123456789012345678901234567890123"};
	(void)state;
	assert_true(set("s3.example.org", "bucket", "a", true));
	for (size_t i = 0; i < N(bad); i++)
		if (s3_place_move(&place, str_of(bad[i])))
			fail_msg("moved to \"%s\"", bad[i]);
	assert_string_equal(place.host, "bucket.s3.example.org");
}

static void what_is_no_place_is_refused(void **state)
{
	static const struct {
		const char *endpoint, *bucket, *region, *word;
	} cases[] = {
		{"", "b", "", "endpoint"},       {"https://", "b", "", "endpoint"},
		{"a/b", "b", "", "endpoint"},    {"ftp://a", "b", "", "endpoint"},
		{"user@a", "b", "", "endpoint"}, {"a?b", "b", "", "endpoint"},
		{"a", "", "", "bucket"},
	};
	char large[1024];
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		if (set(cases[i].endpoint, cases[i].bucket, cases[i].region, false))
			fail_msg("case %zu was taken", i);
		assert_int_equal(err.kind, ERROR_UNPROCESSABLE);
		assert_non_null(strstr(err.message, cases[i].word));
	}
	memset(large, 'a', sizeof large);
	large[sizeof large - 1] = '\0';
	assert_false(set(large, "b", "", false));
	assert_false(set("a", large, "", false));
	assert_false(set("a", "b", large, false));
	assert_false(set("", "b", "a.b", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_stand_where_they_can),
		cmocka_unit_test(version_2_signs_the_bucket_in_any_case),
		cmocka_unit_test(another_region_is_within_the_same_domain),
		cmocka_unit_test(what_is_no_region_leads_nowhere),
		cmocka_unit_test(what_is_no_place_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
