/* SPDX-License-Identifier: Apache-2.0 */
/* inlay bundle build: writes the manifest of a bundle that lies in a directory. */
#include "base/json.h"
#include "cli/bundle-dir.h"
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>

#define CAMPAIGN_FILE "campaign.json"

static const struct str recipients_names[] = {STR_INIT(BUNDLE_RECIPIENTS),
					      STR_INIT(BUNDLE_RECIPIENTS ".gz"),
					      STR_INIT(BUNDLE_RECIPIENTS ".zst")};

/* The text of campaign.json, one JSON value; what is wrong in it, with its place. */
static bool read_campaign(const struct bundle_dir *d, struct arena *arena,
			  struct buf *text, struct campaign *out,
			  struct error_list *errors)
{
	struct error err;
	struct error_list found;
	if (!bundle_dir_read_all(d, CAMPAIGN_FILE, text, &err))
		return error_list_add_error(errors, &err);
	error_list_init(&found, 100);
	bool ok = campaign_parse(buf_str(text), arena, out, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct error *e = &found.items[i];
		char where[sizeof e->where];
		snprintf(where, sizeof where, "%s%s%.150s", CAMPAIGN_FILE,
			 e->where[0] == '/'    ? "#"
			 : e->where[0] != '\0' ? ": "
					       : "",
			 e->where);
		error_list_add(errors, e->kind, where, "%s", e->message);
	}
	if (!ok && found.n == 0)
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	error_list_free(&found);
	return ok;
}

struct files {
	struct bundle_file items[BUNDLE_FILES_MAX];
	size_t n;
};

static bool add_file(const struct bundle_dir *d, struct files *f, struct str name,
		     struct error_list *errors)
{
	struct error err;
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->items[i].name, name))
			return true; /* a template that two variants use */
	if (f->n == BUNDLE_FILES_MAX)
		return error_list_add(errors, ERROR_TOO_LARGE, "",
				      "a bundle has at most %d files",
				      BUNDLE_FILES_MAX);
	if (!bundle_dir_measure(d, name, &f->items[f->n], &err))
		return error_list_add_error(errors, &err);
	f->n++;
	return true;
}

static bool add_recipients(const struct bundle_dir *d, struct files *f,
			   struct error_list *errors)
{
	struct str found = {NULL, 0};
	for (size_t i = 0; i < sizeof recipients_names / sizeof *recipients_names;
	     i++) {
		if (!bundle_dir_has(d, recipients_names[i].p))
			continue;
		if (found.p != NULL)
			return error_list_add(
				errors, ERROR_UNPROCESSABLE, recipients_names[i].p,
				"is there beside %s: which one is meant?", found.p);
		found = recipients_names[i];
	}
	if (found.p == NULL)
		return error_list_add(errors, ERROR_NOT_FOUND, BUNDLE_RECIPIENTS,
				      "is not there, nor with .gz or .zst; the "
				      "audience of the campaign needs it");
	return add_file(d, f, found, errors);
}

static bool add_files(const struct bundle_dir *d, const struct campaign *c,
		      struct arena *arena, struct files *f, struct error_list *errors)
{
	bool ok = true;
	for (size_t i = 0; i < c->n_variants; i++) {
		struct str name = arena_printf(arena, "templates/%.*s.json",
					       STR_ARG(c->variants[i].template_name));
		if (name.p == NULL)
			return error_list_add(errors, ERROR_MEMORY, "",
					      "out of memory");
		ok &= add_file(d, f, name, errors);
	}
	if (c->from == AUDIENCE_RECIPIENTS)
		ok &= add_recipients(d, f, errors);
	return ok;
}

/* Writes what an import will read, after reading it as the import does. */
static bool write_manifest(const struct bundle_dir *d, struct arena *arena,
			   struct str campaign, const struct files *f,
			   struct error_list *errors)
{
	struct bundle b;
	struct error err;
	struct buf out;
	struct json_writer w;
	buf_init(&out, BUNDLE_MANIFEST_MAX);
	json_writer_init(&w, &out);
	bundle_put_json(&w, campaign, f->items, f->n);
	buf_add_char(&out, '\n');
	bool ok = buf_ok(&out) || error_list_add(errors, ERROR_TOO_LARGE,
						 BUNDLE_MANIFEST, "would be too large");
	ok = ok && bundle_parse(buf_str(&out), arena, &b, errors);
	if (ok && !bundle_dir_write(d, BUNDLE_MANIFEST, buf_str(&out), &err))
		ok = error_list_add_error(errors, &err);
	buf_free(&out);
	return ok;
}

static bool say_built(const struct session *s, const struct args *a,
		      const struct campaign *c, const struct files *f,
		      struct error_list *errors)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < f->n; i++)
		bytes += f->items[i].bytes;
	if (s->json) {
		json_t *v =
			json_pack("{s:s%, s:I, s:I, s:I}", "campaign", c->id.p, c->id.n,
				  "version", (json_int_t)c->version, "files",
				  (json_int_t)f->n, "bytes", (json_int_t)bytes);
		bool ok = session_print_json(v, errors);
		json_decref(v);
		return ok;
	}
	return session_say(s, errors,
			   "%s/" BUNDLE_MANIFEST ": campaign %.*s version %lu, %zu "
			   "files, %llu bytes",
			   a->positional[0], STR_ARG(c->id), (unsigned long)c->version,
			   f->n, (unsigned long long)bytes);
}

bool run_bundle_build(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	struct bundle_dir d;
	struct campaign campaign;
	struct error err;
	struct buf text;
	struct files *files = calloc(1, sizeof *files);
	if (files == NULL)
		return error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	bool ok = bundle_dir_open(&d, a->positional[0], &err) ||
		  error_list_add_error(errors, &err);
	buf_init(&text, CAMPAIGN_JSON_MAX);
	ok = ok && read_campaign(&d, s->arena, &text, &campaign, errors) &&
	     add_files(&d, &campaign, s->arena, files, errors) &&
	     write_manifest(&d, s->arena, str_trim(buf_str(&text)), files, errors) &&
	     say_built(s, a, &campaign, files, errors);
	bundle_dir_close(&d);
	buf_free(&text);
	free(files);
	return ok;
}
