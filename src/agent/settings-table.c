/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settings.h"

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define MS_SECOND INT64_C(1000)
/* Under overload MIM lets a question wait for up to a second: who gives up sooner takes
 * it for dead. Mail users do not wait for it. */
#define TIMEOUT_LEAST (2 * MS_SECOND)

/* X(name, type, default, least, most, allowed, help) */
#define SETTINGS(X)                                                                    \
	X("inlay.socket.path", PATH, "/run/inlay/agent.sock", 0, 0, NULL,              \
	  "Unix socket that Dovecot's processes connect to.")                          \
	X("inlay.socket.mode", STRING, "0660", 0, 0, NULL,                             \
	  "Its mode, in octal digits.")                                                \
	X("inlay.socket.group", STRING, NULL, 0, 0, NULL,                              \
	  "Its group, by name or number; unset: that of the process.")                 \
	X("inlay.trusted-uids", LIST, NULL, 0, 0, NULL,                                \
	  "Users (names or numbers, such as vmail) whose processes may speak for "     \
	  "every mail user. Must be set; may be empty.")                               \
	X("inlay.user-map.*", LIST, NULL, 0, 0, NULL,                                  \
	  "inlay.user-map.<uid> = mail users that a process of this uid may speak "    \
	  "for, beside the system user of the same name.")                             \
	X("inlay.limits.connections", INT, "20000", 1, 1000000, NULL,                  \
	  "Most connections to the socket at a time.")                                 \
	X("inlay.limits.connections-per-uid", INT, "64", 1, 1000000, NULL,             \
	  "Most connections of one uid that is not trusted.")                          \
	X("inlay.limits.requests-per-minute", INT, "120", 1, 1000000, NULL,            \
	  "Most logins and openings in a minute of one uid that is not trusted.")      \
	X("inlay.node", STRING, NULL, 0, 0, NULL,                                      \
	  "Name of this mail server for MIM; unset: the host's name.")                 \
	X("inlay.mim.url", LIST, "http://127.0.0.1:8080", 0, 0, NULL,                  \
	  "Where MIM is. Of several, the next is used when one does not answer.")      \
	X("inlay.mim.ca-file", PATH, NULL, 0, 0, NULL,                                 \
	  "Certificates that MIM's must be signed by; unset: the system's.")           \
	X("inlay.mim.timeout", DURATION, "10s", TIMEOUT_LEAST, 60 * MS_SECOND, NULL,   \
	  "How long one request to MIM may take. It may let one wait for a second.")   \
	X("inlay.mim.connections", INT, "16", 1, 1024, NULL,                           \
	  "Most connections to MIM; one more of each tenant waits for recalls.")       \
	X("inlay.tenant.*", PATH, NULL, 0, 0, NULL,                                    \
	  "inlay.tenant.<id>.token-file = file with the bearer token (scope "          \
	  "dovecot:<id>) of a tenant; read again at SIGHUP. At least one.")            \
	X("inlay.recall.doveadm", STRING, NULL, 0, 0, NULL,                            \
	  "URL of Dovecot's doveadm HTTP API, to reach sessions that hibernate; "      \
	  "unset: recalls reach them when they wake.")                                 \
	X("inlay.recall.doveadm-key-file", PATH, NULL, 0, 0, NULL,                     \
	  "File with its doveadm_api_key; read again at SIGHUP.")                      \
	X("inlay.cache.directory", PATH, "/var/cache/inlay-agent", 0, 0, NULL,         \
	  "Where templates are kept.")                                                 \
	X("inlay.cache.max-size", SIZE, "256 MiB", MIB, 1024 * GIB, NULL,              \
	  "Most bytes of templates on disk.")                                          \
	X("inlay.cache.memory", SIZE, "64 MiB", MIB, 64 * GIB, NULL,                   \
	  "Most bytes of compiled templates in memory.")                               \
	X("inlay.spool.directory", PATH, "/var/spool/inlay-agent", 0, 0, NULL,         \
	  "Where events wait for MIM.")                                                \
	X("inlay.spool.max-size", SIZE, "32 MiB", MIB, 16 * GIB, NULL,                 \
	  "Most bytes of events. When it is full, nothing is injected.")               \
	X("inlay.message-id-domain", STRING, NULL, 0, 0, NULL,                         \
	  "Domain of Message-IDs; unset: the node's name, if it is a host name.")      \
	X("inlay.address-domain", STRING, NULL, 0, 0, NULL,                            \
	  "Domain of users whose name has none, for the To header.")                   \
	X("inlay.drain-timeout", DURATION, "3s", 0, 60 * MS_SECOND, NULL,              \
	  "How long SIGTERM waits for what is under way.")                             \
	X("logging.file", PATH, NULL, 0, 0, NULL,                                      \
	  "Log file, reopened at SIGHUP; unset: standard error.")                      \
	X("logging.level.root", ENUM, "info", 0, 0, "off|error|warn|info|debug|trace", \
	  "What is logged.")

const struct setting agent_settings_table[] = {
#define X(name_, type_, default_, min_, max_, allowed_, help_)                         \
	{.name = (name_),                                                              \
	 .type = SETTING_##type_,                                                      \
	 .default_value = (default_),                                                  \
	 .min = (min_),                                                                \
	 .max = (max_),                                                                \
	 .allowed = (allowed_),                                                        \
	 .help = (help_)},
	SETTINGS(X)
#undef X
};
const size_t agent_settings_count =
	sizeof agent_settings_table / sizeof *agent_settings_table;
