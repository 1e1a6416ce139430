/* SPDX-License-Identifier: Apache-2.0 */
/* All tables of routes. A file with handlers ends with
 *   static const struct route rows[] = {{"GET", "/api/…", ROUTE_READ, …}, …};
 *   const struct route_table foo_routes = ROUTE_TABLE(rows);
 * and is named here, once. */
#ifndef INLAY_MIM_HANDLERS_H
#define INLAY_MIM_HANDLERS_H

#include "mim/routes.h"

/* X(foo): foo_routes */
#define HANDLER_TABLES(X)                                                              \
	X(health)                                                                      \
	X(token)                                                                       \
	X(tenant)                                                                      \
	X(user)                                                                        \
	X(schema)                                                                      \
	X(dovecot)                                                                     \
	X(recall)                                                                      \
	X(campaign)                                                                    \
	X(kill)                                                                        \
	X(why)                                                                         \
	X(point)                                                                       \
	X(source)                                                                      \
	X(import)

#define X(name) extern const struct route_table name##_routes;
HANDLER_TABLES(X)
#undef X

#endif
