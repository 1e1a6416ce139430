/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line, told apart by the tables of commands.h. Pure. */
#ifndef INLAY_CLI_ARGS_H
#define INLAY_CLI_ARGS_H

#include "cli/commands.h"

#define ARGS_MAX 4

struct args {
	const struct command *command; /* NULL with --help or --version alone */
	const char *group;             /* --help of a group of commands, or NULL */
	const char *positional[ARGS_MAX];
	size_t n;
	bool given[OPTIONS_COUNT];
	const char *value[OPTIONS_COUNT]; /* NULL where it takes none */
};

/* argv as main() has it, which must outlive *a. Options may stand anywhere, as
 * --name VALUE or --name=VALUE; -h is --help; behind -- nothing is an option. False:
 * USAGE, with what is wrong and what would be right. */
bool args_parse(int argc, const char *const *argv, struct args *a, struct error *err);

static inline bool args_has(const struct args *a, enum cli_option o)
{
	return a->given[o];
}

#endif
