/* SPDX-License-Identifier: Apache-2.0 */
/* Where bundles lie: objects under keys, read whole, found, listed. A backend is a
 * struct of functions (object-store-internal.h): a directory, or a bucket of an S3
 * store. Calls block: for worker threads. */
#ifndef INLAY_NET_OBJECT_STORE_H
#define INLAY_NET_OBJECT_STORE_H

#include "base/error.h"

struct object_store;

/* A directory: root/tenant/below, "" for the tenant's own. `tenant` is opened without
 * leaving root, `below` without leaving the tenant's folder (a link to another
 * tenant's is refused too), and keys without leaving that: no "..", no link that
 * leads out (openat2(2) RESOLVE_BENEATH, Linux 5.6). NOT_FOUND if one is not there. */
struct object_store *object_store_directory(const char *root, struct str tenant,
					    struct str below, struct error *err);

/* A bucket of an S3 store. All text, and `allowed`, is borrowed for as long
 * as the store is open. */
struct address_networks;
struct object_s3_settings {
	struct str endpoint; /* host[:port], https unless it says http:// */
	struct str bucket, access_key, secret_key;
	struct str region;          /* empty: us-east-1 */
	bool amazon;                /* as s3-place.h has it; else path style */
	unsigned signature_version; /* 2, 4; 0: 4, then 2 once if that is refused */
	bool restricted;            /* to addresses that are public or allowed */
	const struct address_networks *allowed;
	const char *ca_file; /* NULL: the system's */
	int64_t timeout_ms;  /* without a byte; and for a connection */
	int64_t within_ms;   /* all calls together, from the opening on; 0: no limit */
	unsigned tries;      /* of what may pass; 0: as many as are of use */
	bool (*stops)(void *ctx); /* asked all along; NULL: it does not */
	void *stops_ctx;
};
/* Connects to nobody yet. UNPROCESSABLE: endpoint, bucket or region is none. */
struct object_store *object_store_s3(const struct object_s3_settings *settings,
				     struct error *err);
/* Writes what is in a file as an object of such a store, which has it whole or not at
 * all: a large one goes in parts, which take 16 MiB of memory, or a 10,000th of the
 * file. Blocks. */
bool object_s3_write(struct object_store *s, struct str key, int fd, struct error *err);
void object_store_close(struct object_store *s); /* NULL is fine */

/* Takes a piece of an object; false stops, with err. */
typedef bool object_fn(void *ctx, struct str bytes, struct error *err);
/* Gives the whole object to `take`, piece by piece. NOT_FOUND if it is not there. */
bool object_store_read(struct object_store *s, struct str key, object_fn *take,
		       void *ctx, struct error *err);

/* How long the object is. NOT_FOUND if it is not there. */
bool object_store_find(struct object_store *s, struct str key, uint64_t *size,
		       struct error *err);

struct object_range {
	struct str prefix; /* of keys; absent or empty: all */
	struct str after;  /* only keys behind this one, in the order of bytes */
	size_t page;       /* objects at a time; 0: as many as it gives */
	size_t pages;      /* after so many it is enough */
};
/* An object; false stops, with err. */
typedef bool object_seen_fn(void *ctx, struct str key, uint64_t size,
			    struct error *err);
/* Shows the objects of a range, in the order of their keys' bytes. *more: there are
 * others behind the last one. */
bool object_store_list(struct object_store *s, const struct object_range *range,
		       object_seen_fn *seen, void *ctx, bool *more, struct error *err);

#define OBJECT_KEY_MAX 1024
/* Keys and prefixes: UTF-8 without control characters, no leading "/", no empty, "."
 * or ".." segment; a prefix may end in "/". BAD_VALUE otherwise. */
bool object_key_check(struct str key, struct error *err);

#endif
