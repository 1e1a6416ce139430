/* SPDX-License-Identifier: Apache-2.0 */
/* The events of the spool in memory: per tenant in the order they came, for the
 * delivery, and per user, for the next OPEN. */
#ifndef INLAY_AGENT_SPOOL_INDEX_H
#define INLAY_AGENT_SPOOL_INDEX_H

#include "agent/spool-record.h"

struct spool_segment;
struct spool_tenant;

struct spool_event {
	struct spool_record record; /* its texts stand behind this structure */
	struct spool_segment *segment;
	struct spool_tenant *tenant;
	struct spool_event *next, *previous; /* of the tenant, oldest first */
	struct spool_event *next_of_user;    /* in its bucket, oldest first */
	bool taken;                          /* on its way to MIM, or parked */
	bool parked;                         /* MIM refuses it: not before a restart */
};

struct spool_tenant {
	struct spool_tenant *next;
	struct spool_event *first, *last;
	size_t n;
	char id[SPOOL_TENANT_MAX + 1];
};

#define SPOOL_INDEX_BUCKETS 16384
/* Of one user: as many as a question to MIM may carry. */
#define SPOOL_EVENTS_PER_USER 1000

struct spool_index {
	struct spool_tenant *tenants; /* never shrinks: there are few */
	struct spool_event **buckets;
	size_t n;
};

bool spool_index_init(struct spool_index *x);
void spool_index_free(struct spool_index *x);
/* A copy of the record goes in; NULL without memory. Events beyond those of
 * SPOOL_EVENTS_PER_USER are for the caller to refuse: spool_index_of_user. */
struct spool_event *spool_index_add(struct spool_index *x,
				    const struct spool_record *record,
				    struct spool_segment *segment);
/* Takes it out and frees it. */
void spool_index_remove(struct spool_index *x, struct spool_event *e);
/* Up to `max` events of one user that are not parked, oldest first; returns how many
 * there are. */
size_t spool_index_of_user(const struct spool_index *x, struct str tenant,
			   struct str user, const struct spool_event **out, size_t max);

#endif
