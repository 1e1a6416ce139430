/* SPDX-License-Identifier: Apache-2.0 */
/* Which user a caller means, and changes of a user's partition that survive another
 * writer at the same time. All of it blocks. */
#ifndef INLAY_MIM_USER_FIND_H
#define INLAY_MIM_USER_FIND_H

#include "mim/tenants.h"
#include "model/user-merge.h"

#define USER_ARENA_MAX (4u << 20)

/* name: as Dovecot knows the user (folded here), or the user's key, userId, e-mail or
 * alias; in hashed tenants the hash or the plain user name. *key: whom it means; of an
 * unknown user, the key that they would have (absent: `name` can be no user name).
 * *record is what is stored; record->revision and known are 0 and false, and it has no
 * rows, if there is no such user. */
bool user_find(struct tenant_runtime *t, struct str name, struct arena *arena,
	       struct str *key, struct user_record *record, struct error *err);
/* Is anything known of the user? */
bool user_record_exists(const struct user_record *r);

/* Merges and writes, again if somebody else wrote meanwhile. `record` is what was read
 * for this key, and then what was written (profile and known). CONFLICT: an identity
 * belongs to another user. */
bool user_change_commit(struct tenant_runtime *t, struct str key,
			const struct user_change *change, struct arena *arena,
			struct user_record *record, struct error *err);

/* The suppress row of an erased user. */
bool user_is_suppressed(struct tenant_runtime *t, struct str key, struct arena *arena,
			bool *suppressed, struct error *err);
bool user_unsuppress(struct tenant_runtime *t, struct str key, struct arena *arena,
		     struct error *err);

/* Remembers when somebody was erased last, before it is done: of a load that is older
 * rows may be missing. Both block; 0: nobody was. */
bool erasure_note(struct tenant_runtime *t, struct error *err);
bool erasure_last(struct tenant_runtime *t, struct arena *arena, int64_t *at_ms,
		  struct error *err);

#endif
