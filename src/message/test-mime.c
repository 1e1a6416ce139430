/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mime.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/unit.h"

#include <gmime/gmime.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define INSTANCE "0123456789abcdef0123456789abcdef"

static const struct mime_envelope envelope = {
	.to = STR_INIT("ann@example.net"),
	.instance = STR_INIT(INSTANCE),
	.proof = STR_INIT("aabbcc"),
	.domain = STR_INIT("mail.example.org"),
	.node = STR_INIT("imap1.example.org"),
	.label = STR_INIT("Anzeige"),
	.unsubscribe = STR_INIT("https://u.example.org/u/token"),
	.date_ms = INT64_C(1777622400000), /* 2026-05-01T08:00:00Z */
};

static const char document[] =
	"{\"from\":{\"name\":\"{{name}}\",\"address\":\"news@example.org\"},"
	"\"replyTo\":\"reply@example.org\",\"subject\":\"For {{name}}\","
	"\"html\":\"<p>Dear {{name}}</p>\",\"headers\":{\"X-Name\":\"{{name}}\"}}";

static bool build_with(const char *json, const char *name,
		       const struct mime_envelope *e, struct buf *out,
		       size_t dates[MIME_N_DATES], struct error *err)
{
	struct error_list errors;
	error_list_init(&errors, 5);
	struct template *t = template_parse(str_of(json), &errors);
	assert_non_null(t);
	error_list_free(&errors);
	struct mustache_pair row[] = {{STR("name"), {MUSTACHE_TEXT, str_of(name)}}};
	struct mustache_table table = {row, 1};
	struct mustache_values values = mustache_table_values(&table);
	struct template_parts parts;
	template_parts_init(&parts);
	bool ok = mime_build(t, &values, e, &parts, out, dates, err);
	template_parts_free(&parts);
	template_free(t);
	return ok;
}

static GMimeMessage *parse_message(const struct buf *b)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(b->p, b->n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	assert_non_null(m);
	return m;
}

static void has_every_header_once_and_in_place(void **state)
{
	(void)state;
	struct buf out;
	size_t dates[MIME_N_DATES];
	struct error err = {0};
	buf_init(&out, MIME_MAX_MESSAGE);
	if (!build_with(document, "Ann", &envelope, &out, dates, &err))
		fail_msg("%s: %s", err.where, err.message);
	static const char want[] =
		"Received: by imap1.example.org with INLAY id " INSTANCE ";\r\n"
		"\tFri, 01 May 2026 08:00:00 +0000\r\n"
		"Date: Fri, 01 May 2026 08:00:00 +0000\r\n"
		"Message-ID: <" INSTANCE "@mail.example.org>\r\n"
		"List-Unsubscribe: <https://u.example.org/u/token>\r\n"
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"X-Inlay-Instance: " INSTANCE "; aabbcc\r\n"
		"From: \"[Anzeige] Ann\" <news@example.org>\r\n"
		"To: ann@example.net\r\n"
		"Reply-To: reply@example.org\r\n"
		"Subject: [Anzeige] For Ann\r\n"
		"X-Name: Ann\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative;";
	assert_str(str_slice(buf_str(&out), 0, sizeof want - 1), want);
	for (size_t i = 0; i < MIME_N_DATES; i++)
		assert_str(str_slice(buf_str(&out), dates[i],
				     dates[i] + CLOCK_RFC5322_LEN),
			   "Fri, 01 May 2026 08:00:00 +0000");
	assert_true(dates[0] < dates[1]);
	buf_free(&out);
}

static void is_read_back_as_it_was_meant(void **state)
{
	(void)state;
	struct buf out;
	size_t dates[MIME_N_DATES];
	buf_init(&out, MIME_MAX_MESSAGE);
	assert_true(build_with(document,
			       "J\xC3\xB6rg, \"der\" <Gro\xC3\x9F"
			       "e>",
			       &envelope, &out, dates, NULL));
	GMimeMessage *m = parse_message(&out);
	InternetAddress *from =
		internet_address_list_get_address(g_mime_message_get_from(m), 0);
	assert_string_equal(internet_address_get_name(from),
			    "[Anzeige] J\xC3\xB6rg, \"der\" <Gro\xC3\x9F"
			    "e>");
	assert_string_equal(g_mime_message_get_subject(m),
			    "[Anzeige] For J\xC3\xB6rg, \"der\" <Gro\xC3\x9F"
			    "e>");
	GMimeMultipart *body = GMIME_MULTIPART(g_mime_message_get_mime_part(m));
	assert_int_equal(g_mime_multipart_get_count(body), 2);
	char *text = g_mime_text_part_get_text(
		GMIME_TEXT_PART(g_mime_multipart_get_part(body, 0)));
	assert_string_equal(text, "Dear J\xC3\xB6rg, \"der\" <Gro\xC3\x9F"
				  "e>\r\n");
	g_free(text);
	g_object_unref(m);
	buf_free(&out);
}

