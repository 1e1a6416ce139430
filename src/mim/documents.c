/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/documents.h"

#include <inttypes.h>

#include "base/json-tree.h"
#include "base/json.h"
#include "model/campaign-json.h"
#include "model/json-table.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define COLUMNS_MAX 1000
#define VARIABLES_MAX 1000
#define NAME_MAX_BYTES 1024

static const char *const status_names[] = {"staged", "active", "paused", "cancelled"};
static const char *const recall_names[] = {"none", "unread", "all"};
static const char *const kill_names[] = {"none", "nonService", "all"};
static const char *const load_names[] = {
#define X(name, text) text,
	LOAD_STATES(X)
#undef X
};

const char *campaign_status_name(enum campaign_status s)
{
	return status_names[s];
}

const char *recall_scope_name(enum recall_scope s)
{
	return recall_names[s];
}

const char *kill_switch_name(enum kill_switch k)
{
	return kill_names[k];
}

void load_document_id(uint64_t load, char out[LOAD_ID_LEN + 1])
{
	crypto_hex64(load, out);
}

bool load_document_id_parse(struct str id, uint64_t *load)
{
	return crypto_unhex64(id, load);
}

struct str version_document_id(struct arena *a, struct str campaign, uint32_t version)
{
	return arena_printf(a, "%.*s/%010" PRIu32, STR_ARG(campaign), version);
}

/* Writing ------------------------------------------------------------------------*/

static void put_load(struct json_writer *w, const char *key, uint64_t load)
{
	char text[LOAD_ID_LEN + 1];
	load_document_id(load, text);
	json_kv_string(w, key, str_of(text));
}

static void put_templates(struct json_writer *w, const struct campaign *c)
{
	json_put_key(w, STR("templates"));
	json_put_array(w);
	for (size_t i = 0; i < c->n_variants; i++) {
		const struct campaign_variant *v = &c->variants[i];
		json_put_object(w);
		json_kv_string(w, "sha256", v->template_sha256);
		json_put_key(w, STR("variables"));
		json_put_array(w);
		for (size_t j = 0; j < v->n_variables; j++) {
			json_put_object(w);
			json_kv_string(w, "name", v->variables[j].name);
			json_kv_bool(w, "default", v->variables[j].has_default);
			json_put_object_end(w);
		}
		json_put_array_end(w);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

bool version_document_write(struct buf *out, const struct version_document *d)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_put_key(&w, STR("campaign"));
	campaign_put_json(&w, &d->campaign);
	put_templates(&w, &d->campaign);
	json_kv_string(&w, "bundleSha256", d->bundle_sha256);
	json_kv_string(&w, "import", d->import);
	put_load(&w, "load", d->load);
	json_kv_u64(&w, "rows", d->rows);
	json_kv_u64(&w, "rejected", d->rejected);
	json_kv_time(&w, "imported", d->imported_ms);
	json_kv_bool(&w, "ready", d->ready);
	json_put_object_end(&w);
	return buf_ok(out);
}

bool campaign_document_write(struct buf *out, const struct campaign_document *d)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "status", str_of(status_names[d->state.status]));
	json_kv_u64(&w, "activeVersion", d->state.active_version);
	put_load(&w, "activeLoad", d->state.active_load);
	put_load(&w, "importEpoch", d->state.import_epoch);
	json_kv_string(&w, "recall", str_of(recall_names[d->state.recall]));
	json_kv_time(&w, "recalledBefore", d->state.recalled_before_ms);
	json_kv_time(&w, "changed", d->state.changed_ms);
	json_kv_u64(&w, "newestVersion", d->newest_version);
	json_kv_u64(&w, "shownVersion", d->shown_version);
	if (d->claimed_by.p != NULL) {
		json_kv_u64(&w, "claimedVersion", d->claimed_version);
		json_kv_string(&w, "claimedBy", d->claimed_by);
	}
	json_put_object_end(&w);
	return buf_ok(out);
}

