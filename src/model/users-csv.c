/* SPDX-License-Identifier: Apache-2.0 */
#include "model/users-csv.h"

#include "base/clock.h"

#define ATTRIBUTE "attr."
#define CONSENT "consent."
#define REVOKED "revoked:"

/* Columns without a name of the tenant's in them. */
static const struct {
	const char *name;
	enum users_csv_kind kind;
} plain_columns[] = {
	{"userId", USERS_CSV_USER_ID},
	{"email", USERS_CSV_EMAIL},
	{"alias", USERS_CSV_ALIAS},
	{"optOut", USERS_CSV_OPT_OUT},
};

static bool plain_column(struct str name, struct users_csv_column *out)
{
	for (size_t i = 0; i < sizeof plain_columns / sizeof *plain_columns; i++)
		if (str_eqz(name, plain_columns[i].name)) {
			out->kind = plain_columns[i].kind;
			return true;
		}
	return false;
}

static bool column(struct str name, const struct users_csv_rules *rules,
		   struct users_csv_column *out, struct error *err)
{
	if (plain_column(name, out))
		return out->kind != USERS_CSV_EMAIL || !rules->hashed ||
		       error_set(err, ERROR_UNPROCESSABLE, "line 1",
				 "column \"email\": the tenant keeps no addresses");
	if (str_starts(name, STR(ATTRIBUTE))) {
		out->kind = USERS_CSV_ATTRIBUTE;
		out->name = str_slice(name, strlen(ATTRIBUTE), name.n);
		return schema_attribute(rules->schema, out->name) != NULL ||
		       error_set(err, ERROR_UNPROCESSABLE, "line 1",
				 "the tenant has declared no attribute \"%.*s\"",
				 STR_ARG(out->name));
	}
	if (str_starts(name, STR(CONSENT))) {
		out->kind = USERS_CSV_CONSENT;
		out->name = str_slice(name, strlen(CONSENT), name.n);
		return schema_purpose(rules->schema, out->name) != NULL ||
		       error_set(err, ERROR_UNPROCESSABLE, "line 1",
				 "the tenant has declared no purpose \"%.*s\"",
				 STR_ARG(out->name));
	}
	return error_set(err, ERROR_UNKNOWN_FIELD, "line 1",
			 "\"%.*s\" is no column of users: userId, email, alias, "
			 "attr.<name>, consent.<purpose>, optOut",
			 STR_ARG(name));
}

bool users_csv_columns(const struct str *names, size_t n,
		       const struct users_csv_rules *rules, struct arena *arena,
		       struct users_csv *out, struct error_list *errors)
{
	struct users_csv_column *columns = arena_array(arena, n, sizeof *columns);
	bool ok = true;
	if (columns == NULL)
		return error_list_add(errors, ERROR_MEMORY, "line 1", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct error err;
		if (!column(names[i], rules, &columns[i], &err))
			ok = error_list_add_error(errors, &err);
	}
	*out = (struct users_csv){*rules, columns, n};
	return ok;
}

/* Rows -----------------------------------------------------------------------------*/

/* What a row can hold at most: one of each column. */
struct row {
	const struct users_csv *csv;
	struct user_change *change;
	struct attribute *attributes;
	struct consent *consents;
	struct opt_out *opt_outs;
	struct str *aliases;
};

static bool bad(struct error *err, const char *column, struct str name,
		const char *message)
{
	return error_set(err, ERROR_BAD_VALUE, "", "%s%.*s: %s", column, STR_ARG(name),
			 message);
}

static bool time_of(const struct row *r, struct str text, const char *column,
		    struct str name, int64_t *at_ms, struct error *err)
{
	struct error why;
	if (!clock_parse_rfc3339(text, at_ms, &why))
		return bad(err, column, name, why.message);
	if (*at_ms > r->csv->rules.latest_ms)
		return bad(err, column, name, "must not be later than the import");
	return true;
}

static bool add_consent(struct row *r, struct str purpose, struct str value,
			struct error *err)
{
	struct consent *c = &r->consents[r->change->n_consents];
	*c = (struct consent){.purpose = purpose,
			      .granted = !str_starts(value, STR(REVOKED)),
			      .source = r->csv->rules.source};
	if (!c->granted)
		value = str_slice(value, strlen(REVOKED), value.n);
	r->change->n_consents++;
	return time_of(r, value, CONSENT, purpose, &c->at_ms, err);
}

static bool add_opt_out(struct row *r, struct str value, struct error *err)
{
	struct opt_out *o = &r->opt_outs[r->change->n_opt_outs++];
	*o = (struct opt_out){.source = r->csv->rules.source};
	return time_of(r, value, "optOut", STR(""), &o->at_ms, err);
}

static bool add_attribute(struct row *r, struct str name, struct str value,
			  struct error *err)
{
	struct error why;
	if (!attribute_check(schema_attribute(r->csv->rules.schema, name), value, &why))
		return bad(err, ATTRIBUTE, name, why.message);
	r->attributes[r->change->n_attributes++] = (struct attribute){name, value};
	return true;
}

static bool is_identity(struct str value)
{
	if (value.n > USER_IDENTITY_MAX)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f)
			return false;
	return true;
}

static bool add_identity(struct row *r, enum users_csv_kind kind, struct str value,
			 struct error *err)
{
	if (!is_identity(value))
		return error_set(err, ERROR_BAD_VALUE, "",
				 "userId, email and alias have at most %d bytes and no "
				 "blanks",
				 USER_IDENTITY_MAX);
	if (kind == USERS_CSV_USER_ID) {
		r->change->set_user_id = true;
		r->change->user_id = value;
	} else if (kind == USERS_CSV_EMAIL) {
		if (str_find_char(value, '@') == value.n)
			return bad(err, "email", STR(""), "must be an address");
		r->change->set_email = true;
		r->change->email = value;
	} else {
		r->change->set_aliases = true;
		r->aliases[r->change->n_aliases++] = value;
	}
	return true;
}

static bool add(struct row *r, const struct users_csv_column *column, struct str value,
		struct error *err)
{
	switch (column->kind) {
	case USERS_CSV_USER_ID:
	case USERS_CSV_EMAIL:
	case USERS_CSV_ALIAS:
		return add_identity(r, column->kind, value, err);
	case USERS_CSV_ATTRIBUTE:
		return add_attribute(r, column->name, value, err);
	case USERS_CSV_CONSENT:
		return add_consent(r, column->name, value, err);
	case USERS_CSV_OPT_OUT:
		return add_opt_out(r, value, err);
	}
	return false;
}

bool users_csv_row(const struct users_csv *csv, const struct str *values,
		   struct arena *arena, struct user_change *change, struct error *err)
{
	size_t n = csv->n_columns;
	struct row r = {.csv = csv, .change = change};
	*change = (struct user_change){.n_aliases = 0};
	change->attributes = r.attributes = arena_array(arena, n, sizeof *r.attributes);
	change->consents = r.consents = arena_array(arena, n, sizeof *r.consents);
	change->opt_outs = r.opt_outs = arena_array(arena, n, sizeof *r.opt_outs);
	change->aliases = r.aliases = arena_array(arena, n, sizeof *r.aliases);
	if (arena_failed(arena))
		return error_set(err, ERROR_MEMORY, "", "no memory");
	for (size_t i = 0; i < n; i++)
		if (values[i].n > 0 && !add(&r, &csv->columns[i], values[i], err))
			return false;
	return true;
}
