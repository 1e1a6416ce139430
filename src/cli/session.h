/* SPDX-License-Identifier: Apache-2.0 */
/* What a command is given: where the middleware is, how to print, and whom to ask. */
#ifndef INLAY_CLI_SESSION_H
#define INLAY_CLI_SESSION_H

#include "base/arena.h"
#include "cli/args.h"
#include "cli/client.h"

struct session {
	const char *url, *token_file, *tenant;
	struct client *client; /* NULL until the first call */
	struct arena *arena;   /* as long as the command */
	bool json;             /* --json */
	bool yes;              /* --yes */
	size_t width;          /* of the terminal; TABLE_ANY_WIDTH if there is none */
	bool live;             /* standard error is a terminal: show progress there */
};

/* Options before the environment before the defaults. False: USAGE. */
bool session_init(struct session *s, const struct args *a, struct error *err);
void session_free(struct session *s);

/* Calls `pattern` (path.h) with the tenant's id in the first place and `values` in the
 * others. body absent: none. *reply must be initialised; free it in any case. */
bool session_call(struct session *s, const char *method, const char *pattern,
		  const struct str *values, size_t n_values, struct str body,
		  struct reply *reply, struct error_list *errors);
/* A pattern without a tenant. */
bool session_call_plain(struct session *s, const char *method, const char *path,
			struct str body, struct reply *reply,
			struct error_list *errors);

/* "Shall it?" on the terminal; true with --yes. Neither terminal nor --yes: USAGE. */
bool session_confirm(const struct session *s, const char *question,
		     struct error_list *errors);

/* The result of a command, to standard output. */
bool session_print(struct str text, struct error_list *errors);
/* A sentence about what was done; nothing with --json. */
bool session_say(const struct session *s, struct error_list *errors, const char *fmt,
		 ...) __attribute__((format(printf, 3, 4)));
bool session_print_json(const json_t *value, struct error_list *errors);

#endif
