/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-internal.h"

/* The fields of which a message may have one at most, or which two parsers might
 * read differently: what lets one request be taken for two (RFC 9112 section 11.2). */
struct framing {
	unsigned hosts, lengths, encodings;
	struct str encoding;
	uint64_t length;
	bool bad_length, bad_name, hidden;
	const char *end; /* of what was looked at, in the library's copy of the head */
	const char *head_end;
};

/* The library ends a text at its first NUL, and what stands behind it is seen by nobody
 * here, but by others. Between two texts there is nothing but line ends and blanks,
 * which the library may have made NUL. */
static void look_between(struct framing *f, const char *next)
{
	if (f->head_end == NULL || next < f->end || next > f->head_end)
		return;
	for (const char *p = f->end; p < next; p++)
		f->hidden |= *p != '\0' && *p != '\r' && *p != '\n' && *p != ' ' &&
			     *p != '\t' && *p != ':';
}

/* RFC 9110 section 5.6.2, as far as somebody might read it in two ways. */
static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == '\x7f')
			return false;
	return name.n > 0;
}

static enum MHD_Result note(void *ctx, enum MHD_ValueKind kind, const char *key,
			    size_t key_size, const char *value, size_t value_size)
{
	struct framing *f = ctx;
	const struct str name = {key, key_size}, text = {value, value_size};
	(void)kind;
	f->bad_name |= !is_name(name);
	look_between(f, key);
	f->end = value != NULL ? value + value_size : key + key_size;
	if (str_ieq(name, STR("Host"))) {
		f->hosts++;
	} else if (str_ieq(name, STR("Content-Length"))) {
		f->lengths++;
		f->bad_length |= !str_to_u64(text, INT64_MAX, &f->length);
	} else if (str_ieq(name, STR("Transfer-Encoding"))) {
		f->encodings++;
		f->encoding = str_trim(text);
	}
	return MHD_YES;
}

/* method and version are the library's own texts: the first of the head, and the last
 * of its first line. */
static void take_head(struct MHD_Connection *mhd, const char *method,
		      const char *version, struct framing *f)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (info == NULL || version < method || version > method + info->header_size)
		return;
	f->end = version + strlen(version);
	f->head_end = method + info->header_size;
}

const char *http_check_head(struct MHD_Connection *mhd, const char *method,
			    const char *version, const char *target,
			    uint64_t *body_size)
{
	struct framing f = {0};
	bool old = str_eqz(str_of(version), "HTTP/1.0");
	*body_size = HTTP_BODY_UNKNOWN;
	if (!old && !str_eqz(str_of(version), "HTTP/1.1"))
		return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	if (target[0] != '/')
		return "the request target must be a path";
	take_head(mhd, method, version, &f);
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, note, &f);
	look_between(&f, f.head_end);
	*body_size = f.encodings > 0 || f.bad_length ? HTTP_BODY_UNKNOWN : f.length;
	if (f.bad_name)
		return "the name of a header field holds a blank or a control "
		       "character";
	if (f.hidden)
		return "the head holds a NUL, or a field of two lines";
	if (f.hosts > 1 || (f.hosts == 0 && !old))
		return "there must be exactly one Host";
	if (f.lengths > 1 || f.bad_length)
		return "there must be at most one Content-Length, a number";
	if (f.encodings > 0 && f.lengths > 0)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (f.encodings > 1 ||
	    (f.encodings == 1 && (old || !str_ieq(f.encoding, STR("chunked")))))
		return "the only Transfer-Encoding is chunked, in HTTP/1.1";
	return NULL;
}
