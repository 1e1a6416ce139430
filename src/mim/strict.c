/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/strict.h"

#include <assert.h>
#include <stdio.h>

#define FIRST_ITEMS 8

static void write_pointer(const struct strict *s, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < s->depth && n < size; i++) {
		const struct strict_place *p = &s->path[i];
		int len = p->key != NULL
				  ? snprintf(out + n, size - n, "/%s", p->key)
				  : snprintf(out + n, size - n, "/%zu", p->index);
		n += len > 0 ? (size_t)len : 0;
	}
}

bool strict_error(struct strict *s, enum error_kind kind, const char *message)
{
	char where[sizeof s->err->where];
	write_pointer(s, where, sizeof where);
	return error_set(s->err, kind, where, "%s", message);
}

/* What the parser found wrong, or `otherwise` if it found another kind of value. */
static bool unexpected(struct strict *s, enum json_event e, const char *otherwise)
{
	if (e != JSON_AT_ERROR)
		return strict_error(s, ERROR_BAD_VALUE, otherwise);
	*s->err = s->r.err;
	return false;
}

static bool enter(struct strict *s, const char *key, size_t index)
{
	if (s->depth == STRICT_DEPTH)
		return strict_error(s, ERROR_INTERNAL, "nested too deep");
	s->path[s->depth++] = (struct strict_place){key, index};
	return true;
}

/* The name of an unknown field goes into the pointer as it came. */
static bool unknown(struct strict *s, struct str key)
{
	char where[sizeof s->err->where];
	write_pointer(s, where, sizeof where);
	size_t n = strlen(where), room = sizeof where - n;
	snprintf(where + n, room, "/%.*s", STR_ARG(key));
	return error_set(s->err, ERROR_UNKNOWN_FIELD, where, "is not a known field");
}

/* *next: behind the last one, where the search begins, as fields mostly come in order.
 */
static bool read_field(struct strict *s, const struct strict_field *fields, size_t n,
		       size_t *next, uint32_t *seen, void *out)
{
	for (size_t tried = 0; tried < n; tried++) {
		size_t i = *next < n ? *next : 0;
		*next = i + 1;
		if (!str_eqz(s->r.text, fields[i].name))
			continue;
		if (!enter(s, fields[i].name, 0))
			return false;
		if ((*seen & 1u << i) != 0)
			return strict_error(s, ERROR_BAD_VALUE, "is there twice");
		*seen |= 1u << i;
		if (!fields[i].read(s, json_next(&s->r), out))
			return false;
		s->depth--;
		return true;
	}
	return unknown(s, s->r.text);
}

bool strict_object(struct strict *s, enum json_event e,
		   const struct strict_field *fields, size_t n, void *out)
{
	uint32_t seen = 0;
	size_t next = 0;
	assert(n <= 32);
	if (e != JSON_AT_OBJECT)
		return unexpected(s, e, "must be an object");
	while ((e = json_next(&s->r)) == JSON_AT_KEY)
		if (!read_field(s, fields, n, &next, &seen, out))
			return false;
	if (e != JSON_AT_OBJECT_END)
		return unexpected(s, e, "must be an object");
	for (size_t i = 0; i < n; i++)
		if (fields[i].needed && (seen & 1u << i) == 0)
			return enter(s, fields[i].name, 0) &&
			       strict_error(s, ERROR_BAD_VALUE, "is missing");
	return true;
}

bool strict_document(struct str json, struct arena *a,
		     const struct strict_field *fields, size_t n, void *out,
		     struct error *err)
{
	struct strict s = {.err = err};
	json_reader_init(&s.r, json, a);
	if (!strict_object(&s, json_next(&s.r), fields, n, out))
		return false;
	enum json_event e = json_next(&s.r);
	return e == JSON_AT_END || unexpected(&s, e, "has something behind its end");
}

static bool grow(struct strict *s, size_t max, size_t size, char **items, size_t n,
		 size_t *cap)
{
	size_t more = *cap == 0 ? FIRST_ITEMS : 2 * *cap;
	if (n < *cap)
		return true;
	if (more > max)
		more = max;
	char *all = arena_array(s->r.arena, more, size);
	if (all == NULL)
		return strict_error(s, ERROR_MEMORY, "no memory");
	if (n > 0)
		memcpy(all, *items, n * size);
	*items = all;
	*cap = more;
	return true;
}

bool strict_array(struct strict *s, enum json_event e, size_t max, size_t size,
		  strict_fn *read, void **items, size_t *n)
{
	char *all = NULL;
	size_t used = 0, cap = 0;
	if (e != JSON_AT_ARRAY)
		return unexpected(s, e, "must be an array");
	while ((e = json_next(&s->r)) != JSON_AT_ARRAY_END) {
		if (e == JSON_AT_ERROR)
			return unexpected(s, e, "");
		if (used == max)
			return strict_error(s, ERROR_TOO_LARGE, "has too many entries");
		if (!grow(s, max, size, &all, used, &cap) || !enter(s, NULL, used) ||
		    !read(s, e, all + used * size))
			return false;
		s->depth--;
		used++;
	}
	*items = all;
	*n = used;
	return true;
}

bool strict_text(struct strict *s, enum json_event e, size_t min, size_t max,
		 struct str *out)
{
	if (e != JSON_AT_STRING)
		return unexpected(s, e, "must be a string");
	if (s->r.text.n < min)
		return strict_error(s, ERROR_BAD_VALUE, "must not be empty");
	if (s->r.text.n > max)
		return strict_error(s, ERROR_TOO_LARGE, "is too long");
	*out = s->r.text;
	return true;
}

bool strict_bool(struct strict *s, enum json_event e, bool *out)
{
	if (e != JSON_AT_TRUE && e != JSON_AT_FALSE)
		return unexpected(s, e, "must be true or false");
	*out = e == JSON_AT_TRUE;
	return true;
}

bool strict_u32(struct strict *s, enum json_event e, uint32_t min, uint32_t *out)
{
	int64_t v;
	if (e != JSON_AT_NUMBER)
		return unexpected(s, e, "must be a whole number");
	if (!json_reader_i64(&s->r, &v) || v < min || v > UINT32_MAX)
		return strict_error(s, ERROR_BAD_VALUE,
				    "must be a whole number of 32 bits");
	*out = (uint32_t)v;
	return true;
}

bool strict_time(struct strict *s, enum json_event e, int64_t *ms)
{
	struct str text;
	if (!strict_text(s, e, 1, 64, &text))
		return false;
	return clock_parse_rfc3339(text, ms, NULL) ||
	       strict_error(s, ERROR_BAD_VALUE, "must be a time as in RFC 3339");
}

bool strict_hex(struct strict *s, enum json_event e, void *out, size_t n)
{
	struct str text;
	if (!strict_text(s, e, 1, 2 * n, &text))
		return false;
	return (text.n == 2 * n && crypto_unhex(text, out, n)) ||
	       strict_error(s, ERROR_BAD_VALUE, "must be hex digits of full length");
}
