/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of tenants, data sources and conversion points (contracts: the original's
 * body of /api/tenants/ to the letter). Pure: what needs the file system, the store
 * or a key is checked by the caller. */
#ifndef INLAY_MODEL_TENANT_JSON_H
#define INLAY_MODEL_TENANT_JSON_H

#include "base/json.h"
#include "model/data-source.h"

#include <jansson.h>

#define TENANT_MAX_DATA_SOURCES 64
#define TENANT_MAX_CONVERSION_POINTS 64
#define TENANT_MAX_SENDERS 256

/* Where a document comes from. */
enum tenant_form {
	TENANT_GIVEN,  /* by a caller */
	TENANT_STORED, /* by ourselves: has "restricted", secrets may be sealed */
};

/* What a request replaces: pointers of errors begin there. */
enum tenant_part {
	TENANT_WHOLE,
	TENANT_DATA_SOURCES,
	TENANT_CONVERSION_POINTS,
};

/* Reads a whole tenant, checks it whole; text is copied into the arena. False: what
 * is wrong is in errors. */
bool tenant_parse(json_t *doc, enum tenant_form form, struct arena *arena,
		  struct tenant *out, struct error_list *errors);
/* Only a list, as PUT …/dataSources and …/conversionPoints give it; replaces that of
 * *t. */
bool tenant_parse_data_sources(json_t *list, struct arena *arena, struct tenant *t,
			       struct error_list *errors);
bool tenant_parse_conversion_points(json_t *list, struct arena *arena, struct tenant *t,
				    struct error_list *errors);

/* Prints it with the secrets as they stand (mask or seal them before). */
void tenant_print(struct json_writer *w, const struct tenant *t, enum tenant_form form);
void tenant_print_data_sources(struct json_writer *w, const struct tenant *t,
			       enum tenant_form form);
void tenant_print_conversion_points(struct json_writer *w, const struct tenant *t,
				    enum tenant_form form);

/* A copy that shares nothing. NULL without memory. */
struct tenant *tenant_copy(struct arena *arena, const struct tenant *t);

/* Calls f for each secret that is there, with what it is bound to (list, id, field):
 * f may replace *value. Stops at false and returns it. */
typedef bool tenant_secret_fn(void *ctx, const char *list, struct str id,
			      const char *field, struct str *value);
bool tenant_each_secret(struct tenant *t, tenant_secret_fn *f, void *ctx);
/* Every secret becomes TENANT_SECRET_MASK. */
void tenant_mask(struct tenant *t);
/* Puts the secrets of `old` (may be NULL) in place of the masks of *t. A mask of
 * something that is not in old, or whose endpoint, url or type differs from it, is an
 * error: "send the secret again". */
bool tenant_unmask(struct tenant *t, const struct tenant *old, enum tenant_part part,
		   struct error_list *errors);
/* What only an admin may set (keyspaceName, directory endpoints) must be as in `old`;
 * endpoints and URLs that are not in old become `restricted`, others keep theirs.
 * False: FORBIDDEN in errors. */
bool tenant_restrict(struct tenant *t, const struct tenant *old, enum tenant_part part,
		     struct error_list *errors);

const struct conversion_point *tenant_conversion_point(const struct tenant *t,
						       struct str id);
const char *authorization_type_name(enum authorization_type a);
const char *conversion_point_type_name(enum conversion_point_type c);

#endif
