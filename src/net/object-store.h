/* SPDX-License-Identifier: Apache-2.0 */
/* Where bundles lie: objects under keys, read whole. A backend is a struct of
 * functions (object-store-internal.h): a directory, or a bucket of an S3 store. Calls
 * block: for worker threads. */
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

/* A bucket of an S3 store, path style. All text, and `allowed`, is borrowed for as long
 * as the store is open. */
struct address_networks;
struct object_s3_settings {
	struct str endpoint; /* host[:port], https unless it says http:// */
	struct str bucket, access_key, secret_key;
	struct str region;          /* empty: us-east-1 */
	unsigned signature_version; /* 2; else 4 */
	bool restricted;            /* to addresses that are public or allowed */
	const struct address_networks *allowed;
	const char *ca_file;      /* NULL: the system's */
	int64_t timeout_ms;       /* without a byte; and for a connection */
	bool (*stops)(void *ctx); /* asked all along; NULL: it does not */
	void *stops_ctx;
};
/* Connects to nobody yet. UNPROCESSABLE: the endpoint is none. */
struct object_store *object_store_s3(const struct object_s3_settings *settings,
				     struct error *err);
void object_store_close(struct object_store *s); /* NULL is fine */

/* Takes a piece of an object; false stops, with err. */
typedef bool object_fn(void *ctx, struct str bytes, struct error *err);
/* Gives the whole object to `take`, piece by piece. NOT_FOUND if it is not there. */
bool object_store_read(struct object_store *s, struct str key, object_fn *take,
		       void *ctx, struct error *err);

#define OBJECT_KEY_MAX 1024
/* Keys and prefixes: UTF-8 without control characters, no leading "/", no empty, "."
 * or ".." segment; a prefix may end in "/". BAD_VALUE otherwise. */
bool object_key_check(struct str key, struct error *err);

#endif
