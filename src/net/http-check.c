/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-internal.h"

/* The fields of which a message may have one at most, or which two parsers might
 * read differently: what lets one request be taken for two (RFC 9112 section 11.2). */
struct framing {
	unsigned hosts, lengths, encodings;
	struct str encoding;
	uint64_t length;
	bool bad_length;
};

static enum MHD_Result note(void *ctx, enum MHD_ValueKind kind, const char *key,
			    size_t key_size, const char *value, size_t value_size)
{
	struct framing *f = ctx;
	const struct str name = {key, key_size}, text = {value, value_size};
	(void)kind;
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

const char *http_check_head(struct MHD_Connection *mhd, const char *version,
			    const char *target, uint64_t *body_size)
{
	struct framing f = {0};
	bool old = str_eqz(str_of(version), "HTTP/1.0");
	*body_size = HTTP_BODY_UNKNOWN;
	if (!old && !str_eqz(str_of(version), "HTTP/1.1"))
		return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	if (target[0] != '/')
		return "the request target must be a path";
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, note, &f);
	*body_size = f.encodings > 0 || f.bad_length ? HTTP_BODY_UNKNOWN : f.length;
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
