/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wants to see of a running import: how far, how fast, how long yet.
 * Pure arithmetic and text. */
#ifndef INLAY_CLI_PROGRESS_H
#define INLAY_CLI_PROGRESS_H

#include "base/buf.h"

/* One look at the import, as the middleware tells it. */
struct progress_sample {
	struct str phase;
	uint64_t rows_read, rows_accepted, rows_rejected, rows_loaded;
	uint64_t rows_total; /* 0: not known yet */
	uint64_t bytes_read;
	uint64_t bytes_total;   /* 0: not known yet */
	double rows_per_second; /* of the middleware; 0: not known */
	int64_t left_ms;        /* of the middleware; -1: not known */
};

struct progress {
	struct progress_sample now;
	int64_t started_us, now_us; /* monotonic */
};

/* How much is done, 0 to 1; negative: nobody knows. Reading and sorting are the first
 * half, loading the second: the rows pass twice. Never goes back within a phase. */
double progress_fraction(const struct progress_sample *s);
/* Rows a second: the middleware's figure, else the mean since the start; 0 if none. */
double progress_rate(const struct progress *p);
/* Seconds left: the middleware's figure, else from fraction and time gone; -1 if
 * nobody knows. */
int64_t progress_left_s(const struct progress *p);
/* 0:07, 12:30, 1:02:03 */
void progress_format_time(struct buf *out, int64_t seconds);
/* "12.3k", "1.2M": at most five characters */
void progress_format_count(struct buf *out, double n);
/* One line without a line break, at most `width` columns. */
bool progress_line(struct buf *out, const struct progress *p, size_t width);

#endif
