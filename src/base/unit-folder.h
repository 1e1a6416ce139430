/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a folder of their own, and files in it. */
#ifndef INLAY_BASE_UNIT_FOLDER_H
#define INLAY_BASE_UNIT_FOLDER_H

#include "base/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static inline void make_folder_of_own(char *path, size_t n, const char *name)
{
	snprintf(path, n, "/tmp/inlay-%s-XXXXXX", name);
	assert_non_null(mkdtemp(path));
}

/* Anew, whatever was there. */
static inline void write_file_at(const char *path, struct str bytes)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	assert_int_equal(fclose(f), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int type,
			     struct FTW *w)
{
	(void)st, (void)type, (void)w;
	return remove(path);
}

static inline void remove_folder(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
