/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts more records than memory holds: a record is a 16-byte key, a number (the
 * line it came from) and bytes. Runs of bounded size are sorted in memory, written to
 * temporary files without names, and merged. For one thread. */
#ifndef INLAY_MIM_EXTSORT_H
#define INLAY_MIM_EXTSORT_H

#include "base/error.h"

#define EXTSORT_KEY_LEN 16
#define EXTSORT_RECORD_MAX (60u * 1024) /* bytes of a record */

struct extsort_record {
	uint8_t key[EXTSORT_KEY_LEN];
	uint64_t number;
	struct str bytes; /* of a record read: valid until the next call */
};

struct extsort;

/* directory: where temporary files go; they need about as much disk space as all
 * records together. memory: bytes to use, at least EXTSORT_MEMORY_MIN. */
#define EXTSORT_MEMORY_MIN (1u << 20)
struct extsort *extsort_new(const char *directory, size_t memory, struct error *err);
void extsort_free(struct extsort *s); /* NULL is fine; the files are gone with it */
bool extsort_add(struct extsort *s, const struct extsort_record *record,
		 struct error *err);
uint64_t extsort_count(const struct extsort *s);
/* No more records are added from here on; reading starts at the first again. */
bool extsort_rewind(struct extsort *s, struct error *err);
/* The next by key, then number. *more is false at the end, record is then empty. */
bool extsort_next(struct extsort *s, struct extsort_record *record, bool *more,
		  struct error *err);

#endif
