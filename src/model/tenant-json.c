/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tenant-json.h"

#include "base/clock.h"
#include "model/delivery.h"
#include "model/fields.h"

#define MAX_SECRET 1024
#define MAX_SEALED 4096
#define MAX_URL 2048

static const char authorization_words[] = "rados|aws|directory";
static const char event_words[] = "injected|reinjected|read|expunged";

const char *authorization_type_name(enum authorization_type a)
{
	static const char *const names[] = {"rados", "aws", "directory"};
	return names[a];
}

const char *conversion_point_type_name(enum conversion_point_type c)
{
	static const char *const names[] = {"ongage", "webhook"};
	return names[c];
}

static struct str word_at(const char *words, unsigned index)
{
	struct str rest = str_of(words), word = {NULL, 0};
	for (unsigned i = 0; i <= index; i++)
		str_next_part(&rest, '|', &word);
	return word;
}

/* Printable ASCII without what breaks out of a line, a header or an attribute. */
static bool is_plain_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '<' ||
		    s.p[i] == '>' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

static bool is_url(struct str s)
{
	struct str rest;
	if (str_starts(s, STR("https://")))
		rest = str_slice(s, 8, s.n);
	else if (str_starts(s, STR("http://")))
		rest = str_slice(s, 7, s.n);
	else
		return false;
	return is_plain_ascii(s) && rest.n > 0 && rest.p[0] != '/' && rest.p[0] != ':';
}

/* Below a directory that it cannot leave: no leading '/', no "..". */
static bool is_relative(struct str s)
{
	struct str part;
	if (s.n > 0 && s.p[0] == '/')
		return false;
	while (str_next_part(&s, '/', &part))
		if (str_eqz(part, ".."))
			return false;
	return true;
}

static bool is_keyspace(struct str s)
{
	if (s.n < 1 || s.n > 48 || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
			return false;
	return true;
}

/* A name of the zone database; whether the system has it is the caller's check. */
static bool is_zone_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
		      c == '_' || c == '-' || c == '+'))
			return false;
	}
	return s.n > 0 && s.p[0] != '/';
}

struct reading {
	struct arena *arena;
	struct error_list *errors;
	enum tenant_form form;
	struct data_source *data_sources;
	struct conversion_point *conversion_points;
	struct sender *senders;
};

static void bad(const struct reading *r, const char *at, const char *name,
		const char *message)
{
	error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, name).text, "%s",
		       message);
}

/* Data sources -------------------------------------------------------------------*/

#define F(name, type, member, ...)                                                     \
	{                                                                              \
		name, type, offsetof(struct data_source, member), __VA_ARGS__          \
	}
static const struct field data_source_fields[] = {
	F("id", FIELD_ID, id, true, 0, 0, NULL),
	F("type", FIELD_TEXT, type, true, 1, 64, NULL),
	F("defaultDataSource", FIELD_BOOL, default_data_source, true, 0, 0, NULL),
	F("deleteTemporaryImportFiles", FIELD_BOOL, delete_temporary_import_files,
	  false, 0, 0, NULL),
	F("awsConnectionInformation", FIELD_OTHER, id, true, 0, 0, NULL),
	F("restricted", FIELD_BOOL, restricted, false, 0, 0, NULL),
};
static const struct field connection_fields[] = {
	F("authorizationType", FIELD_WORD, authorization, true, 0, 0,
	  authorization_words),
	F("accessKey", FIELD_TEXT, access_key, false, 0, 4096, NULL),
	F("secretKey", FIELD_TEXT, secret_key, false, 0, MAX_SEALED, NULL),
	F("endpoint", FIELD_TEXT, endpoint, true, 0, MAX_URL, NULL),
	F("bucket", FIELD_TEXT, bucket, false, 0, 255, NULL),
	F("region", FIELD_TEXT, region, false, 0, 63, NULL),
	F("prefix", FIELD_TEXT, prefix, false, 0, 512, NULL),
	F("signatureVersion", FIELD_OTHER, signature_version, false, 0, 0, NULL),
};
#undef F
#define N(table) (sizeof(table) / sizeof((table)[0]))

