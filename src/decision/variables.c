/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/decision-internal.h"

const struct recipient_row *variables_row(const struct running_campaign *c,
					  const struct user_record *user)
{
	if (c->state.active_load == 0)
		return NULL;
	for (size_t i = 0; i < user->n_rows; i++)
		if (user->rows[i].load == c->state.active_load)
			return &user->rows[i];
	return NULL;
}

struct str variables_value(const struct running_campaign *c,
			   const struct user_record *user, struct str name)
{
	const struct recipient_row *row = variables_row(c, user);
	for (size_t i = 0; row != NULL && i < c->n_columns && i < row->n_values; i++)
		if (str_eq(c->columns[i], name) && row->values[i].n > 0)
			return row->values[i];
	const struct attribute *a = user_attribute(&user->profile, name);
	if (a != NULL && a->value.n > 0)
		return a->value;
	return (struct str){NULL, 0};
}

const struct template_variable *variables_missing(const struct running_campaign *c,
						  const struct campaign_variant *v,
						  const struct user_record *user)
{
	for (size_t i = 0; i < v->n_variables; i++)
		if (!v->variables[i].has_default &&
		    variables_value(c, user, v->variables[i].name).p == NULL)
			return &v->variables[i];
	return NULL;
}

bool variables_collect(const struct running_campaign *c,
		       const struct campaign_variant *v, const struct user_record *user,
		       struct arena *arena, const struct chosen_variable **out,
		       size_t *n)
{
	struct chosen_variable *all = arena_array(arena, v->n_variables, sizeof *all);
	size_t found = 0;
	if (all == NULL)
		return false;
	for (size_t i = 0; i < v->n_variables; i++) {
		struct str value = variables_value(c, user, v->variables[i].name);
		if (value.p != NULL)
			all[found++] =
				(struct chosen_variable){v->variables[i].name, value};
	}
	*out = all;
	*n = found;
	return true;
}

bool gate_variables(struct look *l, const struct running_campaign *c)
{
	const struct campaign *d = c->definition;
	for (size_t i = 0; i < d->n_variants; i++) {
		const struct template_variable *missing =
			variables_missing(c, &d->variants[i], l->user);
		if (missing != NULL) {
			fact_string(l, "missing", missing->name);
			return false;
		}
	}
	return true;
}
