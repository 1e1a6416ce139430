/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks an S3 store proves it by a signature: version 4 (AWS4-HMAC-SHA256,
 * "Signature Calculations for the Authorization Header" of the API reference), or
 * version 2 (HMAC-SHA1, "Signing and authenticating REST requests"). Pure. */
#ifndef INLAY_NET_S3_SIGN_H
#define INLAY_NET_S3_SIGN_H

#include "base/buf.h"

struct s3_pair {
	struct str name, value;
};

struct s3_request {
	struct str method;
	struct str path; /* percent-encoded, as it goes over the line */
	/* What V2 puts before the path: "/bucket" where the bucket stands in the host.
	 */
	struct str resource;
	/* Not encoded; a value that is absent stands without "=". */
	const struct s3_pair *query;
	size_t n_query;
	/* Names in lower case, values without blanks at their ends; V4 signs them all.
	 */
	const struct s3_pair *headers;
	size_t n_headers;
};

struct s3_keys {
	struct str access_key, secret_key, region;
};

/* Most of a query, a path, and what is signed; also the number of parts. */
#define S3_SIGN_MAX (16 * 1024)
#define S3_PAIRS_MAX 16

/* The Authorization header's value. V4 needs the headers host, x-amz-date and
 * x-amz-content-sha256; V2 needs date or x-amz-date. False: one is missing, or a part
 * is too large, or there is no memory. */
bool s3_sign_v4(struct buf *out, const struct s3_request *r, const struct s3_keys *k);
bool s3_sign_v2(struct buf *out, const struct s3_request *r, const struct s3_keys *k);

/* The query as it goes over the line, without "?". */
bool s3_query_write(struct buf *out, const struct s3_pair *query, size_t n);
/* "/" and the key, all but its slashes encoded. */
bool s3_key_write(struct buf *out, struct str key);

#define S3_DATE_LEN 16
/* 20130524T000000Z; years to 9999. */
void s3_date(char out[S3_DATE_LEN + 1], int64_t ms);

#endif
