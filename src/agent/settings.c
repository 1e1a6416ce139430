/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settings.h"

#include "message/address.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX (4 * 1024 * 1024)
#define LIST_MAX 4096

struct loading {
	struct agent_settings *s;
	struct error_list *errors;
};

static void bad(struct loading *l, const char *name, const char *what, struct str value)
{
	error_list_add(l->errors, ERROR_BAD_VALUE, name, "%s: \"%.*s\"", what,
		       STR_ARG(value));
}

static bool parse_id(struct str s, uint32_t *id)
{
	uint64_t v;
	if (!str_to_u64(s, UINT32_MAX - 1, &v))
		return false;
	*id = (uint32_t)v;
	return true;
}

/* A list item is not NUL-terminated. */
static const char *cstr(struct loading *l, struct str s)
{
	struct str copy = arena_str(l->s->arena, s);
	return copy.p != NULL ? copy.p : "";
}

static void read_trusted(struct loading *l)
{
	static const char name[] = "inlay.trusted-uids";
	struct agent_settings *s = l->s;
	struct str items[SETTINGS_MAX_UIDS];
	if (!settings_is_set(s->values, name)) {
		error_list_add(l->errors, ERROR_BAD_VALUE, name,
			       "must be set: the users (such as vmail) whose processes "
			       "may speak for every mail user; may be empty");
		return;
	}
	size_t n = settings_list(s->values, name, items, SETTINGS_MAX_UIDS);
	if (n > SETTINGS_MAX_UIDS)
		error_list_add(l->errors, ERROR_BAD_VALUE, name, "more than %d entries",
			       SETTINGS_MAX_UIDS);
	for (size_t i = 0; i < n && i < SETTINGS_MAX_UIDS; i++) {
		uint32_t id;
		uid_t uid;
		if (parse_id(items[i], &id))
			s->trusted[s->n_trusted++] = id;
		else if (peer_system_uid(items[i], &uid))
			s->trusted[s->n_trusted++] = uid;
		else
			bad(l, name, "there is no such user", items[i]);
	}
}

static void read_grant(void *ctx, struct str key, struct str value)
{
	struct loading *l = ctx;
	uint32_t uid;
	struct str user;
	if (!parse_id(key, &uid)) {
		bad(l, "inlay.user-map", "is no uid", key);
		return;
	}
	while (str_next_part(&value, ',', &user)) {
		if (l->s->n_grants == SETTINGS_MAX_GRANTS) {
			bad(l, "inlay.user-map", "too many users", key);
			return;
		}
		user = str_trim(user);
		if (user.n > 0)
			l->s->grants[l->s->n_grants++] =
				(struct peer_grant){.uid = uid, .user = user};
	}
}

static void read_tenant(void *ctx, struct str key, struct str value)
{
	struct loading *l = ctx;
	const struct str suffix = STR(".token-file");
	struct str id = str_ends(key, suffix) ? str_slice(key, 0, key.n - suffix.n)
					      : (struct str){0};
	if (!str_is_id(id)) {
		bad(l, "inlay.tenant", "should be <id>.token-file", key);
		return;
	}
	if (l->s->n_tenants == SETTINGS_MAX_TENANTS) {
		bad(l, "inlay.tenant", "too many tenants", key);
		return;
	}
	l->s->tenants[l->s->n_tenants++] =
		(struct agent_tenant_setting){.id = id, .token_file = value};
}

static void read_socket(struct loading *l)
{
	struct agent_settings *s = l->s;
	struct str mode = settings_str(s->values, "inlay.socket.mode");
	struct str group = settings_str(s->values, "inlay.socket.group");
	s->socket_path = settings_str(s->values, "inlay.socket.path");
	for (size_t i = 0; i < mode.n; i++) {
		if (mode.p[i] < '0' || mode.p[i] > '7' || mode.n > 4) {
			bad(l, "inlay.socket.mode", "must be octal digits", mode);
			break;
		}
		s->socket_mode = s->socket_mode * 8 + (mode_t)(mode.p[i] - '0');
	}
	s->socket_group = (gid_t)-1;
	if (group.n == 0)
		return;
	uint32_t id;
	const struct group *found;
	if (parse_id(group, &id))
		s->socket_group = id;
	else if ((found = getgrnam(group.p)) != NULL)
		s->socket_group = found->gr_gid;
	else
		bad(l, "inlay.socket.group", "there is no such group", group);
}

/* Without a final slash. */
static struct str read_url(struct loading *l, const char *name, struct str url)
{
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
		bad(l, name, "must begin with http:// or https://", url);
	return str_of(cstr(l, url));
}

static void read_doveadm(struct loading *l)
{
	struct agent_settings *s = l->s;
	struct str url = settings_str(s->values, "inlay.recall.doveadm");
	s->doveadm_key_file = settings_str(s->values, "inlay.recall.doveadm-key-file");
	if (url.p == NULL)
		return;
	s->doveadm_url = read_url(l, "inlay.recall.doveadm", url);
	if (s->doveadm_key_file.n == 0)
		bad(l, "inlay.recall.doveadm-key-file", "is needed for", url);
}

