/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fields.h"

#include "base/clock.h"

#include <stdio.h>

struct field_pointer field_at(const char *at, const char *name)
{
	struct field_pointer p;
	size_t n = (size_t)snprintf(p.text, sizeof p.text, "%s/", at);
	for (; *name != '\0' && n + 3 < sizeof p.text; name++) {
		if (*name == '~' || *name == '/') {
			p.text[n++] = '~';
			p.text[n++] = *name == '~' ? '0' : '1';
		} else {
			p.text[n++] = *name;
		}
	}
	p.text[n < sizeof p.text ? n : sizeof p.text - 1] = '\0';
	return p;
}

struct field_pointer field_at_index(const char *at, size_t index)
{
	struct field_pointer p;
	snprintf(p.text, sizeof p.text, "%s/%zu", at, index);
	return p;
}

struct str field_text(const json_t *string)
{
	if (!json_is_string(string))
		return (struct str){NULL, 0};
	return (struct str){json_string_value(string), json_string_length(string)};
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool read_text(const struct field *f, json_t *v, const char *at, void *out,
		      struct arena *arena, struct error_list *errors)
{
	struct str s = field_text(v);
	if (s.p == NULL)
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "%s must be a string", f->name);
	if (f->type == FIELD_ID && !str_is_id(s))
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "%s must be 1 to 64 letters, digits, '-', '_', "
				      "beginning with a letter or digit",
				      f->name);
	if (f->type == FIELD_TEXT &&
	    ((int64_t)s.n < f->min || (int64_t)s.n > f->max || has_control(s)))
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "%s must have %lld to %lld bytes and no control "
				      "characters",
				      f->name, (long long)f->min, (long long)f->max);
	struct str copy = arena_str(arena, s);
	if (copy.p == NULL)
		return error_list_add(errors, ERROR_MEMORY, at, "out of memory");
	*(struct str *)out = copy;
	return true;
}

static bool read_word(const struct field *f, json_t *v, const char *at, void *out,
		      struct error_list *errors)
{
	struct str s = field_text(v), rest = str_of(f->words), word;
	for (unsigned i = 0; str_next_part(&rest, '|', &word); i++) {
		if (s.p == NULL || !str_eq(s, word))
			continue;
		if (f->type == FIELD_FLAG)
			*(bool *)out = i == 1;
		else
			*(unsigned *)out = i; /* enums are unsigned ints here */
		return true;
	}
	return error_list_add(errors, ERROR_BAD_VALUE, at, "%s must be one of %s",
			      f->name, f->words);
}

static bool read_time(const struct field *f, json_t *v, const char *at, int64_t *out,
		      struct error_list *errors)
{
	struct error err;
	struct str s = field_text(v);
	int64_t ms;
	bool duration = f->type == FIELD_DURATION;
	if (s.p == NULL)
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "%s must be a string like %s", f->name,
				      duration ? "PT1H" : "2026-05-01T08:00:00Z");
	if (!(duration ? clock_parse_duration(s, &ms, &err)
		       : clock_parse_rfc3339(s, &ms, &err)))
		return error_list_add(errors, ERROR_BAD_VALUE, at, "%s: %s", f->name,
				      err.message);
	if (duration && (ms < f->min || ms > f->max))
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "%s must be between %lld and %lld seconds",
				      f->name, (long long)(f->min / 1000),
				      (long long)(f->max / 1000));
	*out = ms;
	return true;
}

static bool read_one(const struct field *f, json_t *v, const char *at, void *out,
		     struct arena *arena, struct error_list *errors)
{
	json_int_t i;
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_ID:
		return read_text(f, v, at, out, arena, errors);
	case FIELD_BOOL:
		if (!json_is_boolean(v))
			return error_list_add(errors, ERROR_BAD_VALUE, at,
					      "%s must be true or false", f->name);
		*(bool *)out = json_is_true(v);
		return true;
	case FIELD_U32:
		i = json_integer_value(v);
		if (!json_is_integer(v) || i < f->min || i > f->max)
			return error_list_add(errors, ERROR_BAD_VALUE, at,
					      "%s must be a whole number from %lld to "
					      "%lld",
					      f->name, (long long)f->min,
					      (long long)f->max);
		*(uint32_t *)out = (uint32_t)i;
		return true;
	case FIELD_WORD:
	case FIELD_FLAG:
		return read_word(f, v, at, out, errors);
	case FIELD_DURATION:
	case FIELD_TIME:
		return read_time(f, v, at, out, errors);
	case FIELD_OTHER:
		return true;
	case FIELD_NOT_BUILT:
		return error_list_add(errors, ERROR_NOT_BUILT, at,
				      "%s is not built into this version", f->name);
	}
	return false;
}

static const struct field *find(const struct field *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

bool fields_read(json_t *object, const char *at, const struct field *table, size_t n,
		 void *out, struct arena *arena, struct error_list *errors)
{
	const char *name;
	json_t *v;
	bool ok = true;
	if (!json_is_object(object))
		return error_list_add(errors, ERROR_BAD_VALUE, at,
				      "this must be an object");
	json_object_foreach(object, name, v)
	{
		const struct field *f = find(table, n, name);
		struct field_pointer p = field_at(at, name);
		if (f == NULL)
			ok = error_list_add(errors, ERROR_UNKNOWN_FIELD, p.text,
					    "%s is not known here", name);
		else if (!json_is_null(v) &&
			 !read_one(f, v, p.text, (char *)out + f->offset, arena,
				   errors))
			ok = false;
	}
	for (size_t i = 0; i < n; i++) {
		v = json_object_get(object, table[i].name);
		if (table[i].required && (v == NULL || json_is_null(v)))
			ok = error_list_add(errors, ERROR_BAD_VALUE,
					    field_at(at, table[i].name).text,
					    "%s is missing", table[i].name);
	}
	return ok;
}

void field_each(json_t *array, const char *at, size_t max, field_each_fn *each,
		void *ctx, struct error_list *errors)
{
	json_t *element;
	size_t i;
	if (array == NULL || json_is_null(array))
		return;
	if (!json_is_array(array)) {
		error_list_add(errors, ERROR_BAD_VALUE, at, "this must be a list");
		return;
	}
	if (json_array_size(array) > max) {
		error_list_add(errors, ERROR_TOO_LARGE, at,
			       "this list may have at most %zu entries", max);
		return;
	}
	json_array_foreach(array, i, element)
		each(ctx, element, i, field_at_index(at, i).text);
}
