/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, form and counters of a database. */
#include "store/ordered/ordered-internal.h"

#define META_FORM "form"
#define META_OWNER "owner"
/* Raised when records or keys change their meaning. */
#define FORM 1

bool meta_get_u64(struct tables *t, const char *name, uint64_t *v, struct error *err)
{
	struct key k = key_meta(name);
	struct str value;
	*v = 0;
	if (!tables_get(t, TABLE_META, key_str(&k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	struct codec_in in = codec_in(value);
	*v = codec_u64(&in, UINT64_MAX);
	return codec_end(&in, "counter", err);
}

bool meta_put_u64(struct tables *t, const char *name, uint64_t v, struct error *err)
{
	struct key k = key_meta(name);
	struct str value;
	codec_put_u64(tables_start_value(t), v);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_META, key_str(&k), value, err);
}

bool ordered_check_owner(struct tables *t, struct str keyspace, struct str owner,
			 bool *there, struct error *err)
{
	struct key k = key_meta(META_OWNER);
	struct str value;
	uint64_t form;
	*there = false;
	if (!tables_get(t, TABLE_META, key_str(&k), &value, err))
		return false;
	if (value.p == NULL)
		return true;
	if (!str_eq(value, owner))
		return error_set(err, ERROR_CONFLICT, "/keyspaceName",
				 "the keyspace \"%.*s\" belongs to another tenant",
				 STR_ARG(keyspace));
	if (!meta_get_u64(t, META_FORM, &form, err))
		return false;
	if (form != FORM)
		return error_set(err, ERROR_CONFLICT, "/keyspaceName",
				 "the database \"%.*s\" has form %llu, this version "
				 "knows form %d",
				 STR_ARG(keyspace), (unsigned long long)form, FORM);
	*there = true;
	return true;
}

bool ordered_claim(struct tables *t, struct str keyspace, struct str owner,
		   bool *created, struct error *err)
{
	bool there;
	*created = false;
	if (!ordered_check_owner(t, keyspace, owner, &there, err) || there)
		return there;
	struct key k = key_meta(META_OWNER);
	if (owner.p == NULL)
		owner = STR("");
	*created = true;
	return meta_put_u64(t, META_FORM, FORM, err) &&
	       tables_put(t, TABLE_META, key_str(&k), owner, err);
}
