/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's settings, read once a session from Dovecot's configuration. */
#ifndef INLAY_SETTINGS_H
#define INLAY_SETTINGS_H

#include "inlay-compat.h"

/* name, default, what it is */
#define INLAY_SETTINGS(X)                                                              \
	X(socket, "/run/inlay/agent.sock", "unix socket of inlay-agent")               \
	X(tenant, "default", "tenant that this Dovecot speaks for")                    \
	X(deadline, "50", "milliseconds that a session may wait in all")               \
	X(triggers, "select noop check idle", "commands that may act")                 \
	X(exclude, "", "users, @groups and networks that are left alone")              \
	X(quota_headroom, "95% 10M", "used share and free space that forbid a save")   \
	X(notify, "auto", "whether notify plugins hear of our saves")

enum inlay_trigger {
	INLAY_TRIGGER_NONE = 0,
	INLAY_TRIGGER_SELECT = 0x01,
	INLAY_TRIGGER_EXAMINE = 0x02,
	INLAY_TRIGGER_STATUS = 0x04,
	INLAY_TRIGGER_NOOP = 0x08,
	INLAY_TRIGGER_CHECK = 0x10,
	INLAY_TRIGGER_IDLE = 0x20,
	INLAY_TRIGGER_POP3 = 0x40,
};

struct inlay_settings {
	const char *socket;
	const char *tenant;
	unsigned int deadline; /* ms */
	unsigned int triggers; /* enum inlay_trigger */
	const char *exclude;
	unsigned int quota_percent; /* not above this share used */
	uint64_t quota_free;        /* bytes that must be free */
	bool notify;
};

/* Reads the settings of this user; all text is allocated from its pool. False and
 * *error_r: a value is not allowed; the plugin then does nothing. */
bool inlay_settings_read(struct mail_user *user, struct inlay_settings *set_r,
			 const char **error_r);
/* Pure parts, for tests. */
bool inlay_settings_parse_triggers(const char *value, unsigned int *triggers_r,
				   const char **error_r);
bool inlay_settings_parse_headroom(const char *value, unsigned int *percent_r,
				   uint64_t *free_r, const char **error_r);
/* The one trigger of that name (any case), or NONE. */
enum inlay_trigger inlay_trigger_of(const char *name);
/* Is this user left alone? Entries are separated by blanks: a user name with the
 * wildcards * and ?, @group (of acl_groups), or a network (10.0.0.0/8). */
bool inlay_settings_excludes(const char *exclude, const char *username,
			     const char *groups, const struct ip_addr *address);

#endif
