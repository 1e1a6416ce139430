/* SPDX-License-Identifier: Apache-2.0 */
/* user id, e-mail address and aliases of a profile: each leads to one user. */
#include "store/ordered/ordered-internal.h"

/* Calls f for each identity of a profile until one returns false. */
typedef bool each_fn(struct tables *t, const struct user_hash *user,
		     enum identity_kind kind, struct str text, struct error *err);

static bool each(struct tables *t, const struct user_hash *user,
		 const struct user_profile *p, each_fn *f, struct error *err)
{
	if (p->user_id.p != NULL && !f(t, user, IDENTITY_USER_ID, p->user_id, err))
		return false;
	if (p->email.p != NULL && !f(t, user, IDENTITY_EMAIL, p->email, err))
		return false;
	for (size_t i = 0; i < p->n_aliases; i++)
		if (!f(t, user, IDENTITY_ALIAS, p->aliases[i], err))
			return false;
	return true;
}

static bool is_of(struct str value, const struct user_hash *user)
{
	return str_eq(value, (struct str){(const char *)user->b, sizeof user->b});
}

static bool check_one(struct tables *t, const struct user_hash *user,
		      enum identity_kind kind, struct str text, struct error *err)
{
	static const char *const where[] = {[IDENTITY_USER_ID] = "/userId",
					    [IDENTITY_EMAIL] = "/email",
					    [IDENTITY_ALIAS] = "/aliases"};
	struct key k = key_identity(kind, text);
	struct str value;
	if (!tables_get(t, TABLE_IDENTITIES, key_str(&k), &value, err))
		return false;
	if (value.p == NULL || is_of(value, user))
		return true;
	return error_set(err, ERROR_CONFLICT, where[kind],
			 "another user has this identity");
}

static bool put_one(struct tables *t, const struct user_hash *user,
		    enum identity_kind kind, struct str text, struct error *err)
{
	struct key k = key_identity(kind, text);
	struct str value;
	if (!tables_get(t, TABLE_IDENTITIES, key_str(&k), &value, err))
		return false;
	if (value.p != NULL && is_of(value, user))
		return true;
	return tables_put(t, TABLE_IDENTITIES, key_str(&k),
			  (struct str){(const char *)user->b, sizeof user->b}, err);
}

static bool remove_one(struct tables *t, const struct user_hash *user,
		       enum identity_kind kind, struct str text, struct error *err)
{
	struct key k = key_identity(kind, text);
	struct str value;
	if (!tables_get(t, TABLE_IDENTITIES, key_str(&k), &value, err))
		return false;
	if (value.p == NULL || !is_of(value, user))
		return true;
	return tables_del(t, TABLE_IDENTITIES, key_str(&k), err);
}

bool identities_check(struct tables *t, const struct user_hash *user,
		      const struct user_profile *p, struct error *err)
{
	return each(t, user, p, check_one, err);
}

bool identities_put(struct tables *t, const struct user_hash *user,
		    const struct user_profile *p, struct error *err)
{
	return each(t, user, p, put_one, err);
}

bool identities_remove(struct tables *t, const struct user_hash *user,
		       const struct user_profile *p, struct error *err)
{
	return each(t, user, p, remove_one, err);
}

bool user_key_of(struct tables *t, const struct user_hash *user, struct str *user_key,
		 struct error *err)
{
	struct key k = key_user(user, USER_HEAD);
	struct str value, rest;
	uint64_t revision;
	*user_key = (struct str){NULL, 0};
	if (!tables_get(t, TABLE_USERS, key_str(&k), &value, err))
		return false;
	return value.p == NULL ||
	       codec_head_split(value, &revision, user_key, &rest, err);
}

/* *user_key stays absent when this identity is not known. */
static bool resolve_one(struct tables *t, enum identity_kind kind, struct str text,
			struct str *user_key, struct error *err)
{
	struct key k = key_identity(kind, text);
	struct str value;
	struct user_hash user;
	if (!tables_get(t, TABLE_IDENTITIES, key_str(&k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	if (value.n != sizeof user.b)
		return error_set(err, ERROR_CORRUPT, "",
				 "a stored identity is damaged");
	memcpy(user.b, value.p, sizeof user.b);
	return user_key_of(t, &user, user_key, err);
}

bool ordered_user_resolve(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	static const enum identity_kind kinds[] = {IDENTITY_USER_ID, IDENTITY_EMAIL,
						   IDENTITY_ALIAS};
	struct str identity = op->user_resolve.identity, found;
	struct user_hash user = user_hash(identity);
	if (!user_key_of(t, &user, &found, err))
		return false;
	for (size_t i = 0; found.p == NULL && i < sizeof kinds / sizeof *kinds; i++)
		if (!resolve_one(t, kinds[i], identity, &found, err))
			return false;
	*op->user_resolve.user_key = arena_str(op->arena, found);
	return found.p == NULL || op->user_resolve.user_key->p != NULL ||
	       no_memory(err);
}
