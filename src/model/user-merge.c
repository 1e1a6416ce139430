/* SPDX-License-Identifier: Apache-2.0 */
#include "model/user-merge.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

static bool is_changed(const struct user_change *c, struct str name)
{
	for (size_t i = 0; i < c->n_attributes; i++)
		if (str_eq(c->attributes[i].name, name))
			return true;
	return false;
}

static bool merge_attributes(const struct user_profile *old,
			     const struct user_change *c, struct arena *arena,
			     struct user_profile *out, struct error *err)
{
	size_t n = 0;
	struct attribute *all =
		arena_array(arena, out->n_attributes + c->n_attributes, sizeof *all);
	if (all == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a profile");
	for (size_t i = 0; old != NULL && !c->clear_attributes && i < old->n_attributes;
	     i++)
		if (!is_changed(c, old->attributes[i].name))
			all[n++] = old->attributes[i];
	for (size_t i = 0; i < c->n_attributes; i++)
		if (c->attributes[i].value.p != NULL)
			all[n++] = c->attributes[i];
	if (n > USER_MAX_ATTRIBUTES)
		return error_set(err, ERROR_TOO_LARGE, "/attributes",
				 "a user may have at most %d attributes",
				 USER_MAX_ATTRIBUTES);
	if (n > 1)
		qsort(all, n, sizeof *all, by_name);
	out->attributes = all;
	out->n_attributes = n;
	return true;
}

static bool add_consents(const struct user_change *c, struct arena *arena,
			 struct user_profile *out, struct error *err)
{
	bool ok = true;
	for (size_t i = 0; ok && i < c->n_consents; i++)
		ok = user_consent_add(arena, out, &c->consents[i]);
	for (size_t i = 0; ok && i < c->n_opt_outs; i++)
		ok = user_opt_out_add(arena, out, &c->opt_outs[i]);
	if (ok)
		return true;
	if (arena_failed(arena))
		return error_set(err, ERROR_MEMORY, "", "no memory for a profile");
	return error_set(err, ERROR_TOO_LARGE, "/consents",
			 "consents or opt-outs of too many purposes");
}

bool user_merge(const struct user_profile *old, struct str user_key,
		const struct user_change *change, struct arena *arena,
		struct user_profile *out, struct error *err)
{
	*out = old != NULL ? *old : (struct user_profile){.user = user_key};
	if (change->set_user_id)
		out->user_id = change->user_id;
	if (change->set_email)
		out->email = change->email;
	if (change->set_aliases) {
		out->aliases = change->aliases;
		out->n_aliases = change->n_aliases;
	}
	if (out->n_aliases > USER_MAX_ALIASES)
		return error_set(err, ERROR_TOO_LARGE, "/aliases",
				 "a user may have at most %d aliases",
				 USER_MAX_ALIASES);
	if (!change->clear_attributes && change->n_attributes == 0)
		return add_consents(change, arena, out, err);
	return merge_attributes(old, change, arena, out, err) &&
	       add_consents(change, arena, out, err);
}

bool user_change_revokes(const struct user_change *change)
{
	for (size_t i = 0; i < change->n_consents; i++)
		if (!change->consents[i].granted)
			return true;
	return change->n_opt_outs > 0;
}