bool load_document_write(struct buf *out, const struct load_document *d)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "campaign", d->campaign);
	json_kv_string(&w, "sha256", d->sha256);
	json_kv_string(&w, "content", d->content);
	json_kv_string(&w, "import", d->import);
	json_put_key(&w, STR("columns"));
	json_put_array(&w);
	for (size_t i = 0; i < d->n_columns; i++)
		json_put_string(&w, d->columns[i]);
	json_put_array_end(&w);
	json_kv_u64(&w, "rows", d->rows);
	json_kv_time(&w, "created", d->created_ms);
	json_kv_string(&w, "state", str_of(load_names[d->state]));
	json_put_object_end(&w);
	return buf_ok(out);
}

bool kill_document_write(struct buf *out, const struct kill_document *d)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "scope", str_of(kill_names[d->scope]));
	json_kv_time(&w, "changed", d->changed_ms);
	json_put_object_end(&w);
	return buf_ok(out);
}

/* Reading: each field's reader finds its place in r->out ---------------------------*/

/* Reads a number into a member of the struct that a table is for. */
#define NUMBER(function, type, member, member_type, max)                               \
	static void function(struct json_table_reader *r, const json_t *v)             \
	{                                                                              \
		type *d = r->out;                                                      \
		int64_t i;                                                             \
		if (json_table_integer(r, v, 0, (max), &i))                            \
			d->member = (member_type)i;                                    \
	}
#define TIME(function, type, member)                                                   \
	static void function(struct json_table_reader *r, const json_t *v)             \
	{                                                                              \
		type *d = r->out;                                                      \
		json_table_time(r, v, &d->member);                                     \
	}
#define LINE(function, type, member)                                                   \
	static void function(struct json_table_reader *r, const json_t *v)             \
	{                                                                              \
		type *d = r->out;                                                      \
		json_table_line(r, v, NAME_MAX_BYTES, &d->member);                     \
	}
#define CHOICE(function, type, member, member_type, names)                             \
	static void function(struct json_table_reader *r, const json_t *v)             \
	{                                                                              \
		type *d = r->out;                                                      \
		unsigned i;                                                            \
		if (json_table_choice(r, v, names, COUNT(names), &i))                  \
			d->member = (member_type)i;                                    \
	}
#define LOAD(function, type, member)                                                   \
	static void function(struct json_table_reader *r, const json_t *v)             \
	{                                                                              \
		type *d = r->out;                                                      \
		struct str s = str_of(json_string_value(v));                           \
		if (!load_document_id_parse(s, &d->member))                            \
			json_table_error(r, ERROR_CORRUPT, "must be 16 hex digits");   \
	}

static bool read_bool(struct json_table_reader *r, const json_t *v, bool *out)
{
	if (!json_is_boolean(v))
		return json_table_error(r, ERROR_CORRUPT, "must be true or false");
	*out = json_is_true(v);
	return true;
}

/* One document by its table. */
static bool read_document(struct str body, const char *what,
			  const struct json_field *fields, size_t n, struct arena *a,
			  void *out, struct error *err)
{
	struct json_table_reader r;
	struct error_list errors;
	struct error why;
	json_t *root = json_tree_read(body, &why);
	if (root == NULL)
		return error_set(err,
				 why.kind == ERROR_MEMORY ? why.kind : ERROR_CORRUPT,
				 "", "stored %s: %s", what, why.message);
	error_list_init(&errors, 4);
	json_table_init(&r, fields, n, a, &errors, "", out);
	json_table_object(&r, root);
	bool ok = error_list_empty(&errors);
	if (!ok && errors.n > 0 && errors.items[0].kind != ERROR_MEMORY)
		error_set(err, ERROR_CORRUPT, errors.items[0].where, "stored %s: %s",
			  what, errors.items[0].message);
	else if (!ok || arena_failed(a))
		ok = error_set(err, ERROR_MEMORY, "", "no memory for a stored %s",
			       what);
	error_list_free(&errors);
	json_decref(root);
	return ok;
}

