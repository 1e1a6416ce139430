/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface on the event loop. */
#ifndef INLAY_AGENT_UPLINK_LOOP_H
#define INLAY_AGENT_UPLINK_LOOP_H

#include "base/error.h"

#include <curl/curl.h>
#include <ev.h>

struct uplink_loop;

struct uplink_loop_config {
	struct ev_loop *loop;
	int64_t connections; /* at a time; further transfers wait for one */
	/* A transfer has ended; `mine` is its CURLOPT_PRIVATE. It is to be removed, and
	 * others may be added. */
	void (*done)(void *mine, CURLcode code);
	/* Or NULL: bytes have come. libcurl must not be called from within its
	 * callbacks, but may be from here. */
	void (*moved)(void *ctx);
	void *ctx;
};

/* NULL without memory. */
struct uplink_loop *uplink_loop_new(const struct uplink_loop_config *config,
				    struct error *err);
void uplink_loop_free(struct uplink_loop *l); /* without transfers; NULL is fine */
/* Begins a transfer, from the loop. False without memory. */
bool uplink_loop_add(struct uplink_loop *l, CURL *easy);
void uplink_loop_remove(struct uplink_loop *l, CURL *easy);

#endif
