/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "net/s3-refusal.h"

#define N(array) (sizeof(array) / sizeof *(array))

static struct error err;

static struct s3_refusal refusal(long status, const char *code)
{
	return (struct s3_refusal){.status = status,
				   .code = str_of(code),
				   .message = STR("its own words"),
				   .host = STR("host"),
				   .bucket = STR("bucket"),
				   .key = STR("key"),
				   .own_region = STR("here")};
}

static void each_refusal_is_said_in_words(void **state)
{
	static const struct {
		long status;
		const char *code, *words;
		enum error_kind kind;
	} cases[] = {
		{403, "InvalidAccessKeyId", "host: the access key is not known there",
		 ERROR_UNPROCESSABLE},
		{403, "SignatureDoesNotMatch",
		 "host: the secret key is not that of the access key",
		 ERROR_UNPROCESSABLE},
		{403, "AccessDenied",
		 "host: no permission for \"key\", or it is not there",
		 ERROR_FORBIDDEN},
		{404, "NoSuchBucket", "host: there is no bucket \"bucket\"",
		 ERROR_UNPROCESSABLE},
		{404, "NoSuchKey", "key is not there", ERROR_NOT_FOUND},
		{404, NULL, "key is not there", ERROR_NOT_FOUND},
		{412, NULL, "key has changed while it was read", ERROR_CONFLICT},
		{503, "SlowDown", "host: it has too much to do", ERROR_UNAVAILABLE},
		{502, NULL, "host answers HTTP 502", ERROR_UNAVAILABLE},
		{400, "Strange", "host answers HTTP 400, Strange: its own words",
		 ERROR_UNPROCESSABLE},
		{418, NULL, "host answers HTTP 418", ERROR_UNPROCESSABLE},
		{302, NULL, "host: the bucket is elsewhere (HTTP 302)",
		 ERROR_UNPROCESSABLE},
	};
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct s3_refusal r = refusal(cases[i].status, cases[i].code);
		assert_false(s3_refusal_words(&r, &err));
		assert_string_equal(err.message, cases[i].words);
		assert_int_equal(err.kind, cases[i].kind);
	}
}

static void without_a_key_it_is_the_bucket(void **state)
{
	struct s3_refusal r = refusal(404, NULL);
	(void)state;
	r.key = (struct str){NULL, 0};
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(err.message, "bucket \"bucket\" is not there");
	r = refusal(403, "AccessDenied");
	r.key = (struct str){NULL, 0};
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(err.message, "host: no permission");
}

static void the_region_is_named(void **state)
{
	struct s3_refusal r = refusal(301, "PermanentRedirect");
	(void)state;
	r.region = STR("there");
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(err.message, "host: the bucket is elsewhere, in region "
					 "\"there\" instead of \"here\"");
	r.region = (struct str){NULL, 0};
	r.endpoint = STR("other.example.org");
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(err.message, "host: the bucket is elsewhere, at endpoint "
					 "\"other.example.org\"");
}

static void clocks_are_compared(void **state)
{
	struct s3_refusal r = refusal(403, "RequestTimeTooSkewed");
	(void)state;
	r.clock_ms = 3600500;
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(
		err.message,
		"host: this machine's clock is 3600 seconds behind its own");
	r.clock_ms = -7200000;
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(
		err.message,
		"host: this machine's clock is 7200 seconds ahead of its own");
	r.clock_ms = 0;
	assert_false(s3_refusal_words(&r, &err));
	assert_string_equal(err.message,
			    "host: its clock and this machine's differ too much");
}

static void long_messages_are_cut_between_characters(void **state)
{
	char message[400];
	struct s3_refusal r = refusal(400, "Strange");
	(void)state;
	for (size_t i = 0; i + 1 < sizeof message; i += 2)
		memcpy(message + i, "\xc3\xbc", 2);
	r.message = (struct str){message, sizeof message - 2};
	assert_false(s3_refusal_words(&r, &err));
	assert_true(str_is_utf8(str_of(err.message)));
	assert_true(strlen(err.message) < 200);
}

static void what_passes_is_told_from_what_does_not(void **state)
{
	static const struct {
		long status;
		const char *code;
		bool passes, signature, taken;
	} cases[] = {
		{500, "InternalError", true, false, false},
		{503, NULL, true, false, false},
		{429, NULL, true, false, false},
		{400, "RequestTimeout", true, false, false},
		{200, "InternalError", true, false, false},
		{501, "NotImplemented", false, true, false},
		{403, NULL, false, true, false},
		{403, "AccessDenied", false, true, false},
		{404, "NoSuchKey", false, false, true},
		{403, "InvalidAccessKeyId", false, false, false},
		{301, NULL, false, false, false},
	};
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct s3_refusal r = refusal(cases[i].status, cases[i].code);
		if (s3_refusal_passes(&r) != cases[i].passes ||
		    s3_refusal_of_signature(&r) != cases[i].signature ||
		    s3_refusal_took_signature(&r) != cases[i].taken)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_is_said_in_words),
		cmocka_unit_test(without_a_key_it_is_the_bucket),
		cmocka_unit_test(the_region_is_named),
		cmocka_unit_test(clocks_are_compared),
		cmocka_unit_test(long_messages_are_cut_between_characters),
		cmocka_unit_test(what_passes_is_told_from_what_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
