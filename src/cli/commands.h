/* SPDX-License-Identifier: Apache-2.0 */
/* Every command and option of inlay, in two tables. Parsing (args.h), the help of
 * each level (help.h) and the list in the manual page come from them. */
#ifndef INLAY_CLI_COMMANDS_H
#define INLAY_CLI_COMMANDS_H

#include "base/error.h"

#define CLI_DEFAULT_URL "http://127.0.0.1:8080"
#define CLI_DEFAULT_TENANT "default"
/* Where mimd's unit keeps its data; mimd puts the first admin token there. */
#define CLI_DEFAULT_TOKEN_FILE "/var/lib/mail-injection-middleware/admin-token"

/* X(NAME, long name, what stands for its value or NULL, help) */
#define CLI_OPTIONS(X)                                                                 \
	X(URL, "url", "URL",                                                           \
	  "where mimd listens; default $INLAY_URL, else " CLI_DEFAULT_URL)             \
	X(TOKEN_FILE, "token-file", "FILE",                                            \
	  "file with the token; default $INLAY_TOKEN_FILE, "                           \
	  "else " CLI_DEFAULT_TOKEN_FILE)                                              \
	X(TENANT, "tenant", "ID",                                                      \
	  "the tenant; default $INLAY_TENANT, else " CLI_DEFAULT_TENANT)               \
	X(JSON, "json", NULL, "print the middleware's JSON, for programs")             \
	X(HELP, "help", NULL, "say what there is, or how a command is used")           \
	X(VERSION, "version", NULL, "print the version")                               \
	X(YES, "yes", NULL, "do not ask whether it is meant")                          \
	X(NO_DATABASE, "no-database", NULL,                                            \
	  "do not create the tenant's database; it must be there")                     \
	X(SERVICE, "service", NULL, "the token may load service messages")             \
	X(NAME, "name", "TEXT", "what the token is for")                               \
	X(NO_ACTIVATE, "no-activate", NULL, "load the version, but leave it staged")   \
	X(NO_WAIT, "no-wait", NULL, "start it and do not wait for its end")            \
	X(DATA_SOURCE, "data-source", "ID",                                            \
	  "the data source; default: the tenant's default one")                        \
	X(RECALL_SCOPE, "scope", "SCOPE",                                              \
	  "unread (default) or all: what is taken back")                               \
	X(KILL_SCOPE, "scope", "SCOPE",                                                \
	  "all (default) or nonService: what is stopped")                              \
	X(INTERVAL, "interval", "STEP", "hour, day or none (default none)")            \
	X(FROM, "from", "TIME", "from this RFC 3339 time on")                          \
	X(TO, "to", "TIME", "before this RFC 3339 time")                               \
	X(PATCH, "patch", NULL, "change the fields of FILE only, keep all others")     \
	X(MDOC, "mdoc", NULL, "print the list of commands for the manual page")

enum cli_option {
#define X(name, text, value, help) OPTION_##name,
	CLI_OPTIONS(X)
#undef X
		OPTIONS_COUNT
};
struct option_info {
	const char *name;  /* without the two dashes */
	const char *value; /* NULL: takes none */
	const char *help;
};
const struct option_info *option_info(enum cli_option o);

#define OPTION_BIT(name) (1u << OPTION_##name)
#define OPTIONS_EVERYWHERE                                                             \
	(OPTION_BIT(URL) | OPTION_BIT(TOKEN_FILE) | OPTION_BIT(TENANT) |               \
	 OPTION_BIT(JSON) | OPTION_BIT(HELP) | OPTION_BIT(VERSION))
#define OPTIONS_IMPORT (OPTION_BIT(NO_WAIT) | OPTION_BIT(DATA_SOURCE))

struct session;
struct args;
/* False: `errors` has at least one; the kind of the first is the exit code. */
typedef bool command_fn(struct session *s, const struct args *a,
			struct error_list *errors);

