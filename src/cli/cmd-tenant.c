/* SPDX-License-Identifier: Apache-2.0 */
/* inlay tenant ..., and the lists that belong to a tenant: data sources, conversion
 * points, attributes, purposes. */
#include "cli/document.h"
#include "cli/path.h"
#include "cli/resource.h"

#include <stdio.h>

#define TENANT "/api/tenants/{}"

static const struct view_field tenant_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"NAME", "name", VIEW_LONG},
	{"KEYSPACE", "keyspaceName", VIEW_TEXT},
	{"HASHED", "configuration.hashedEmailAddresses", VIEW_TEXT},
	{"DATA SOURCES", "dataSources", VIEW_LIST},
};
static const struct view_field tenant_fields[] = {
	{"id", "id", VIEW_TEXT},
	{"name", "name", VIEW_TEXT},
	{"keyspace", "keyspaceName", VIEW_TEXT},
	{"secret key", "configuration.secretKey", VIEW_TEXT},
	{"hashed users", "configuration.hashedEmailAddresses", VIEW_TEXT},
	{"unknown users", "unknownUsers", VIEW_TEXT},
	{"public URL", "publicUrl", VIEW_TEXT},
	{"time zone", "timeZone", VIEW_TEXT},
	{"brand", "brand", VIEW_TEXT},
	{"engagement", "engagement", VIEW_TEXT},
	{"interleaved ads", "allowInterleavedAds", VIEW_TEXT},
	{"limits", "limits", VIEW_KEYS},
	{"data sources", "dataSources", VIEW_LIST},
	{"conversion points", "conversionPoints", VIEW_LIST},
};

bool run_tenant_list(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = "/api/tenants",
					  .no_tenant = true,
					  .paged = true,
					  RESOURCE_FIELDS(tenant_columns)};
	(void)a;
	return resource_list(s, &r, errors);
}

bool run_tenant_show(struct session *s, const struct args *a, struct error_list *errors)
{
	static const struct resource r = {.pattern = TENANT,
					  RESOURCE_FIELDS(tenant_fields)};
	if (a->n > 0)
		s->tenant = a->positional[0];
	if (s->tenant[0] == '\0')
		return error_list_add(errors, ERROR_USAGE, "",
				      "an empty name names nothing");
	return resource_show(s, &r, NULL, 0, errors);
}

/* The tenant's id as the document has it; absent if it has none. */
static struct str document_id(struct session *s, const char *file, struct buf *text,
			      struct error_list *errors)
{
	struct str id = {NULL, 0};
	struct error err;
	json_t *doc;
	if (!document_read(file, text, &doc, &err)) {
		error_list_add_error(errors, &err);
		return id;
	}
	id = reply_text(doc, "id");
	if (id.n == 0)
		error_list_add(errors, ERROR_BAD_VALUE, "/id",
			       "the tenant in %s has no id", file);
	id = id.n == 0 ? (struct str){NULL, 0} : arena_str(s->arena, id);
	json_decref(doc);
	return id;
}

bool run_tenant_create(struct session *s, const struct args *a,
		       struct error_list *errors)
{
	bool bare = args_has(a, OPTION_NO_DATABASE);
	struct reply reply;
	struct buf text;
	struct str id = document_id(s, a->positional[0], &text, errors);
	reply_init(&reply);
	bool ok =
		id.p != NULL && session_call_plain(s, "POST",
						   bare ? "/api/tenants/"
							: "/api/tenants/?createDB=true",
						   buf_str(&text), &reply, errors);
	if (ok && s->json)
		ok = session_print_json(reply.json, errors);
	ok = ok && session_say(s, errors, "tenant %.*s made%s", STR_ARG(id),
			       bare ? "" : ", with its database");
	reply_free(&reply);
	buf_free(&text);
	return ok;
}

bool run_tenant_update(struct session *s, const struct args *a,
		       struct error_list *errors)
{
	struct buf text;
	struct str id = document_id(s, a->positional[0], &text, errors);
	bool ok = id.p != NULL;
	if (ok) {
		s->tenant = id.p;
		ok = resource_act(s, "PUT", TENANT, NULL, 0, buf_str(&text), errors) &&
		     session_say(s, errors, "tenant %s stored", s->tenant);
	}
	buf_free(&text);
	return ok;
}

