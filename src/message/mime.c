/* SPDX-License-Identifier: Apache-2.0 */
#include "message/mime-internal.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "message/address.h"

#include <stdio.h>

#define BOUNDARY_SIZE 40

static bool is_token(struct str s)
{
	if (s.n == 0 || s.n > 128)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return true;
}

/* Printable ASCII without what would end or split a List-Unsubscribe value. */
static bool is_url(struct str s)
{
	if (!str_starts(s, STR("https://")) && !str_starts(s, STR("http://")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("<>\",", s.p[i]) != NULL)
			return false;
	return s.n <= MIME_MAX_URL;
}

/* An address_of_user: anything printable that cannot leave its header. */
static bool is_recipient(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= ADDRESS_MAX + 66 &&
	       address_is_domain(address_domain(s));
}

static bool check_envelope(const struct mime_envelope *e, struct error *err)
{
	if (!is_recipient(e->to))
		return error_set(err, ERROR_BAD_VALUE, "to", "is no mail address");
	if (!is_token(e->instance))
		return error_set(err, ERROR_BAD_VALUE, "instance", "is no id");
	if (!is_token(e->proof))
		return error_set(err, ERROR_BAD_VALUE, "proof", "is no MAC");
	if (!address_is_domain(e->domain))
		return error_set(err, ERROR_BAD_VALUE, "domain", "is no host name");
	if (e->node.p != NULL && !address_is_domain(e->node))
		return error_set(err, ERROR_BAD_VALUE, "node", "is no host name");
	if (e->unsubscribe.p != NULL && !is_url(e->unsubscribe))
		return error_set(err, ERROR_BAD_VALUE, "unsubscribe",
				 "is no http address");
	if (e->label.p != NULL && !str_is_utf8(e->label))
		return error_set(err, ERROR_BAD_VALUE, "label", "is not UTF-8");
	return true;
}

static size_t add_date(struct buf *out, int64_t ms)
{
	char date[CLOCK_RFC5322_LEN + 1];
	size_t at = out->n;
	clock_format_rfc5322(date, ms);
	buf_add(out, date, CLOCK_RFC5322_LEN);
	buf_add_str(out, STR("\r\n"));
	return at;
}

/* The headers whose every byte is ours. They are checked ASCII, so none of them
 * needs encoding, and none can be left by a value. */
static void add_own_headers(struct buf *out, const struct mime_envelope *e,
			    size_t dates[MIME_N_DATES])
{
	struct str node = e->node.p != NULL ? e->node : e->domain;
	buf_printf(out, "Received: by %.*s with INLAY id %.*s;\r\n\t", STR_ARG(node),
		   STR_ARG(e->instance));
	dates[0] = add_date(out, e->date_ms);
	buf_add_str(out, STR("Date: "));
	dates[1] = add_date(out, e->date_ms);
	buf_printf(out, "Message-ID: <%.*s@%.*s>\r\n", STR_ARG(e->instance),
		   STR_ARG(e->domain));
	if (e->unsubscribe.p != NULL)
		buf_printf(out,
			   "List-Unsubscribe: <%.*s>\r\n"
			   "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
			   STR_ARG(e->unsubscribe));
	buf_add_str(out, STR("Auto-Submitted: auto-generated\r\n"));
	buf_printf(out, "X-Inlay-Instance: %.*s; %.*s\r\n", STR_ARG(e->instance),
		   STR_ARG(e->proof));
}

/* "[Anzeige] " before the text, unless it begins with it already. Control
 * characters of the label are dropped. */
static bool add_labelled(struct buf *out, struct str label, struct str text)
{
	if (label.n > 0) {
		buf_add_char(out, '[');
		for (size_t i = 0; i < label.n; i++)
			if ((unsigned char)label.p[i] >= ' ' && label.p[i] != 0x7F)
				buf_add_char(out, label.p[i]);
		buf_add_char(out, ']');
		if (!buf_ok(out)) /* or it would be taken for a label that is there */
			return false;
		if (str_starts(text, buf_str(out)))
			buf_clear(out);
		else if (text.n > 0)
			buf_add_char(out, ' ');
	}
	return buf_add_str(out, text);
}

/* Nobody who writes a template or a value can know the instance, so nobody can
 * put this boundary into a part. */
static void make_boundary(char boundary[BOUNDARY_SIZE], const struct mime_envelope *e)
{
	uint8_t hash[16];
	char hex[2 * sizeof hash + 1];
	crypto_blake2b_128(e->instance, hash);
	crypto_hex(hex, hash, sizeof hash);
	snprintf(boundary, BOUNDARY_SIZE, "inlay_%s", hex);
}

static bool write_all(const struct template *t, const struct mime_envelope *e,
		      const struct template_parts *parts, struct buf *out,
		      size_t dates[MIME_N_DATES], struct error *err)
{
	char boundary[BOUNDARY_SIZE];
	struct buf from, subject;
	buf_init(&from, 2 * TEMPLATE_MAX_LINE);
	buf_init(&subject, 2 * TEMPLATE_MAX_LINE);
	bool ok = add_labelled(&from, e->label, buf_str(&parts->from_name)) &&
		  add_labelled(&subject, e->label, buf_str(&parts->subject));
	if (from.state == BUF_NOMEM || subject.state == BUF_NOMEM)
		error_set(err, ERROR_MEMORY, "", "out of memory");
	else if (!ok)
		error_set(err, ERROR_TOO_LARGE, "label", "is too long");
	make_boundary(boundary, e);
	struct mime_content content = {.from_name = buf_str(&from),
				       .from_address = t->from_address,
				       .reply_to_name = buf_str(&parts->reply_to_name),
				       .reply_to_address = t->reply_to_address,
				       .to = e->to,
				       .subject = buf_str(&subject),
				       .parts = parts,
				       .boundary = boundary};
	add_own_headers(out, e, dates);
	ok = ok && mime_write_content(&content, out, err);
	buf_free(&from);
	buf_free(&subject);
	if (ok && out->state == BUF_FULL)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "the message is over %zu bytes", out->max);
	if (ok && !buf_ok(out))
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	return ok;
}

bool mime_build(const struct template *t, const struct mustache_values *row,
		const struct mime_envelope *envelope, struct template_parts *scratch,
		struct buf *out, size_t dates[MIME_N_DATES], struct error *err)
{
	return check_envelope(envelope, err) && template_render(t, row, scratch, err) &&
	       write_all(t, envelope, scratch, out, dates, err);
}
