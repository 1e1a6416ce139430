/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the chunks, the same records and the same error; and libcsv reads the
 * same fields from what we take and refuses what we refuse, except for a CR
 * without LF, which it takes for the end of a line. */
#include "base/csv.h"
#include "csv-oracle.h"

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

static bool read_in_chunks(struct str in, size_t size, const struct csv_limits *limits,
			   struct buf *out, struct error *err)
{
	bool ok = true;
	buf_clear(out);
	error_clear(err);
	struct csv *c = csv_new(limits, note, out);
	if (c == NULL)
		abort();
	for (size_t at = 0; ok && at < in.n; at += size) {
		/* memory of its own, so that a pointer into an old chunk is seen */
		struct str part = str_slice(in, at, at + size);
		char *copy = part.n > 0 ? malloc(part.n) : NULL;
		if (copy == NULL)
			abort();
		memcpy(copy, part.p, part.n);
		ok = csv_feed(c, (struct str){copy, part.n}, err);
		free(copy);
	}
	ok = ok && csv_end(c, err);
	csv_free(c);
	return ok;
}

static void same_in_all_chunks(struct str in, const struct csv_limits *limits)
{
	struct buf whole, parts;
	struct error why, again;
	buf_init(&whole, 1 << 24);
	buf_init(&parts, 1 << 24);
	bool good = read_in_chunks(in, in.n + 1, limits, &whole, &why);
	for (size_t size = 1; size <= 16; size += size < 4 ? 1 : 4) {
		bool same = read_in_chunks(in, size, limits, &parts, &again) == good &&
			    str_eq(buf_str(&whole), buf_str(&parts)) &&
			    str_eqz(str_of(why.where), again.where) &&
			    str_eqz(str_of(why.message), again.message);
		if (!same)
			abort();
	}
	buf_free(&whole);
	buf_free(&parts);
}

static void as_libcsv(struct str in)
{
	const struct csv_limits wide = {1 << 10, 1 << 17, 1 << 17};
	struct buf ours, theirs;
	struct error why;
	buf_init(&ours, 1 << 24);
	buf_init(&theirs, 1 << 24);
	bool good = read_in_chunks(in, in.n + 1, &wide, &ours, &why);
	bool cr = str_starts(str_of(why.message), STR("a carriage return"));
	if (str_starts(in, STR("\xef\xbb\xbf")))
		in = str_slice(in, 3, in.n);
	bool over = why.kind == ERROR_TOO_LARGE;
	if (!cr && !over && csv_oracle_read(in, &theirs) != good)
		abort();
	if (good && !str_eq(buf_str(&ours), buf_str(&theirs)))
		abort();
	buf_free(&ours);
	buf_free(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct csv_limits narrow = {5, 12, 30};
	struct str in = {size > 0 ? (const char *)data : "", size};
	same_in_all_chunks(in, &narrow);
	as_libcsv(in);
	return 0;
}
