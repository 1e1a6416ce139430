/* SPDX-License-Identifier: Apache-2.0 */
/* Templates on disk, {directory}/{tenant}/{sha256}: bytes that hash to their name,
 * or they are not given out. Bounded: what was used least recently goes first. */
#ifndef INLAY_AGENT_TEMPLATE_DISK_H
#define INLAY_AGENT_TEMPLATE_DISK_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

#define TEMPLATE_SHA256_LEN 64 /* hex digits */

struct template_disk;

/* Looks through what is there. The directory must exist. */
struct template_disk *template_disk_open(const char *directory, uint64_t max_bytes,
					 struct log *log, struct error *err);
void template_disk_close(struct template_disk *d);

/* Reads it into `out` (emptied first). False: not there, or damaged and removed. */
bool template_disk_get(struct template_disk *d, struct str tenant, struct str sha256,
		       struct buf *out);
/* Writes it (a temporary file, then renamed), dropping others if need be. The hash
 * must have been checked: template_hash_is. A failure is logged and does no harm. */
void template_disk_put(struct template_disk *d, struct str tenant, struct str sha256,
		       struct str bytes);
uint64_t template_disk_bytes(const struct template_disk *d);

/* 64 lower-case hex digits? */
bool template_is_sha256(struct str s);
bool template_hash_is(struct str bytes, struct str sha256);

#endif
