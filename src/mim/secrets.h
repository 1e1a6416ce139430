/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets at rest: one master key per installation, in a file of its own, seals what
 * the store keeps (storage.md "Secrets"). The store holds the key's fingerprint, so
 * that a middleware with another key stops before it does harm. */
#ifndef INLAY_MIM_SECRETS_H
#define INLAY_MIM_SECRETS_H

#include "base/crypto.h"
#include "model/id.h"
#include "store/store.h"

#define MASTER_KEY_ID_LEN 16

struct master_key {
	uint8_t key[CRYPTO_KEY_LEN];
	char id[MASTER_KEY_ID_LEN + 1]; /* first hex digits of the fingerprint */
};

/* Reads the key from `path`. If neither file nor fingerprint are there and the store is
 * empty, makes both (0600). Kind USAGE (exit code 2) when the file is not there, is
 * open to others, or is not the key of this store: the message says which file to
 * copy. Blocks. */
bool master_key_open(const char *path, struct store_db *system, struct master_key *out,
		     struct error *err);

/* What a secret is bound to: taken elsewhere, it does not open. */
struct secret_place {
	struct str tenant;
	const char *list;
	struct str id;
	const char *field;
};
/* Text: "1:" key id ":" base64url. Appends to out. */
bool secret_seal(const struct master_key *key, const struct secret_place *place,
		 struct str plain, struct buf *out);
/* False: not sealed by this key for this place (kind CORRUPT), or MEMORY. */
bool secret_open(const struct master_key *key, const struct secret_place *place,
		 struct str sealed, struct buf *out, struct error *err);

/* The tenant key, made with the tenant's own database and kept in it, sealed: it never
 * changes. Blocks. */
bool tenant_key_open(const struct master_key *master, struct store_db *db,
		     struct str tenant, struct tenant_key *out, struct error *err);

/* Writes a new file of mode 0600 with `text`, durable when done. Replaces an old one
 * only if `replace`. */
bool secret_file_write(const char *path, struct str text, bool replace,
		       struct error *err);

#endif
