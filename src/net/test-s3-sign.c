/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of Amazon's documentation: request, key and signature are facts that it
 * publishes. */
#include "base/crypto.h"
#include "base/unit.h"
#include "net/s3-sign.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TEXT_SHA256 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define SCOPE                                                                          \
	"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"      \
	"aws4_request,"

static const struct s3_keys keys = {
	STR_INIT("AKIAIOSFODNN7EXAMPLE"),
	STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
	STR_INIT("us-east-1"),
};
static const struct s3_keys other_keys = {
	STR_INIT("AKIAIOSFODNN7EXAMPLE"),
	STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEz"),
	STR_INIT("us-east-1"),
};

#define HEADER(name, value)                                                            \
	{                                                                              \
		STR_INIT(name), STR_INIT(value)                                        \
	}
#define N(array) (sizeof(array) / sizeof *(array))

struct example {
	const char *what;
	struct s3_request request;
	const char *authorization;
};

static void check(const struct example *e,
		  bool (*sign)(struct buf *, const struct s3_request *,
			       const struct s3_keys *))
{
	struct buf out;
	buf_init(&out, 1024);
	if (!sign(&out, &e->request, &keys))
		fail_msg("%s: not signed", e->what);
	if (!str_eqz(buf_str(&out), e->authorization))
		fail_msg("%s: got %.*s, want %s", e->what, STR_ARG(buf_str(&out)),
			 e->authorization);
	buf_clear(&out);
	assert_true(sign(&out, &e->request, &other_keys));
	if (str_eqz(buf_str(&out), e->authorization))
		fail_msg("%s: another key makes the same signature", e->what);
	buf_free(&out);
}

#define HOST4 HEADER("host", "examplebucket.s3.amazonaws.com")
#define EMPTY4 HEADER("x-amz-content-sha256", EMPTY_SHA256)
#define DATE4 HEADER("x-amz-date", "20130524T000000Z")

static void the_examples_of_version_4(void **state)
{
	static const struct s3_pair get[] = {HOST4, HEADER("range", "bytes=0-9"),
					     EMPTY4, DATE4};
	static const struct s3_pair put[] = {
		HOST4,
		HEADER("date", "Fri, 24 May 2013 00:00:00 GMT"),
		DATE4,
		HEADER("x-amz-storage-class", "REDUCED_REDUNDANCY"),
		HEADER("x-amz-content-sha256", TEXT_SHA256),
	};
	static const struct s3_pair plain[] = {HOST4, EMPTY4, DATE4};
	static const struct s3_pair lifecycle[] = {{STR_INIT("lifecycle"), {NULL, 0}}};
	static const struct s3_pair list[] = {HEADER("prefix", "J"),
					      HEADER("max-keys", "2")};
	static const struct example examples[] = {
		{"GET object",
		 {STR_INIT("GET"),
		  STR_INIT("/test.txt"),
		  {NULL, 0},
		  NULL,
		  0,
		  get,
		  N(get)},
		 SCOPE "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
		       "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd910"
		       "39c6036bdb41"},
		{"PUT object",
		 {STR_INIT("PUT"),
		  STR_INIT("/test%24file.text"),
		  {NULL, 0},
		  NULL,
		  0,
		  put,
		  N(put)},
		 SCOPE "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;"
		       "x-amz-storage-class,"
		       "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b597"
		       "1af0ece108bd"},
		{"GET bucket lifecycle",
		 {STR_INIT("GET"),
		  STR_INIT("/"),
		  {NULL, 0},
		  lifecycle,
		  1,
		  plain,
		  N(plain)},
		 SCOPE "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
		       "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a20"
		       "0a0136783543"},
		{"GET bucket",
		 {STR_INIT("GET"), STR_INIT("/"), {NULL, 0}, list, 2, plain, N(plain)},
		 SCOPE "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
		       "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5"
		       "711ef69dc6f7"},
	};
	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check(&examples[i], s3_sign_v4);
}

