/* SPDX-License-Identifier: Apache-2.0 */
/* Where a message goes in the inbox, and how it comes back there: the readers of
 * "placement" and "reinjection". */
#include "model/campaign-json-internal.h"

void campaign_read_position(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	unsigned i;
	if (json_table_choice(r, v, placement_names, PLACEMENTS, &i))
		c->position = (enum placement_position)i;
}

void campaign_read_rank(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_RANK_MAX, &c->rank);
}

void campaign_read_date(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_time(r, v, &c->date_ms);
}

/* A message that was read is never put in anew; to say so is allowed. */
void campaign_read_while_unread(struct json_table_reader *r, const json_t *v)
{
	if (!json_is_boolean(v))
		json_table_error(r, ERROR_BAD_VALUE, "must be true");
	else if (!json_is_true(v))
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "must be true: what was read is left where it is");
}

void campaign_read_after_newer(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_NEWER_MAX, &c->keep_on_top.after_newer);
}

void campaign_read_keep_times(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_TIMES_MAX, &c->keep_on_top.max_times);
}

void campaign_read_after(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	if (json_table_duration(r, v, &c->reinjection.after_ms) &&
	    c->reinjection.after_ms < CAMPAIGN_AFTER_MIN_MS)
		json_table_error(r, ERROR_BAD_VALUE, "must be a second or longer");
}

void campaign_read_times(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_TIMES_MAX, &c->reinjection.max_times);
}

/* A position that has a value of its own needs it, and no other has it. */
static void check_value(struct json_table_reader *r, const json_t *v,
			enum placement_position its)
{
	const struct campaign *c = r->out;
	const char *name = placement_names[its];
	bool has = json_object_get(v, name) != NULL;
	if (c->position == its && !has)
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "position \"%s\" needs a \"%s\"", name, name);
	if (c->position != its && has)
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "\"%s\" goes with position \"%s\" only", name, name);
}

void campaign_read_placement(struct json_table_reader *r, const json_t *v)
{
	const struct campaign *c = r->out;
	if (!campaign_read_parts(r, v))
		return;
	check_value(r, v, PLACEMENT_RANK);
	check_value(r, v, PLACEMENT_DATE);
	if (c->position == PLACEMENT_DATE && c->keep_on_top.max_times > 0)
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "\"keepOnTop\" does not go with position \"date\": "
				 "a message of a given date is not on top");
}
