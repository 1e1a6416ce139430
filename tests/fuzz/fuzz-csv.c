/* SPDX-License-Identifier: Apache-2.0 */
/* However it is cut, the same records and the same error; and libcsv reads the same
 * fields from what we take and refuses what we refuse, except for a CR without LF,
 * which it takes for the end of a line. */
#include "base/csv.h"
#include "csv-oracle.h"
#include "pieces.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *ctx, const struct str *fields, size_t n, uint64_t line)
{
	struct buf *out = ctx;
	(void)line;
	for (size_t i = 0; i < n; i++)
		csv_oracle_put_field(out, fields[i]);
	csv_oracle_put_record_end(out);
	return true;
}

static struct csv *begin(const struct csv_limits *limits, struct buf *out,
			 struct error *err)
{
	struct csv *c = csv_new(limits, note, out);
	if (c == NULL)
		abort();
	buf_clear(out);
	error_clear(err);
	return c;
}

static bool read_whole(struct str in, const struct csv_limits *limits, struct buf *out,
		       struct error *err)
{
	struct csv *c = begin(limits, out, err);
	bool ok = csv_feed(c, in, err) && csv_end(c, err);
	csv_free(c);
	return ok;
}

static bool read_pieces(struct str in, const struct csv_limits *limits, struct buf *out,
			struct error *err)
{
	struct csv *c = begin(limits, out, err);
	struct pieces pieces = pieces_of(in);
	struct str piece;
	bool ok = true;
	while (ok && pieces_next(&pieces, &piece)) {
		/* memory of its own, so that a pointer into an old piece is seen */
		char *copy = malloc(piece.n);
		if (copy == NULL)
			abort();
		memcpy(copy, piece.p, piece.n);
		ok = csv_feed(c, (struct str){copy, piece.n}, err);
		free(copy);
	}
	ok = ok && csv_end(c, err);
	csv_free(c);
	return ok;
}

/* Room that is kept from one input to the next. */
static struct buf texts[2];

static void same_in_all_pieces(struct str in)
{
	const struct csv_limits narrow = {5, 12, 30};
	struct error why, again;
	if (read_whole(in, &narrow, &texts[0], &why) !=
		    read_pieces(in, &narrow, &texts[1], &again) ||
	    !str_eq(buf_str(&texts[0]), buf_str(&texts[1])) ||
	    !str_eqz(str_of(why.where), again.where) ||
	    !str_eqz(str_of(why.message), again.message))
		abort();
}

static void as_libcsv(struct str in)
{
	const struct csv_limits wide = {1 << 8, 1 << 17, 1 << 17};
	struct error why;
	bool good = read_pieces(in, &wide, &texts[0], &why);
	bool cr = str_starts(str_of(why.message), STR("a carriage return"));
	if (str_starts(in, STR("\xef\xbb\xbf")))
		in = str_slice(in, 3, in.n);
	bool over = why.kind == ERROR_TOO_LARGE;
	buf_clear(&texts[1]);
	if (!cr && !over && csv_oracle_read(in, &texts[1]) != good)
		abort();
	if (good && !str_eq(buf_str(&texts[0]), buf_str(&texts[1])))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {size > 0 ? (const char *)data : "", size};
	if (texts[0].max == 0) {
		buf_init(&texts[0], 1 << 24);
		buf_init(&texts[1], 1 << 24);
	}
	same_in_all_pieces(in);
	as_libcsv(in);
	return 0;
}
