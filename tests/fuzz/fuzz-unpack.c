/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as gzip, zstd and plain: what comes out, and whether it is good, does not
 * depend on the pieces that go in, and never passes the maximum. */
#include "base/buf.h"
#include "model/unpack.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (1u << 20)

static bool take(void *ctx, struct str bytes, struct error *err)
{
	if (bytes.n == 0 || !buf_add_str(ctx, bytes))
		abort(); /* nothing, or more than the maximum */
	(void)err;
	return true;
}

static bool unpack(enum unpack_kind kind, struct str in, size_t piece, struct buf *out,
		   struct error *err)
{
	struct unpack *u = unpack_new(kind, OUT_MAX, take, out);
	bool ok = true;
	if (u == NULL)
		abort();
	buf_init(out, OUT_MAX);
	for (size_t at = 0; ok && at < in.n; at += piece)
		ok = unpack_feed(u, str_slice(in, at, at + piece), err);
	ok = ok && unpack_end(u, err);
	unpack_free(u);
	return ok;
}

static void same_in_all_pieces(enum unpack_kind kind, struct str in)
{
	struct buf whole, parts;
	struct error why, again;
	bool good = unpack(kind, in, in.n + 1, &whole, &why);
	for (size_t piece = 1; piece < 40; piece += 13) {
		/* a bad file may have given more or less before it was found bad */
		if (unpack(kind, in, piece, &parts, &again) != good ||
		    (good && !str_eq(buf_str(&whole), buf_str(&parts))))
			abort();
		buf_free(&parts);
	}
	if (kind == UNPACK_NOTHING && in.n <= OUT_MAX && !str_eq(in, buf_str(&whole)))
		abort();
	buf_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {size > 0 ? (const char *)data : "", size};
	same_in_all_pieces(UNPACK_NOTHING, in);
	same_in_all_pieces(UNPACK_GZIP, in);
	same_in_all_pieces(UNPACK_ZSTD, in);
	return 0;
}
