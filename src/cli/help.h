/* SPDX-License-Identifier: Apache-2.0 */
/* The help of inlay, of a group of commands, of a command; and the list of commands
 * for the manual page. All from the tables of commands.h. Pure. */
#ifndef INLAY_CLI_HELP_H
#define INLAY_CLI_HELP_H

#include "base/buf.h"
#include "cli/commands.h"

bool help_write(struct buf *out);
/* Commands of two words that begin with this one. */
bool help_write_group(struct buf *out, const char *group);
bool help_write_command(struct buf *out, const struct command *c);
/* mdoc(7), as it stands in docs/man/inlay.1 between the lines that say so. */
bool help_write_mdoc(struct buf *out);

#endif
