/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are hashes, so their bytes are spread evenly: two or three steps by one byte
 * each leave a few entries to insert. Other keys take longer, but never the square of
 * their number. */
#include "mim/extsort-internal.h"

static bool goes_before(const char *block, const struct extsort_entry *a,
			const struct extsort_entry *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix;
	return extsort_compare(block + a->at, block + b->at) < 0;
}

static void sift_down_entry(const char *block, struct extsort_entry *e, size_t n,
			    size_t i)
{
	struct extsort_entry moved = e[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= n)
			break;
		if (child + 1 < n && goes_before(block, &e[child], &e[child + 1]))
			child++;
		if (!goes_before(block, &moved, &e[child]))
			break;
		e[i] = e[child];
		i = child;
	}
	e[i] = moved;
}

/* For many records with the same prefix: of one user, or made up to be so. */
static void heap_sort(const char *block, struct extsort_entry *e, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down_entry(block, e, n, i);
	while (n > 1) {
		struct extsort_entry last = e[--n];
		e[n] = e[0];
		e[0] = last;
		sift_down_entry(block, e, n, 0);
	}
}

static void insertion_sort(const char *block, struct extsort_entry *e, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct extsort_entry moved = e[i];
		size_t k = i;
		for (; k > 0 && goes_before(block, &moved, &e[k - 1]); k--)
			e[k] = e[k - 1];
		e[k] = moved;
	}
}

#define FEW 32 /* are sorted by insertion */

/* By one byte of the prefix after the other, in place: first how many there are of
 * each value, then each entry is swapped to where its value's begin. */
static void radix_sort(const char *block, struct extsort_entry *e, size_t n, int shift)
{
	size_t next[256], end[256] = {0};
	if (n <= FEW) {
		insertion_sort(block, e, n);
		return;
	}
	if (shift < 0) {
		heap_sort(block, e, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		end[(e[i].prefix >> shift) & 0xff]++;
	for (size_t i = 0, at = 0; i < 256; i++) {
		next[i] = at;
		at += end[i];
		end[i] = at;
	}
	for (size_t i = 0; i < 256; i++)
		while (next[i] < end[i]) {
			size_t byte = (e[next[i]].prefix >> shift) & 0xff;
			struct extsort_entry moved = e[next[i]];
			e[next[i]] = e[next[byte]];
			e[next[byte]++] = moved;
		}
	for (size_t i = 0, from = 0; i < 256; from = end[i++])
		radix_sort(block, e + from, end[i] - from, shift - 8);
}

void extsort_entries(const char *block, struct extsort_entry *e, size_t n)
{
	radix_sort(block, e, n, 56);
}
