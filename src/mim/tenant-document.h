/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant as the system database keeps it: the JSON of model/tenant-json.h with every
 * secret sealed. */
#ifndef INLAY_MIM_TENANT_DOCUMENT_H
#define INLAY_MIM_TENANT_DOCUMENT_H

#include "mim/secrets.h"
#include "model/tenant-json.h"

#define TENANT_DOCUMENT_MAX (1u << 20)
/* Room for one configuration with its text. */
#define TENANT_ARENA_MAX (4u << 20)

/* Seals and prints; *t stays as it is. */
bool tenant_document_write(struct buf *out, const struct master_key *key,
			   const struct tenant *t, struct error *err);
/* Reads and opens the secrets; text is in the arena. */
bool tenant_document_parse(struct str body, const struct master_key *key,
			   struct arena *arena, struct tenant *out, struct error *err);

#endif
