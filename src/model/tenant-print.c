/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "model/tenant-json.h"

static void put_text(struct json_writer *w, const char *key, struct str value)
{
	if (value.p != NULL)
		json_kv_string(w, key, value);
}

static void put_data_source(struct json_writer *w, const struct data_source *d,
			    enum tenant_form form)
{
	json_put_object(w);
	json_kv_string(w, "id", d->id);
	json_kv_string(w, "type", d->type);
	json_kv_bool(w, "defaultDataSource", d->default_data_source);
	json_kv_bool(w, "deleteTemporaryImportFiles", d->delete_temporary_import_files);
	json_put_key(w, STR("awsConnectionInformation"));
	json_put_object(w);
	json_kv_string(w, "authorizationType",
		       str_of(authorization_type_name(d->authorization)));
	put_text(w, "accessKey", d->access_key);
	put_text(w, "secretKey", d->secret_key);
	put_text(w, "endpoint", d->endpoint);
	put_text(w, "bucket", d->bucket);
	put_text(w, "region", d->region);
	put_text(w, "prefix", d->prefix);
	if (d->signature_version != 0)
		json_kv_u64(w, "signatureVersion", d->signature_version);
	json_put_object_end(w);
	if (form == TENANT_STORED && d->restricted)
		json_kv_bool(w, "restricted", true);
	json_put_object_end(w);
}

void tenant_print_data_sources(struct json_writer *w, const struct tenant *t,
			       enum tenant_form form)
{
	json_put_array(w);
	for (size_t i = 0; i < t->n_data_sources; i++)
		put_data_source(w, &t->data_sources[i], form);
	json_put_array_end(w);
}

static void put_conversion_point(struct json_writer *w,
				 const struct conversion_point *c,
				 enum tenant_form form)
{
	json_put_object(w);
	json_kv_string(w, "id", c->id);
	json_kv_string(w, "type", str_of(conversion_point_type_name(c->type)));
	json_kv_string(w, "eventType", c->event_type);
	put_text(w, "description", c->description);
	json_put_key(w, STR("connectionInformation"));
	json_put_object(w);
	json_kv_string(w, "url", c->url);
	put_text(w, "secret", c->secret);
	json_put_object_end(w);
	if (form == TENANT_STORED && c->restricted)
		json_kv_bool(w, "restricted", true);
	json_put_object_end(w);
}

void tenant_print_conversion_points(struct json_writer *w, const struct tenant *t,
				    enum tenant_form form)
{
	json_put_array(w);
	for (size_t i = 0; i < t->n_conversion_points; i++)
		put_conversion_point(w, &t->conversion_points[i], form);
	json_put_array_end(w);
}

static void put_senders(struct json_writer *w, const struct tenant *t)
{
	json_put_key(w, STR("senders"));
	json_put_array(w);
	for (size_t i = 0; i < t->n_senders; i++) {
		json_put_object(w);
		json_kv_string(w, "address", t->senders[i].address);
		json_kv_string(w, "company", t->senders[i].company);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

static void put_limits(struct json_writer *w, const struct tenant_limits *l)
{
	json_put_key(w, STR("limits"));
	json_put_object(w);
	json_kv_u64(w, "maxPerDecision", l->max_per_decision);
	json_kv_duration(w, "minSpacing", l->min_spacing_ms);
	json_kv_u64(w, "liveUnread", l->live_unread);
	json_kv_u64(w, "servicePerDecision", l->service_per_decision);
	json_put_object_end(w);
}

void tenant_print(struct json_writer *w, const struct tenant *t, enum tenant_form form)
{
	json_put_object(w);
	json_kv_string(w, "id", t->id);
	json_kv_string(w, "name", t->name);
	json_kv_string(w, "keyspaceName", t->keyspace);
	json_put_key(w, STR("configuration"));
	json_put_object(w);
	put_text(w, "secretKey", t->secret_key);
	json_kv_bool(w, "hashedEmailAddresses", t->hashed_email_addresses);
	json_put_object_end(w);
	json_put_key(w, STR("conversionPoints"));
	tenant_print_conversion_points(w, t, form);
	json_put_key(w, STR("dataSources"));
	tenant_print_data_sources(w, t, form);
	put_text(w, "timeZone", t->time_zone);
	put_text(w, "brand", t->brand);
	put_text(w, "publicUrl", t->public_url);
	if (t->restrict_senders)
		put_senders(w, t);
	json_kv_string(w, "engagement",
		       str_of(t->engagement_per_user ? "perUser" : "aggregate"));
	json_kv_bool(w, "allowInterleavedAds", t->allow_interleaved_ads);
	json_kv_string(w, "unknownUsers",
		       str_of(t->accept_unknown_users ? "accept" : "reject"));
	put_limits(w, &t->limits);
	json_put_object_end(w);
}

static void copy_data_source(struct arena *a, struct data_source *d)
{
	struct str *texts[] = {&d->id,       &d->type,   &d->access_key, &d->secret_key,
			       &d->endpoint, &d->bucket, &d->region,     &d->prefix};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_str(a, *texts[i]);
}

static void copy_conversion_point(struct arena *a, struct conversion_point *c)
{
	c->id = arena_str(a, c->id);
	c->description = arena_str(a, c->description);
	c->event_type = arena_str(a, c->event_type);
	c->url = arena_str(a, c->url);
	c->secret = arena_str(a, c->secret);
}

static void *copy_array(struct arena *a, const void *from, size_t n, size_t size)
{
	void *to = arena_array(a, n, size);
	if (to != NULL && n > 0)
		memcpy(to, from, n * size);
	return to;
}

struct tenant *tenant_copy(struct arena *arena, const struct tenant *t)
{
	struct tenant *c = arena_make(arena, struct tenant);
	if (c == NULL)
		return NULL;
	*c = *t;
	struct str *texts[] = {&c->id,        &c->name,  &c->keyspace,  &c->secret_key,
			       &c->time_zone, &c->brand, &c->public_url};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_str(arena, *texts[i]);
	c->data_sources = copy_array(arena, t->data_sources, t->n_data_sources,
				     sizeof *t->data_sources);
	c->conversion_points =
		copy_array(arena, t->conversion_points, t->n_conversion_points,
			   sizeof *t->conversion_points);
	c->senders = copy_array(arena, t->senders, t->n_senders, sizeof *t->senders);
	if (arena_failed(arena))
		return NULL;
	for (size_t i = 0; i < c->n_data_sources; i++)
		copy_data_source(arena, &c->data_sources[i]);
	for (size_t i = 0; i < c->n_conversion_points; i++)
		copy_conversion_point(arena, &c->conversion_points[i]);
	for (size_t i = 0; i < c->n_senders; i++) {
		c->senders[i].address = arena_str(arena, c->senders[i].address);
		c->senders[i].company = arena_str(arena, c->senders[i].company);
	}
	return arena_failed(arena) ? NULL : c;
}
