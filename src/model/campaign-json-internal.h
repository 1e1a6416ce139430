/* SPDX-License-Identifier: Apache-2.0 */
/* What reading, rules and writing of a campaign share: names of enums' values. */
#ifndef INLAY_MODEL_CAMPAIGN_JSON_INTERNAL_H
#define INLAY_MODEL_CAMPAIGN_JSON_INTERNAL_H

#include "model/campaign-json.h"

#define AUDIENCE_FROMS 2
#define PLACEMENTS 3
#define REPEAT_AFTERS 3
#define REPEAT_AFTER_ALL (REPEAT_AFTER_READ | REPEAT_AFTER_GONE | REPEAT_AFTER_EXPIRED)

/* indexed by the enum */
extern const char *const campaign_type_names[CAMPAIGN_TYPES_COUNT];
extern const char *const legal_class_names[LEGAL_CLASSES_COUNT];
extern const char *const audience_from_names[AUDIENCE_FROMS];
extern const char *const placement_names[PLACEMENTS];
extern const char *const repeat_after_names[REPEAT_AFTERS]; /* [i]: bit 1 << i */

/* Rules that span fields and need nothing else; for a campaign that was read
 * without errors. */
bool campaign_check_rules(const struct campaign *c, const char *prefix,
			  struct error_list *errors);

#endif
