/* SPDX-License-Identifier: Apache-2.0 */
/* A client of an S3 store: one signed request and its answer, whatever that is
 * (s3-exchange.c); and calls, which are as many of them as it takes (s3-call.c). */
#ifndef INLAY_NET_S3_CLIENT_H
#define INLAY_NET_S3_CLIENT_H

#include "net/object-store.h"
#include "net/outgoing.h"
#include "net/s3-answer.h"
#include "net/s3-place.h"
#include "net/s3-sign.h"

#define S3_ETAG_MAX 256

struct s3_client {
	struct object_s3_settings settings;
	struct s3_place place;
	unsigned version; /* of the signature in use: 2, 4 */
	/* No other version is tried: it was given, or accepted once. */
	bool settled;
	bool reached;     /* it has answered something */
	int64_t until_us; /* clock_mono_us() when all has to be over; 0: no limit */
	CURLM *multi;
	CURL *easy;
};

struct s3_exchange {
	/* What is asked. */
	struct str method, key; /* no key: the bucket */
	const struct s3_pair *query, *headers;
	size_t n_query, n_headers;
	struct str body; /* absent: none */
	uint64_t from; /* a GET's first byte; only if the object is the one of `etag` */
	unsigned tries; /* of a call, for what may pass; 0: as many as are of use */
	/* Gets the body of a success; NULL: it is kept in `text`, as that of an error
	 * is. */
	object_fn *take;
	void *ctx;
	/* What came. */
	long status;    /* 0: nothing */
	uint64_t taken; /* bytes of the body, by all exchanges */
	int64_t length; /* of the body, as it was announced; -1: it was not */
	int64_t size;   /* of the object, as the first success had it; -1: it did not */
	char etag[S3_ETAG_MAX];         /* of a success; of a GET's first one */
	char region[S3_REGION_MAX + 1]; /* of the bucket, "" if it does not say */
	int64_t clock_ms;               /* its clock less ours; 0: it does not say */
	struct buf text;
	bool whole; /* the answer came to its end, and is what was asked for */
	bool other; /* a success, but not the part of that object that was asked for */
	unsigned times; /* exchanges that were made for the call */
	bool timed_out; /* nothing came, or went, for too long */
	bool failed;    /* the taker, a stop, or no memory: *err says */
	CURLcode code;
	struct outgoing outgoing;
};

void s3_exchange_init(struct s3_exchange *x, const struct s3_client *c);
void s3_exchange_free(struct s3_exchange *x);
/* Makes the request; x says what came. False: x->failed. */
bool s3_exchange_run(struct s3_client *c, struct s3_exchange *x, struct error *err);
/* Is it to stop? */
bool s3_client_stops(const struct s3_client *c, struct error *err);
/* Waits, unless it is to stop: then false. */
bool s3_client_wait(const struct s3_client *c, int64_t us, struct error *err);

/* Until there is an answer that means what it says: with a back-off where the store has
 * a fault that may pass, with the other version of the signature where that is not
 * given, in the bucket's region. A success: x->whole, and what was kept of it is XML,
 * and in *said; said and arena may both be NULL, then it may be anything. Otherwise
 * *err is in words. */
bool s3_call(struct s3_client *c, struct s3_exchange *x, struct arena *arena,
	     struct s3_answer *said, struct error *err);

/* object-s3.c */
struct s3_client *s3_client_of(struct object_store *store);

#endif
