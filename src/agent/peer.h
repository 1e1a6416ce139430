/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak for whom on the socket. The kernel says which uid is at the other
 * end (SO_PEERCRED); a trusted uid (Dovecot's mail processes, e.g. vmail) may speak
 * for any user, another one only for the mail user that the map gives it, or that
 * the system says it is. Pure but for the look-up that it is given. */
#ifndef INLAY_AGENT_PEER_H
#define INLAY_AGENT_PEER_H

#include "base/str.h"

#include <sys/types.h>

/* This uid may speak for this mail user. */
struct peer_grant {
	uid_t uid;
	struct str user;
};

struct peer_policy {
	const uid_t *trusted;
	size_t n_trusted;
	const struct peer_grant *grants;
	size_t n_grants;
	/* The uid of a system user of this name; false if there is none. */
	bool (*uid_of)(struct str name, uid_t *uid);
};

bool peer_is_trusted(const struct peer_policy *policy, uid_t uid);
bool peer_may_speak_for(const struct peer_policy *policy, uid_t uid, struct str user);
/* uid_of by the system's user database; may block while that is asked. */
bool peer_system_uid(struct str name, uid_t *uid);

#endif
