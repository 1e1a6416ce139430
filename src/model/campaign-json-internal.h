/* SPDX-License-Identifier: Apache-2.0 */
/* What reading, rules and writing of a campaign share: names of enums' values. */
#ifndef INLAY_MODEL_CAMPAIGN_JSON_INTERNAL_H
#define INLAY_MODEL_CAMPAIGN_JSON_INTERNAL_H

#include "model/campaign-json.h"
#include "model/json-table.h"

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

void campaign_read_u32(struct json_table_reader *r, const json_t *v, uint32_t min,
		       uint32_t max, uint32_t *out);
/* An object of which a rule spans several fields: true only if all of them were read
 * without an error. */
bool campaign_read_parts(struct json_table_reader *r, const json_t *v);

/* campaign-placement.c: readers of where a message goes, and how it stays there */
json_field_fn campaign_read_placement, campaign_read_position, campaign_read_rank,
	campaign_read_date, campaign_read_while_unread, campaign_read_after_newer,
	campaign_read_keep_times, campaign_read_after, campaign_read_times;

/* Rules that span fields and need nothing else; for a campaign that was read
 * without errors. */
bool campaign_check_rules(const struct campaign *c, const char *prefix,
			  struct error_list *errors);

#endif
