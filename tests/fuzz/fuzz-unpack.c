/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as gzip, zstd or plain, as the first one says: what comes out, and whether
 * it is good, does not depend on the pieces that go in, and never passes the maximum.
 */
#include "base/buf.h"
#include "model/unpack.h"
#include "pieces.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* in a build for the fuzzer: three of the pieces that come out at once */
#define OUT_MAX (12u << 10)

static char texts[2][OUT_MAX];

static bool take(void *ctx, struct str bytes, struct error *err)
{
	if (bytes.n == 0 || !buf_add_str(ctx, bytes))
		abort(); /* nothing, or more than the maximum */
	(void)err;
	return true;
}

static struct unpack *begin(enum unpack_kind kind, struct buf *out)
{
	struct unpack *u = unpack_new(kind, OUT_MAX, take, out);
	if (u == NULL)
		abort();
	return u;
}

static bool unpack_whole(enum unpack_kind kind, struct str in, struct buf *out)
{
	struct unpack *u = begin(kind, out);
	struct error err;
	bool ok = unpack_feed(u, in, &err) && unpack_end(u, &err);
	unpack_free(u);
	return ok;
}

static bool unpack_pieces(enum unpack_kind kind, struct str in, struct buf *out)
{
	struct unpack *u = begin(kind, out);
	struct pieces pieces = pieces_of(in);
	struct str piece;
	struct error err;
	bool ok = true;
	while (ok && pieces_next(&pieces, &piece))
		ok = unpack_feed(u, piece, &err);
	ok = ok && unpack_end(u, &err);
	unpack_free(u);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = {.p = texts[0], .cap = OUT_MAX, .max = OUT_MAX};
	struct buf parts = {.p = texts[1], .cap = OUT_MAX, .max = OUT_MAX};
	if (size == 0)
		return 0;
	struct str in = {(const char *)data + 1, size - 1};
	enum unpack_kind kind = (enum unpack_kind)(data[0] % 3);
	bool good = unpack_whole(kind, in, &whole);
	/* a bad file may have given more or less before it was found bad */
	if (unpack_pieces(kind, in, &parts) != good ||
	    (good && !str_eq(buf_str(&whole), buf_str(&parts))))
		abort();
	if (kind == UNPACK_NOTHING &&
	    (good != (in.n <= OUT_MAX) || (good && !str_eq(in, buf_str(&whole)))))
		abort();
	return 0;
}
