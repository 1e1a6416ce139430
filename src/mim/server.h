/* SPDX-License-Identifier: Apache-2.0 */
/* The two listeners: requests come in from net/http-server.h, are routed,
 * authenticated, counted and handed to their handlers. */
#ifndef INLAY_MIM_SERVER_H
#define INLAY_MIM_SERVER_H

#include "mim/mim.h"

struct server;

/* The API, as settings say. Serves at once; until mim->not_ready is NULL all but health
 * answers 503. */
struct server *server_start_api(struct mim *mim, struct error *err);
/* The public listener; *out is NULL if it is switched off. */
bool server_start_public(struct mim *mim, struct server **out, struct error *err);
/* The port it listens on. */
unsigned server_port(const struct server *s);
/* Takes no more requests, answers those under way, at most for the request timeout. */
void server_stop(struct server *s); /* NULL is fine */

#endif
