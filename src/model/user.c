/* SPDX-License-Identifier: Apache-2.0 */
/* Consent and opt-out (decision.md "Consent and law"). A grant counts from its time
 * on; a revocation or opt-out counts at once even if its clock is ahead of ours, as
 * the doubt is the user's. */
#include "model/user.h"

/* Is `a` to be preferred to `b` of the same purpose? Newer wins; of a tie the no. */
static bool consent_beats(const struct consent *a, const struct consent *b)
{
	if (b == NULL || a->at_ms != b->at_ms)
		return b == NULL || a->at_ms > b->at_ms;
	return !a->granted && b->granted;
}

bool user_has_consent(const struct user_profile *p, struct str purpose, int64_t now_ms,
		      const struct consent **by)
{
	const struct consent *best = NULL;
	for (size_t i = 0; i < p->n_consents; i++) {
		const struct consent *c = &p->consents[i];
		if (!str_eq(c->purpose, purpose) || (c->granted && c->at_ms > now_ms))
			continue;
		if (consent_beats(c, best))
			best = c;
	}
	if (by != NULL)
		*by = best;
	return best != NULL && best->granted;
}

static const struct opt_out *newest_opt_out(const struct user_profile *p,
					    struct str purpose)
{
	const struct opt_out *newest = NULL;
	for (size_t i = 0; i < p->n_opt_outs; i++) {
		const struct opt_out *o = &p->opt_outs[i];
		if (o->purpose.p != NULL && !str_eq(o->purpose, purpose))
			continue;
		if (newest == NULL || o->at_ms > newest->at_ms)
			newest = o;
	}
	return newest;
}

bool user_is_opted_out(const struct user_profile *p, struct str purpose, int64_t now_ms,
		       const struct opt_out **by)
{
	const struct opt_out *out = newest_opt_out(p, purpose);
	if (by != NULL)
		*by = NULL;
	if (out == NULL)
		return false;
	for (size_t i = 0; i < p->n_consents; i++) {
		const struct consent *c = &p->consents[i];
		if (c->granted && str_eq(c->purpose, purpose) && c->at_ms <= now_ms &&
		    c->at_ms > out->at_ms)
			return false; /* lifted by a later consent */
	}
	if (by != NULL)
		*by = out;
	return true;
}

const struct attribute *user_attribute(const struct user_profile *p, struct str name)
{
	size_t from = 0, to = p->n_attributes;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int d = str_cmp(name, p->attributes[mid].name);
		if (d == 0)
			return &p->attributes[mid];
		if (d < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

static bool consent_same(const struct consent *a, const struct consent *b)
{
	return a->granted == b->granted && a->at_ms == b->at_ms &&
	       str_eq(a->purpose, b->purpose);
}

/* The oldest entry that decides nothing: one beaten by another of its purpose. */
static size_t oldest_beaten(const struct consent *all, size_t n)
{
	size_t found = n;
	for (size_t i = 0; i < n; i++) {
		bool beaten = false;
		for (size_t j = 0; j < n && !beaten; j++)
			beaten = j != i && str_eq(all[i].purpose, all[j].purpose) &&
				 consent_beats(&all[j], &all[i]);
		if (beaten && (found == n || all[i].at_ms < all[found].at_ms))
			found = i;
	}
	return found;
}

bool user_consent_add(struct arena *a, struct user_profile *p, const struct consent *c)
{
	for (size_t i = 0; i < p->n_consents; i++)
		if (consent_same(&p->consents[i], c))
			return true;
	size_t n = p->n_consents;
	struct consent *all = arena_array(a, n + 1, sizeof *all);
	if (all == NULL)
		return false;
	if (n > 0)
		memcpy(all, p->consents, n * sizeof *all);
	all[n++] = *c;
	while (n > USER_MAX_CONSENTS) {
		size_t gone = oldest_beaten(all, n);
		if (gone == n)
			return false; /* as many purposes as entries */
		memmove(all + gone, all + gone + 1, (n - gone - 1) * sizeof *all);
		n--;
	}
	p->consents = all;
	p->n_consents = n;
	return true;
}

static bool opt_out_same_purpose(const struct opt_out *a, const struct opt_out *b)
{
	return (a->purpose.p == NULL) == (b->purpose.p == NULL) &&
	       str_eq(a->purpose, b->purpose);
}

static size_t oldest_followed(const struct opt_out *all, size_t n)
{
	size_t found = n;
	for (size_t i = 0; i < n; i++) {
		bool followed = false;
		for (size_t j = 0; j < n && !followed; j++)
			followed = opt_out_same_purpose(&all[i], &all[j]) &&
				   all[j].at_ms > all[i].at_ms;
		if (followed && (found == n || all[i].at_ms < all[found].at_ms))
			found = i;
	}
	return found;
}

bool user_opt_out_add(struct arena *a, struct user_profile *p, const struct opt_out *o)
{
	for (size_t i = 0; i < p->n_opt_outs; i++)
		if (opt_out_same_purpose(&p->opt_outs[i], o) &&
		    p->opt_outs[i].at_ms == o->at_ms)
			return true;
	size_t n = p->n_opt_outs;
	struct opt_out *all = arena_array(a, n + 1, sizeof *all);
	if (all == NULL)
		return false;
	if (n > 0)
		memcpy(all, p->opt_outs, n * sizeof *all);
	all[n++] = *o;
	while (n > USER_MAX_CONSENTS) {
		size_t gone = oldest_followed(all, n);
		if (gone == n)
			return false;
		memmove(all + gone, all + gone + 1, (n - gone - 1) * sizeof *all);
		n--;
	}
	p->opt_outs = all;
	p->n_opt_outs = n;
	return true;
}
