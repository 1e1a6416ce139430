/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bundle.h"

#include <stdio.h>

#include "base/json-tree.h"
#include "model/json-table.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TEMPLATES_FOLDER "templates/"
#define TEMPLATES_ENDING ".json"
#define ASSETS_FOLDER "assets/"
#define IN_MANIFEST BUNDLE_MANIFEST "#"

static const char *const recipients_names[] = {
	BUNDLE_RECIPIENTS, BUNDLE_RECIPIENTS ".gz", BUNDLE_RECIPIENTS ".zst"};

#define BUNDLE_FIELDS(X)                                                               \
	X(read_schema, "/schema", JSON_NEEDED)                                         \
	X(read_campaign, "/campaign", JSON_NEEDED)                                     \
	X(read_files, "/files", JSON_NEEDED)                                           \
	X(read_file_name, "/files/*/name", JSON_NEEDED)                                \
	X(read_file_sha256, "/files/*/sha256", JSON_NEEDED)                            \
	X(read_file_bytes, "/files/*/bytes", JSON_NEEDED)                              \
	X(read_file_rows, "/files/*/rows", JSON_OPTIONAL)

bool bundle_file_kind(struct str name, enum bundle_file_kind *kind)
{
	struct str id;
	for (size_t i = 0; i < COUNT(recipients_names); i++)
		if (str_eqz(name, recipients_names[i])) {
			*kind = BUNDLE_FILE_RECIPIENTS;
			return true;
		}
	if (!str_starts(name, STR(TEMPLATES_FOLDER)) ||
	    !str_ends(name, STR(TEMPLATES_ENDING)))
		return false;
	*kind = BUNDLE_FILE_TEMPLATE;
	id = str_slice(name, strlen(TEMPLATES_FOLDER),
		       name.n - strlen(TEMPLATES_ENDING));
	return str_is_id(id);
}

static void read_schema(struct json_table_reader *r, const json_t *v)
{
	static const char *const known[] = {BUNDLE_SCHEMA};
	unsigned i;
	json_table_choice(r, v, known, COUNT(known), &i);
}

static void read_campaign(struct json_table_reader *r, const json_t *v)
{
	struct bundle *b = r->out;
	campaign_from_json(v, r->pointer, r->arena, &b->campaign, r->errors);
}

/* The one that is being read. */
static struct bundle_file *file(const struct json_table_reader *r)
{
	struct bundle *b = r->out;
	return &b->files[b->n_files];
}

static void read_file_name(struct json_table_reader *r, const json_t *v)
{
	const struct bundle *b = r->out;
	struct bundle_file *f = file(r);
	struct str name = {NULL, 0};
	if (!json_table_line(r, v, BUNDLE_FILE_NAME_MAX, &name))
		return;
	if (str_starts(name, STR(ASSETS_FOLDER))) {
		json_table_error(r, ERROR_NOT_BUILT,
				 "assets are not built into this version yet");
		return;
	}
	if (!bundle_file_kind(name, &f->kind)) {
		json_table_error(r, ERROR_BAD_VALUE,
				 "must be templates/{name}.json or " BUNDLE_RECIPIENTS
				 " with or without .gz or .zst");
		return;
	}
	for (size_t i = 0; i < b->n_files; i++)
		if (str_eq(b->files[i].name, name)) {
			json_table_error(r, ERROR_BAD_VALUE, "is there twice");
			return;
		} else if (f->kind == BUNDLE_FILE_RECIPIENTS &&
			   b->files[i].kind == BUNDLE_FILE_RECIPIENTS &&
			   b->files[i].name.p != NULL) {
			json_table_error(r, ERROR_BAD_VALUE,
					 "is a second file of recipients");
			return;
		}
	f->name = name;
}

static void read_file_sha256(struct json_table_reader *r, const json_t *v)
{
	struct str hex = {json_string_value(v), json_string_length(v)};
	if (!json_is_string(v) ||
	    !crypto_unhex(hex, file(r)->sha256, CRYPTO_SHA256_LEN))
		json_table_error(r, ERROR_BAD_VALUE, "must be 64 hex digits");
}

static void read_file_bytes(struct json_table_reader *r, const json_t *v)
{
	int64_t n;
	if (json_table_integer(r, v, 0, BUNDLE_FILE_BYTES_MAX, &n))
		file(r)->bytes = (uint64_t)n;
}

static void read_file_rows(struct json_table_reader *r, const json_t *v)
{
	int64_t n;
	if (!json_table_integer(r, v, 0, INT64_C(1) << 40, &n))
		return;
	file(r)->rows = (uint64_t)n;
	file(r)->has_rows = true;
	if (file(r)->kind != BUNDLE_FILE_RECIPIENTS)
		json_table_error(r, ERROR_BAD_VALUE, "goes with recipients only");
}