/* VERSION */

static void version_campaign(struct json_table_reader *r, const json_t *v)
{
	struct version_document *d = r->out;
	campaign_from_json(v, "/campaign", r->arena, &d->campaign, r->errors);
}

static void template_sha256(struct json_table_reader *r, const json_t *v)
{
	struct campaign_variant *variant = r->out;
	json_table_line(r, v, 2 * CRYPTO_SHA256_LEN, &variant->template_sha256);
}

static void variable_name(struct json_table_reader *r, const json_t *v)
{
	struct template_variable *variable = r->out;
	json_table_line(r, v, NAME_MAX_BYTES, &variable->name);
}

static void variable_default(struct json_table_reader *r, const json_t *v)
{
	struct template_variable *variable = r->out;
	read_bool(r, v, &variable->has_default);
}

static void template_variables(struct json_table_reader *r, const json_t *v)
{
	struct campaign_variant *variant = r->out;
	if (!json_table_array(r, v, 0, VARIABLES_MAX))
		return;
	size_t n = json_array_size(v);
	struct template_variable *all = arena_array(r->arena, n, sizeof *all);
	if (all == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		r->out = &all[i];
		json_table_element(r, i, json_array_get(v, i), json_table_object);
	}
	r->out = variant;
	variant->variables = all;
	variant->n_variables = n;
}

static void version_templates(struct json_table_reader *r, const json_t *v)
{
	struct version_document *d = r->out;
	size_t n = d->campaign.n_variants; /* read before: it stands above */
	if (!json_table_array(r, v, n, n))
		return;
	struct campaign_variant *all = arena_array(r->arena, n, sizeof *all);
	if (all == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		all[i] = d->campaign.variants[i];
		r->out = &all[i];
		json_table_element(r, i, json_array_get(v, i), json_table_object);
	}
	r->out = d;
	d->campaign.variants = all;
}

LINE(version_bundle, struct version_document, bundle_sha256)
LINE(version_import, struct version_document, import)
LOAD(version_load, struct version_document, load)
NUMBER(version_rows, struct version_document, rows, uint64_t, INT64_MAX)
NUMBER(version_rejected, struct version_document, rejected, uint64_t, INT64_MAX)
TIME(version_imported, struct version_document, imported_ms)

static void version_ready(struct json_table_reader *r, const json_t *v)
{
	struct version_document *d = r->out;
	read_bool(r, v, &d->ready);
}

bool version_document_parse(struct str body, struct arena *a,
			    struct version_document *out, struct error *err)
{
	static const struct json_field fields[] = {
		{"/campaign", version_campaign, JSON_NEEDED},
		{"/templates", version_templates, JSON_NEEDED},
		{"/templates/*/sha256", template_sha256, JSON_NEEDED},
		{"/templates/*/variables", template_variables, JSON_NEEDED},
		{"/templates/*/variables/*/name", variable_name, JSON_NEEDED},
		{"/templates/*/variables/*/default", variable_default, JSON_NEEDED},
		{"/bundleSha256", version_bundle, JSON_NEEDED},
		{"/import", version_import, JSON_NEEDED},
		{"/load", version_load, JSON_NEEDED},
		{"/rows", version_rows, JSON_NEEDED},
		{"/rejected", version_rejected, JSON_NEEDED},
		{"/imported", version_imported, JSON_NEEDED},
		{"/ready", version_ready, JSON_NEEDED},
	};
	*out = (struct version_document){.load = 0};
	return read_document(body, "version", fields, COUNT(fields), a, out, err);
}

/* CAMPAIGN */

CHOICE(state_status, struct campaign_document, state.status, enum campaign_status,
       status_names)
NUMBER(state_version, struct campaign_document, state.active_version, uint32_t,
       UINT32_MAX)
LOAD(state_load, struct campaign_document, state.active_load)
LOAD(state_epoch, struct campaign_document, state.import_epoch)
CHOICE(state_recall, struct campaign_document, state.recall, enum recall_scope,
       recall_names)
