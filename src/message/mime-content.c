/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mime-internal.h"

#include <gmime/gmime.h>

void mime_init(void)
{
	g_mime_init();
}

/* A copy with NUL behind it, control characters turned into blanks: nothing that
 * goes into a header can end it. The caller frees it with g_free().
 *
 * Text that looks like an encoded word (RFC 2047) would be decoded by whoever reads
 * it, to anything, line breaks too, and GMime does not encode it: a blank between its
 * first two characters makes it text. */
static char *header_text(struct str s)
{
	char *z = g_malloc(s.n + s.n / 2 + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		z[n++] = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F ? ' ' : s.p[i];
		if (s.p[i] == '=' && i + 1 < s.n && s.p[i + 1] == '?')
			z[n++] = ' ';
	}
	z[n] = '\0';
	return z;
}

/* An address is printable ASCII, and address_of_user() lets no such word into it. */
static char *address_text(struct str s)
{
	return g_strndup(s.p, s.n);
}

static void add_mailbox(GMimeMessage *m, GMimeAddressType type, struct str name,
			struct str address)
{
	char *n = name.n > 0 ? header_text(name) : NULL;
	char *a = address_text(address);
	g_mime_message_add_mailbox(m, type, n, a);
	g_free(n);
	g_free(a);
}

static void add_header(void *ctx, struct str name, struct str value)
{
	char *n = header_text(name), *v = header_text(value);
	g_mime_object_append_header(GMIME_OBJECT(ctx), n, v, "utf-8");
	g_free(n);
	g_free(v);
}

/* 7bit where that is allowed (RFC 5322 section 2.1.1: ASCII, lines of up to 998),
 * else quoted-printable, which survives every forwarding; base64 where most
 * characters would need three bytes. */
static GMimeContentEncoding choose_encoding(struct str s)
{
	size_t high = 0, line = 0, longest = 0;
	for (size_t i = 0; i < s.n; i++) {
		line = s.p[i] == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
		high += (unsigned char)s.p[i] >= 0x80 || s.p[i] == '\0';
	}
	if (high == 0 && longest < 990)
		return GMIME_CONTENT_ENCODING_7BIT;
	return high > s.n / 3 ? GMIME_CONTENT_ENCODING_BASE64
			      : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

/* Every line of a MIME text ends with CRLF, also inside base64 (RFC 2046 section
 * 4.1.1): whatever line ends there are become CRLF. */
static void canonical_lines(struct buf *out, struct str s)
{
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			continue;
		buf_add_str(out, str_slice(s, from, i));
		from = i + 1;
		if (s.p[i] == '\n' || i + 1 == s.n || s.p[i + 1] != '\n')
			buf_add_str(out, STR("\r\n"));
	}
	buf_add_str(out, str_slice(s, from, s.n));
	if (out->n == 0 || out->p[out->n - 1] != '\n')
		buf_add_str(out, STR("\r\n"));
}

static bool add_part(GMimeMultipart *parent, const char *subtype, struct str text)
{
	struct buf lines;
	buf_init(&lines, 2 * MUSTACHE_MAX_OUTPUT + 2);
	canonical_lines(&lines, text);
	bool ok = buf_ok(&lines);
	if (ok) {
		GMimePart *part = g_mime_part_new_with_type("text", subtype);
		GMimeStream *stream =
			g_mime_stream_mem_new_with_buffer(lines.p, lines.n);
		GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
			stream, GMIME_CONTENT_ENCODING_DEFAULT);
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset",
							 "utf-8");
		g_mime_part_set_content(part, content);
		g_mime_part_set_content_encoding(part, choose_encoding(text));
		g_mime_multipart_add(parent, GMIME_OBJECT(part));
		g_object_unref(content);
		g_object_unref(stream);
		g_object_unref(part);
	}
	buf_free(&lines);
	return ok;
}

static bool write_message(GMimeMessage *m, struct buf *out)
{
	GMimeFormatOptions *options = g_mime_format_options_new();
	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	GMimeStream *stream = g_mime_stream_mem_new();
	bool ok = g_mime_object_write_to_stream(GMIME_OBJECT(m), options, stream) >= 0;
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	buf_add(out, bytes->data, bytes->len);
	g_object_unref(stream);
	g_mime_format_options_free(options);
	return ok;
}

bool mime_write_content(const struct mime_content *c, struct buf *out,
			struct error *err)
{
	GMimeMessage *m = g_mime_message_new(FALSE);
	GMimeMultipart *body = g_mime_multipart_new_with_subtype("alternative");
	g_mime_multipart_set_boundary(body, c->boundary);
	add_mailbox(m, GMIME_ADDRESS_TYPE_FROM, c->from_name, c->from_address);
	add_mailbox(m, GMIME_ADDRESS_TYPE_TO, (struct str){0}, c->to);
	if (c->reply_to_address.p != NULL)
		add_mailbox(m, GMIME_ADDRESS_TYPE_REPLY_TO, c->reply_to_name,
			    c->reply_to_address);
	char *subject = header_text(c->subject);
	g_mime_message_set_subject(m, subject, "utf-8");
	g_free(subject);
	template_each_header(c->parts, add_header, m);
	/* the plainest first (RFC 2046 section 5.1.4) */
	bool ok = add_part(body, "plain", buf_str(&c->parts->text)) &&
		  add_part(body, "html", buf_str(&c->parts->html));
	g_mime_message_set_mime_part(m, GMIME_OBJECT(body));
	ok = ok && write_message(m, out);
	g_object_unref(body);
	g_object_unref(m);
	if (!ok)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	return true;
}
