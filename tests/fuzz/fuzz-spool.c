/* SPDX-License-Identifier: Apache-2.0 */
/* A spool file of any bytes. Every record that is read must encode to the bytes it
 * was read from. */
#include "agent/spool-record.h"
#include "base/crypto.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct str bytes;
	size_t at;
};

static bool take(void *ctx, const struct spool_record *r, size_t length)
{
	struct reading *g = ctx;
	struct buf b;
	buf_init(&b, SPOOL_RECORD_MAX);
	if (!spool_record_encode(&b, r) ||
	    !str_eq(buf_str(&b), str_slice(g->bytes, g->at, g->at + length)))
		abort();
	buf_free(&b);
	g->at += length;
	return true;
}

/* So that mutated records get past their checksum now and then, the input is also
 * read as the payload of a record with the right one. */
static void read_as_payload(struct str payload)
{
	char bytes[SPOOL_RECORD_MAX];
	struct spool_record r, again;
	struct buf b = {.p = bytes, .cap = sizeof bytes, .max = sizeof bytes};
	size_t length;
	if (payload.n < 36)
		return;
	r = (struct spool_record){.sequence = (uint8_t)payload.p[0],
				  .type = (uint8_t)payload.p[1],
				  .seen = payload.p[2] & 1,
				  .cause = (uint8_t)payload.p[3],
				  .time_ms = payload.p[4],
				  .tenant = str_slice(payload, 20, 24),
				  .user = str_slice(payload, 24, payload.n)};
	memcpy(r.instance, payload.p + 4, 16);
	if (!spool_record_encode(&b, &r))
		return;
	if (spool_record_decode(buf_str(&b), &again, &length) == SPOOL_RECORD_OK &&
	    (length != b.n || !str_eq(again.user, r.user)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading g = {.bytes = {(const char *)data, size}};
	static bool ready;
	size_t good;
	if (!ready)
		ready = crypto_init();
	spool_record_scan(g.bytes, take, &g, &good);
	if (good != g.at)
		abort();
	read_as_payload(g.bytes);
	return 0;
}
