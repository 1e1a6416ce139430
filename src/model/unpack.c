/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unpack.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Tests with many small inputs set less of both. */
#ifndef UNPACK_PIECE
#define UNPACK_PIECE (128 * 1024)
#endif
#ifndef UNPACK_WINDOW_LOG
#define UNPACK_WINDOW_LOG 27 /* 128 MiB, what zstd -d takes without more words */
#endif
#define GZIP_WINDOW (15 + 16) /* zlib.h inflateInit2: largest window, gzip only */
#define ZSTD_HEAD_MAX 18      /* RFC 8878 section 3.1.1: magic and frame header */

struct unpack {
	enum unpack_kind kind;
	uint64_t left; /* bytes that may still come out */
	unpack_fn *take;
	void *ctx;
	bool started;  /* any byte came in */
	bool complete; /* at the end of a member or frame */
	z_stream gzip;
	ZSTD_DStream *zstd;
	char head[ZSTD_HEAD_MAX]; /* of the frame under way */
	size_t n_head;
	uint64_t frame_out; /* bytes that came out of it */
	char *out;          /* a piece of what was unpacked */
};

enum unpack_kind unpack_kind_of(struct str name)
{
	if (str_ends(name, STR(".gz")))
		return UNPACK_GZIP;
	if (str_ends(name, STR(".zst")))
		return UNPACK_ZSTD;
	return UNPACK_NOTHING;
}

static bool start(struct unpack *u)
{
	if (u->kind != UNPACK_NOTHING && (u->out = malloc(UNPACK_PIECE)) == NULL)
		return false;
	switch (u->kind) {
	case UNPACK_NOTHING:
		return true;
	case UNPACK_GZIP:
		return inflateInit2(&u->gzip, GZIP_WINDOW) == Z_OK;
	case UNPACK_ZSTD:
		u->zstd = ZSTD_createDStream();
		return u->zstd != NULL &&
		       !ZSTD_isError(ZSTD_DCtx_setParameter(
			       u->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG));
	}
	return false;
}

struct unpack *unpack_new(enum unpack_kind kind, uint64_t max, unpack_fn *take,
			  void *ctx)
{
	struct unpack *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->kind = kind;
	u->left = max;
	u->take = take;
	u->ctx = ctx;
	if (!start(u)) {
		unpack_free(u);
		return NULL;
	}
	return u;
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	if (u->kind == UNPACK_GZIP)
		inflateEnd(&u->gzip);
	ZSTD_freeDStream(u->zstd);
	free(u->out);
	free(u);
}

static bool give(struct unpack *u, struct str bytes, struct error *err)
{
	if (bytes.n > u->left)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "is too large when it is unpacked");
	u->left -= bytes.n;
	return bytes.n == 0 || u->take(u->ctx, bytes, err);
}

/* Behind the end of a member, the next one may begin. */
static bool inflate_some(struct unpack *u, struct error *err)
{
	if (u->complete) {
		if (inflateReset(&u->gzip) != Z_OK)
			return error_set(err, ERROR_INTERNAL, "", "zlib: reset failed");
		u->complete = false;
	}
	u->gzip.next_out = (unsigned char *)u->out;
	u->gzip.avail_out = UNPACK_PIECE;
	int r = inflate(&u->gzip, Z_NO_FLUSH);
	if (r == Z_MEM_ERROR)
		return error_set(err, ERROR_MEMORY, "", "no memory to unpack with");
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return error_set(err, ERROR_SYNTAX, "", "is damaged gzip: %s",
				 u->gzip.msg != NULL ? u->gzip.msg : "no such format");
	u->complete = r == Z_STREAM_END;
	return give(u, (struct str){u->out, UNPACK_PIECE - u->gzip.avail_out}, err);
}

static bool feed_gzip(struct unpack *u, struct str bytes, struct error *err)
{
	u->gzip.next_in = (unsigned char *)(uintptr_t)bytes.p;
	u->gzip.avail_in = (uInt)bytes.n;
	/* a full piece: zlib may hold more, though all input is taken */
	do {
		if (!inflate_some(u, err))
			return false;
	} while (u->gzip.avail_in > 0 || (!u->complete && u->gzip.avail_out == 0));
	return true;
}

/* libzstd holds a frame against the size in its header, but not if it ends with an
 * empty block. */
static bool end_frame(struct unpack *u)
{
	unsigned long long size = ZSTD_getFrameContentSize(u->head, u->n_head);
	bool good = size == ZSTD_CONTENTSIZE_UNKNOWN || size == u->frame_out;
	u->n_head = 0;
	u->frame_out = 0;
	return good;
}

/* The first byte of a frame's magic number, or a skippable frame's. libzstd may take
 * formats older than the standard, too. */
static bool begins_frame(char byte)
{
	return byte == 0x28 || (byte & 0xf0) == 0x50;
}

static void note_head(struct unpack *u, struct str bytes)
{
	struct str more = str_slice(bytes, 0, ZSTD_HEAD_MAX - u->n_head);
	if (more.n > 0)
		memcpy(u->head + u->n_head, more.p, more.n);
	u->n_head += more.n;
}

/* The first byte of a frame goes in alone: a frame that libzstd gets whole it checks in
 * another way, and a file must not be good or bad by how it is cut. */
static bool feed_zstd(struct unpack *u, struct str bytes, struct error *err)
{
	ZSTD_inBuffer in = {bytes.p, 0, 0};
	ZSTD_outBuffer out;
	do {
		size_t from = in.pos;
		if (u->n_head == 0 && !begins_frame(bytes.p[from]))
			return error_set(err, ERROR_SYNTAX, "",
					 "is damaged zstd: no such format");
		in.size = u->n_head == 0 ? from + 1 : bytes.n;
		out = (ZSTD_outBuffer){u->out, UNPACK_PIECE, 0};
		size_t r = ZSTD_decompressStream(u->zstd, &out, &in);
		/* its window is made when the first frame is seen */
		if (ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation)
			return error_set(err, ERROR_MEMORY, "",
					 "no memory to unpack with");
		if (ZSTD_isError(r))
			return error_set(err, ERROR_SYNTAX, "", "is damaged zstd: %s",
					 ZSTD_getErrorName(r));
		note_head(u, str_slice(bytes, from, in.pos));
		u->frame_out += out.pos;
		u->complete = r == 0;
		if (!give(u, (struct str){u->out, out.pos}, err))
			return false;
		if (u->complete && !end_frame(u))
			return error_set(err, ERROR_SYNTAX, "",
					 "is damaged zstd: not the size it names");
	} while (in.pos < bytes.n || (!u->complete && out.pos == out.size));
	return true;
}

/* zlib counts in unsigned int: never more than this at once. */
#define FEED_MAX (1u << 30)

bool unpack_feed(struct unpack *u, struct str bytes, struct error *err)
{
	while (bytes.n > 0) {
		struct str piece = str_slice(bytes, 0, FEED_MAX);
		bool ok = false;
		u->started = true;
		switch (u->kind) {
		case UNPACK_NOTHING:
			ok = give(u, piece, err);
			break;
		case UNPACK_GZIP:
			ok = feed_gzip(u, piece, err);
			break;
		case UNPACK_ZSTD:
			ok = feed_zstd(u, piece, err);
			break;
		}
		if (!ok)
			return false;
		bytes = str_slice(bytes, piece.n, bytes.n);
	}
	return true;
}

bool unpack_end(struct unpack *u, struct error *err)
{
	if (u->kind == UNPACK_NOTHING || (u->started && u->complete))
		return true;
	return error_set(err, ERROR_SYNTAX, "", "ends in the middle");
}