/* X(function, words, arguments ([] may be left out), options of its own, help) */
#define CLI_COMMANDS(X)                                                                \
	X(run_health, "health", "", 0, "Ask whether mimd is ready, and what is not")   \
	X(run_tenant_list, "tenant list", "", 0, "List all tenants")                   \
	X(run_tenant_show, "tenant show", "[ID]", 0,                                   \
	  "Show a tenant's configuration, secrets masked")                             \
	X(run_tenant_create, "tenant create", "FILE", OPTION_BIT(NO_DATABASE),         \
	  "Create a tenant and its database from a JSON file (- is standard input)")   \
	X(run_tenant_update, "tenant update", "FILE", 0,                               \
	  "Replace a tenant's configuration; masks keep the stored secrets")           \
	X(run_tenant_delete, "tenant delete", "ID", OPTION_BIT(YES),                   \
	  "Delete a tenant's configuration; its data stay")                            \
	X(run_datasource_list, "datasource list", "", 0,                               \
	  "List the tenant's data sources")                                            \
	X(run_datasource_set, "datasource set", "FILE", 0,                             \
	  "Replace the whole list of data sources; masks keep the stored secrets")     \
	X(run_datasource_test, "datasource test", "[ID] [PREFIX]", 0,                  \
	  "Let the middleware ask a data source, and for a bundle below PREFIX; says " \
	  "what is wrong with it")                                                     \
	X(run_datasource_bundles, "datasource bundles", "[ID]", 0,                     \
	  "List the bundles that a data source holds")                                 \
	X(run_conversionpoint_list, "conversionpoint list", "", 0,                     \
	  "List the tenant's conversion points")                                       \
	X(run_conversionpoint_set, "conversionpoint set", "FILE", 0,                   \
	  "Replace the whole list of conversion points")                               \
	X(run_point_list, "point list", "", 0,                                         \
	  "Say how the tenant's conversion points fare")                               \
	X(run_point_status, "point status", "ID", 0,                                   \
	  "Show a conversion point: sent, waiting, since when and why it fails")       \
	X(run_point_dead, "point dead", "ID", 0,                                       \
	  "List the events that a conversion point did not take in time")              \
	X(run_point_replay, "point replay", "ID [LETTER]", 0,                          \
	  "Send its dead letters again, all or one")                                   \
	X(run_attribute_list, "attribute list", "", 0,                                 \
	  "List the attributes that users' profiles may have")                         \
	X(run_attribute_set, "attribute set", "FILE", 0,                               \
	  "Replace the whole list of attributes")                                      \
	X(run_purpose_list, "purpose list", "", 0, "List the purposes of consent")     \
	X(run_purpose_set, "purpose set", "FILE", 0,                                   \
	  "Replace the whole list of purposes")                                        \
	X(run_token_list, "token list", "", 0, "List all tokens, never their text")    \
	X(run_token_create, "token create", "SCOPE",                                   \
	  OPTION_BIT(SERVICE) | OPTION_BIT(NAME),                                      \
	  "Make a token (admin, monitor, tenant:ID, dovecot:ID, read:ID) and print "   \
	  "its text, this once")                                                       \
	X(run_token_revoke, "token revoke", "ID", OPTION_BIT(YES), "Revoke a token")   \
	X(run_bundle_build, "bundle build", "DIR", 0,                                  \
	  "Write DIR/bundle.json from campaign.json and the files beside it; needs "   \
	  "no server")                                                                 \
	X(run_bundle_check, "bundle check", "DIR", 0,                                  \
	  "Check a bundle as an import would, as far as that needs no tenant; more "   \
	  "than 1 % of rejected rows fail it")                                         \
	X(run_bundle_put, "bundle put", "DIR PREFIX FILE", OPTION_BIT(DATA_SOURCE),    \
	  "Put a bundle into a bucket; FILE: data sources with their keys, as "        \
	  "datasource set takes them; asks the S3 store itself")                       \
	X(run_import, "import", "PREFIX", OPTIONS_IMPORT | OPTION_BIT(NO_ACTIVATE),    \
	  "Import a bundle from the data source and follow it to its end")             \
	X(run_imports, "imports", "", 0, "List the imports that are remembered")       \
	X(run_follow, "follow", "ID", 0, "Follow an import that was started before")   \
	X(run_campaign_list, "campaign list", "", 0, "List all campaigns")             \
	X(run_campaign_show, "campaign show", "ID", 0,                                 \
	  "Show a campaign: definition, state, counts")                                \
	X(run_campaign_activate, "campaign activate", "ID VERSION", 0,                 \
	  "Flip to a version that was staged")                                         \
	X(run_campaign_pause, "campaign pause", "ID", 0,                               \
	  "Inject no more of it until resumed")                                        \
	X(run_campaign_resume, "campaign resume", "ID", 0, "Go on after a pause")      \
	X(run_campaign_cancel, "campaign cancel", "ID", OPTION_BIT(YES),               \
	  "End it for good")                                                           \
	X(run_campaign_recall, "campaign recall", "ID",                                \
	  OPTION_BIT(YES) | OPTION_BIT(RECALL_SCOPE),                                  \
	  "Take its messages back from inboxes; says how many are still out")          \
	X(run_campaign_stats, "campaign stats", "ID",                                  \
	  OPTION_BIT(INTERVAL) | OPTION_BIT(FROM) | OPTION_BIT(TO),                    \
	  "Show what happened to its messages")                                        \
	X(run_kill_on, "kill on", "", OPTION_BIT(KILL_SCOPE),                          \
	  "Stop all injections of the tenant, within a second")                        \
	X(run_kill_off, "kill off", "", 0, "Allow injections again")                   \
	X(run_kill_show, "kill show", "", 0, "Say whether the kill switch is on")      \
	X(run_user_show, "user show", "USER", 0, "Show a user's profile and consents") \
	X(run_user_set, "user set", "USER FILE", OPTION_BIT(PATCH),                    \
	  "Replace a user's profile from a JSON file; consents are added")             \
	X(run_user_import, "user import", "PREFIX", OPTIONS_IMPORT,                    \
	  "Import users.csv from the data source and follow it to its end")            \
	X(run_user_why, "user why", "USER", 0,                                         \
	  "Say for each campaign why the user gets it or not")                         \
	X(run_user_export, "user export", "USER", 0,                                   \
	  "Print all that is known of a user, as JSON")                                \
	X(run_user_erase, "user erase", "USER", OPTION_BIT(YES),                       \
	  "Erase all that is known of a user")                                         \
	X(run_help, "help", "[COMMAND] [SUBCOMMAND]", OPTION_BIT(MDOC),                \
	  "Say what there is, or how a command is used")

struct command {
	const char *words; /* "campaign list" or "import" */
	const char *arguments;
	unsigned options; /* bits of its own, on top of OPTIONS_EVERYWHERE */
	const char *help;
	command_fn *run;
};

#define X(fn, words, arguments, options, help) command_fn fn;
CLI_COMMANDS(X)
#undef X

size_t commands_count(void);
const struct command *commands_at(size_t i);
/* By its words ("campaign", "list"); second may be NULL or an argument of a command of
 * one word. *used: how many of the two are the command's. NULL: there is none. */
const struct command *commands_find(const char *first, const char *second,
				    size_t *used);
/* Is there a command of two words that begins with this one? */
bool commands_is_group(const char *word);
/* The command (both words) or group nearest to a mistyped one; NULL if none is near. */
const char *commands_nearest(const char *first, const char *second);
/* How many arguments it takes. */
void command_arity(const struct command *c, size_t *least, size_t *most);
bool command_takes(const struct command *c, enum cli_option o);

#endif
