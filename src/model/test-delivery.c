/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "model/delivery.h"

#define ID "01010101010101010101010101010101"
#define INSTANCE "02020202020202020202020202020202"

static struct buf out;

static int setup(void **state)
{
	(void)state;
	buf_init(&out, 64 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static struct delivery delivery(const char *user)
{
	struct delivery d = {.campaign = STR("spring"),
			     .user = str_of(user),
			     .event_type = STR("read"),
			     .at_ms = INT64_C(1767225600500)};
	memset(d.id.b, 1, ID_LEN);
	memset(d.instance.b, 2, ID_LEN);
	return d;
}

static void expands(const char *url, const char *user, const char *want)
{
	struct delivery d = delivery(user);
	buf_clear(&out);
	assert_true(delivery_url(&out, str_of(url), &d));
	assert_str(buf_str(&out), want);
}

static void what_a_url_names_is_replaced_and_the_rest_is_added(void **state)
{
	(void)state;
	expands("http://h/p", "ada",
		"http://h/p?campaignId=spring&userId=ada&eventType=read&timestamp="
		"2026-01-01T00%3A00%3A00.500Z&instanceId=" INSTANCE "&id=" ID);
	expands("http://h/{campaignId}/{userId}?t={timestamp}&e={eventType}&"
		"i={instanceId}",
		"ada",
		"http://h/spring/ada?t=2026-01-01T00%3A00%3A00.500Z&e=read&"
		"i=" INSTANCE "&id=" ID);
	expands("https://h?{userId}{userId}{campaignId}{eventType}{timestamp}&", "x",
		"https://h?xxspringread2026-01-01T00%3A00%3A00.500Z&"
		"instanceId=" INSTANCE "&id=" ID);
}

#define REST                                                                           \
	"campaignId=spring&eventType=read&timestamp=2026-01-01T00%3A00%3A00.500Z&"     \
	"instanceId=" INSTANCE "&id=" ID

static void no_value_breaks_out_of_its_place(void **state)
{
	(void)state;
	expands("http://h/?u={userId}", "a&b=c#d?e/f g+\"<>\\^`{userId}|%00\x01\x7f",
		"http://h/?u=a%26b%3Dc%23d%3Fe%2Ff%20g%2B%22%3C%3E%5C%5E%60%7BuserId%7D"
		"%7C%2500%01%7F&" REST);
	expands("http://h/?u={userId}", "\r\nHost: evil\xc3\xa4\xff",
		"http://h/?u=%0D%0AHost%3A%20evil%C3%A4%FF&" REST);
	expands("http://h/{userId}/x", "..", "http://h/%2E%2E/x?" REST);
	expands("http://h/{userId}/x", "../../admin",
		"http://h/..%2F..%2Fadmin/x?" REST);
	expands("http://h/{userId}", "", "http://h/?" REST);
}

static void other_braces_and_fragments_are_harmless(void **state)
{
	(void)state;
	expands("http://h/{userid}/{/}/{userId", "u",
		"http://h/%7Buserid%7D/%7B/%7D/%7BuserId?campaignId=spring&userId=u&"
		"eventType=read&timestamp=2026-01-01T00%3A00%3A00.500Z&"
		"instanceId=" INSTANCE "&id=" ID);
	expands("http://h/?u={userId}#{campaignId}", "u", "http://h/?u=u&" REST);
	expands("http://{userId}/?u={userId}", "evil",
		"http://%7BuserId%7D/?u=evil&" REST);
}

static void only_the_first_question_mark_begins_a_query(void **state)
{
	(void)state;
	expands("http://h/{userId}&", "u", "http://h/u&?" REST);
	expands("http://h/?u={userId}&", "u", "http://h/?u=u&" REST);
	expands("http://h/{userId}?", "u", "http://h/u?" REST);
	expands("http://h/?u={userId}?", "u", "http://h/?u=u?&" REST);
}

static void a_value_never_chooses_the_host(void **state)
{
	(void)state;
	assert_non_null(delivery_url_check(STR("http://{userId}.example.org/")));
	assert_non_null(delivery_url_check(STR("http://{userId}@example.org/")));
	assert_non_null(delivery_url_check(STR("http://example.org:{userId}")));
	assert_null(delivery_url_check(STR("http://example.org/{userId}")));
	assert_null(delivery_url_check(STR("http://example.org?{userId}")));
	assert_null(delivery_url_check(STR("https://example.org")));
}

static void a_url_that_grows_too_long_is_refused(void **state)
{
	struct delivery d = delivery("ada");
	struct buf small;
	(void)state;
	buf_init(&small, 20);
	assert_false(delivery_url(&small, STR("http://h/{userId}"), &d));
	buf_free(&small);
}

/* The example of the specification, section "Signature scheme". */
static void the_published_example_has_the_published_signature(void **state)
{
	struct buf key;
	struct error err;
	(void)state;
	buf_init(&key, 256);
	assert_true(
		webhook_key(&key, STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &err));
	assert_true(webhook_signature(&out, buf_str(&key),
				      STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
				      STR("{\"test\": 2432232314}")));
	assert_str(buf_str(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_free(&key);
}

static void a_secret_that_signs_nothing_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"whsec_",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",       /* no prefix */
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",  /* no base64 */
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa S", /* no base64 */
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==", /* 22 bytes */
	};
	struct error err;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		buf_clear(&out);
		if (webhook_key(&out, str_of(bad[i]), &err))
			fail_msg("%s", bad[i]);
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
	}
}

static void a_batch_has_the_same_id_and_bytes_at_each_attempt(void **state)
{
	struct delivery two[2] = {delivery("ada"), delivery("bob\"\n")};
	char id[WEBHOOK_ID_LEN + 1], again[WEBHOOK_ID_LEN + 1];
	(void)state;
	two[1].id.b[0] = 7;
	two[1].at_ms += 1500;
	webhook_id(id, two, 2);
	webhook_id(again, two, 2);
	assert_string_equal(id, again);
	assert_int_equal(strlen(id), WEBHOOK_ID_LEN);
	webhook_id(again, two, 1);
	assert_string_not_equal(id, again);
	assert_true(webhook_body(&out, two, 2));
	assert_str(buf_str(&out),
		   "{\"type\":\"inlay.read\",\"timestamp\":\"2026-01-01T00:00:02Z\","
		   "\"data\":{\"events\":[{\"id\":\"" ID
		   "\",\"campaignId\":\"spring\",\"userId\":\"ada\",\"eventType\":"
		   "\"read\",\"timestamp\":\"2026-01-01T00:00:00.500Z\",\"instanceId\":"
		   "\"" INSTANCE "\"},{\"id\":\"07"
		   "010101010101010101010101010101"
		   "\",\"campaignId\":\"spring\",\"userId\":\"bob\\\"\\n\","
		   "\"eventType\":\"read\",\"timestamp\":\"2026-01-01T00:00:02Z\","
		   "\"instanceId\":\"" INSTANCE "\"}]}}");
}

static void ids_differ_by_event_and_point_and_pseudonyms_by_user_and_point(void **state)
{
	struct tenant_key key = {{1}}, other = {{2}};
	struct id16 event = {{1}}, event2 = {{2}};
	(void)state;
	struct id16 id = id_delivery(&key, STR("a"), event);
	assert_true(id16_eq(id, id_delivery(&key, STR("a"), event)));
	assert_false(id16_eq(id, id_delivery(&key, STR("b"), event)));
	assert_false(id16_eq(id, id_delivery(&key, STR("a"), event2)));
	assert_false(id16_eq(id, id_delivery(&other, STR("a"), event)));
	struct id16 user = id_pseudonym(&key, STR("a"), STR("ada"));
	assert_true(id16_eq(user, id_pseudonym(&key, STR("a"), STR("ada"))));
	assert_false(id16_eq(user, id_pseudonym(&key, STR("a"), STR("bob"))));
	assert_false(id16_eq(user, id_pseudonym(&key, STR("b"), STR("ada"))));
	assert_false(id16_eq(user, id_pseudonym(&other, STR("a"), STR("ada"))));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_a_url_names_is_replaced_and_the_rest_is_added),
		T(no_value_breaks_out_of_its_place),
		T(other_braces_and_fragments_are_harmless),
		T(only_the_first_question_mark_begins_a_query),
		T(a_value_never_chooses_the_host),
		T(a_url_that_grows_too_long_is_refused),
		T(the_published_example_has_the_published_signature),
		T(a_secret_that_signs_nothing_is_refused),
		T(a_batch_has_the_same_id_and_bytes_at_each_attempt),
		T(ids_differ_by_event_and_point_and_pseudonyms_by_user_and_point),
	};
	return !crypto_init() || cmocka_run_group_tests(tests, NULL, NULL);
}