/* Every line ends with CRLF, and no other CR or LF is there. */
static void check_lines(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\n')
			assert_true(i > 0 && b->p[i - 1] == '\r');
		if (b->p[i] == '\r')
			assert_true(i + 1 < b->n && b->p[i + 1] == '\n');
	}
	assert_int_equal(b->p[b->n - 1], '\n');
}

static int count_headers(const char *name)
{
	struct buf out;
	size_t dates[MIME_N_DATES];
	buf_init(&out, MIME_MAX_MESSAGE);
	assert_true(build_with(document, name, &envelope, &out, dates, NULL));
	GMimeMessage *m = parse_message(&out);
	int n = g_mime_header_list_get_count(
		g_mime_object_get_header_list(GMIME_OBJECT(m)));
	g_object_unref(m);
	buf_free(&out);
	return n;
}

static void no_value_can_add_a_header(void **state)
{
	(void)state;
	static const char *const hostile[] = {
		"x\r\nBcc: evil@example.org",
		"x\nBcc: evil@example.org",
		"x\rBcc: evil@example.org",
		"x\r\n\r\nBcc: evil@example.org",
		"x\xE2\x80\xA8"
		"Bcc: evil@example.org",
		"x\xC2\x85"
		"Bcc: evil@example.org",
		"x\x0B"
		"Bcc: evil@example.org",
		"=?utf-8?q?x=0D=0ABcc:_evil@example.org?=",
		"\" <evil@example.org>, \"",
		"--inlay_",
		"x,\r\n y: z",
	};
	int usual = count_headers("Ann");
	assert_true(usual >= 13);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct buf out;
		size_t dates[MIME_N_DATES];
		struct error err = {0};
		buf_init(&out, MIME_MAX_MESSAGE);
		if (!build_with(document, hostile[i], &envelope, &out, dates, &err))
			fail_msg("%s: %s", hostile[i], err.message);
		check_lines(&out);
		GMimeMessage *m = parse_message(&out);
		GMimeHeaderList *headers =
			g_mime_object_get_header_list(GMIME_OBJECT(m));
		assert_null(g_mime_header_list_get_header(headers, "Bcc"));
		assert_null(g_mime_header_list_get_header(headers, "y"));
		assert_int_equal(g_mime_header_list_get_count(headers), usual);
		assert_int_equal(
			internet_address_list_length(g_mime_message_get_from(m)), 1);
		GMimeMultipart *body = GMIME_MULTIPART(g_mime_message_get_mime_part(m));
		assert_int_equal(g_mime_multipart_get_count(body), 2);
		g_object_unref(m);
		buf_free(&out);
	}
}

static void refuses_an_envelope_that_could_break_out(void **state)
{
	(void)state;
	struct mime_envelope bad[8];
	for (size_t i = 0; i < COUNT(bad); i++)
		bad[i] = envelope;
	bad[0].to = STR("a@b\r\nBcc: c@d");
	bad[1].to = STR("nobody");
	bad[2].instance = STR("a\r\nb");
	bad[3].proof = STR("a b");
	bad[4].domain = STR("x>\r\nA: b");
	bad[5].unsubscribe = STR("https://x/>\r\nBcc: y");
	bad[6].unsubscribe = STR("javascript:x");
	bad[7].node = STR("a b");
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf out;
		size_t dates[MIME_N_DATES];
		struct error err = {0};
		buf_init(&out, MIME_MAX_MESSAGE);
		assert_false(build_with(document, "Ann", &bad[i], &out, dates, &err));
		assert_int_equal(err.kind, ERROR_BAD_VALUE);
		buf_free(&out);
	}
}

static void a_label_with_line_breaks_stays_in_its_header(void **state)
{
	(void)state;
	struct mime_envelope e = envelope;
	e.label = STR("An\r\nBcc: x");
	struct buf out;
	size_t dates[MIME_N_DATES];
	buf_init(&out, MIME_MAX_MESSAGE);
	assert_true(build_with(document, "Ann", &e, &out, dates, NULL));
	assert_non_null(strstr(buf_cstr(&out), "Subject: [AnBcc: x] For Ann\r\n"));
	assert_null(strstr(buf_cstr(&out), "\nBcc"));
	buf_free(&out);
}

static void a_label_is_not_written_twice(void **state)
{
	(void)state;
	struct buf out;
	size_t dates[MIME_N_DATES];
	buf_init(&out, MIME_MAX_MESSAGE);
	assert_true(
		build_with(document, "[Anzeige] Ann", &envelope, &out, dates, NULL));
	assert_non_null(
		strstr(buf_cstr(&out), "From: \"[Anzeige] Ann\" <news@example.org>"));
	assert_non_null(strstr(buf_cstr(&out), "Subject: [Anzeige] For [Anzeige] Ann"));
	buf_free(&out);
}

