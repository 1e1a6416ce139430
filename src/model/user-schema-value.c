/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "model/user-schema.h"

#include <stdio.h>

const struct attribute_schema *schema_attribute(const struct user_schema *s,
						struct str name)
{
	for (size_t i = 0; i < s->n_attributes; i++)
		if (str_eq(s->attributes[i].name, name))
			return &s->attributes[i];
	return NULL;
}

const struct purpose *schema_purpose(const struct user_schema *s, struct str id)
{
	for (size_t i = 0; i < s->n_purposes; i++)
		if (str_eq(s->purposes[i].id, id))
			return &s->purposes[i];
	return NULL;
}

const struct wording *purpose_wording(const struct purpose *p, struct str version)
{
	for (size_t i = 0; i < p->n_wordings; i++)
		if (str_eq(p->wordings[i].version, version))
			return &p->wordings[i];
	return NULL;
}

static size_t digits(struct str s, size_t at)
{
	size_t n = 0;
	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

/* RFC 8259 section 6, of a length that no double overflows unnoticed. */
static bool is_number(struct str s)
{
	size_t at = s.n > 0 && s.p[0] == '-', n = digits(s, at);
	if (n == 0 || (n > 1 && s.p[at] == '0') || s.n > 64)
		return false;
	at += n;
	if (at < s.n && s.p[at] == '.') {
		n = digits(s, at + 1);
		if (n == 0)
			return false;
		at += 1 + n;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
			at++;
		n = digits(s, at);
		if (n == 0 || n > 2)
			return false;
		at += n;
	}
	return at == s.n;
}

/* RFC 3339 full-date */
static bool is_date(struct str s)
{
	char text[32];
	int64_t ms;
	if (s.n != 10)
		return false;
	snprintf(text, sizeof text, "%.*sT00:00:00Z", STR_ARG(s));
	return clock_parse_rfc3339(str_of(text), &ms, NULL);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool has_type(const struct attribute_schema *a, struct str v, struct error *err)
{
	switch (a->type) {
	case ATTRIBUTE_STRING:
		return (v.n <= ATTRIBUTE_VALUE_MAX && str_is_utf8(v) &&
			!has_control(v)) ||
		       error_set(
			       err, ERROR_BAD_VALUE, "",
			       "%.*s must be UTF-8 of at most %d bytes without control "
			       "characters",
			       STR_ARG(a->name), ATTRIBUTE_VALUE_MAX);
	case ATTRIBUTE_NUMBER:
		return is_number(v) || error_set(err, ERROR_BAD_VALUE, "",
						 "%.*s must be a number like 12 or 0.5",
						 STR_ARG(a->name));
	case ATTRIBUTE_BOOLEAN:
		return str_eqz(v, "true") || str_eqz(v, "false") ||
		       error_set(err, ERROR_BAD_VALUE, "", "%.*s must be true or false",
				 STR_ARG(a->name));
	case ATTRIBUTE_DATE:
		return is_date(v) || error_set(err, ERROR_BAD_VALUE, "",
					       "%.*s must be a date like 2026-05-01",
					       STR_ARG(a->name));
	}
	return false;
}

bool attribute_check(const struct attribute_schema *a, struct str value,
		     struct error *err)
{
	if (!has_type(a, value, err))
		return false;
	for (size_t i = 0; i < a->n_allowed; i++)
		if (str_eq(a->allowed[i], value))
			return true;
	return a->n_allowed == 0 ||
	       error_set(err, ERROR_BAD_VALUE, "",
			 "%.*s must be one of the %zu values that are allowed for it",
			 STR_ARG(a->name), a->n_allowed);
}

void attribute_put_value(struct json_writer *w, const struct attribute_schema *a,
			 struct str value)
{
	/* the schema may have changed since the value was stored */
	bool bare = a != NULL &&
		    (a->type == ATTRIBUTE_NUMBER || a->type == ATTRIBUTE_BOOLEAN) &&
		    has_type(a, value, NULL);
	if (bare)
		json_put_raw(w, value);
	else
		json_put_string(w, value);
}
