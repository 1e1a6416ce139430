/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant: what the original's JSON body of /api/tenants/ says (contracts.md §1),
 * with our optional fields. Text lives in the arena that it was parsed into. */
#ifndef INLAY_MODEL_TENANT_H
#define INLAY_MODEL_TENANT_H

#include "base/arena.h"
#include "base/error.h"
#include "model/id.h"

#define TENANT_DEFAULT_ID "default"
#define TENANT_SECRET_MASK "********"

enum authorization_type {
	AUTHORIZATION_RADOS,
	AUTHORIZATION_AWS,
	AUTHORIZATION_DIRECTORY,
};

struct data_source {
	struct str id, type; /* type as given: "ongage", "directory", ... */
	bool default_data_source;
	bool delete_temporary_import_files;
	enum authorization_type authorization;
	struct str access_key; /* shown */
	struct str secret_key; /* secret */
	struct str endpoint, bucket, region, prefix;
	unsigned signature_version; /* 0 = auto, 2, 4 */
	bool restricted; /* set with a tenant's token: public addresses only */
};

enum conversion_point_type {
	CONVERSION_POINT_ONGAGE,
	CONVERSION_POINT_WEBHOOK,
};

struct conversion_point {
	struct str id, description;
	enum conversion_point_type type;
	struct str event_type; /* injected, reinjected, read, expunged */
	struct str url;
	struct str secret; /* webhook: signing secret */
	bool restricted;   /* as above */
};

struct tenant_limits {
	uint32_t max_per_decision;     /* 1: non-service injections an answer */
	int64_t min_spacing_ms;        /* PT1H: between two of them in a mailbox */
	uint32_t live_unread;          /* 2: unread non-service messages at once */
	uint32_t service_per_decision; /* 2 */
};

struct sender {
	struct str address; /* address, or a domain "@example.com" */
	struct str company; /* who is responsible for it */
};

struct tenant {
	struct str id, name, keyspace;
	struct str secret_key; /* configuration.secretKey */
	bool hashed_email_addresses;
	struct data_source *data_sources;
	size_t n_data_sources;
	struct conversion_point *conversion_points;
	size_t n_conversion_points;
	struct str time_zone, brand, public_url;
	struct sender *senders;
	size_t n_senders;
	bool accept_unknown_users; /* unknownUsers: accept */
	bool allow_interleaved_ads;
	bool engagement_per_user; /* engagement: perUser */
	bool restrict_senders;    /* senders was given */
	struct tenant_limits limits;
};

#endif
