/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-settings.h"

#include "settings-parser.h"

static const struct {
	const char *name;
	enum inlay_trigger trigger;
} triggers[] = {
	{"select", INLAY_TRIGGER_SELECT}, {"examine", INLAY_TRIGGER_EXAMINE},
	{"status", INLAY_TRIGGER_STATUS}, {"noop", INLAY_TRIGGER_NOOP},
	{"check", INLAY_TRIGGER_CHECK},   {"idle", INLAY_TRIGGER_IDLE},
	{"pop3", INLAY_TRIGGER_POP3},
};

enum inlay_trigger inlay_trigger_of(const char *name)
{
	for (unsigned int i = 0; i < N_ELEMENTS(triggers); i++)
		if (strcasecmp(triggers[i].name, name) == 0)
			return triggers[i].trigger;
	return INLAY_TRIGGER_NONE;
}

bool inlay_settings_parse_triggers(const char *value, unsigned int *triggers_r,
				   const char **error_r)
{
	*triggers_r = 0;
	for (const char *const *name = t_strsplit_spaces(value, " ,"); *name != NULL;
	     name++) {
		enum inlay_trigger trigger = inlay_trigger_of(*name);
		if (trigger == INLAY_TRIGGER_NONE) {
			*error_r = t_strdup_printf(
				"inlay_triggers: %s is none of select examine status "
				"noop check idle pop3",
				*name);
			return FALSE;
		}
		*triggers_r |= trigger;
	}
	return TRUE;
}

bool inlay_settings_parse_headroom(const char *value, unsigned int *percent_r,
				   uint64_t *free_r, const char **error_r)
{
	*percent_r = 100;
	*free_r = 0;
	for (const char *const *part = t_strsplit_spaces(value, " ,"); *part != NULL;
	     part++) {
		size_t n = strlen(*part);
		const char *error;
		if ((*part)[n - 1] == '%') {
			if (str_to_uint(t_strndup(*part, n - 1), percent_r) == 0 &&
			    *percent_r <= 100)
				continue;
		} else {
			uoff_t bytes;
			if (settings_get_size(*part, &bytes, &error) == 0) {
				*free_r = bytes;
				continue;
			}
		}
		*error_r = t_strdup_printf(
			"inlay_quota_headroom: %s is neither 0%%..100%% nor a size",
			*part);
		return FALSE;
	}
	return TRUE;
}

static bool is_network_of(const char *entry, const struct ip_addr *address)
{
	struct ip_addr network;
	unsigned int bits;

	return address != NULL && address->family != 0 &&
	       net_parse_range(entry, &network, &bits) == 0 &&
	       net_is_in_network(address, &network, bits);
}

bool inlay_settings_excludes(const char *exclude, const char *username,
			     const char *groups, const struct ip_addr *address)
{
	const char *const *group = t_strsplit(groups != NULL ? groups : "", ",");

	for (const char *const *entry = t_strsplit_spaces(exclude, " "); *entry != NULL;
	     entry++) {
		if (**entry == '@') {
			if (str_array_find(group, *entry + 1))
				return TRUE;
		} else if (wildcard_match_icase(username, *entry) ||
			   is_network_of(*entry, address)) {
			return TRUE;
		}
	}
	return FALSE;
}

static bool parse_notify(struct mail_user *user, const char *value, bool *notify_r,
			 const char **error_r)
{
	if (strcmp(value, "auto") == 0) {
		const char *const *plugins =
			t_strsplit_spaces(user->set->mail_plugins, " ,");
		*notify_r = str_array_find(plugins, "replication");
	} else if (strcmp(value, "yes") == 0) {
		*notify_r = TRUE;
	} else if (strcmp(value, "no") == 0) {
		*notify_r = FALSE;
	} else {
		*error_r = t_strdup_printf("inlay_notify: %s is none of auto yes no",
					   value);
		return FALSE;
	}
	return TRUE;
}

bool inlay_settings_read(struct mail_user *user, struct inlay_settings *set_r,
			 const char **error_r)
{
	/* every setting of the table, defaults filled in */
	struct {
#define X(name, def, help) const char *name;
		INLAY_SETTINGS(X)
#undef X
	} text;
#define X(name, def, help)                                                             \
	text.name = inlay_setting(user, "inlay_" #name);                               \
	if (text.name == NULL)                                                         \
		text.name = def;
	INLAY_SETTINGS(X)
#undef X

	i_zero(set_r);
	set_r->socket = p_strdup(user->pool, text.socket);
	set_r->tenant = p_strdup(user->pool, text.tenant);
	set_r->exclude = p_strdup(user->pool, text.exclude);
	if (str_to_uint(text.deadline, &set_r->deadline) < 0 ||
	    set_r->deadline > 10000) {
		*error_r = t_strdup_printf("inlay_deadline: %s is not 0..10000 (ms)",
					   text.deadline);
		return FALSE;
	}
	return inlay_settings_parse_triggers(text.triggers, &set_r->triggers,
					     error_r) &&
	       inlay_settings_parse_headroom(text.quota_headroom, &set_r->quota_percent,
					     &set_r->quota_free, error_r) &&
	       parse_notify(user, text.notify, &set_r->notify, error_r);
}
