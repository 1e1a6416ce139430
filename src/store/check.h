/* SPDX-License-Identifier: Apache-2.0 */
/* What the front refuses: arguments that no backend may be asked to keep. All of
 * them fill *err and return false. */
#ifndef INLAY_STORE_CHECK_H
#define INLAY_STORE_CHECK_H

#include "store/store.h"

bool check_user_key(struct str user_key, struct error *err);
/* A campaign, variant, point, ...: 1 to STORE_NAME_MAX bytes without NUL. */
bool check_name(struct str name, const char *what, struct error *err);
bool check_time(int64_t ms, struct error *err);
bool check_document_id(enum store_collection c, struct str id, struct error *err);
bool check_document_range(enum store_collection c, struct str prefix, struct str after,
			  struct error *err);
bool check_document(enum store_collection c, struct str id, struct str body,
		    struct error *err);
/* Strictly ascending. */
bool check_loads(const uint64_t *loads, size_t n, struct error *err);
bool check_rows(const struct store_row *rows, size_t n, struct error *err);
bool check_profile(struct str user_key, const struct user_profile *p,
		   struct error *err);
bool check_change(struct str user_key, const struct store_user_change *c,
		  struct error *err);
bool check_outcomes(const struct store_outcome *outcomes, size_t n, struct error *err);
bool check_point_state(const struct store_point_state *s, struct error *err);
bool check_resume(struct str resume, struct error *err);

#endif
