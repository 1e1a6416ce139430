/* SPDX-License-Identifier: Apache-2.0 */
/* Where a bucket is: the host to ask, and how the bucket and its keys stand in a URL
 * ("Virtual hosting of buckets" of the S3 user guide). Pure. */
#ifndef INLAY_NET_S3_PLACE_H
#define INLAY_NET_S3_PLACE_H

#include "base/buf.h"
#include "base/error.h"

#define S3_HOST_MAX 512
#define S3_BUCKET_MAX 255
#define S3_REGION_MAX 63
#define S3_DEFAULT_REGION "us-east-1"

struct s3_place {
	bool https;
	bool virtual_host;      /* the bucket stands in the host, not in the path */
	bool moves;             /* other regions have other hosts */
	char base[S3_HOST_MAX]; /* host[:port] without the bucket */
	char host[S3_HOST_MAX + S3_BUCKET_MAX + 2]; /* host[:port] that is asked */
	char bucket[S3_BUCKET_MAX + 1];
	char region[S3_REGION_MAX + 1];
};

struct s3_place_given {
	struct str endpoint; /* host[:port], https unless it says http:// */
	struct str bucket;
	struct str region; /* absent or empty: S3_DEFAULT_REGION */
	/* As Amazon has it: the bucket in the host where a certificate's name allows
	 * it, and without an endpoint the region's own. Else in the path. */
	bool amazon;
};

/* UNPROCESSABLE: the endpoint is none, or something is too long. */
bool s3_place_set(struct s3_place *p, const struct s3_place_given *given,
		  struct error *err);

/* The bucket is in another region, as the store says: what is asked next is signed for
 * that, and where the endpoint is s3.X or s3.us-east-1.X (with the region that was
 * given, or any at Amazon's), is asked at s3.eu-west-1.X. So nobody's word leads out of
 * the endpoint's own domain, which has a dot in it. False if it is no region, or that
 * is where it was asked: then nothing changes. */
bool s3_place_move(struct s3_place *p, struct str region);

/* "/bucket/key" or "/key", percent-encoded; without a key the bucket itself. */
bool s3_place_path(const struct s3_place *p, struct str key, struct buf *out);
/* What version 2 signs before the path. */
bool s3_place_resource(const struct s3_place *p, struct buf *out);
/* "https://host" */
bool s3_place_root(const struct s3_place *p, struct buf *out);

#endif
