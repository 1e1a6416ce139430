/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that lies in a directory, as a source for model/bundle-check.h. */
#ifndef INLAY_CLI_BUNDLE_DIR_H
#define INLAY_CLI_BUNDLE_DIR_H

#include "model/bundle-check.h"

struct bundle_dir {
	int fd;
};

/* False: `path` is no directory that can be read. */
bool bundle_dir_open(struct bundle_dir *d, const char *path, struct error *err);
void bundle_dir_close(struct bundle_dir *d);
/* Borrows *d. */
struct bundle_source bundle_dir_source(struct bundle_dir *d);
/* A file of it, open for reading; -1 with err. */
int bundle_dir_file(const struct bundle_dir *d, struct str name, struct error *err);
/* Replaces a file whole, or leaves it as it was. */
bool bundle_dir_write(const struct bundle_dir *d, const char *name, struct str bytes,
		      struct error *err);

#endif
