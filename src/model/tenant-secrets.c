/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fields.h"
#include "model/tenant-json.h"

#include <stdio.h>

const struct conversion_point *tenant_conversion_point(const struct tenant *t,
						       struct str id)
{
	for (size_t i = 0; t != NULL && i < t->n_conversion_points; i++)
		if (str_eq(t->conversion_points[i].id, id))
			return &t->conversion_points[i];
	return NULL;
}

bool tenant_each_secret(struct tenant *t, tenant_secret_fn *f, void *ctx)
{
	if (t->secret_key.n > 0 &&
	    !f(ctx, "configuration", t->id, "secretKey", &t->secret_key))
		return false;
	for (size_t i = 0; i < t->n_data_sources; i++) {
		struct data_source *d = &t->data_sources[i];
		if (d->secret_key.n > 0 &&
		    !f(ctx, "dataSources", d->id, "secretKey", &d->secret_key))
			return false;
	}
	for (size_t i = 0; i < t->n_conversion_points; i++) {
		struct conversion_point *c = &t->conversion_points[i];
		if (c->secret.n > 0 &&
		    !f(ctx, "conversionPoints", c->id, "secret", &c->secret))
			return false;
	}
	return true;
}

static bool mask(void *ctx, const char *list, struct str id, const char *field,
		 struct str *value)
{
	(void)ctx;
	(void)list;
	(void)id;
	(void)field;
	*value = STR(TENANT_SECRET_MASK);
	return true;
}

void tenant_mask(struct tenant *t)
{
	tenant_each_secret(t, mask, NULL);
}

static bool is_mask(struct str s)
{
	return str_eqz(s, TENANT_SECRET_MASK);
}

/* Whoever could send the mask with another address would have the secret sent there. */
static void refuse_mask(struct error_list *errors, const char *list, size_t i,
			const char *member, const char *changed)
{
	char at[FIELD_POINTER_MAX];
	snprintf(at, sizeof at, "%s/%zu/%s", list, i, member);
	if (changed == NULL)
		error_list_add(errors, ERROR_BAD_VALUE, at,
			       "the mask stands for no stored secret: send the secret");
	else
		error_list_add(errors, ERROR_BAD_VALUE, at,
			       "%s has changed: send the secret again, not its mask",
			       changed);
}

static bool same(struct str a, struct str b)
{
	return str_eq(a, b); /* absent and empty are the same here */
}

static void unmask_data_source(struct data_source *d, size_t i,
			       const struct data_source *o, const char *list,
			       struct error_list *errors)
{
	const char *changed = NULL;
	if (!is_mask(d->secret_key))
		return;
	if (o != NULL && !same(o->endpoint, d->endpoint))
		changed = "endpoint";
	else if (o != NULL && o->authorization != d->authorization)
		changed = "authorizationType";
	else if (o != NULL && !str_eq(o->type, d->type))
		changed = "type";
	else if (o != NULL && !same(o->region, d->region))
		changed = "region"; /* without an endpoint it makes the host's name */
	if (o == NULL || o->secret_key.n == 0 || changed != NULL)
		refuse_mask(errors, list, i, "awsConnectionInformation/secretKey",
			    changed);
	else
		d->secret_key = o->secret_key;
}

static void unmask_conversion_point(struct conversion_point *c, size_t i,
				    const struct conversion_point *o, const char *list,
				    struct error_list *errors)
{
	const char *changed = NULL;
	if (!is_mask(c->secret))
		return;
	if (o != NULL && !str_eq(o->url, c->url))
		changed = "url";
	else if (o != NULL && o->type != c->type)
		changed = "type";
	if (o == NULL || o->secret.n == 0 || changed != NULL)
		refuse_mask(errors, list, i, "connectionInformation/secret", changed);
	else
		c->secret = o->secret;
}

bool tenant_unmask(struct tenant *t, const struct tenant *old, enum tenant_part part,
		   struct error_list *errors)
{
	bool whole = part == TENANT_WHOLE;
	if (whole && is_mask(t->secret_key)) {
		if (old != NULL && old->secret_key.n > 0)
			t->secret_key = old->secret_key;
		else
			error_list_add(errors, ERROR_BAD_VALUE,
				       "/configuration/secretKey",
				       "the mask stands for no stored secret: send the "
				       "secret");
	}
	for (size_t i = 0; part != TENANT_CONVERSION_POINTS && i < t->n_data_sources;
	     i++) {
		struct data_source *d = &t->data_sources[i];
		unmask_data_source(d, i, tenant_data_source(old, d->id),
				   whole ? "/dataSources" : "", errors);
	}
	for (size_t i = 0; part != TENANT_DATA_SOURCES && i < t->n_conversion_points;
	     i++) {
		struct conversion_point *c = &t->conversion_points[i];
		unmask_conversion_point(c, i, tenant_conversion_point(old, c->id),
					whole ? "/conversionPoints" : "", errors);
	}
	return error_list_empty(errors);
}

/* The same key, for something else that it may open. */
static bool widens(const struct data_source *o, const struct data_source *d)
{
	return d->secret_key.n > 0 && str_eq(d->secret_key, o->secret_key) &&
	       (!same(o->bucket, d->bucket) || !same(o->prefix, d->prefix));
}

bool tenant_restrict(struct tenant *t, const struct tenant *old, enum tenant_part part,
		     struct error_list *errors)
{
	const char *list = part == TENANT_WHOLE ? "/dataSources" : "";
	if (old == NULL || !str_eq(t->keyspace, old->keyspace))
		error_list_add(errors, ERROR_FORBIDDEN, "/keyspaceName",
			       "keyspaceName is set with an admin token only");
	for (size_t i = 0; i < t->n_data_sources; i++) {
		struct data_source *d = &t->data_sources[i];
		const struct data_source *o = tenant_data_source(old, d->id);
		bool kept = o != NULL && o->authorization == d->authorization &&
			    same(o->endpoint, d->endpoint) &&
			    same(o->region, d->region) &&
			    /* which stands in the host's name */
			    (d->authorization != AUTHORIZATION_AWS ||
			     same(o->bucket, d->bucket));
		d->restricted = kept ? o->restricted : true;
		if (o != NULL && !o->restricted && widens(o, d))
			error_list_add(errors, ERROR_FORBIDDEN,
				       field_at_index(list, i).text,
				       "with a key that an admin token has set, bucket "
				       "and prefix are set with one, too");
		if (d->authorization == AUTHORIZATION_DIRECTORY && !kept)
			error_list_add(errors, ERROR_FORBIDDEN,
				       field_at_index(list, i).text,
				       "directories are set with an admin token only");
	}
	for (size_t i = 0; i < t->n_conversion_points; i++) {
		struct conversion_point *c = &t->conversion_points[i];
		const struct conversion_point *o = tenant_conversion_point(old, c->id);
		c->restricted =
			o != NULL && str_eq(o->url, c->url) ? o->restricted : true;
	}
	return error_list_empty(errors);
}
