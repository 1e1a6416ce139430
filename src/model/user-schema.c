/* SPDX-License-Identifier: Apache-2.0 */
#include "model/user-schema.h"

#include "base/crypto.h"
#include "model/fields.h"

#include <stdio.h>

#define HASH_LEN (2 * CRYPTO_SHA256_LEN)
#define MAX_WORDING 8192

static const char type_words[] = "string|number|boolean|date";

struct reading {
	struct arena *arena;
	struct error_list *errors;
	struct attribute_schema *attributes;
	struct purpose *purposes;
	struct str *allowed;
	struct wording *wordings;
};

static void *make_array(const struct reading *r, json_t *list, size_t size,
			const char *at)
{
	void *p = arena_array(r->arena, json_array_size(list), size);
	if (p == NULL)
		error_list_add(r->errors, ERROR_MEMORY, at, "out of memory");
	return p;
}

static bool no_twin(struct error_list *errors, const char *list, size_t i,
		    const char *name)
{
	return error_list_add(errors, ERROR_BAD_VALUE,
			      field_at(field_at_index(list, i).text, name).text,
			      "another entry has the same %s", name);
}

/* Attributes ---------------------------------------------------------------------*/

static bool is_attribute_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		bool letter = c >= 'a' && c <= 'z';
		bool more = (c >= '0' && c <= '9') || c == '_';
		if (!letter && (i == 0 || !more))
			return false;
	}
	return s.n > 0 && s.n <= 64;
}

static const struct field attribute_fields[] = {
	{"name", FIELD_TEXT, offsetof(struct attribute_schema, name), true, 1, 64,
	 NULL},
	{"type", FIELD_WORD, offsetof(struct attribute_schema, type), true, 0, 0,
	 type_words},
	{"label", FIELD_TEXT, offsetof(struct attribute_schema, label), false, 0, 256,
	 NULL},
	{"allowed", FIELD_OTHER, 0, false, 0, 0, NULL},
	{"sensitive", FIELD_BOOL, offsetof(struct attribute_schema, sensitive), false,
	 0, 0, NULL},
};

static void read_allowed(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct str s = field_text(v);
	if (s.p == NULL || s.n > ATTRIBUTE_VALUE_MAX)
		error_list_add(r->errors, ERROR_BAD_VALUE, at,
			       "a value must be a string of at most %d bytes",
			       ATTRIBUTE_VALUE_MAX);
	else
		r->allowed[i] = arena_str(r->arena, s);
}

static void read_attribute(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct attribute_schema *a = &r->attributes[i];
	json_t *allowed = json_object_get(v, "allowed");
	struct field_pointer p = field_at(at, "allowed");
	struct error err;

	fields_read(v, at, attribute_fields,
		    sizeof attribute_fields / sizeof attribute_fields[0], a, r->arena,
		    r->errors);
	if (a->name.p != NULL && !is_attribute_name(a->name))
		error_list_add(
			r->errors, ERROR_BAD_VALUE, field_at(at, "name").text,
			"name must be a letter, then at most 63 letters, digits, "
			"'_'");
	r->allowed = make_array(r, allowed, sizeof *r->allowed, p.text);
	if (r->allowed == NULL)
		return;
	size_t before = r->errors->n + r->errors->dropped;
	field_each(allowed, p.text, SCHEMA_MAX_ALLOWED, read_allowed, r, r->errors);
	if (r->errors->n + r->errors->dropped > before)
		return;
	for (size_t k = 0; k < json_array_size(allowed); k++)
		if (!attribute_check(a, r->allowed[k], &err))
			error_list_add(r->errors, ERROR_BAD_VALUE,
				       field_at_index(p.text, k).text, "%s",
				       err.message);
	a->allowed = r->allowed;
	a->n_allowed = json_array_size(allowed);
}

bool schema_parse_attributes(json_t *list, struct arena *arena, struct user_schema *out,
			     struct error_list *errors)
{
	struct reading r = {.arena = arena, .errors = errors};
	size_t n = json_array_size(list), before = errors->n + errors->dropped;
	r.attributes = make_array(&r, list, sizeof *r.attributes, "");
	if (r.attributes == NULL)
		return false;
	if (!json_is_array(list))
		return error_list_add(errors, ERROR_BAD_VALUE, "",
				      "this must be a list");
	field_each(list, "", SCHEMA_MAX_ATTRIBUTES, read_attribute, &r, errors);
	for (size_t i = 0; i < n && n <= SCHEMA_MAX_ATTRIBUTES; i++)
		for (size_t j = 0; j < i; j++)
			if (r.attributes[i].name.p != NULL &&
			    str_eq(r.attributes[i].name, r.attributes[j].name))
				no_twin(errors, "", i, "name");
	out->attributes = r.attributes;
	out->n_attributes = n;
	if (arena_failed(arena))
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	return errors->n + errors->dropped == before;
}

