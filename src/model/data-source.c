/* SPDX-License-Identifier: Apache-2.0 */
#include "model/data-source.h"

const struct data_source *tenant_data_source(const struct tenant *t, struct str id)
{
	for (size_t i = 0; t != NULL && i < t->n_data_sources; i++)
		if (str_eq(t->data_sources[i].id, id))
			return &t->data_sources[i];
	return NULL;
}

const struct data_source *tenant_default_data_source(const struct tenant *t)
{
	for (size_t i = 0; i < t->n_data_sources; i++)
		if (t->data_sources[i].default_data_source)
			return &t->data_sources[i];
	return NULL;
}

bool data_source_key(const struct data_source *d, struct str prefix, struct str name,
		     struct buf *out, struct error *err)
{
	const struct str parts[] = {d->prefix, prefix, name};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].n == 0)
			continue;
		if (out->n > 0 && out->p[out->n - 1] != '/')
			buf_add_char(out, '/');
		buf_add_str(out, parts[i]);
	}
	if (buf_ok(out))
		return true;
	return out->state == BUF_NOMEM
		       ? error_set(err, ERROR_MEMORY, "", "no memory for a key")
		       : error_set(err, ERROR_BAD_VALUE, "", "the key is too long");
}

struct object_s3_settings data_source_s3(const struct data_source *d)
{
	return (struct object_s3_settings){
		.endpoint = d->endpoint,
		.bucket = d->bucket,
		.access_key = d->access_key,
		.secret_key = d->secret_key,
		.region = d->region,
		.amazon = d->authorization == AUTHORIZATION_AWS,
		.signature_version = d->signature_version,
		.restricted = d->restricted,
	};
}
