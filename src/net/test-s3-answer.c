/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "net/s3-answer.h"

#define N(array) (sizeof(array) / sizeof *(array))
#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static struct arena *arena;
static struct s3_answer answer;
static struct error err;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	return arena == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void parse(const char *xml)
{
	if (!s3_answer_parse(arena, str_of(xml), &answer, &err))
		fail_msg("%s: %s", xml, err.message);
}

static void errors_are_read(void **state)
{
	(void)state;
	parse(XML "<Error><Code>NoSuchKey</Code><Message>a &lt;b&gt; &#xfc;</Message>"
		  "<Key>k</Key><RequestId>1</RequestId></Error>");
	assert_int_equal(answer.kind, S3_ANSWER_ERROR);
	assert_str(answer.code, "NoSuchKey");
	assert_str(answer.message, "a <b> \xc3\xbc");
	assert_null(answer.region.p);
	parse("<Error><Code>PermanentRedirect</Code><Endpoint>x.example.org</Endpoint>"
	      "<Region> eu-1 </Region></Error>");
	assert_str(answer.endpoint, "x.example.org");
	assert_str(answer.region, "eu-1");
}

static void lists_are_read(void **state)
{
	(void)state;
	parse(XML
	      "<ListBucketResult" NS "><Name>b</Name><EncodingType>url</EncodingType>"
	      "<IsTruncated>true</IsTruncated>\n<Contents><Key>a+b%2Bc/%C3%BC</Key>"
	      "<Size>12</Size><Owner><ID>x</ID><Size>9</Size></Owner></Contents>"
	      "<Contents><Size>0</Size><Key>b</Key></Contents>"
	      "<Contents><Key>%ff</Key><Size>1</Size></Contents>"
	      "<NextContinuationToken>t+/=</NextContinuationToken></ListBucketResult>");
	assert_int_equal(answer.kind, S3_ANSWER_LIST);
	assert_true(answer.more);
	assert_str(answer.token, "t+/=");
	/* what is not UTF-8 is left out */
	assert_int_equal(answer.n_objects, 2);
	assert_str(answer.objects[0].key, "a b+c/\xc3\xbc");
	assert_int_equal(answer.objects[0].size, 12);
	assert_str(answer.objects[1].key, "b");
	parse("<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a+%41"
	      "</Key><Size>1</Size></Contents></ListBucketResult>");
	assert_str(answer.objects[0].key, "a+%41");
	assert_str(answer.marker, "a+%41"); /* where version 1 goes on */
	assert_null(answer.token.p);
	parse("<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url"
	      "</EncodingType><NextMarker>x%2Fy</NextMarker></ListBucketResult>");
	assert_str(answer.marker, "x/y");
	parse("<ListBucketResult></ListBucketResult>");
	assert_false(answer.more);
	assert_int_equal(answer.n_objects, 0);
}

static void uploads_are_read(void **state)
{
	(void)state;
	parse("<InitiateMultipartUploadResult" NS "><UploadId>2~x</UploadId>"
	      "</InitiateMultipartUploadResult>");
	assert_int_equal(answer.kind, S3_ANSWER_UPLOAD);
	assert_str(answer.upload_id, "2~x");
	parse("<s3:CompleteMultipartUploadResult "
	      "xmlns:s3=\"x\"><s3:ETag>&quot;e-2&quot;"
	      "</s3:ETag></s3:CompleteMultipartUploadResult>");
	assert_int_equal(answer.kind, S3_ANSWER_COMPLETE);
	assert_str(answer.etag, "\"e-2\"");
	parse("<html><body>503</body></html>");
	assert_int_equal(answer.kind, S3_ANSWER_OTHER);
}

static void refuse(const char *xml, const char *word)
{
	if (s3_answer_parse(arena, str_of(xml), &answer, &err))
		fail_msg("%.100s was taken", xml);
	assert_int_equal(err.kind, ERROR_SYNTAX);
	if (strstr(err.message, word) == NULL)
		fail_msg("%s", err.message);
}

static void what_is_not_fit_to_be_read_is_refused(void **state)
{
	struct buf b;
	(void)state;
	refuse("", "no XML");
	refuse("<Error>", "no XML");
	refuse("<Error></Error><Error></Error>", "no XML");
	refuse("<!DOCTYPE Error [<!ENTITY a \"aaaa\">]><Error><Code>&a;</Code></Error>",
	       "document type");
	refuse("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a>"
	       "</a></a></a></a></a></a></a></a></a></a></a></a>",
	       "too deep");
	refuse("<ListBucketResult><Contents><Size>1</Size></Contents></"
	       "ListBucketResult>",
	       "without key or size");
	refuse("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents>"
	       "</ListBucketResult>",
	       "without key or size");
	refuse("<ListBucketResult><EncodingType>url</EncodingType><NextMarker>%ff"
	       "</NextMarker></ListBucketResult>",
	       "UTF-8");
	buf_init(&b, 1 << 20);
	buf_add_str(&b, STR("<Error><Message>"));
	for (size_t i = 0; i < S3_TEXT_MAX; i++)
		buf_add_char(&b, 'a');
	size_t whole = b.n;
	buf_add_str(&b, STR("</Message></Error>"));
	parse(buf_cstr(&b));
	assert_int_equal(answer.message.n, S3_TEXT_MAX);
	b.n = whole;
	buf_add_str(&b, STR("a</Message></Error>"));
	refuse(buf_cstr(&b), "too long");
	buf_clear(&b);
	buf_add_str(&b, STR("<ListBucketResult>"));
	for (size_t i = 0; i <= S3_LIST_MAX; i++)
		buf_add_str(&b, STR("<Contents><Key>a</Key><Size>1</Size></Contents>"));
	buf_add_str(&b, STR("</ListBucketResult>"));
	refuse(buf_cstr(&b), "more objects");
	buf_free(&b);
}

static bool parse_list(struct error *e)
{
	struct s3_answer a;
	struct arena *own = arena_new(1 << 20);
	bool ok = own != NULL || error_set(e, ERROR_MEMORY, "", "no memory");
	ok = ok &&
	     s3_answer_parse(own,
			     STR("<ListBucketResult><EncodingType>url</EncodingType>"
				 "<NextMarker>%41</NextMarker><Contents><Key>%41</Key>"
				 "<Size>1</Size></Contents></ListBucketResult>"),
			     &a, e);
	arena_free(own);
	return ok;
}

static void without_memory_it_says_so(void **state)
{
	(void)state;
	unit_malloc_torture("list", parse_list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_read),
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(uploads_are_read),
		cmocka_unit_test(what_is_not_fit_to_be_read_is_refused),
		cmocka_unit_test(without_memory_it_says_so),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