static void read_signature_version(const struct reading *r, json_t *connection,
				   const char *at, struct data_source *d)
{
	json_t *v = json_object_get(connection, "signatureVersion");
	if (v == NULL || json_is_null(v) || str_eqz(field_text(v), "auto"))
		d->signature_version = 0;
	else if (json_is_integer(v) &&
		 (json_integer_value(v) == 2 || json_integer_value(v) == 4))
		d->signature_version = (unsigned)json_integer_value(v);
	else
		bad(r, at, "signatureVersion",
		    "signatureVersion must be 2, 4 or \"auto\"");
}

static void need(const struct reading *r, const char *at, const char *name,
		 struct str value)
{
	if (value.n == 0)
		bad(r, at, name, "this is needed for this authorizationType");
}

static void check_connection(const struct reading *r, const char *at,
			     const struct data_source *d)
{
	if (r->form == TENANT_GIVEN && d->secret_key.n > MAX_SECRET)
		bad(r, at, "secretKey", "secretKey is longer than 1024 bytes");
	if (!is_relative(d->prefix))
		bad(r, at, "prefix", "prefix has no leading '/' and no '..'");
	if (d->authorization == AUTHORIZATION_DIRECTORY) {
		if (!is_relative(d->endpoint))
			bad(r, at, "endpoint",
			    "the directory is relative to inlay.datasource.root and "
			    "the tenant's id: no leading '/', no '..'");
		return;
	}
	need(r, at, "accessKey", d->access_key);
	need(r, at, "secretKey", d->secret_key);
	need(r, at, "bucket", d->bucket);
	if (d->authorization == AUTHORIZATION_RADOS)
		need(r, at, "endpoint", d->endpoint);
	else
		need(r, at, "region", d->region);
	if (!is_plain_ascii(d->endpoint))
		bad(r, at, "endpoint", "endpoint must be a URL or host[:port]");
}

static void read_data_source(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct data_source *d = &r->data_sources[i];
	json_t *connection = json_object_get(v, "awsConnectionInformation");
	struct field_pointer p = field_at(at, "awsConnectionInformation");

	*d = (struct data_source){0};
	fields_read(v, at, data_source_fields,
		    N(data_source_fields) - (r->form == TENANT_GIVEN), d, r->arena,
		    r->errors);
	if (connection == NULL || json_is_null(connection))
		return;
	if (fields_read(connection, p.text, connection_fields, N(connection_fields), d,
			r->arena, r->errors)) {
		if (str_eqz(d->type, "directory") &&
		    d->authorization != AUTHORIZATION_DIRECTORY)
			bad(r, p.text, "authorizationType",
			    "a data source of type directory has authorizationType "
			    "directory");
		check_connection(r, p.text, d);
	}
	read_signature_version(r, connection, p.text, d);
}

static void read_data_sources(struct reading *r, json_t *list, const char *at,
			      struct tenant *t)
{
	size_t n = json_array_size(list), defaults = 0, max = TENANT_MAX_DATA_SOURCES;
	r->data_sources = arena_array(r->arena, n, sizeof *r->data_sources);
	if (r->data_sources == NULL) {
		error_list_add(r->errors, ERROR_MEMORY, at, "out of memory");
		return;
	}
	size_t before = r->errors->n + r->errors->dropped;
	field_each(list, at, max, read_data_source, r, r->errors);
	if (r->errors->n + r->errors->dropped > before)
		return; /* what follows would only repeat it */
	for (size_t i = 0; i < n; i++) {
		defaults += r->data_sources[i].default_data_source;
		for (size_t j = 0; j < i; j++)
			if (str_eq(r->data_sources[i].id, r->data_sources[j].id))
				bad(r, field_at_index(at, i).text, "id",
				    "another data source has this id");
	}
	if (defaults != 1)
		error_list_add(r->errors, ERROR_BAD_VALUE, at,
			       "exactly one data source must have defaultDataSource "
			       "true, not %zu",
			       defaults);
	t->data_sources = r->data_sources;
	t->n_data_sources = n;
}

