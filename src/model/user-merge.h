/* SPDX-License-Identifier: Apache-2.0 */
/* A profile and what is new about it make a profile: for the API, for imports, for
 * unsubscribe links. Consents and opt-outs are append-only (decision.md "Consent and
 * law"). Pure. */
#ifndef INLAY_MODEL_USER_MERGE_H
#define INLAY_MODEL_USER_MERGE_H

#include "model/user.h"

#define USER_NAME_MAX 1024    /* bytes of a user key */
#define USER_IDENTITY_MAX 320 /* of a user id, an address, an alias */
#define USER_MAX_ALIASES 30

struct user_change {
	/* false: it stays as it is. true with an absent value: it goes. */
	bool set_user_id, set_email, set_aliases;
	struct str user_id, email;
	const struct str *aliases;
	size_t n_aliases;
	bool clear_attributes; /* those that are not in `attributes` go */
	/* a value that is absent takes the attribute away; any order, no twins */
	const struct attribute *attributes;
	size_t n_attributes;
	const struct consent *consents; /* appended, what is known already is not */
	size_t n_consents;
	const struct opt_out *opt_outs;
	size_t n_opt_outs;
};

/* May it take back a consent? Then what lies unread because of it is taken back, too.
 */
bool user_change_revokes(const struct user_change *change);

/* old may be NULL (a new user of this key). *out shares text with old and change.
 * Over the limit of consents or opt-outs, those go first that decide nothing any more;
 * the newest of each purpose never go. False: TOO_LARGE in err (attributes, aliases,
 * purposes), or MEMORY. */
bool user_merge(const struct user_profile *old, struct str user_key,
		const struct user_change *change, struct arena *arena,
		struct user_profile *out, struct error *err);

#endif
