/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool-record.h"

#include "base/crypto.h"
#include "wire/wire.h"

#include <assert.h>

#define FORMAT 1
#define HEAD 12 /* length and checksum */

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		p[i - 1] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Over the length, too: bytes is the record with a gap where the checksum is. */
static void checksum(const uint8_t *record, size_t n, uint8_t out[8])
{
	uint8_t copy[SPOOL_RECORD_MAX], hash[16];
	memcpy(copy, record, 4);
	memcpy(copy + 4, record + HEAD, n - HEAD);
	crypto_blake2b_128((struct str){(const char *)copy, n - 8}, hash);
	memcpy(out, hash, 8);
}

bool spool_record_encode(struct buf *out, const struct spool_record *r)
{
	uint8_t bytes[SPOOL_RECORD_MAX], *p = bytes + HEAD;
	if (r->tenant.n == 0 || r->tenant.n > SPOOL_TENANT_MAX || r->user.n == 0 ||
	    r->user.n > SPOOL_USER_MAX)
		return false;
	*p++ = FORMAT;
	put_be(p, r->sequence, 8);
	p += 8;
	*p++ = r->type;
	*p++ = r->seen;
	*p++ = r->cause;
	put_be(p, (uint64_t)r->time_ms, 8);
	p += 8;
	memcpy(p, r->instance, 16);
	p += 16;
	*p++ = (uint8_t)r->tenant.n;
	memcpy(p, r->tenant.p, r->tenant.n);
	p += r->tenant.n;
	put_be(p, r->user.n, 2);
	p += 2;
	memcpy(p, r->user.p, r->user.n);
	p += r->user.n;
	size_t n = (size_t)(p - bytes);
	put_be(bytes, n - HEAD, 4);
	checksum(bytes, n, bytes + 4);
	return buf_add(out, bytes, n);
}

/* The payload behind the checksum is as it was written; only a fault of ours could
 * make it wrong, but nothing is trusted. */
static bool read_payload(const uint8_t *p, size_t n, struct spool_record *r)
{
	const uint8_t *end = p + n;
	if (p[0] != FORMAT || p[10] > 1)
		return false;
	r->sequence = get_be(p + 1, 8);
	r->type = p[9];
	r->seen = p[10] == 1;
	r->cause = p[11];
	r->time_ms = (int64_t)get_be(p + 12, 8);
	memcpy(r->instance, p + 20, 16);
	r->tenant.n = p[36];
	p += 37;
	if ((size_t)(end - p) < r->tenant.n + 2)
		return false;
	r->tenant.p = (const char *)p;
	p += r->tenant.n;
	r->user.n = (size_t)get_be(p, 2);
	p += 2;
	r->user.p = (const char *)p;
	return (size_t)(end - p) == r->user.n && str_is_id(r->tenant) &&
	       r->user.n > 0 && str_is_utf8(r->user) &&
	       wire_event_name(r->type) != NULL && r->time_ms >= 0 &&
	       r->time_ms <= WIRE_TIME_MAX &&
	       (r->cause == WIRE_CAUSE_NONE || wire_cause_name(r->cause) != NULL);
}

enum spool_record_status spool_record_decode(struct str bytes, struct spool_record *r,
					     size_t *length)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	uint8_t sum[8];
	if (bytes.n == 0)
		return SPOOL_RECORD_END;
	assert(p != NULL);
	if (bytes.n < 4)
		return SPOOL_RECORD_TORN;
	size_t n = HEAD + (size_t)get_be(p, 4);
	if (n < SPOOL_RECORD_FIXED || n > SPOOL_RECORD_MAX)
		return SPOOL_RECORD_BAD;
	if (bytes.n < n)
		return SPOOL_RECORD_TORN;
	checksum(p, n, sum);
	if (memcmp(sum, p + 4, sizeof sum) != 0 || !read_payload(p + HEAD, n - HEAD, r))
		return SPOOL_RECORD_BAD;
	*length = n;
	return SPOOL_RECORD_OK;
}

static bool is_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0')
			return false;
	return true;
}

enum spool_record_status spool_record_scan(struct str bytes,
					   bool (*take)(void *ctx,
							const struct spool_record *r,
							size_t length),
					   void *ctx, size_t *good)
{
	struct spool_record r;
	enum spool_record_status status;
	size_t length;
	*good = 0;
	for (;;) {
		struct str rest = str_slice(bytes, *good, bytes.n);
		status = spool_record_decode(rest, &r, &length);
		if (status == SPOOL_RECORD_BAD && is_zero(rest))
			return SPOOL_RECORD_TORN;
		if (status != SPOOL_RECORD_OK || !take(ctx, &r, length))
			return status;
		*good += length;
	}
}