TIME(state_recalled, struct campaign_document, state.recalled_before_ms)
TIME(state_changed, struct campaign_document, state.changed_ms)
NUMBER(state_newest, struct campaign_document, newest_version, uint32_t, UINT32_MAX)
NUMBER(state_shown, struct campaign_document, shown_version, uint32_t, UINT32_MAX)
NUMBER(state_claimed, struct campaign_document, claimed_version, uint32_t, UINT32_MAX)
LINE(state_claimed_by, struct campaign_document, claimed_by)

bool campaign_document_parse(struct str body, struct arena *a,
			     struct campaign_document *out, struct error *err)
{
	static const struct json_field fields[] = {
		{"/status", state_status, JSON_NEEDED},
		{"/activeVersion", state_version, JSON_NEEDED},
		{"/activeLoad", state_load, JSON_NEEDED},
		{"/importEpoch", state_epoch, JSON_NEEDED},
		{"/recall", state_recall, JSON_NEEDED},
		{"/recalledBefore", state_recalled, JSON_NEEDED},
		{"/changed", state_changed, JSON_NEEDED},
		{"/newestVersion", state_newest, JSON_NEEDED},
		{"/shownVersion", state_shown, JSON_NEEDED},
		{"/claimedVersion", state_claimed, JSON_OPTIONAL},
		{"/claimedBy", state_claimed_by, JSON_OPTIONAL},
	};
	*out = (struct campaign_document){.newest_version = 0};
	return read_document(body, "campaign", fields, COUNT(fields), a, out, err);
}

/* LOAD */

LINE(load_campaign, struct load_document, campaign)
LINE(load_sha256, struct load_document, sha256)
LINE(load_content, struct load_document, content)
LINE(load_import, struct load_document, import)
NUMBER(load_rows, struct load_document, rows, uint64_t, INT64_MAX)
TIME(load_created, struct load_document, created_ms)
CHOICE(load_state, struct load_document, state, enum load_state, load_names)

static void column_name(struct json_table_reader *r, const json_t *v)
{
	struct str *column = r->out;
	json_table_line(r, v, NAME_MAX_BYTES, column);
}

static void load_columns(struct json_table_reader *r, const json_t *v)
{
	struct load_document *d = r->out;
	if (!json_table_array(r, v, 0, COLUMNS_MAX))
		return;
	size_t n = json_array_size(v);
	struct str *all = arena_array(r->arena, n, sizeof *all);
	if (all == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		r->out = &all[i];
		json_table_element(r, i, json_array_get(v, i), column_name);
	}
	r->out = d;
	d->columns = all;
	d->n_columns = n;
}

bool load_document_parse(struct str body, struct arena *a, struct load_document *out,
			 struct error *err)
{
	static const struct json_field fields[] = {
		{"/campaign", load_campaign, JSON_NEEDED},
		{"/sha256", load_sha256, JSON_NEEDED},
		{"/content", load_content, JSON_NEEDED},
		{"/import", load_import, JSON_NEEDED},
		{"/columns", load_columns, JSON_NEEDED},
		{"/rows", load_rows, JSON_NEEDED},
		{"/created", load_created, JSON_NEEDED},
		{"/state", load_state, JSON_NEEDED},
	};
	*out = (struct load_document){.rows = 0};
	return read_document(body, "load", fields, COUNT(fields), a, out, err);
}

/* SETTING kill */

CHOICE(kill_scope, struct kill_document, scope, enum kill_switch, kill_names)
TIME(kill_changed, struct kill_document, changed_ms)

bool kill_document_parse(struct str body, struct arena *a, struct kill_document *out,
			 struct error *err)
{
	static const struct json_field fields[] = {
		{"/scope", kill_scope, JSON_NEEDED},
		{"/changed", kill_changed, JSON_NEEDED},
	};
	*out = (struct kill_document){.scope = KILL_NOTHING};
	return read_document(body, "kill switch", fields, COUNT(fields), a, out, err);
}