static void chooses_an_encoding_by_content(void **state)
{
	(void)state;
	static const struct {
		const char *name, *want;
	} e[] = {
		{"Ann", "Content-Transfer-Encoding: 7bit"},
		{"J\xC3\xB6rg", "Content-Transfer-Encoding: quoted-printable"},
		{"\xD0\x96\xD0\x96\xD0\x96\xD0\x96\xD0\x96\xD0\x96\xD0\x96\xD0\x96",
		 "Content-Transfer-Encoding: base64"},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct buf out;
		size_t dates[MIME_N_DATES];
		buf_init(&out, MIME_MAX_MESSAGE);
		assert_true(
			build_with(document, e[i].name, &envelope, &out, dates, NULL));
		assert_non_null(strstr(buf_cstr(&out), e[i].want));
		check_lines(&out);
		buf_free(&out);
	}
}

/* The text part of a message of this text, as it is written and as it is read. */
static void check_text(const char *text, const char *written, const char *read)
{
	struct buf json, out;
	size_t dates[MIME_N_DATES];
	buf_init(&json, 10000);
	buf_init(&out, MIME_MAX_MESSAGE);
	buf_printf(&json,
		   "{\"from\":{\"address\":\"a@b.org\"},\"subject\":\"s\","
		   "\"html\":\"<p>x</p>\",\"text\":\"%s\"}",
		   text);
	assert_true(build_with(buf_cstr(&json), "n", &envelope, &out, dates, NULL));
	const char *body = strstr(buf_cstr(&out), "\r\n\r\n--inlay_");
	assert_non_null(body);
	body = strstr(body + 4, "\r\n\r\n") + 4;
	const char *end = strstr(body, "\r\n--inlay_");
	assert_non_null(end);
	struct str got_written = {body, (size_t)(end - body)};
	assert_str(got_written, written);
	GMimeMessage *m = parse_message(&out);
	char *got = g_mime_text_part_get_text(GMIME_TEXT_PART(g_mime_multipart_get_part(
		GMIME_MULTIPART(g_mime_message_get_mime_part(m)), 0)));
	assert_string_equal(got, read);
	g_free(got);
	g_object_unref(m);
	buf_free(&json);
	buf_free(&out);
}

static void every_line_break_becomes_crlf(void **state)
{
	(void)state;
	check_text("a\\nb", "a\r\nb\r\n", "a\r\nb\r\n");
	check_text("a\\r\\nb\\r\\n", "a\r\nb\r\n", "a\r\nb\r\n");
	check_text("a\\rb\\r", "a\r\nb\r\n", "a\r\nb\r\n");
	check_text("a\\r\\r\\nb\\n\\n", "a\r\n\r\nb\r\n\r\n", "a\r\n\r\nb\r\n\r\n");
	check_text("\\n", "\r\n", "\r\n");
}

static void what_is_encoded_is_read_back(void **state)
{
	(void)state;
	check_text("a=\xC3\xB6 \\nthirteen letters",
		   "a=3D=C3=B6=20\r\nthirteen letters\r\n",
		   "a=\xC3\xB6 \r\nthirteen letters\r\n");
	check_text("\xD0\x96\xD0\x96\\n", "0JbQlg0K\r\n", "\xD0\x96\xD0\x96\r\n");
}

static void check_line_of(int length)
{
	struct buf json, out;
	size_t dates[MIME_N_DATES];
	buf_init(&json, 100000);
	buf_add_str(&json, STR("{\"from\":{\"address\":\"a@b.org\"},\"subject\":\"s\","
			       "\"html\":\"{{name}}"));
	for (int i = 1; i < length; i++)
		buf_add_char(&json, 'x');
	buf_add_str(&json, STR("\"}"));
	buf_init(&out, MIME_MAX_MESSAGE);
	assert_true(build_with(buf_cstr(&json), "n", &envelope, &out, dates, NULL));
	size_t line = 0;
	for (size_t i = 0; i < out.n; i++) {
		line = out.p[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 999); /* with its CR */
	}
	buf_free(&json);
	buf_free(&out);
}

static void long_lines_are_never_sent(void **state)
{
	(void)state;
	for (int length = 980; length < 1110; length++)
		check_line_of(length);
	check_line_of(5000);
}

static void the_message_has_a_bound(void **state)
{
	(void)state;
	struct buf out;
	size_t dates[MIME_N_DATES];
	struct error err = {0};
	buf_init(&out, 700);
	assert_false(build_with(document, "Ann", &envelope, &out, dates, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_every_header_once_and_in_place),
		cmocka_unit_test(is_read_back_as_it_was_meant),
		cmocka_unit_test(no_value_can_add_a_header),
		cmocka_unit_test(refuses_an_envelope_that_could_break_out),
		cmocka_unit_test(a_label_with_line_breaks_stays_in_its_header),
		cmocka_unit_test(a_label_is_not_written_twice),
		cmocka_unit_test(chooses_an_encoding_by_content),
		cmocka_unit_test(every_line_break_becomes_crlf),
		cmocka_unit_test(what_is_encoded_is_read_back),
		cmocka_unit_test(long_lines_are_never_sent),
		cmocka_unit_test(the_message_has_a_bound),
	};
	mime_init();
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
