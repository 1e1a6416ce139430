/* SPDX-License-Identifier: Apache-2.0 */
/* One event as a conversion point gets it (contracts: conversion points), and the two
 * forms in which it goes out. Pure: the same event gives the same bytes at each
 * attempt. */
#ifndef INLAY_MODEL_DELIVERY_H
#define INLAY_MODEL_DELIVERY_H

#include "base/error.h"
#include "model/id.h"

struct delivery {
	struct id16 id; /* id_delivery: stays over all attempts */
	struct str campaign;
	struct str user; /* as the point may know them */
	struct str event_type;
	int64_t at_ms;
	struct id16 instance;
};

/* ongage -------------------------------------------------------------------------*/

/* What is wrong with a URL of a conversion point, as a sentence; NULL: nothing. A
 * value may stand in path and query only, never where it would choose the host. */
const char *delivery_url_check(struct str url);
/* The URL with {campaignId} {userId} {eventType} {timestamp} {instanceId} replaced,
 * percent-encoded, and what it does not name added to its query under these names,
 * with "id". Without a fragment. False: over the maximum of `out`, or no memory. */
bool delivery_url(struct buf *out, struct str url, const struct delivery *d);

/* webhook: Standard Webhooks 1.0.0 ------------------------------------------------*/

#define WEBHOOK_SECRET_PREFIX "whsec_"
#define WEBHOOK_ID_LEN 36        /* "msg_" and 32 hex digits */
#define WEBHOOK_SIGNATURE_MAX 64 /* "v1," and 44 of base64 */
/* The key that a secret stands for: base64 of 24 to 64 bytes behind its prefix. */
bool webhook_key(struct buf *out, struct str secret, struct error *err);
/* {"type","timestamp","data":{"events":[...]}}; the time is that of the newest event,
 * so that an attempt with the same events sends the same bytes. n > 0. */
bool webhook_body(struct buf *out, const struct delivery *events, size_t n);
/* Computed from the events' ids: the same batch has the same id. */
void webhook_id(char out[WEBHOOK_ID_LEN + 1], const struct delivery *events, size_t n);
/* What the header webhook-signature says of id, time (seconds) and body. */
bool webhook_signature(struct buf *out, struct str key, struct str id, int64_t time_s,
		       struct str body);

#endif