void schema_print_attributes(struct json_writer *w, const struct user_schema *s)
{
	json_put_array(w);
	for (size_t i = 0; i < s->n_attributes; i++) {
		const struct attribute_schema *a = &s->attributes[i];
		static const char *const names[] = {
#define X(name, text) text,
			ATTRIBUTE_TYPES(X)
#undef X
		};
		json_put_object(w);
		json_kv_string(w, "name", a->name);
		json_kv_string(w, "type", str_of(names[a->type]));
		if (a->label.p != NULL)
			json_kv_string(w, "label", a->label);
		if (a->n_allowed > 0) {
			json_put_key(w, STR("allowed"));
			json_put_array(w);
			for (size_t k = 0; k < a->n_allowed; k++)
				json_put_string(w, a->allowed[k]);
			json_put_array_end(w);
		}
		json_kv_bool(w, "sensitive", a->sensitive);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

/* Purposes -----------------------------------------------------------------------*/

struct purpose_words {
	struct purpose purpose;
	bool existing_customer;
};
static const struct field purpose_fields[] = {
	{"id", FIELD_ID, offsetof(struct purpose_words, purpose.id), true, 0, 0, NULL},
	{"names", FIELD_OTHER, 0, true, 0, 0, NULL},
	{"legalBasis", FIELD_FLAG, offsetof(struct purpose_words, existing_customer),
	 false, 0, 0, "consent|existingCustomer"},
	{"wordings", FIELD_OTHER, 0, false, 0, 0, NULL},
};
static const struct field wording_fields[] = {
	{"version", FIELD_TEXT, offsetof(struct wording, version), true, 1, 64, NULL},
	{"text", FIELD_OTHER, 0, true, 0, 0, NULL},
	{"hash", FIELD_TEXT, offsetof(struct wording, hash), false, HASH_LEN, HASH_LEN,
	 NULL},
	{"namesInboxPlacement", FIELD_BOOL,
	 offsetof(struct wording, names_inbox_placement), false, 0, 0, NULL},
};

static void read_wording(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct wording *wd = &r->wordings[i];
	uint8_t sum[CRYPTO_SHA256_LEN];
	char hex[HASH_LEN + 1];
	struct str text = field_text(json_object_get(v, "text"));

	if (!fields_read(v, at, wording_fields,
			 sizeof wording_fields / sizeof wording_fields[0], wd, r->arena,
			 r->errors))
		return;
	if (text.p == NULL || text.n > MAX_WORDING) { /* may have several lines */
		error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, "text").text,
			       "text must be a string of at most %d bytes",
			       MAX_WORDING);
		return;
	}
	crypto_sha256(text, sum);
	crypto_hex(hex, sum, sizeof sum);
	if (wd->hash.p != NULL && !str_ieq(wd->hash, str_of(hex)))
		error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, "hash").text,
			       "hash is not the SHA-256 of the text, which is %s", hex);
	wd->text = arena_str(r->arena, text);
	wd->hash = arena_str(r->arena, str_of(hex));
}

static bool is_language(const char *s)
{
	size_t run = 0, at = 0;
	for (;; at++) {
		char c = str_lower_char(s[at]);
		bool letter = c >= 'a' && c <= 'z';
		bool digit = c >= '0' && c <= '9';
		if (letter || (digit && run < at)) {
			run++;
		} else {
			if (run < (run == at ? 2u : 1u) || run > 8)
				return false;
			if (c != '-')
				return c == '\0' && at <= 35;
			run = 0;
		}
	}
}

