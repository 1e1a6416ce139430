/* SPDX-License-Identifier: Apache-2.0 */
/* Where a template's variables get their values: the recipient's row, else the
 * profile, else the template's own default (contracts.md §5 Templates). An empty
 * value is no value. */
#ifndef INLAY_DECISION_VARIABLES_H
#define INLAY_DECISION_VARIABLES_H

#include "decision/decide.h"

/* The row of the campaign's active load, or NULL. */
const struct recipient_row *variables_row(const struct running_campaign *c,
					  const struct user_record *user);
/* Value from the row or the profile; absent if neither has one. Borrowed. */
struct str variables_value(const struct running_campaign *c,
			   const struct user_record *user, struct str name);
/* The first variable without value and default, or NULL. */
const struct template_variable *variables_missing(const struct running_campaign *c,
						  const struct campaign_variant *v,
						  const struct user_record *user);
/* Those of the template that row or profile has a value for; defaults stay with the
 * template. False without memory. */
bool variables_collect(const struct running_campaign *c,
		       const struct campaign_variant *v, const struct user_record *user,
		       struct arena *arena, const struct chosen_variable **out,
		       size_t *n);

#endif
