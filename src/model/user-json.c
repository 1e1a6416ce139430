/* SPDX-License-Identifier: Apache-2.0 */
#include "model/user-json.h"

#include "model/fields.h"

#include <stdio.h>

/* No consent of the past is so long that more than this comes at once. */
#define MAX_LIST 256

struct reading {
	const struct user_rules *rules;
	struct arena *arena;
	struct error_list *errors;
	struct str *aliases;
	struct consent *consents;
	struct opt_out *opt_outs;
};

struct user_texts {
	struct str user, user_id, email;
};
static const struct field user_fields[] = {
	{"user", FIELD_TEXT, offsetof(struct user_texts, user), true, 1, USER_NAME_MAX,
	 NULL},
	{"userId", FIELD_TEXT, offsetof(struct user_texts, user_id), false, 1,
	 USER_IDENTITY_MAX, NULL},
	{"email", FIELD_TEXT, offsetof(struct user_texts, email), false, 3,
	 USER_IDENTITY_MAX, NULL},
	{"aliases", FIELD_OTHER, 0, false, 0, 0, NULL},
	{"attributes", FIELD_OTHER, 0, false, 0, 0, NULL},
	{"consents", FIELD_OTHER, 0, false, 0, 0, NULL},
	{"optOuts", FIELD_OTHER, 0, false, 0, 0, NULL},
};
#define N(table) (sizeof(table) / sizeof((table)[0]))

static void bad(const struct reading *r, const char *at, const char *name,
		const char *message)
{
	error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, name).text, "%s",
		       message);
}

static bool out_of_memory(const struct reading *r)
{
	return error_list_add(r->errors, ERROR_MEMORY, "", "out of memory");
}

/* Attributes ---------------------------------------------------------------------*/

/* The value as the text that is stored; absent if it is none. */
static struct str value_text(struct arena *arena, const json_t *v)
{
	struct buf text;
	struct json_writer w;
	struct str out = field_text(v);
	if (json_is_boolean(v))
		return json_is_true(v) ? STR("true") : STR("false");
	if (!json_is_number(v))
		return arena_str(arena, out);
	buf_init(&text, 64);
	json_writer_init(&w, &text);
	if (json_is_integer(v))
		json_put_i64(&w, json_integer_value(v));
	else
		json_put_double(&w, json_real_value(v));
	out = buf_ok(&text) ? arena_str(arena, buf_str(&text)) : (struct str){NULL, 0};
	buf_free(&text);
	return out;
}

static bool is_of_type(const struct attribute_schema *a, const json_t *v)
{
	switch (a->type) {
	case ATTRIBUTE_NUMBER:
		return json_is_number(v);
	case ATTRIBUTE_BOOLEAN:
		return json_is_boolean(v);
	case ATTRIBUTE_STRING:
	case ATTRIBUTE_DATE:
		return json_is_string(v);
	}
	return false;
}

static void read_attribute(struct reading *r, const char *name, json_t *v,
			   struct user_change *out, struct attribute *all)
{
	static const char *const types[] = {
#define X(upper, text) text,
		ATTRIBUTE_TYPES(X)
#undef X
	};
	struct field_pointer at = field_at("/attributes", name);
	const struct attribute_schema *a =
		schema_attribute(r->rules->schema, str_of(name));
	struct attribute *to = &all[out->n_attributes];
	struct error err;

	if (a == NULL) {
		error_list_add(r->errors, ERROR_BAD_VALUE, at.text,
			       "%s is not declared in the tenant's attributes", name);
		return;
	}
	*to = (struct attribute){arena_str(r->arena, str_of(name)), {NULL, 0}};
	if (!json_is_null(v)) {
		to->value = value_text(r->arena, v);
		if (!is_of_type(a, v))
			error_list_add(r->errors, ERROR_BAD_VALUE, at.text,
				       "%s must be a %s", name, types[a->type]);
		else if (to->value.p != NULL && !attribute_check(a, to->value, &err))
			error_list_add(r->errors, ERROR_BAD_VALUE, at.text, "%s",
				       err.message);
		else if (to->value.p == NULL)
			out_of_memory(r);
	}
	out->n_attributes++;
}

static void read_attributes(struct reading *r, json_t *v, enum user_form form,
			    struct user_change *out)
{
	const char *name;
	json_t *value;
	out->clear_attributes = form == USER_PUT || json_is_null(v);
	if (v == NULL || json_is_null(v))
		return;
	if (!json_is_object(v)) {
		bad(r, "", "attributes", "attributes must be an object");
		return;
	}
	struct attribute *all = arena_array(r->arena, json_object_size(v), sizeof *all);
	if (all == NULL) {
		out_of_memory(r);
		return;
	}
	json_object_foreach(v, name, value) read_attribute(r, name, value, out, all);
	out->attributes = all;
}