static void read_urls(struct loading *l)
{
	struct agent_settings *s = l->s;
	s->n_urls =
		settings_list(s->values, "inlay.mim.url", s->urls, SETTINGS_MAX_URLS);
	if (s->n_urls == 0 || s->n_urls > SETTINGS_MAX_URLS) {
		bad(l, "inlay.mim.url", "must have 1 to 8 entries", STR(""));
		s->n_urls = 0;
	}
	for (size_t i = 0; i < s->n_urls; i++)
		s->urls[i] = read_url(l, "inlay.mim.url", s->urls[i]);
}

static void read_names(struct loading *l)
{
	struct agent_settings *s = l->s;
	char host[HOST_NAME_MAX + 1] = "";
	s->node = settings_str(s->values, "inlay.node");
	if (s->node.n == 0 && gethostname(host, sizeof host - 1) == 0)
		s->node = arena_str(s->arena, str_of(host));
	if (s->node.n == 0 || s->node.n > 255)
		bad(l, "inlay.node", "must have 1 to 255 bytes", s->node);
	s->message_id_domain = settings_str(s->values, "inlay.message-id-domain");
	if (s->message_id_domain.n == 0)
		s->message_id_domain = s->node;
	if (!address_is_domain(s->message_id_domain))
		bad(l, "inlay.message-id-domain", "must be a host name",
		    s->message_id_domain);
	s->address_domain = settings_str(s->values, "inlay.address-domain");
	if (s->address_domain.p != NULL && !address_is_domain(s->address_domain))
		bad(l, "inlay.address-domain", "must be a host name",
		    s->address_domain);
}

static void read_numbers(struct agent_settings *s)
{
	const struct settings *v = s->values;
	s->limits = (struct limits_config){
		.connections = (size_t)settings_int(v, "inlay.limits.connections"),
		.connections_per_uid =
			(size_t)settings_int(v, "inlay.limits.connections-per-uid"),
		.requests_per_minute =
			(uint32_t)settings_int(v, "inlay.limits.requests-per-minute")};
	s->timeout_ms = settings_int(v, "inlay.mim.timeout");
	s->connections = settings_int(v, "inlay.mim.connections");
	s->cache_bytes = (uint64_t)settings_int(v, "inlay.cache.max-size");
	s->cache_memory = (uint64_t)settings_int(v, "inlay.cache.memory");
	s->spool_bytes = (uint64_t)settings_int(v, "inlay.spool.max-size");
	s->drain_ms = settings_int(v, "inlay.drain-timeout");
}

static void read_all(struct loading *l)
{
	struct agent_settings *s = l->s;
	s->grants = arena_array(s->arena, SETTINGS_MAX_GRANTS, sizeof *s->grants);
	s->tenants = arena_array(s->arena, SETTINGS_MAX_TENANTS, sizeof *s->tenants);
	if (s->grants == NULL || s->tenants == NULL) {
		error_list_add(l->errors, ERROR_MEMORY, "", "out of memory");
		return;
	}
	read_socket(l);
	read_trusted(l);
	settings_each(s->values, "inlay.user-map.*", read_grant, l);
	settings_each(s->values, "inlay.tenant.*", read_tenant, l);
	if (s->n_tenants == 0)
		error_list_add(l->errors, ERROR_BAD_VALUE, "inlay.tenant",
			       "at least one inlay.tenant.<id>.token-file is needed");
	read_urls(l);
	read_doveadm(l);
	read_names(l);
	read_numbers(s);
	s->ca_file = settings_str(s->values, "inlay.mim.ca-file");
	s->cache_directory = settings_str(s->values, "inlay.cache.directory");
	s->spool_directory = settings_str(s->values, "inlay.spool.directory");
	s->log_file = settings_str(s->values, "logging.file");
	log_level_parse(settings_str(s->values, "logging.level.root"), &s->log_level);
	if (arena_failed(s->arena))
		error_list_add(l->errors, ERROR_MEMORY, "", "out of memory");
}

static bool apply_override(struct agent_settings *s, const char *text,
			   struct error_list *errors)
{
	struct str all = str_of(text);
	size_t equals = str_find_char(all, '=');
	struct error err = {0};
	if (equals == all.n)
		return error_list_add(errors, ERROR_USAGE, "--set",
				      "should be name=value: \"%s\"", text);
	if (!settings_set(s->values, str_slice(all, 0, equals),
			  str_slice(all, equals + 1, all.n), "--set", &err))
		return error_list_add_error(errors, &err);
	return true;
}

struct agent_settings *agent_settings_load(const char *path,
					   const char *const *overrides,
					   size_t n_overrides,
					   struct error_list *errors,
					   struct error_list *warnings)
{
	struct agent_settings *s = calloc(1, sizeof *s);
	if (s == NULL || (s->arena = arena_new(ARENA_MAX)) == NULL) {
		free(s);
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	s->values = path != NULL
			    ? settings_load(agent_settings_table, agent_settings_count,
					    path, errors, warnings)
			    : settings_parse(agent_settings_table, agent_settings_count,
					     STR(""), "defaults", errors, warnings);
	bool ok = s->values != NULL;
	for (size_t i = 0; ok && i < n_overrides; i++)
		ok = apply_override(s, overrides[i], errors);
	if (ok) {
		struct loading l = {.s = s, .errors = errors};
		read_all(&l);
		ok = error_list_empty(errors);
	}
	if (!ok) {
		agent_settings_free(s);
		return NULL;
	}
	return s;
}

void agent_settings_free(struct agent_settings *s)
{
	if (s == NULL)
		return;
	settings_free(s->values);
	arena_free(s->arena);
	free(s);
}
