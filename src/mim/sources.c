/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/sources.h"

#include "mim/settings.h"
#include "model/data-source.h"

static struct object_store *open_directory(const struct source_opening *o,
					   struct error *err)
{
	char root[4096];
	struct str below = o->source->endpoint;
	if (!mim_settings_path(o->mim->settings, "inlay.datasource.root", root,
			       sizeof root)) {
		error_set(err, ERROR_INTERNAL, "", "a path is too long");
		return NULL;
	}
	if (str_eqz(below, "."))
		below = STR("");
	return object_store_directory(root, o->tenant, below, err);
}

static struct address_networks *allowed_of(const struct source_opening *o,
					   struct error *err)
{
	struct error_list errors;
	struct address_networks *allowed = arena_array(o->arena, 1, sizeof *allowed);
	if (allowed == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory");
		return NULL;
	}
	error_list_init(&errors, 1);
	bool ok = mim_settings_networks(o->mim->settings, allowed, &errors);
	error_list_free(&errors);
	if (ok)
		return allowed;
	/* it was looked at at the start */
	error_set(err, ERROR_INTERNAL, "", "inlay.net.allow is off");
	return NULL;
}

static struct object_store *open_bucket(const struct source_opening *o,
					struct error *err)
{
	const struct settings *s = o->mim->settings;
	const struct address_networks *allowed = allowed_of(o, err);
	if (allowed == NULL)
		return NULL;
	struct object_s3_settings settings = data_source_s3(o->source);
	settings.allowed = allowed;
	settings.ca_file = settings_str(s, "inlay.datasource.ca-file").p;
	settings.timeout_ms = o->timeout_ms > 0
				      ? o->timeout_ms
				      : settings_int(s, "inlay.datasource.timeout");
	settings.within_ms = o->within_ms;
	settings.tries = o->tries;
	settings.stops = o->stops;
	settings.stops_ctx = o->stops_ctx;
	return object_store_s3(&settings, err);
}

struct object_store *source_open(const struct source_opening *o, struct error *err)
{
	return o->source->authorization == AUTHORIZATION_DIRECTORY
		       ? open_directory(o, err)
		       : open_bucket(o, err);
}