/* Aliases, consents, opt-outs ----------------------------------------------------*/

static void read_alias(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct str s = field_text(v);
	bool control = false;
	for (size_t k = 0; k < s.n; k++)
		control = control || (unsigned char)s.p[k] < 0x20 || s.p[k] == 0x7f;
	if (s.p == NULL || s.n == 0 || s.n > USER_IDENTITY_MAX || control) {
		error_list_add(r->errors, ERROR_BAD_VALUE, at,
			       "an alias must be a string of 1 to %d bytes",
			       USER_IDENTITY_MAX);
		return;
	}
	if (r->rules->hashed && !user_key_is_hash(s))
		error_list_add(r->errors, ERROR_BAD_VALUE, at,
			       "this tenant knows users by hashes only: an alias must "
			       "be 64 hex characters");
	r->aliases[i] = arena_str(r->arena, s);
	for (size_t k = 0; k < i; k++)
		if (str_eq(r->aliases[i], r->aliases[k]))
			error_list_add(r->errors, ERROR_BAD_VALUE, at,
				       "this alias is there twice");
}

static bool check_purpose(struct reading *r, struct str id, const char *at,
			  const struct purpose **purpose)
{
	*purpose = schema_purpose(r->rules->schema, id);
	if (*purpose == NULL)
		error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, "purpose").text,
			       "%.*s is not declared in the tenant's purposes",
			       STR_ARG(id));
	return *purpose != NULL;
}

static void check_time(struct reading *r, int64_t at_ms, const char *at)
{
	if (at_ms > r->rules->latest_ms)
		bad(r, at, "at", "at lies in the future");
}

static const struct field consent_fields[] = {
	{"purpose", FIELD_ID, offsetof(struct consent, purpose), true, 0, 0, NULL},
	{"granted", FIELD_BOOL, offsetof(struct consent, granted), true, 0, 0, NULL},
	{"at", FIELD_TIME, offsetof(struct consent, at_ms), true, 0, 0, NULL},
	{"source", FIELD_TEXT, offsetof(struct consent, source), false, 0, 256, NULL},
	{"wording", FIELD_TEXT, offsetof(struct consent, wording), false, 0, 64, NULL},
};

static void read_consent(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct consent *c = &r->consents[i];
	const struct purpose *purpose;
	if (!fields_read(v, at, consent_fields, N(consent_fields), c, r->arena,
			 r->errors))
		return;
	check_time(r, c->at_ms, at);
	if (check_purpose(r, c->purpose, at, &purpose) && c->wording.p != NULL &&
	    purpose_wording(purpose, c->wording) == NULL)
		error_list_add(r->errors, ERROR_BAD_VALUE, field_at(at, "wording").text,
			       "%.*s has no wording of this version",
			       STR_ARG(c->purpose));
}

static const struct field opt_out_fields[] = {
	{"purpose", FIELD_ID, offsetof(struct opt_out, purpose), false, 0, 0, NULL},
	{"at", FIELD_TIME, offsetof(struct opt_out, at_ms), true, 0, 0, NULL},
	{"source", FIELD_TEXT, offsetof(struct opt_out, source), false, 0, 256, NULL},
};

static void read_opt_out(void *ctx, json_t *v, size_t i, const char *at)
{
	struct reading *r = ctx;
	struct opt_out *o = &r->opt_outs[i];
	const struct purpose *purpose;
	if (!fields_read(v, at, opt_out_fields, N(opt_out_fields), o, r->arena,
			 r->errors))
		return;
	check_time(r, o->at_ms, at);
	if (o->purpose.p != NULL)
		check_purpose(r, o->purpose, at, &purpose);
}

static void read_lists(struct reading *r, json_t *doc, enum user_form form,
		       struct user_change *out)
{
	json_t *aliases = json_object_get(doc, "aliases");
	json_t *consents = json_object_get(doc, "consents");
	json_t *opt_outs = json_object_get(doc, "optOuts");
	size_t n_aliases = json_array_size(aliases);
	size_t n_consents = json_array_size(consents);
	size_t n_opt_outs = json_array_size(opt_outs);

	r->aliases = arena_array(r->arena, n_aliases, sizeof *r->aliases);
	r->consents = arena_array(r->arena, n_consents, sizeof *r->consents);
	r->opt_outs = arena_array(r->arena, n_opt_outs, sizeof *r->opt_outs);
	if (arena_failed(r->arena)) {
		out_of_memory(r);
		return;
	}
	field_each(aliases, "/aliases", USER_MAX_ALIASES, read_alias, r, r->errors);
	field_each(consents, "/consents", MAX_LIST, read_consent, r, r->errors);
	field_each(opt_outs, "/optOuts", MAX_LIST, read_opt_out, r, r->errors);
	out->set_aliases = form == USER_PUT || aliases != NULL;
	out->aliases = r->aliases;
	out->n_aliases = n_aliases;
	out->consents = r->consents;
	out->n_consents = n_consents;
	out->opt_outs = r->opt_outs;
	out->n_opt_outs = n_opt_outs;
}