static void read_files(struct json_table_reader *r, const json_t *v)
{
	struct bundle *b = r->out;
	if (!json_table_array(r, v, 1, BUNDLE_FILES_MAX))
		return;
	b->files = arena_array(r->arena, json_array_size(v), sizeof *b->files);
	if (b->files == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	for (size_t i = 0; i < json_array_size(v); i++) {
		b->files[i] = (struct bundle_file){.kind = BUNDLE_FILE_TEMPLATE};
		json_table_element(r, i, json_array_get(v, i), json_table_object);
		b->n_files++;
	}
}

static const struct json_field fields[] = {
#define X(reader, pointer, need) {pointer, reader, need},
	BUNDLE_FIELDS(X)
#undef X
};

static struct str template_id(const struct bundle_file *f)
{
	return str_slice(f->name, strlen(TEMPLATES_FOLDER),
			 f->name.n - strlen(TEMPLATES_ENDING));
}

const struct bundle_file *bundle_recipients(const struct bundle *b)
{
	for (size_t i = 0; i < b->n_files; i++)
		if (b->files[i].kind == BUNDLE_FILE_RECIPIENTS)
			return &b->files[i];
	return NULL;
}

const struct bundle_file *bundle_template(const struct bundle *b, struct str name)
{
	for (size_t i = 0; i < b->n_files; i++)
		if (b->files[i].kind == BUNDLE_FILE_TEMPLATE &&
		    str_eq(template_id(&b->files[i]), name))
			return &b->files[i];
	return NULL;
}

static bool is_used(const struct bundle *b, const struct bundle_file *f)
{
	for (size_t i = 0; i < b->campaign.n_variants; i++)
		if (str_eq(b->campaign.variants[i].template_name, template_id(f)))
			return true;
	return false;
}

/* Every file that the campaign needs is listed, and no other. */
static bool check_list(const struct bundle *b, struct error_list *errors)
{
	const struct campaign *c = &b->campaign;
	const char *where = IN_MANIFEST "/files";
	bool has_recipients = bundle_recipients(b) != NULL;
	bool ok = true;
	for (size_t i = 0; i < c->n_variants; i++)
		if (bundle_template(b, c->variants[i].template_name) == NULL)
			ok = error_list_add(errors, ERROR_UNPROCESSABLE, where,
					    "lacks " TEMPLATES_FOLDER
					    "%.*s" TEMPLATES_ENDING
					    ", which a variant names",
					    STR_ARG(c->variants[i].template_name));
	for (size_t i = 0; i < b->n_files; i++)
		if (b->files[i].kind == BUNDLE_FILE_TEMPLATE &&
		    !is_used(b, &b->files[i]))
			ok = error_list_add(errors, ERROR_UNPROCESSABLE, where,
					    "has %.*s, which no variant names",
					    STR_ARG(b->files[i].name));
	if (c->from == AUDIENCE_RECIPIENTS && !has_recipients)
		ok = error_list_add(errors, ERROR_UNPROCESSABLE, where,
				    "lacks " BUNDLE_RECIPIENTS
				    ", which audience \"recipients\" needs");
	if (c->from == AUDIENCE_EVERYONE && has_recipients)
		ok = error_list_add(errors, ERROR_UNPROCESSABLE, where,
				    "has recipients, but the audience is \"everyone\"");
	return ok;
}

bool bundle_parse(struct str json, struct arena *arena, struct bundle *out,
		  struct error_list *errors)
{
	struct json_table_reader r;
	struct error err;
	size_t before = errors->n + errors->dropped;
	*out = (struct bundle){.n_files = 0};
	crypto_sha256(json, out->sha256);
	if (json.n > BUNDLE_MANIFEST_MAX)
		return error_list_add(errors, ERROR_TOO_LARGE, BUNDLE_MANIFEST,
				      "is over %d bytes", BUNDLE_MANIFEST_MAX);
	json_t *value = json_tree_read(json, &err);
	if (value == NULL)
		return error_list_add(errors, err.kind, BUNDLE_MANIFEST,
				      "cannot be read: %s", err.message);
	json_table_init(&r, fields, COUNT(fields), arena, errors, IN_MANIFEST, out);
	json_table_object(&r, value);
	json_decref(value);
	if (arena_failed(arena))
		return error_list_add(errors, ERROR_MEMORY, BUNDLE_MANIFEST,
				      "no memory");
	if (errors->n + errors->dropped != before)
		return false;
	return check_list(out, errors);
}

void bundle_put_json(struct json_writer *w, struct str campaign,
		     const struct bundle_file *files, size_t n_files)
{
	json_put_object(w);
	json_kv_string(w, "schema", STR(BUNDLE_SCHEMA));
	json_put_key(w, STR("campaign"));
	json_put_raw(w, campaign);
	json_put_key(w, STR("files"));
	json_put_array(w);
	for (size_t i = 0; i < n_files; i++) {
		json_put_object(w);
		json_kv_string(w, "name", files[i].name);
		json_put_key(w, STR("sha256"));
		json_put_hex(w, files[i].sha256, CRYPTO_SHA256_LEN);
		json_kv_u64(w, "bytes", files[i].bytes);
		if (files[i].has_rows)
			json_kv_u64(w, "rows", files[i].rows);
		json_put_object_end(w);
	}
	json_put_array_end(w);
	json_put_object_end(w);
}

#define LINE "line "

void bundle_error_in(struct error *err, struct str file)
{
	char place[sizeof err->where];
	const char *between = "", *behind = err->where;
	if (err->where[0] == '/') {
		between = "#";
	} else if (str_starts(str_of(err->where), STR(LINE))) {
		between = ":";
		behind += strlen(LINE);
	} else if (err->where[0] != '\0') {
		between = ": ";
	}
	/* what is too long is cut */
	if (snprintf(place, sizeof place, "%.*s%s%s", STR_ARG(file), between, behind) >=
	    0)
		memcpy(err->where, place, sizeof place);
}
