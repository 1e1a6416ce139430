/* SPDX-License-Identifier: Apache-2.0 */
/* One event as bytes of the spool. Pure: the files are spool.h's.
 *
 *   u32 length of what follows the checksum | 8 bytes checksum | payload
 * payload:
 *   u8 format (1) | u64 sequence | u8 type | u8 seen | u8 cause | i64 time (ms)
 *   | 16 bytes instance | u8 length, tenant | u16 length, user
 * Integers are big-endian. The checksum is the front of BLAKE2b-128 over length and
 * payload. */
#ifndef INLAY_AGENT_SPOOL_RECORD_H
#define INLAY_AGENT_SPOOL_RECORD_H

#include "base/buf.h"

#define SPOOL_TENANT_MAX 64
#define SPOOL_USER_MAX 1024
#define SPOOL_RECORD_FIXED 51 /* bytes of a record without its two texts */
#define SPOOL_RECORD_MAX (SPOOL_RECORD_FIXED + SPOOL_TENANT_MAX + SPOOL_USER_MAX)

struct spool_record {
	uint64_t sequence; /* ascending over the life of the spool */
	uint8_t type;      /* enum wire_event_type */
	bool seen;
	uint8_t cause; /* enum wire_cause */
	int64_t time_ms;
	uint8_t instance[16];
	struct str tenant, user;
};

/* False when a text is too long or empty, or `out` is full. */
bool spool_record_encode(struct buf *out, const struct spool_record *r);

enum spool_record_status {
	SPOOL_RECORD_OK,
	SPOOL_RECORD_END,  /* no bytes left */
	SPOOL_RECORD_TORN, /* it may be the front of a record */
	SPOOL_RECORD_BAD,  /* it cannot be one */
};
/* Reads the record at the start of the bytes; the texts borrow from them. *length:
 * bytes that it takes (OK only). */
enum spool_record_status spool_record_decode(struct str bytes, struct spool_record *r,
					     size_t *length);

/* Calls `take` for each record from the start. Returns the status that ended it:
 * END when all of it was records; *good: bytes up to there. A rest of zero bytes,
 * as a crash may leave it, is TORN. False from `take` ends it, too, with OK. */
enum spool_record_status spool_record_scan(struct str bytes,
					   bool (*take)(void *ctx,
							const struct spool_record *r,
							size_t length),
					   void *ctx, size_t *good);

#endif
