/* SPDX-License-Identifier: Apache-2.0 */
/* The token of an unsubscribe link: who says no to what, sealed under the tenant key.
 * It needs no state, does not expire (decision.md "Consent and law"), tells nothing to
 * whoever sees it in a log, and cannot be made by anybody else.
 *   base64url( key id, length of the tenant's id, the id,
 *              sealed( user key, purpose, campaign: each with its length before ) )
 * The key id says how the key is derived: 1, HMAC of the domain string under the
 * tenant key. Pure. */
#ifndef INLAY_MODEL_UNSUBSCRIBE_TOKEN_H
#define INLAY_MODEL_UNSUBSCRIBE_TOKEN_H

#include "model/id.h"

#define UNSUBSCRIBE_TOKEN_MAX 2048 /* characters */

struct unsubscribe_token {
	struct str tenant;
	struct str sealed;
};

struct unsubscribe {
	struct str user_key, purpose, campaign;
};

/* Appends the text. False without room or memory, or if a part has over 1,024 bytes. */
bool unsubscribe_token_make(const struct tenant_key *key, struct str tenant,
			    const struct unsubscribe *what, struct buf *out);
/* Takes it apart: of which tenant it claims to be. NOT_FOUND: it is no token; or
 * MEMORY. */
bool unsubscribe_token_parse(struct str text, struct arena *arena,
			     struct unsubscribe_token *out, struct error *err);
/* NOT_FOUND: not made under this key for this tenant; or MEMORY. */
bool unsubscribe_token_open(const struct unsubscribe_token *t,
			    const struct tenant_key *key, struct arena *arena,
			    struct unsubscribe *out, struct error *err);

#endif