/* Conversion points --------------------------------------------------------------*/

struct point_words {
	struct conversion_point point;
	unsigned event;
};
#define F(name, type, member, ...)                                                     \
	{                                                                              \
		name, type, offsetof(struct point_words, member), __VA_ARGS__          \
	}
static const struct field point_fields[] = {
	F("id", FIELD_ID, point.id, true, 0, 0, NULL),
	F("type", FIELD_WORD, point.type, true, 0, 0, "ongage|webhook"),
	F("eventType", FIELD_WORD, event, true, 0, 0, event_words),
	F("description", FIELD_TEXT, point.description, false, 0, 1024, NULL),
	F("connectionInformation", FIELD_OTHER, point, true, 0, 0, NULL),
	F("restricted", FIELD_BOOL, point.restricted, false, 0, 0, NULL),
};
static const struct field point_connection_fields[] = {
	F("url", FIELD_TEXT, point.url, true, 1, MAX_URL, NULL),
	F("secret", FIELD_TEXT, point.secret, false, 0, MAX_SEALED, NULL),
};
#undef F

static void check_webhook_secret(const struct reading *r, const char *at,
				 struct str secret)
{
	struct error err;
	struct buf key;
	if (str_eqz(secret, TENANT_SECRET_MASK) || secret.n > MAX_SECRET)
		return;
	buf_init(&key, MAX_SECRET);
	if (!webhook_key(&key, secret, &err))
		error_list_add(r->errors, err.kind, field_at(at, "secret").text, "%s",
			       err.message);
	buf_free(&key);
}

static void read_conversion_point(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct point_words w = {0};
	json_t *connection = json_object_get(v, "connectionInformation");
	struct field_pointer p = field_at(at, "connectionInformation");

	fields_read(v, at, point_fields, N(point_fields) - (r->form == TENANT_GIVEN),
		    &w, r->arena, r->errors);
	if (connection != NULL && !json_is_null(connection) &&
	    fields_read(connection, p.text, point_connection_fields,
			N(point_connection_fields), &w, r->arena, r->errors)) {
		if (!is_url(w.point.url))
			bad(r, p.text, "url",
			    "url must begin with http:// or https:// and a host");
		else if (delivery_url_check(w.point.url) != NULL)
			bad(r, p.text, "url", delivery_url_check(w.point.url));
		if (r->form == TENANT_GIVEN && w.point.secret.n > MAX_SECRET)
			bad(r, p.text, "secret", "secret is longer than 1024 bytes");
		if (w.point.type == CONVERSION_POINT_WEBHOOK && w.point.secret.n == 0)
			bad(r, p.text, "secret",
			    "a webhook needs the secret that its calls are signed "
			    "with");
		else if (w.point.type == CONVERSION_POINT_WEBHOOK &&
			 r->form == TENANT_GIVEN)
			check_webhook_secret(r, p.text, w.point.secret);
	}
	w.point.event_type = word_at(event_words, w.event);
	r->conversion_points[i] = w.point;
}

static void read_conversion_points(struct reading *r, json_t *list, const char *at,
				   struct tenant *t)
{
	size_t n = json_array_size(list);
	r->conversion_points = arena_array(r->arena, n, sizeof *r->conversion_points);
	if (r->conversion_points == NULL) {
		error_list_add(r->errors, ERROR_MEMORY, at, "out of memory");
		return;
	}
	field_each(list, at, TENANT_MAX_CONVERSION_POINTS, read_conversion_point, r,
		   r->errors);
	for (size_t i = 0; i < n && n <= TENANT_MAX_CONVERSION_POINTS; i++)
		for (size_t j = 0; j < i; j++)
			if (r->conversion_points[i].id.n > 0 &&
			    str_eq(r->conversion_points[i].id,
				   r->conversion_points[j].id))
				bad(r, field_at_index(at, i).text, "id",
				    "another conversion point has this id");
	t->conversion_points = r->conversion_points;
	t->n_conversion_points = n;
}

