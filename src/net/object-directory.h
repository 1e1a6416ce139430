/* SPDX-License-Identifier: Apache-2.0 */
/* A directory as an object store, within its own files. */
#ifndef INLAY_NET_OBJECT_DIRECTORY_H
#define INLAY_NET_OBJECT_DIRECTORY_H

#include "net/object-store-internal.h"

struct object_directory {
	struct object_store store;
	int fd;
};

/* open(2) of a path that never leaves `dir`, also not by a link that somebody puts
 * there meanwhile. -1 with err. */
int directory_open_beneath(int dir, struct str path, int flags, struct error *err);

/* object-directory-list.c */
bool object_directory_list(struct object_store *s, const struct object_range *range,
			   object_seen_fn *seen, void *ctx, bool *more,
			   struct error *err);

#endif
