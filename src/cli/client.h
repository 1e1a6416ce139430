/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the middleware over HTTP, one after the other on one connection. Follows
 * no redirect, uses no proxy of the environment: the token goes to the URL named and
 * nowhere else. */
#ifndef INLAY_CLI_CLIENT_H
#define INLAY_CLI_CLIENT_H

#include "cli/reply.h"

struct client;

/* url: of mimd, without a path or with the path that a reverse proxy adds. The token
 * is the first line of token_file, which must be a regular file. */
struct client *client_new(const char *url, const char *token_file, struct error *err);
void client_free(struct client *c); /* NULL is fine */
/* body absent: none is sent. True for an answer of 2xx; false with errors otherwise,
 * and *reply as it came, if one came. */
bool client_call(struct client *c, const char *method, const char *path,
		 struct str body, struct reply *reply, struct error_list *errors);

#endif
