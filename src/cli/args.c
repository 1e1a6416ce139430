/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <stdio.h>

struct words {
	const char *items[ARGS_MAX + 2]; /* a command's own two and its arguments */
	size_t n;
};

static bool usage(struct error *err, const struct command *c, const char *what,
		  const char *word)
{
	return error_set(err, ERROR_USAGE, "", "%s %s (inlay %s%s%s)", what, word,
			 c->words, c->arguments[0] != '\0' ? " " : "", c->arguments);
}

/* Options of the same name but another meaning belong to different commands; which
 * one it is shows when the command is known, so all of that name are set. */
static bool set_option(struct args *a, struct str name, const char *inline_value,
		       const char *next, bool *took_next, struct error *err)
{
	bool found = false;
	*took_next = false;
	for (unsigned i = 0; i < OPTIONS_COUNT; i++) {
		const struct option_info *o = option_info((enum cli_option)i);
		if (!str_eqz(name, o->name))
			continue;
		found = true;
		a->given[i] = true;
		if (o->value == NULL) {
			if (inline_value != NULL)
				return error_set(err, ERROR_USAGE, "",
						 "--%s takes no value", o->name);
			continue;
		}
		a->value[i] = inline_value != NULL ? inline_value : next;
		*took_next = inline_value == NULL;
		if (a->value[i] == NULL)
			return error_set(err, ERROR_USAGE, "", "--%s needs a value: %s",
					 o->name, o->help);
	}
	return found || error_set(err, ERROR_USAGE, "",
				  "there is no option --%.*s; inlay --help lists them",
				  STR_ARG(name));
}

static bool split(int argc, const char *const *argv, struct args *a, struct words *w,
		  struct error *err)
{
	bool options = true;
	for (int i = 1; i < argc; i++) {
		struct str word = str_of(argv[i]);
		if (options && str_eqz(word, "--")) {
			options = false;
		} else if (options && str_eqz(word, "-h")) {
			a->given[OPTION_HELP] = true;
		} else if (options && str_starts(word, STR("--"))) {
			size_t equals = str_find_char(word, '=');
			bool took_next;
			if (!set_option(a, str_slice(word, 2, equals),
					equals < word.n ? argv[i] + equals + 1 : NULL,
					i + 1 < argc ? argv[i + 1] : NULL, &took_next,
					err))
				return false;
			i += took_next;
		} else if (options && word.n > 1 && word.p[0] == '-') {
			return error_set(
				err, ERROR_USAGE, "",
				"there is no option %s; inlay --help lists them",
				argv[i]);
		} else if (w->n == sizeof w->items / sizeof *w->items) {
			return error_set(err, ERROR_USAGE, "",
					 "too many words, from \"%s\" on", argv[i]);
		} else {
			w->items[w->n++] = argv[i];
		}
	}
	return true;
}

static bool unknown_command(const struct words *w, struct error *err)
{
	const char *second = w->n > 1 ? w->items[1] : NULL;
	const char *nearest = commands_nearest(w->items[0], second);
	bool group = commands_is_group(w->items[0]);
	if (group && second == NULL)
		return error_set(err, ERROR_USAGE, "",
				 "what about it? inlay %s --help lists what there is",
				 w->items[0]);
	if (nearest != NULL)
		return error_set(err, ERROR_USAGE, "",
				 "there is no command \"%s%s%s\"; is \"%s\" meant?",
				 w->items[0], second != NULL ? " " : "",
				 second != NULL ? second : "", nearest);
	return error_set(err, ERROR_USAGE, "",
			 "there is no command \"%s%s%s\"; inlay %s%s--help lists them",
			 w->items[0], group ? " " : "", group ? second : "",
			 group ? w->items[0] : "", group ? " " : "");
}

static bool check_options(const struct args *a, struct error *err)
{
	for (unsigned i = 0; i < OPTIONS_COUNT; i++) {
		bool taken = !a->given[i];
		for (unsigned k = 0; k < OPTIONS_COUNT && !taken; k++)
			taken = strcmp(option_info((enum cli_option)k)->name,
				       option_info((enum cli_option)i)->name) == 0 &&
				command_takes(a->command, (enum cli_option)k);
		if (!taken)
			return error_set(
				err, ERROR_USAGE, "",
				"inlay %s does not take --%s; its --help lists what "
				"it takes",
				a->command->words,
				option_info((enum cli_option)i)->name);
	}
	return true;
}

bool args_parse(int argc, const char *const *argv, struct args *a, struct error *err)
{
	struct words w = {.n = 0};
	size_t used = 0, least, most;
	*a = (struct args){.command = NULL};
	if (!split(argc, argv, a, &w, err))
		return false;
	bool asks = a->given[OPTION_HELP] || a->given[OPTION_VERSION];
	if (w.n == 0)
		return asks || error_set(err, ERROR_USAGE, "",
					 "no command; inlay --help lists them");
	a->command = commands_find(w.items[0], w.n > 1 ? w.items[1] : NULL, &used);
	if (a->command == NULL) {
		if (asks && w.n == 1 && commands_is_group(w.items[0])) {
			a->group = w.items[0];
			return true;
		}
		return unknown_command(&w, err);
	}
	if (asks)
		return true;
	command_arity(a->command, &least, &most);
	for (size_t i = used; i < w.n; i++) {
		if (i - used == most || i - used == ARGS_MAX)
			return usage(err, a->command, "one word too many:", w.items[i]);
		a->positional[a->n++] = w.items[i];
	}
	if (a->n < least)
		return usage(err, a->command, "too few words:", "something is missing");
	return check_options(a, err);
}
