/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's data sources: which one is meant, and where things lie in it. */
#ifndef INLAY_MODEL_DATA_SOURCE_H
#define INLAY_MODEL_DATA_SOURCE_H

#include "model/tenant.h"
#include "net/object-store.h"

/* NULL: there is none. */
const struct data_source *tenant_data_source(const struct tenant *t, struct str id);
const struct data_source *tenant_default_data_source(const struct tenant *t);
/* The key of what lies there under a prefix of the caller's: the source's own prefix,
 * that, and the name, of which each may be absent. BAD_VALUE: longer than *out may be.
 */
bool data_source_key(const struct data_source *d, struct str prefix, struct str name,
		     struct buf *out, struct error *err);

/* As a client of S3 has it; what is not said of the source is absent. Borrowed from
 * it. */
struct object_s3_settings data_source_s3(const struct data_source *d);

#endif
