/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 store means by a status and a code ("Error responses" of its API
 * reference): whether to ask again and how, and in words. Pure. */
#ifndef INLAY_NET_S3_REFUSAL_H
#define INLAY_NET_S3_REFUSAL_H

#include "base/error.h"

struct s3_refusal {
	long status;
	struct str code, message; /* absent: it said none */
	struct str region;        /* that it named */
	struct str endpoint;      /* likewise */
	struct str host, bucket, key, own_region;
	/* Its clock less ours, as far as its answer says. */
	int64_t clock_ms;
};

/* It may do so the next time: too much to do, or a fault of its own. */
bool s3_refusal_passes(const struct s3_refusal *r);
/* Perhaps it knows another version of the signature. */
bool s3_refusal_of_signature(const struct s3_refusal *r);
/* It has looked at what was asked for, so it took the signature. */
bool s3_refusal_took_signature(const struct s3_refusal *r);
/* One sentence; false. */
bool s3_refusal_words(const struct s3_refusal *r, struct error *err);

#endif
