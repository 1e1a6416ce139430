/* SPDX-License-Identifier: Apache-2.0 */
/* The listening unix socket: path, mode, group, and who connects. */
#ifndef INLAY_AGENT_SERVER_H
#define INLAY_AGENT_SERVER_H

#include "agent/agent.h"

struct server;

/* A socket file that nobody listens on is replaced; one that somebody does is an
 * error. */
struct server *server_start(struct agent *a, struct error *err);
/* Stops listening and removes the file. */
void server_stop(struct server *s); /* NULL is fine */

#endif
