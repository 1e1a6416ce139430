/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend of the object store is. */
#ifndef INLAY_NET_OBJECT_STORE_INTERNAL_H
#define INLAY_NET_OBJECT_STORE_INTERNAL_H

#include "net/object-store.h"

struct object_backend {
	/* the key was checked */
	bool (*read)(struct object_store *s, struct str key, object_fn *take, void *ctx,
		     struct error *err);
	bool (*find)(struct object_store *s, struct str key, uint64_t *size,
		     struct error *err);
	bool (*list)(struct object_store *s, const struct object_range *range,
		     object_seen_fn *seen, void *ctx, bool *more, struct error *err);
	void (*close)(struct object_store *s); /* frees it */
};

/* First member of every backend's own struct. */
struct object_store {
	const struct object_backend *backend;
};

#endif
