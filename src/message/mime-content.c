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

/* Most texts are; eight bytes at a time, as they may be long. */
static bool is_ascii(struct str s)
{
	uint64_t all = 0, word;
	size_t i = 0;
	for (; i + sizeof word <= s.n; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		all |= word;
	}
	for (; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* Bytes that 7bit has no room for. */
static size_t count_high(struct str s)
{
	size_t high = 0;
	if (s.n == 0 || (is_ascii(s) && memchr(s.p, '\0', s.n) == NULL))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		high += (unsigned char)s.p[i] >= 0x80 || s.p[i] == '\0';
	return high;
}

/* How long a line of LF-ended text becomes. */
static size_t longest_line(struct str s)
{
	size_t longest = 0;
	const char *p = s.p, *end = s.p + s.n, *lf;
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			lf = end;
		longest = (size_t)(lf - p) > longest ? (size_t)(lf - p) : longest;
	}
	return longest;
}

/* 7bit where that is allowed (RFC 5322 section 2.1.1: ASCII, lines of up to 998),
 * else quoted-printable, which survives every forwarding; base64 where most
 * characters would need three bytes. */
static GMimeContentEncoding choose_encoding(struct str s)
{
	size_t high = count_high(s);
	if (high == 0 && longest_line(s) < 990)
		return GMIME_CONTENT_ENCODING_7BIT;
	return high > s.n / 3 ? GMIME_CONTENT_ENCODING_BASE64
			      : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

/* A line of text that LF ends, and what a CR alone divides in it. */
static void canonical_line(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n, *cr;
	while (p < end && (cr = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		buf_add(out, p, (size_t)(cr - p));
		/* that of a CRLF is at the end */
		if (cr + 1 < end)
			buf_add_str(out, STR("\r\n"));
		p = cr + 1;
	}
	buf_add(out, p, (size_t)(end - p));
	buf_add_str(out, STR("\r\n"));
}

/* Every line of a MIME text ends with CRLF, also inside base64 (RFC 2046 section
 * 4.1.1): whatever line ends there are become CRLF. */
static void canonical_lines(struct buf *out, struct str s)
{
	for (;;) {
		const char *lf = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;
		size_t line = lf != NULL ? (size_t)(lf - s.p) : s.n;
		canonical_line(out, str_slice(s, 0, line));
		if (lf == NULL || line + 1 == s.n)
			break;
		s = str_slice(s, line + 1, s.n);
	}
}

/* Lines of a fixed length (base64) or with soft breaks (quoted-printable), which GMime
 * ends with LF. */
static bool encode(struct buf *out, GMimeContentEncoding encoding, struct str text)
{
	GMimeEncoding state;
	struct buf encoded;
	g_mime_encoding_init_encode(&state, encoding);
	buf_init(&encoded, g_mime_encoding_outlen(&state, text.n));
	char *room = buf_reserve(&encoded, encoded.max);
	if (room == NULL)
		return false;
	buf_commit(&encoded, g_mime_encoding_flush(&state, text.p, text.n, room));
	canonical_lines(out, buf_str(&encoded));
	buf_free(&encoded);
	return true;
}

static bool add_content(struct buf *out, GMimeContentEncoding encoding, struct str text)
{
	struct buf lines;
	if (encoding == GMIME_CONTENT_ENCODING_7BIT) {
		canonical_lines(out, text);
		return true;
	}
	buf_init(&lines, 2 * MUSTACHE_MAX_OUTPUT + 2);
	canonical_lines(&lines, text);
	bool ok = buf_ok(&lines) && encode(out, encoding, buf_str(&lines));
	buf_free(&lines);
	return ok;
}

/* A part of the body, behind a line that the one before has ended (RFC 2046 section
 * 5.1.1: the line break before a boundary belongs to the boundary). */
static bool add_part(struct buf *out, const char *boundary, const char *subtype,
		     struct str text)
{
	GMimeContentEncoding encoding = choose_encoding(text);
	buf_printf(out,
		   "\r\n--%s\r\nContent-Type: text/%s; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: %s\r\n\r\n",
		   boundary, subtype, g_mime_content_encoding_to_string(encoding));
	return add_content(out, encoding, text);
}

static bool add_headers(struct buf *out, GMimeMessage *m)
{
	GMimeFormatOptions *options = g_mime_format_options_new();
	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	GMimeStream *stream = g_mime_stream_mem_new();
	bool ok = g_mime_header_list_write_to_stream(
			  g_mime_object_get_header_list(GMIME_OBJECT(m)), options,
			  stream) >= 0;
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	buf_add(out, bytes->data, bytes->len);
	g_object_unref(stream);
	g_mime_format_options_free(options);
	return ok;
}

/* GMime folds and encodes what a template or a value may have put into a header. */
static bool write_headers(const struct mime_content *c, struct buf *out)
{
	GMimeMessage *m = g_mime_message_new(FALSE);
	add_mailbox(m, GMIME_ADDRESS_TYPE_FROM, c->from_name, c->from_address);
	add_mailbox(m, GMIME_ADDRESS_TYPE_TO, (struct str){0}, c->to);
	if (c->reply_to_address.p != NULL)
		add_mailbox(m, GMIME_ADDRESS_TYPE_REPLY_TO, c->reply_to_name,
			    c->reply_to_address);
	char *subject = header_text(c->subject);
	g_mime_message_set_subject(m, subject, "utf-8");
	g_free(subject);
	template_each_header(c->parts, add_header, m);
	bool ok = add_headers(out, m);
	g_object_unref(m);
	return ok;
}

bool mime_write_content(const struct mime_content *c, struct buf *out,
			struct error *err)
{
	bool ok = write_headers(c, out);
	buf_printf(out,
		   "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n"
		   "\tboundary=%s\r\n",
		   c->boundary);
	/* the plainest first (RFC 2046 section 5.1.4) */
	ok = ok && add_part(out, c->boundary, "plain", buf_str(&c->parts->text)) &&
	     add_part(out, c->boundary, "html", buf_str(&c->parts->html));
	buf_printf(out, "\r\n--%s--\r\n", c->boundary);
	if (!ok)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	return true;
}