bool user_parse(json_t *doc, enum user_form form, const struct user_rules *rules,
		struct arena *arena, struct str *name, struct user_change *out,
		struct error_list *errors)
{
	struct reading r = {.rules = rules, .arena = arena, .errors = errors};
	struct user_texts texts = {0};
	size_t skip = form == USER_PATCH; /* a patch has no "user" */

	*out = (struct user_change){0};
	if (!json_is_object(doc))
		return error_list_add(errors, ERROR_BAD_VALUE, "",
				      "a user must be an object");
	fields_read(doc, "", user_fields + skip, N(user_fields) - skip, &texts, arena,
		    errors);
	if (rules->hashed && texts.email.p != NULL)
		bad(&r, "", "email",
		    "this tenant knows users by hashes only: email is refused");
	if (texts.email.p != NULL && str_find_char(texts.email, '@') == texts.email.n)
		bad(&r, "", "email", "email must be an address");
	read_lists(&r, doc, form, out);
	read_attributes(&r, json_object_get(doc, "attributes"), form, out);
	*name = texts.user;
	out->set_user_id = form == USER_PUT || json_object_get(doc, "userId") != NULL;
	out->user_id = texts.user_id;
	out->set_email = form == USER_PUT || json_object_get(doc, "email") != NULL;
	out->email = texts.email;
	if (arena_failed(arena))
		out_of_memory(&r);
	return error_list_empty(errors);
}

/* Printing -----------------------------------------------------------------------*/

static void put_text(struct json_writer *w, const char *key, struct str value)
{
	if (value.p != NULL)
		json_kv_string(w, key, value);
}

static void put_consents(struct json_writer *w, const struct user_profile *p)
{
	json_put_key(w, STR("consents"));
	json_put_array(w);
	for (size_t i = 0; i < p->n_consents; i++) {
		const struct consent *c = &p->consents[i];
		json_put_object(w);
		json_kv_string(w, "purpose", c->purpose);
		json_kv_bool(w, "granted", c->granted);
		json_kv_time(w, "at", c->at_ms);
		put_text(w, "source", c->source);
		put_text(w, "wording", c->wording);
		json_put_object_end(w);
	}
	json_put_array_end(w);
	json_put_key(w, STR("optOuts"));
	json_put_array(w);
	for (size_t i = 0; i < p->n_opt_outs; i++) {
		const struct opt_out *o = &p->opt_outs[i];
		json_put_object(w);
		put_text(w, "purpose", o->purpose);
		json_kv_time(w, "at", o->at_ms);
		put_text(w, "source", o->source);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

void user_print(struct json_writer *w, const struct user_profile *p,
		const struct user_schema *schema)
{
	json_put_object(w);
	json_kv_string(w, "user", p->user);
	put_text(w, "userId", p->user_id);
	put_text(w, "email", p->email);
	json_put_key(w, STR("aliases"));
	json_put_array(w);
	for (size_t i = 0; i < p->n_aliases; i++)
		json_put_string(w, p->aliases[i]);
	json_put_array_end(w);
	json_put_key(w, STR("attributes"));
	json_put_object(w);
	for (size_t i = 0; i < p->n_attributes; i++) {
		const struct attribute *a = &p->attributes[i];
		json_put_key(w, a->name);
		attribute_put_value(w, schema_attribute(schema, a->name), a->value);
	}
	json_put_object_end(w);
	put_consents(w, p);
	json_put_object_end(w);
}

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
	if (ms != 0)
		json_kv_time(w, key, ms);
}

void user_print_assignment(struct json_writer *w, const struct assignment *a,
			   int64_t now_ms)
{
	enum assignment_state state = assignment_state_at(a, now_ms);
	json_put_object(w);
	json_put_key(w, STR("instance"));
	json_put_hex(w, a->instance.b, sizeof a->instance.b);
	json_kv_string(w, "campaign", a->campaign);
	json_kv_u64(w, "version", a->version);
	json_kv_string(w, "variant", a->variant);
	json_kv_string(w, "state", str_of(assignment_state_name(state)));
	if (state == ASSIGNMENT_GONE || state == ASSIGNMENT_REFUSED)
		json_kv_string(w, "cause", str_of(wire_cause_name(a->cause)));
	json_kv_time(w, "assignedAt", a->assigned_ms);
	put_time(w, "injectedAt", a->injected_ms);
	put_time(w, "readAt", a->read_ms);
	put_time(w, "endedAt", a->ended_ms);
	json_put_object_end(w);
}
