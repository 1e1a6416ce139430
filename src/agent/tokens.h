/* SPDX-License-Identifier: Apache-2.0 */
/* The bearer tokens of the tenants, from their files. */
#ifndef INLAY_AGENT_TOKENS_H
#define INLAY_AGENT_TOKENS_H

#include "agent/settings.h"

#define TOKENS_MAX 512 /* bytes of a token */

struct tokens;

/* Reads all of them; an unreadable file is an error. `tenants` must outlive it. */
struct tokens *tokens_new(const struct agent_tenant_setting *tenants, size_t n,
			  struct error *err);
void tokens_free(struct tokens *t);
/* Reads the files again; what cannot be read stays as it was, is logged, and gives
 * false. */
bool tokens_read_again(struct tokens *t, struct log *log);
/* NULL for a tenant that is not configured. Valid until the next read. */
const char *tokens_of(const struct tokens *t, struct str tenant);
/* One secret of a file of its own; `out` stays as it was if it cannot be read. */
bool tokens_read_file(const char *path, char out[TOKENS_MAX + 1], struct error *err);

#endif
