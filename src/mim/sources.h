/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's data sources, opened: a directory, or a bucket of an S3 store. */
#ifndef INLAY_MIM_SOURCES_H
#define INLAY_MIM_SOURCES_H

#include "mim/mim.h"
#include "net/object-store.h"

struct source_opening {
	const struct mim *mim;
	struct str tenant;                /* id */
	const struct data_source *source; /* borrowed as long as it is open */
	struct arena *arena;              /* likewise */
	int64_t timeout_ms;       /* without a byte; 0: inlay.datasource.timeout */
	int64_t within_ms;        /* all calls together; 0: no limit */
	unsigned tries;           /* 0: as many as it takes */
	bool (*stops)(void *ctx); /* asked all along; may be NULL */
	void *stops_ctx;
};
/* NULL with err; otherwise for object_store_close(). Nobody was asked yet, but a
 * directory is there. */
struct object_store *source_open(const struct source_opening *o, struct error *err);

#endif
