/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer.h"

#include <pwd.h>

#define NAME_MAX_BYTES 256
#define ENTRY_MAX_BYTES 16384

bool peer_is_trusted(const struct peer_policy *policy, uid_t uid)
{
	for (size_t i = 0; i < policy->n_trusted; i++)
		if (policy->trusted[i] == uid)
			return true;
	return false;
}

bool peer_may_speak_for(const struct peer_policy *policy, uid_t uid, struct str user)
{
	uid_t own;
	if (user.n == 0)
		return false;
	if (peer_is_trusted(policy, uid))
		return true;
	for (size_t i = 0; i < policy->n_grants; i++)
		if (policy->grants[i].uid == uid &&
		    str_eq(policy->grants[i].user, user))
			return true;
	return policy->uid_of(user, &own) && own == uid;
}

bool peer_system_uid(struct str name, uid_t *uid)
{
	char z[NAME_MAX_BYTES], entry[ENTRY_MAX_BYTES];
	struct passwd pw, *found = NULL;
	if (name.n == 0 || name.n >= sizeof z || memchr(name.p, '\0', name.n) != NULL)
		return false;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	if (getpwnam_r(z, &pw, entry, sizeof entry, &found) != 0 || found == NULL)
		return false;
	*uid = pw.pw_uid;
	return true;
}
