/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json-table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"

#define PATTERN_ANY "*"

void json_table_init(struct json_table_reader *r, const struct json_field *fields,
		     size_t n, struct arena *arena, struct error_list *errors,
		     const char *prefix, void *out)
{
	*r = (struct json_table_reader){.fields = fields,
					.n_fields = n,
					.arena = arena,
					.errors = errors,
					.out = out};
	assert(strlen(prefix) < sizeof r->pointer);
	r->pointer_n = strlen(prefix);
	memcpy(r->pointer, prefix, r->pointer_n);
}

bool json_table_error(struct json_table_reader *r, enum error_kind kind,
		      const char *fmt, ...)
{
	char text[sizeof((struct error *)0)->message];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_list_add(r->errors, kind, r->pointer, "%s", text);
}

/* Appends "/name" with ~ and / as RFC 6901 section 3 writes them. What does not fit
 * is cut: the pointer is for a person, and tables have no such names. */
static size_t append(char *at, size_t n, const char *name)
{
	char bytes[JSON_TABLE_POINTER_MAX];
	struct buf b = {.p = bytes, .cap = sizeof bytes, .max = sizeof bytes};
	buf_add_char(&b, '/');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '~')
			buf_add_str(&b, STR("~0"));
		else if (*p == '/')
			buf_add_str(&b, STR("~1"));
		else
			buf_add_char(&b, *p);
	}
	size_t room = JSON_TABLE_POINTER_MAX - 1 - n;
	size_t take = b.n < room ? b.n : room;
	/* never half a UTF-8 sequence */
	while (take > 0 && take < b.n && ((unsigned char)b.p[take] & 0xc0) == 0x80)
		take--;
	if (take > 0)
		memcpy(at + n, b.p, take);
	at[n + take] = '\0';
	return n + take;
}

struct place {
	size_t pointer_n, pattern_n;
};

static struct place enter(struct json_table_reader *r, const char *name,
			  const char *pattern)
{
	struct place before = {r->pointer_n, r->pattern_n};
	r->pointer_n = append(r->pointer, r->pointer_n, name);
	r->pattern_n = append(r->pattern, r->pattern_n, pattern);
	return before;
}

static void leave(struct json_table_reader *r, struct place before)
{
	r->pointer_n = before.pointer_n;
	r->pattern_n = before.pattern_n;
	r->pointer[r->pointer_n] = r->pattern[r->pattern_n] = '\0';
}

/* The field's own name if its parent is where the walk is, else NULL. */
static const char *child_name(const struct json_table_reader *r,
			      const struct json_field *f)
{
	if (strncmp(f->pointer, r->pattern, r->pattern_n) != 0 ||
	    f->pointer[r->pattern_n] != '/')
		return NULL;
	const char *name = f->pointer + r->pattern_n + 1;
	return strchr(name, '/') == NULL ? name : NULL;
}

static bool is_known(const struct json_table_reader *r, const char *key)
{
	for (size_t i = 0; i < r->n_fields; i++) {
		const char *name = child_name(r, &r->fields[i]);
		if (name != NULL && strcmp(name, key) == 0)
			return true;
	}
	return false;
}

static void read_field(struct json_table_reader *r, const struct json_field *f,
		       const char *name, const json_t *value)
{
	struct place before = enter(r, name, name);
	if (value == NULL && f->need == JSON_NEEDED)
		json_table_error(r, ERROR_BAD_VALUE, "is missing");
	else if (value != NULL && f->need == JSON_NOT_BUILT)
		json_table_error(r, ERROR_NOT_BUILT,
				 "is not built into this version yet");
	else if (value != NULL)
		f->read(r, value);
	leave(r, before);
}

void json_table_object(struct json_table_reader *r, const json_t *value)
{
	if (!json_is_object(value)) {
		json_table_error(r, ERROR_BAD_VALUE, "must be an object");
		return;
	}
	for (size_t i = 0; i < r->n_fields; i++) {
		const char *name = child_name(r, &r->fields[i]);
		if (name != NULL && strcmp(name, PATTERN_ANY) != 0)
			read_field(r, &r->fields[i], name,
				   json_object_get(value, name));
	}
	const char *key;
	json_t *unused;
	json_object_foreach((json_t *)(uintptr_t)value, key, unused)
	{
		if (is_known(r, key))
			continue;
		struct place before = enter(r, key, key);
		json_table_error(r, ERROR_UNKNOWN_FIELD, "is not a known field");
		leave(r, before);
	}
}

