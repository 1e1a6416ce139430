/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 store says in XML: errors, lists of objects, uploads. Pure. */
#ifndef INLAY_NET_S3_ANSWER_H
#define INLAY_NET_S3_ANSWER_H

#include "base/arena.h"
#include "base/error.h"

/* Most of an answer: a list of 1,000 keys of 1,024 bytes, each as %XX, and more. */
#define S3_ANSWER_MAX ((size_t)8 << 20)
/* Most of one text in it; and of objects in a list. */
#define S3_TEXT_MAX 4096
#define S3_LIST_MAX 1000

enum s3_answer_kind {
	S3_ANSWER_OTHER,    /* XML, but of none of these kinds */
	S3_ANSWER_ERROR,    /* Error */
	S3_ANSWER_LIST,     /* ListBucketResult */
	S3_ANSWER_UPLOAD,   /* InitiateMultipartUploadResult */
	S3_ANSWER_COMPLETE, /* CompleteMultipartUploadResult */
};

struct s3_object {
	struct str key;
	uint64_t size;
};

/* Absent is what was not said. */
struct s3_answer {
	enum s3_answer_kind kind;
	struct str code, message, region, endpoint; /* of an error */
	struct str upload_id;
	struct str etag; /* of a complete upload */
	struct s3_object *objects;
	size_t n_objects;
	bool more;         /* the list is cut */
	struct str token;  /* where it goes on (V2) */
	struct str marker; /* where it goes on (V1): the last key, if nothing else */
};

/* All of an answer, in the arena. SYNTAX: it is no XML, has a document type, is nested
 * too deep, or a text or the list is too long; MEMORY. */
bool s3_answer_parse(struct arena *arena, struct str xml, struct s3_answer *out,
		     struct error *err);

#endif
