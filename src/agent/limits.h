/* SPDX-License-Identifier: Apache-2.0 */
/* How much one uid may ask for: connections at a time, and requests in a while (a
 * token bucket). Trusted uids are held to the total only. Pure; time is given. */
#ifndef INLAY_AGENT_LIMITS_H
#define INLAY_AGENT_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct limits;

struct limits_config {
	size_t connections;           /* of all uids together */
	size_t connections_per_uid;   /* of one that is not trusted */
	uint32_t requests_per_minute; /* likewise; a minute's worth at once is fine */
};

struct limits *limits_new(const struct limits_config *config);
void limits_free(struct limits *l);
/* Counts a connection in; false (and nothing counted) when there are too many.
 * Each true one must be followed by limits_disconnect. */
bool limits_connect(struct limits *l, uid_t uid, bool trusted);
void limits_disconnect(struct limits *l, uid_t uid);
/* One HELLO or OPEN of a connected uid: false when it asks too often. */
bool limits_request(struct limits *l, uid_t uid, bool trusted, int64_t now_ms);
size_t limits_connections(const struct limits *l);

#endif
