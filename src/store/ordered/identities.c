/* SPDX-License-Identifier: Apache-2.0 */
/* user id, e-mail address and aliases of a profile: each leads to one user. */
#include "store/ordered/ordered-internal.h"

#include <stdlib.h>

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
static bool resolve_one(struct tables *t, const struct key *k, struct user_hash *user,
			struct str *user_key, struct error *err)
{
	struct str value;
	if (!tables_get(t, TABLE_IDENTITIES, key_str(k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	if (value.n != sizeof user->b)
		return error_set(err, ERROR_CORRUPT, "",
				 "a stored identity is damaged");
	memcpy(user->b, value.p, sizeof user->b);
	return user_key_of(t, user, user_key, err);
}

/* *user_key is borrowed from the table; absent if nobody is meant. *user: whose it is,
 * else whose it would be. */
static bool resolve(struct tables *t, struct str identity, struct user_hash *user,
		    struct str *user_key, struct error *err)
{
	static const enum identity_kind kinds[] = {IDENTITY_USER_ID, IDENTITY_EMAIL,
						   IDENTITY_ALIAS};
	const struct user_hash own = *user;
	if (!user_key_of(t, &own, user_key, err))
		return false;
	for (size_t i = 0; user_key->p == NULL && i < sizeof kinds / sizeof *kinds;
	     i++) {
		struct key k = key_identity_of(kinds[i], identity, &own);
		if (!resolve_one(t, &k, user, user_key, err))
			return false;
	}
	if (user_key->p == NULL)
		*user = own;
	return true;
}

bool ordered_user_resolve(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	struct str found;
	struct user_hash user = user_hash(op->user_resolve.identity);
	if (!resolve(t, op->user_resolve.identity, &user, &found, err))
		return false;
	*op->user_resolve.user_key = arena_str(op->arena, found);
	return found.p == NULL || op->user_resolve.user_key->p != NULL ||
	       no_memory(err);
}

/* Neighbours lie close to each other: what the one has read the next finds in the
 * caches. */
static int by_sort_key(const void *a, const void *b)
{
	const struct store_identity *const *x = a, *const *y = b;
	return memcmp((*x)->sort_key, (*y)->sort_key, sizeof(*x)->sort_key);
}

static bool resolve_item(struct tables *t, struct store_identity *item,
			 struct arena *arena, struct error *err)
{
	struct str found = {NULL, 0};
	struct user_hash user;
	memcpy(user.b, item->sort_key, sizeof user.b);
	if (item->text.n > 0 && item->text.n <= STORE_USER_KEY_MAX &&
	    !resolve(t, item->text, &user, &found, err))
		return false;
	memcpy(item->sort_key, user.b, sizeof user.b);
	item->user_key = found.p != NULL && str_eq(found, item->text)
				 ? item->text
				 : arena_str(arena, found);
	return found.p == NULL || item->user_key.p != NULL || no_memory(err);
}

bool ordered_users_resolve(struct tables *t, const struct store_op *op,
			   struct error *err)
{
	size_t n = op->users_resolve.n;
	struct store_identity **order =
		arena_array(t->scratch, n, sizeof(struct store_identity *));
	if (order == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		order[i] = &op->users_resolve.items[i];
		store_sort_key(order[i]->text, order[i]->sort_key);
	}
	if (n > 1)
		qsort(order, n, sizeof *order, by_sort_key);
	for (size_t i = 0; i < n; i++)
		if (!resolve_item(t, order[i], op->arena, err))
			return false;
	return true;
}
