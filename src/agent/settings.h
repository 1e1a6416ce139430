/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's settings: one table, from which the file is read and checked, and
 * --help, --print-config and the manual page come; and their values, looked up and
 * checked once, at start. */
#ifndef INLAY_AGENT_SETTINGS_H
#define INLAY_AGENT_SETTINGS_H

#include "agent/limits.h"
#include "agent/peer.h"
#include "base/log.h"
#include "base/properties.h"

#define SETTINGS_MAX_UIDS 64
#define SETTINGS_MAX_TENANTS 256
#define SETTINGS_MAX_GRANTS 4096
#define SETTINGS_MAX_URLS 8

extern const struct setting agent_settings_table[];
extern const size_t agent_settings_count;

struct agent_tenant_setting {
	struct str id;
	struct str token_file; /* NUL-terminated */
};

struct agent_settings {
	struct settings *values; /* owns all texts below */
	struct arena *arena;

	struct str socket_path;
	mode_t socket_mode;
	gid_t socket_group; /* (gid_t)-1: as it comes */
	uid_t trusted[SETTINGS_MAX_UIDS];
	size_t n_trusted;
	struct peer_grant *grants;
	size_t n_grants;
	struct limits_config limits;

	struct str node;
	struct str urls[SETTINGS_MAX_URLS]; /* without a final slash */
	size_t n_urls;
	struct str ca_file; /* or absent */
	int64_t timeout_ms;
	int64_t connections;
	struct agent_tenant_setting *tenants;
	size_t n_tenants;

	struct str doveadm_url; /* or absent; without a final slash */
	struct str doveadm_key_file;

	struct str cache_directory;
	uint64_t cache_bytes, cache_memory;
	struct str spool_directory;
	uint64_t spool_bytes;

	struct str message_id_domain;
	struct str address_domain; /* or absent */

	struct str log_file; /* or absent: standard error */
	enum log_level log_level;
	int64_t drain_ms;
};

/* Reads and checks everything: `path` may be NULL (defaults only), overrides are
 * "name=value". All errors are in `errors`. NULL exactly if there was one. */
struct agent_settings *agent_settings_load(const char *path,
					   const char *const *overrides,
					   size_t n_overrides,
					   struct error_list *errors,
					   struct error_list *warnings);
void agent_settings_free(struct agent_settings *s);

#endif