/* Senders ------------------------------------------------------------------------*/

static const struct field sender_fields[] = {
	{"address", FIELD_TEXT, offsetof(struct sender, address), true, 3, 254, NULL},
	{"company", FIELD_TEXT, offsetof(struct sender, company), true, 1, 256, NULL},
};

static void read_sender(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct sender *s = &r->senders[i];
	*s = (struct sender){0};
	if (!fields_read(v, at, sender_fields, N(sender_fields), s, r->arena,
			 r->errors))
		return;
	size_t sign = str_find_char(s->address, '@');
	struct str domain = str_slice(s->address, sign + 1, s->address.n);
	if (!is_plain_ascii(s->address) || domain.n == 0 ||
	    str_find_char(domain, '@') != domain.n)
		bad(r, at, "address",
		    "address must be an address or a domain like @example.com");
}

static void read_senders(struct reading *r, json_t *list, struct tenant *t)
{
	size_t n = json_array_size(list);
	if (list == NULL || json_is_null(list))
		return;
	r->senders = arena_array(r->arena, n, sizeof *r->senders);
	if (r->senders == NULL) {
		error_list_add(r->errors, ERROR_MEMORY, "/senders", "out of memory");
		return;
	}
	field_each(list, "/senders", TENANT_MAX_SENDERS, read_sender, r, r->errors);
	t->senders = r->senders;
	t->n_senders = n;
	t->restrict_senders = true;
}

/* The tenant ---------------------------------------------------------------------*/

#define F(name, type, member, ...)                                                     \
	{                                                                              \
		name, type, offsetof(struct tenant, member), __VA_ARGS__               \
	}
static const struct field tenant_fields[] = {
	F("id", FIELD_ID, id, true, 0, 0, NULL),
	F("name", FIELD_TEXT, name, true, 1, 256, NULL),
	F("keyspaceName", FIELD_TEXT, keyspace, true, 1, 64, NULL),
	F("configuration", FIELD_OTHER, id, true, 0, 0, NULL),
	F("conversionPoints", FIELD_OTHER, id, false, 0, 0, NULL),
	F("dataSources", FIELD_OTHER, id, false, 0, 0, NULL),
	F("timeZone", FIELD_TEXT, time_zone, false, 1, 64, NULL),
	F("brand", FIELD_TEXT, brand, false, 1, 256, NULL),
	F("publicUrl", FIELD_TEXT, public_url, false, 1, 512, NULL),
	F("senders", FIELD_OTHER, senders, false, 0, 0, NULL),
	F("engagement", FIELD_FLAG, engagement_per_user, false, 0, 0,
	  "aggregate|perUser"),
	F("allowInterleavedAds", FIELD_BOOL, allow_interleaved_ads, false, 0, 0, NULL),
	F("unknownUsers", FIELD_FLAG, accept_unknown_users, false, 0, 0,
	  "reject|accept"),
	F("limits", FIELD_OTHER, limits, false, 0, 0, NULL),
	F("globalHoldoutPercent", FIELD_NOT_BUILT, id, false, 0, 0, NULL),
	F("testUsers", FIELD_NOT_BUILT, id, false, 0, 0, NULL),
	F("openingHours", FIELD_NOT_BUILT, id, false, 0, 0, NULL),
	F("caps", FIELD_NOT_BUILT, id, false, 0, 0, NULL),
};
static const struct field configuration_fields[] = {
	F("secretKey", FIELD_TEXT, secret_key, true, 1, MAX_SEALED, NULL),
	F("hashedEmailAddresses", FIELD_BOOL, hashed_email_addresses, true, 0, 0, NULL),
};
static const struct field limit_fields[] = {
	F("maxPerDecision", FIELD_U32, limits.max_per_decision, false, 0, 8, NULL),
	F("minSpacing", FIELD_DURATION, limits.min_spacing_ms, false, 0, 90 * CLOCK_DAY,
	  NULL),
	F("liveUnread", FIELD_U32, limits.live_unread, false, 0, 100, NULL),
	F("servicePerDecision", FIELD_U32, limits.service_per_decision, false, 0, 8,
	  NULL),
};
#undef F

