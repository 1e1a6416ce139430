/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include "agent/settings.h"

static bool is(const char *word, const char *option)
{
	return strcmp(word, option) == 0;
}

/* The value of an option: behind "=", or the next word. */
static bool value_of(const char *option, char **argv, int *i, const char **value)
{
	size_t n = strlen(option);
	if (strncmp(argv[*i], option, n) != 0)
		return false;
	if (argv[*i][n] == '=') {
		*value = argv[*i] + n + 1;
		return true;
	}
	if (argv[*i][n] != '\0' || argv[*i + 1] == NULL)
		return false;
	*value = argv[++*i];
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct error *err)
{
	*o = (struct options){.config = OPTIONS_DEFAULT_CONFIG};
	for (int i = 1; i < argc; i++) {
		const char *value;
		if (is(argv[i], "--help") || is(argv[i], "-h")) {
			o->action = OPTIONS_HELP;
		} else if (is(argv[i], "--version")) {
			o->action = OPTIONS_VERSION;
		} else if (is(argv[i], "--check-config")) {
			o->action = OPTIONS_CHECK_CONFIG;
		} else if (is(argv[i], "--print-config")) {
			o->action = OPTIONS_PRINT_CONFIG;
		} else if (value_of("--config", argv, &i, &value)) {
			o->config = value;
		} else if (value_of("--set", argv, &i, &value)) {
			if (o->n_set == OPTIONS_MAX_SET)
				return error_set(err, ERROR_USAGE, "--set",
						 "more than %d times", OPTIONS_MAX_SET);
			o->set[o->n_set++] = value;
		} else {
			return error_set(err, ERROR_USAGE, argv[i],
					 "is no option, or its value is missing; "
					 "--help lists them");
		}
	}
	return true;
}

bool options_help(struct buf *out)
{
	buf_add_str(
		out,
		STR("inlay-agent - renders and hands out Inlay's messages on a "
		    "Dovecot node\n\n"
		    "usage: inlay-agent [--config FILE] [--set NAME=VALUE]...\n"
		    "       inlay-agent --check-config | --print-config | "
		    "--version | --help\n\n"
		    "  --config FILE      settings (default: " OPTIONS_DEFAULT_CONFIG
		    ")\n"
		    "  --set NAME=VALUE   a setting that goes before the file's\n"
		    "  --check-config     reads the settings, says what is wrong, "
		    "ends\n"
		    "  --print-config     shows all settings with their origin\n"
		    "\nSIGTERM ends it when what is under way is done, SIGHUP "
		    "reopens the log and reads\nthe tokens again.\n\nSettings:\n"));
	settings_help(agent_settings_table, agent_settings_count, out);
	return buf_ok(out);
}
