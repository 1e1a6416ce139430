/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the spool: 16 hex digits and ".spool", records one behind the other.
 * Its room on disk is reserved when it is made, so that a full disk is noticed
 * before an event comes, not when it is written. */
#ifndef INLAY_AGENT_SPOOL_SEGMENT_H
#define INLAY_AGENT_SPOOL_SEGMENT_H

#include "agent/spool-record.h"
#include "base/error.h"

#define SPOOL_SEGMENT_NAME 23 /* with the NUL */

struct spool_segment {
	struct spool_segment *next; /* the spool's list */
	char name[SPOOL_SEGMENT_NAME];
	int fd;          /* -1: not open */
	uint64_t size;   /* bytes of records */
	uint64_t room;   /* bytes that it may have */
	size_t pending;  /* events not delivered yet */
	bool keep_aside; /* has bytes that are no records: renamed, not removed */
};

/* NULL with FULL when there is no room on the disk. */
struct spool_segment *spool_segment_new(int directory, uint64_t sequence, uint64_t room,
					struct error *err);
/* All of it or nothing. */
bool spool_segment_append(struct spool_segment *g, struct str bytes, struct error *err);
/* Drops all records, keeps the room. */
bool spool_segment_empty(struct spool_segment *g, struct error *err);
/* Removes the file (or puts it aside as *.damaged) and frees g. */
void spool_segment_remove(int directory, struct spool_segment *g);
void spool_segment_close(struct spool_segment *g); /* the file stays */

/* Reads a file of an earlier run, cuts a torn tail off, and calls `take` for each
 * record; *cut: bytes that were cut. */
struct spool_segment *spool_segment_load(int directory, const char *name,
					 bool (*take)(void *ctx,
						      const struct spool_record *r,
						      size_t length),
					 void *ctx, uint64_t *cut, struct error *err);
/* Is this the name of a segment? */
bool spool_segment_is_name(const char *name);

#endif