static void read_names(struct reading *r, json_t *v, const char *at, struct purpose *p)
{
	const char *language;
	json_t *text;
	size_t n = 0;
	if (!json_is_object(v) || json_object_size(v) == 0 ||
	    json_object_size(v) > 64) {
		error_list_add(r->errors, ERROR_BAD_VALUE, at,
			       "names must have a name for at least one language");
		return;
	}
	struct purpose_name *names =
		arena_array(r->arena, json_object_size(v), sizeof *names);
	json_object_foreach(v, language, text)
	{
		struct str s = field_text(text);
		if (!is_language(language) || s.p == NULL || s.n == 0 || s.n > 256)
			error_list_add(r->errors, ERROR_BAD_VALUE,
				       field_at(at, language).text,
				       "this must be a language (BCP 47) and a name of "
				       "at most 256 bytes");
		else if (names != NULL)
			names[n++] = (struct purpose_name){
				arena_str(r->arena, str_of(language)),
				arena_str(r->arena, s)};
	}
	p->names = names;
	p->n_names = n;
}

static void read_purpose(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct purpose_words pw = {0};
	json_t *wordings = json_object_get(v, "wordings");
	struct field_pointer p = field_at(at, "wordings");

	fields_read(v, at, purpose_fields,
		    sizeof purpose_fields / sizeof purpose_fields[0], &pw, r->arena,
		    r->errors);
	if (pw.existing_customer)
		error_list_add(r->errors, ERROR_NOT_BUILT,
			       field_at(at, "legalBasis").text,
			       "existingCustomer is not built into this version");
	if (json_object_get(v, "names") != NULL)
		read_names(r, json_object_get(v, "names"), field_at(at, "names").text,
			   &pw.purpose);
	r->wordings = make_array(r, wordings, sizeof *r->wordings, p.text);
	if (r->wordings == NULL)
		return;
	size_t n = json_array_size(wordings);
	field_each(wordings, p.text, SCHEMA_MAX_WORDINGS, read_wording, r, r->errors);
	for (size_t k = 0; k < n && n <= SCHEMA_MAX_WORDINGS; k++)
		for (size_t j = 0; j < k; j++)
			if (r->wordings[k].version.p != NULL &&
			    str_eq(r->wordings[k].version, r->wordings[j].version))
				no_twin(r->errors, p.text, k, "version");
	pw.purpose.wordings = r->wordings;
	pw.purpose.n_wordings = n;
	r->purposes[i] = pw.purpose;
}

bool schema_parse_purposes(json_t *list, struct arena *arena, struct user_schema *out,
			   struct error_list *errors)
{
	struct reading r = {.arena = arena, .errors = errors};
	size_t n = json_array_size(list), before = errors->n + errors->dropped;
	r.purposes = make_array(&r, list, sizeof *r.purposes, "");
	if (r.purposes == NULL)
		return false;
	if (!json_is_array(list))
		return error_list_add(errors, ERROR_BAD_VALUE, "",
				      "this must be a list");
	field_each(list, "", SCHEMA_MAX_PURPOSES, read_purpose, &r, errors);
	for (size_t i = 0; i < n && n <= SCHEMA_MAX_PURPOSES; i++)
		for (size_t j = 0; j < i; j++)
			if (r.purposes[i].id.p != NULL &&
			    str_eq(r.purposes[i].id, r.purposes[j].id))
				no_twin(errors, "", i, "id");
	out->purposes = r.purposes;
	out->n_purposes = n;
	if (arena_failed(arena))
		error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	return errors->n + errors->dropped == before;
}

static void put_purpose(struct json_writer *w, const struct purpose *p)
{
	json_put_object(w);
	json_kv_string(w, "id", p->id);
	json_put_key(w, STR("names"));
	json_put_object(w);
	for (size_t i = 0; i < p->n_names; i++) {
		json_put_key(w, p->names[i].language);
		json_put_string(w, p->names[i].text);
	}
	json_put_object_end(w);
	json_kv_string(w, "legalBasis", STR("consent"));
	json_put_key(w, STR("wordings"));
	json_put_array(w);
	for (size_t i = 0; i < p->n_wordings; i++) {
		const struct wording *wd = &p->wordings[i];
		json_put_object(w);
		json_kv_string(w, "version", wd->version);
		json_kv_string(w, "text", wd->text);
		json_kv_string(w, "hash", wd->hash);
		json_kv_bool(w, "namesInboxPlacement", wd->names_inbox_placement);
		json_put_object_end(w);
	}
	json_put_array_end(w);
	json_put_object_end(w);
}

void schema_print_purposes(struct json_writer *w, const struct user_schema *s)
{
	json_put_array(w);
	for (size_t i = 0; i < s->n_purposes; i++)
		put_purpose(w, &s->purposes[i]);
	json_put_array_end(w);
}
