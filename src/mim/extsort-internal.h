/* SPDX-License-Identifier: Apache-2.0 */
/* Records as they lie in memory and in runs, and what is sorted in their place. */
#ifndef INLAY_MIM_EXTSORT_INTERNAL_H
#define INLAY_MIM_EXTSORT_INTERNAL_H

#include "mim/extsort.h"

/* length of bytes, key, number; the bytes follow */
#define EXTSORT_HEAD_LEN (4 + EXTSORT_KEY_LEN + 8)

static inline uint32_t extsort_record_bytes(const char *p)
{
	uint32_t n;
	memcpy(&n, p, sizeof n);
	return n;
}

/* By key, then number. */
static inline int extsort_compare(const char *a, const char *b)
{
	uint64_t x, y;
	int d = memcmp(a + 4, b + 4, EXTSORT_KEY_LEN);
	if (d != 0)
		return d;
	memcpy(&x, a + 4 + EXTSORT_KEY_LEN, sizeof x);
	memcpy(&y, b + 4 + EXTSORT_KEY_LEN, sizeof y);
	return x < y ? -1 : x > y;
}

/* Has the first bytes of the key beside the place of the record, so that a comparison
 * seldom leaves the entries: the records are too many for the caches. */
struct extsort_entry {
	uint64_t prefix; /* of the key, as a number */
	uint64_t at;     /* of the record, in the block */
};
static inline uint64_t extsort_prefix(const char *record)
{
	uint64_t v = 0;
	for (size_t i = 0; i < sizeof v; i++)
		v = v << 8 | (uint8_t)record[4 + i];
	return v;
}

/* extsort-radix.c: in place, without memory of its own. */
void extsort_entries(const char *block, struct extsort_entry *e, size_t n);

#endif