bool run_tenant_delete(struct session *s, const struct args *a,
		       struct error_list *errors)
{
	char question[256];
	s->tenant = a->positional[0];
	if (!str_is_id(str_of(s->tenant)))
		return error_list_add(errors, ERROR_USAGE, "",
				      "\"%s\" cannot be a tenant", s->tenant);
	snprintf(question, sizeof question,
		 "Delete the configuration of tenant %s? Nothing will be injected for "
		 "it any more; its data stay.",
		 s->tenant);
	return session_confirm(s, question, errors) &&
	       resource_act(s, "DELETE", TENANT, NULL, 0, (struct str){NULL, 0},
			    errors) &&
	       session_say(s, errors,
			   "tenant %s deleted; a tenant made again with its id and "
			   "keyspace finds its data",
			   s->tenant);
}

static const struct view_field data_source_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"DEFAULT", "defaultDataSource", VIEW_TEXT},
	{"KIND", "awsConnectionInformation.authorizationType", VIEW_TEXT},
	{"ENDPOINT", "awsConnectionInformation.endpoint", VIEW_LONG},
	{"BUCKET", "awsConnectionInformation.bucket", VIEW_TEXT},
	{"PREFIX", "awsConnectionInformation.prefix", VIEW_TEXT},
	{"ACCESS KEY", "awsConnectionInformation.accessKey", VIEW_TEXT},
};
static const struct view_field conversion_point_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"KIND", "type", VIEW_TEXT},
	{"EVENT", "eventType", VIEW_TEXT},
	{"URL", "connectionInformation.url", VIEW_LONG},
	{"DESCRIPTION", "description", VIEW_LONG},
};
static const struct view_field attribute_columns[] = {
	{"NAME", "name", VIEW_TEXT},       {"TYPE", "type", VIEW_TEXT},
	{"LABEL", "label", VIEW_LONG},     {"SENSITIVE", "sensitive", VIEW_TEXT},
	{"ALLOWED", "allowed", VIEW_LIST},
};
static const struct view_field purpose_columns[] = {
	{"ID", "id", VIEW_TEXT},
	{"LEGAL BASIS", "legalBasis", VIEW_TEXT},
	{"NAMES", "names", VIEW_KEYS},
};

static const struct resource data_sources = {.pattern = TENANT "/dataSources",
					     RESOURCE_FIELDS(data_source_columns)};
static const struct resource conversion_points = {
	.pattern = TENANT "/conversionPoints",
	RESOURCE_FIELDS(conversion_point_columns)};
static const struct resource attributes = {.pattern = TENANT "/attributes",
					   RESOURCE_FIELDS(attribute_columns)};
static const struct resource purposes = {.pattern = TENANT "/purposes",
					 RESOURCE_FIELDS(purpose_columns)};

static bool replace(struct session *s, const struct resource *r, const struct args *a,
		    const char *what, struct error_list *errors)
{
	return resource_send(s, "PUT", r->pattern, NULL, 0, a->positional[0], errors) &&
	       session_say(s, errors, "%s of tenant %s stored", what, s->tenant);
}

#define LIST_COMMANDS(X)                                                               \
	X(datasource, data_sources, "data sources")                                    \
	X(conversionpoint, conversion_points, "conversion points")                     \
	X(attribute, attributes, "attributes")                                         \
	X(purpose, purposes, "purposes")

#define X(command, resource, what)                                                     \
	bool run_##command##_list(struct session *s, const struct args *a,             \
				  struct error_list *errors)                           \
	{                                                                              \
		(void)a;                                                               \
		return resource_list(s, &(resource), errors);                          \
	}                                                                              \
	bool run_##command##_set(struct session *s, const struct args *a,              \
				 struct error_list *errors)                            \
	{                                                                              \
		return replace(s, &(resource), a, (what), errors);                     \
	}
LIST_COMMANDS(X)
#undef X