static void the_examples_of_version_2(void **state)
{
	static const struct s3_pair get[] = {
		HEADER("date", "Tue, 27 Mar 2007 19:36:42 +0000")};
	static const struct s3_pair put[] = {
		HEADER("date", "Tue, 27 Mar 2007 21:15:45 +0000"),
		HEADER("content-type", "image/jpeg"),
		HEADER("content-length", "94328"),
	};
	static const struct s3_pair list[] = {
		HEADER("date", "Tue, 27 Mar 2007 19:42:41 +0000")};
	static const struct s3_pair list_query[] = {HEADER("prefix", "photos"),
						    HEADER("max-keys", "50"),
						    HEADER("marker", "puppy")};
	static const struct s3_pair fetch[] = {
		HEADER("date", "Tue, 27 Mar 2007 19:44:46 +0000")};
	static const struct s3_pair acl[] = {{STR_INIT("acl"), {NULL, 0}}};
	static const struct s3_pair upload[] = {
		HEADER("date", "Tue, 27 Mar 2007 21:06:08 +0000"),
		HEADER("x-amz-acl", "public-read"),
		HEADER("content-type", "application/x-download"),
		HEADER("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
		HEADER("x-amz-meta-reviewedby", "joe@johnsmith.net,jane@johnsmith.net"),
		HEADER("x-amz-meta-filechecksum", "0x02661779"),
		HEADER("x-amz-meta-checksumalgorithm", "crc32"),
	};
	static const struct s3_pair buckets[] = {
		HEADER("date", "Wed, 28 Mar 2007 01:29:59 +0000")};
	static const struct s3_pair unicode[] = {
		HEADER("date", "Wed, 28 Mar 2007 01:49:49 +0000")};
	static const struct example examples[] = {
		{"object GET",
		 {STR_INIT("GET"), STR_INIT("/photos/puppy.jpg"),
		  STR_INIT("/johnsmith"), NULL, 0, get, N(get)},
		 "AWS AKIAIOSFODNN7EXAMPLE:bWq2s1WEIj+Ydj0vQ697zp+IXMU="},
		{"object PUT",
		 {STR_INIT("PUT"), STR_INIT("/photos/puppy.jpg"),
		  STR_INIT("/johnsmith"), NULL, 0, put, N(put)},
		 "AWS AKIAIOSFODNN7EXAMPLE:MyyxeRY7whkBe+bq8fHCL/2kKUg="},
		{"list",
		 {STR_INIT("GET"), STR_INIT("/"), STR_INIT("/johnsmith"), list_query,
		  N(list_query), list, N(list)},
		 "AWS AKIAIOSFODNN7EXAMPLE:htDYFYduRNen8P9ZfE/s9SuKy0U="},
		{"fetch",
		 {STR_INIT("GET"), STR_INIT("/"), STR_INIT("/johnsmith"), acl, N(acl),
		  fetch, N(fetch)},
		 "AWS AKIAIOSFODNN7EXAMPLE:c2WLPFtWHVgbEmeEG93a4cG37dM="},
		{"upload",
		 {STR_INIT("PUT"), STR_INIT("/db-backup.dat.gz"),
		  STR_INIT("/static.johnsmith.net"), NULL, 0, upload, N(upload)},
		 "AWS AKIAIOSFODNN7EXAMPLE:ilyl83RwaSoYIEdixDQcA4OnAnc="},
		{"list all my buckets",
		 {STR_INIT("GET"),
		  STR_INIT("/"),
		  {NULL, 0},
		  NULL,
		  0,
		  buckets,
		  N(buckets)},
		 "AWS AKIAIOSFODNN7EXAMPLE:qGdzdERIC03wnaRNKh6OqZehG9s="},
		{"Unicode keys",
		 {STR_INIT("GET"),
		  STR_INIT("/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re"),
		  {NULL, 0},
		  NULL,
		  0,
		  unicode,
		  N(unicode)},
		 "AWS AKIAIOSFODNN7EXAMPLE:DNEZGsoieTZ92F3bUfSPQcbGmlM="},
	};
	(void)state;
	for (size_t i = 0; i < N(examples); i++)
		check(&examples[i], s3_sign_v2);
}

static void what_cannot_be_signed_is_not(void **state)
{
	static const struct s3_pair no_date[] = {HOST4, EMPTY4};
	static const struct s3_pair no_host[] = {EMPTY4, DATE4};
	static const struct s3_pair no_hash[] = {HOST4, DATE4};
	static const struct {
		const struct s3_pair *headers;
		size_t n;
	} all[] = {{no_date, 2}, {no_host, 2}, {no_hash, 2}};
	struct buf out;
	(void)state;
	buf_init(&out, 1024);
	for (size_t i = 0; i < N(all); i++) {
		const struct s3_request r = {.method = STR("GET"),
					     .path = STR("/"),
					     .headers = all[i].headers,
					     .n_headers = all[i].n};
		if (s3_sign_v4(&out, &r, &keys))
			fail_msg("case %zu was signed", i);
	}
	const struct s3_request r = {.method = STR("GET"),
				     .path = STR("/"),
				     .headers = no_date,
				     .n_headers = 2};
	assert_false(s3_sign_v2(&out, &r, &keys));
	struct s3_pair headers[S3_PAIRS_MAX + 1] = {HOST4, EMPTY4, DATE4};
	for (size_t i = 3; i < N(headers); i++)
		headers[i] = (struct s3_pair){STR("x-amz-meta"), STR("")};
	const struct s3_request many = {.method = STR("GET"),
					.path = STR("/"),
					.headers = headers,
					.n_headers = N(headers)};
	assert_false(s3_sign_v4(&out, &many, &keys));
	buf_free(&out);
}

static void keys_are_encoded_once(void **state)
{
	static const char *const cases[][2] = {
		{"a/b.csv", "/a/b.csv"},
		{"a b+c%20/d", "/a%20b%2Bc%2520/d"},
		{"gr\xc3\xbc\xc3\x9f"
		 "e/",
		 "/gr%C3%BC%C3%9Fe/"},
		{"~_-.", "/~_-."},
		{"a?b#c&d=e", "/a%3Fb%23c%26d%3De"},
		{"", "/"},
	};
	struct buf out;
	(void)state;
	buf_init(&out, 1024);
	for (size_t i = 0; i < N(cases); i++) {
		buf_clear(&out);
		assert_true(s3_key_write(&out, str_of(cases[i][0])));
		assert_str(buf_str(&out), cases[i][1]);
	}
	buf_free(&out);
}

static void dates_are_written(void **state)
{
	char out[S3_DATE_LEN + 1];
	(void)state;
	s3_date(out, INT64_C(1369353600000));
	assert_string_equal(out, "20130524T000000Z");
	s3_date(out, INT64_C(1774640202999));
	assert_string_equal(out, "20260327T193642Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_version_4),
		cmocka_unit_test(the_examples_of_version_2),
		cmocka_unit_test(what_cannot_be_signed_is_not),
		cmocka_unit_test(keys_are_encoded_once),
		cmocka_unit_test(dates_are_written),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