void json_table_element(struct json_table_reader *r, size_t index, const json_t *value,
			json_field_fn *read)
{
	char name[24];
	snprintf(name, sizeof name, "%zu", index);
	struct place before = enter(r, name, PATTERN_ANY);
	read(r, value);
	leave(r, before);
}

bool json_table_array(struct json_table_reader *r, const json_t *value, size_t min,
		      size_t max)
{
	if (!json_is_array(value))
		return json_table_error(r, ERROR_BAD_VALUE, "must be an array");
	if (json_array_size(value) < min)
		return json_table_error(r, ERROR_BAD_VALUE, "needs at least %zu", min);
	if (json_array_size(value) > max)
		return json_table_error(r, ERROR_TOO_LARGE, "may hold at most %zu",
					max);
	return true;
}

/* The value as text, borrowed. */
static bool string(struct json_table_reader *r, const json_t *value, struct str *out)
{
	if (!json_is_string(value)) {
		json_table_error(r, ERROR_BAD_VALUE, "must be a string");
		return false;
	}
	*out = (struct str){json_string_value(value), json_string_length(value)};
	return true;
}

static bool keep(struct json_table_reader *r, struct str s, struct str *out)
{
	struct str copy = arena_str(r->arena, s);
	if (copy.p == NULL)
		return json_table_error(r, ERROR_MEMORY, "no memory");
	*out = copy;
	return true;
}

bool json_table_line(struct json_table_reader *r, const json_t *value, size_t max,
		     struct str *out)
{
	struct str s;
	if (!string(r, value, &s))
		return false;
	if (s.n == 0)
		return json_table_error(r, ERROR_BAD_VALUE, "must not be empty");
	if (s.n > max)
		return json_table_error(r, ERROR_TOO_LARGE, "is over %zu bytes", max);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return json_table_error(r, ERROR_BAD_VALUE,
						"must be one line without control "
						"characters");
	return keep(r, s, out);
}

bool json_table_id(struct json_table_reader *r, const json_t *value, struct str *out)
{
	struct str s;
	if (!string(r, value, &s))
		return false;
	if (!str_is_id(s))
		return json_table_error(r, ERROR_BAD_VALUE,
					"must be a letter or digit and up to 63 "
					"letters, digits, '_' or '-'");
	return keep(r, s, out);
}

bool json_table_integer(struct json_table_reader *r, const json_t *value, int64_t min,
			int64_t max, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return json_table_error(r, ERROR_BAD_VALUE,
					"must be a whole number from %" PRId64
					" to %" PRId64,
					min, max);
	*out = json_integer_value(value);
	return true;
}

bool json_table_time(struct json_table_reader *r, const json_t *value, int64_t *ms)
{
	struct str s;
	struct error err = {0};
	if (!string(r, value, &s))
		return false;
	if (!clock_parse_rfc3339(s, ms, &err))
		return json_table_error(r, ERROR_BAD_VALUE, "%s", err.message);
	return true;
}

bool json_table_duration(struct json_table_reader *r, const json_t *value, int64_t *ms)
{
	struct str s;
	struct error err = {0};
	if (!string(r, value, &s))
		return false;
	if (!clock_parse_duration(s, ms, &err))
		return json_table_error(r, ERROR_BAD_VALUE, "%s", err.message);
	return true;
}

bool json_table_choice(struct json_table_reader *r, const json_t *value,
		       const char *const *names, size_t n, unsigned *out)
{
	struct str s;
	struct buf all;
	if (!string(r, value, &s))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_eqz(s, names[i])) {
			*out = (unsigned)i;
			return true;
		}
	buf_init(&all, sizeof((struct error *)0)->message);
	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
	json_table_error(r, ERROR_BAD_VALUE, "must be one of %.*s",
			 STR_ARG(buf_str(&all)));
	buf_free(&all);
	return false;
}
