/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks gzip (RFC 1952) and Zstandard (RFC 8878) in pieces; several members or
 * frames one behind the other are one file, as gzip -d and zstd -d take it. What is
 * not packed passes through. Bounded: total output, and the window of zstd. */
#ifndef INLAY_MODEL_UNPACK_H
#define INLAY_MODEL_UNPACK_H

#include "base/error.h"

enum unpack_kind {
	UNPACK_NOTHING,
	UNPACK_GZIP, /* .gz */
	UNPACK_ZSTD, /* .zst */
};
enum unpack_kind unpack_kind_of(struct str file_name);

/* Takes a piece of what was unpacked; false stops, with err. */
typedef bool unpack_fn(void *ctx, struct str bytes, struct error *err);

struct unpack;
/* max: most bytes that may come out. NULL without memory. */
struct unpack *unpack_new(enum unpack_kind kind, uint64_t max, unpack_fn *take,
			  void *ctx);
void unpack_free(struct unpack *u); /* NULL is fine */
/* After false: only unpack_free. */
bool unpack_feed(struct unpack *u, struct str bytes, struct error *err);
/* The end of the file: an error in the middle of a member or frame. */
bool unpack_end(struct unpack *u, struct error *err);

#endif
