/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that lies in a directory: its files read, and measured for the manifest. */
#ifndef INLAY_CLI_BUNDLE_DIR_H
#define INLAY_CLI_BUNDLE_DIR_H

#include "base/arena.h"
#include "model/bundle.h"

struct bundle_dir {
	const char *path;
	int fd;
};

/* False: `path` is no directory that can be read. */
bool bundle_dir_open(struct bundle_dir *d, const char *path, struct error *err);
void bundle_dir_close(struct bundle_dir *d);
/* Is there a regular file of this name? */
bool bundle_dir_has(const struct bundle_dir *d, const char *name);

/* Takes a piece of a file; false ends the reading with err. */
typedef bool bundle_dir_piece_fn(void *ctx, struct str bytes, struct error *err);
/* Gives the whole file, piece by piece. NOT_FOUND if it is not there. */
bool bundle_dir_read(const struct bundle_dir *d, struct str name,
		     bundle_dir_piece_fn *take, void *ctx, struct error *err);
/* The whole of a file of at most `max` bytes, into an initialised buffer. */
bool bundle_dir_read_all(const struct bundle_dir *d, const char *name, struct buf *out,
			 struct error *err);
/* Hash and size of a file, and the rows of recipients that are not compressed.
 * *out->name is `name` itself. */
bool bundle_dir_measure(const struct bundle_dir *d, struct str name,
			struct bundle_file *out, struct error *err);
/* Replaces a file whole, or leaves it as it was. */
bool bundle_dir_write(const struct bundle_dir *d, const char *name, struct str bytes,
		      struct error *err);

#endif
