/* SPDX-License-Identifier: Apache-2.0 */
/* What the loads for HTTP share: the bodies that are asked with, a request, an answer
 * as mimd and nginx write it, and how long answers took. What cannot go on ends the
 * program. */
#ifndef INLAY_BENCH_HTTP_H
#define INLAY_BENCH_HTTP_H

#include "base/buf.h"

#define ANSWER_MAX (256 * 1024)

/* With errno, and status 1. */
_Noreturn void bench_die(const char *what);

/* A number of the command line; if it is none up to max, status 2. */
uint64_t bench_number(const char *text, uint64_t max);

/* Lines of a file, in order and from the start again; kept to the end of the process.
 */
struct bodies {
	struct str *lines;
	size_t n, next;
};
void bodies_read(struct bodies *b, const char *path);

struct target {
	struct str path, token; /* token absent: none is sent */
};
/* token_file may be "-" */
struct target target_read(const char *path, const char *token_file);

/* Writes the next request into out, in place of what it holds. */
void request_write(struct buf *out, const struct target *to, struct bodies *bodies);

/* The value of a field of a head; absent if there is none. */
struct str head_field(struct str head, struct str name);

/* Bytes of the answer that `in` begins with, and its head; 0: it is not all there. */
size_t answer_size(struct str in, struct str *head);

#define LATENCY_MAX_US 2000000 /* longer ones are counted as this */

struct latency {
	uint64_t n;
	int64_t longest_us;
	uint32_t *counts; /* [LATENCY_MAX_US + 1] */
};
void latency_init(struct latency *t);
void latency_add(struct latency *t, int64_t us);
unsigned latency_percentile(const struct latency *t, double share); /* 0: no answer */

#endif