static void read_configuration(struct reading *r, json_t *v, struct tenant *t)
{
	if (v != NULL && !json_is_null(v) &&
	    !fields_read(v, "/configuration", configuration_fields,
			 N(configuration_fields), t, r->arena, r->errors))
		return;
	if (r->form == TENANT_GIVEN && t->secret_key.n > MAX_SECRET)
		bad(r, "/configuration", "secretKey",
		    "secretKey is longer than 1024 bytes");
}

static void check_tenant(const struct reading *r, struct tenant *t)
{
	if (t->keyspace.p != NULL && !is_keyspace(t->keyspace))
		bad(r, "", "keyspaceName",
		    "keyspaceName must be a letter a-z, then at most 47 of a-z, 0-9, "
		    "_");
	if (t->time_zone.p != NULL && !is_zone_name(t->time_zone))
		bad(r, "", "timeZone", "timeZone must be a name like Europe/Berlin");
	if (t->public_url.p != NULL) {
		if (!is_url(t->public_url))
			bad(r, "", "publicUrl",
			    "publicUrl must begin with http:// or https:// and a host");
		while (t->public_url.n > 0 &&
		       t->public_url.p[t->public_url.n - 1] == '/')
			t->public_url.n--;
	}
}

bool tenant_parse(json_t *doc, enum tenant_form form, struct arena *arena,
		  struct tenant *out, struct error_list *errors)
{
	struct reading r = {.arena = arena, .errors = errors, .form = form};
	json_t *limits = json_object_get(doc, "limits");
	json_t *points = json_object_get(doc, "conversionPoints");
	json_t *sources = json_object_get(doc, "dataSources");

	*out = (struct tenant){.limits = {.max_per_decision = 1,
					  .min_spacing_ms = CLOCK_HOUR,
					  .live_unread = 2,
					  .service_per_decision = 2}};
	fields_read(doc, "", tenant_fields, N(tenant_fields), out, arena, errors);
	read_configuration(&r, json_object_get(doc, "configuration"), out);
	if (limits != NULL && !json_is_null(limits))
		fields_read(limits, "/limits", limit_fields, N(limit_fields), out,
			    arena, errors);
	if (sources != NULL && !json_is_null(sources) &&
	    !(form == TENANT_STORED && json_array_size(sources) == 0))
		read_data_sources(&r, sources, "/dataSources", out);
	read_conversion_points(&r, points, "/conversionPoints", out);
	read_senders(&r, json_object_get(doc, "senders"), out);
	check_tenant(&r, out);
	if (arena_failed(arena))
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	return error_list_empty(errors);
}

bool tenant_parse_data_sources(json_t *list, struct arena *arena, struct tenant *t,
			       struct error_list *errors)
{
	struct reading r = {.arena = arena, .errors = errors, .form = TENANT_GIVEN};
	read_data_sources(&r, list, "", t);
	return error_list_empty(errors);
}

bool tenant_parse_conversion_points(json_t *list, struct arena *arena, struct tenant *t,
				    struct error_list *errors)
{
	struct reading r = {.arena = arena, .errors = errors, .form = TENANT_GIVEN};
	read_conversion_points(&r, list, "", t);
	return error_list_empty(errors);
}
