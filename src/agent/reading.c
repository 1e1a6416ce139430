/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reading.h"

#include "base/clock.h"

bool reading_wrong(struct reading *g, const char *what)
{
	if (g->r.err.kind != ERROR_NONE)
		error_set(g->err, g->r.err.kind, g->r.err.where, "%s",
			  g->r.err.message);
	else if (arena_failed(g->arena))
		error_set(g->err, ERROR_MEMORY, "", "out of memory");
	else
		error_set(g->err, ERROR_BAD_VALUE, what, "is not as agreed");
	return false;
}

bool reading_text(struct reading *g, struct str *out, const char *what)
{
	if (json_next(&g->r) != JSON_AT_STRING)
		return reading_wrong(g, what);
	*out = g->r.text;
	return true;
}

bool reading_bool(struct reading *g, bool *out, const char *what)
{
	enum json_event e = json_next(&g->r);
	if (e != JSON_AT_TRUE && e != JSON_AT_FALSE)
		return reading_wrong(g, what);
	*out = e == JSON_AT_TRUE;
	return true;
}

bool reading_hex(struct reading *g, struct str *out, size_t digits, const char *what)
{
	if (!reading_text(g, out, what) || out->n != digits)
		return reading_wrong(g, what);
	for (size_t i = 0; i < digits; i++)
		if (!((out->p[i] >= '0' && out->p[i] <= '9') ||
		      (out->p[i] >= 'a' && out->p[i] <= 'f')))
			return reading_wrong(g, what);
	return true;
}

bool reading_seconds(struct reading *g, uint32_t *out, uint32_t max, const char *what)
{
	struct str text = {0};
	int64_t ms;
	if (!reading_text(g, &text, what))
		return false;
	if (!clock_parse_duration(text, &ms, NULL) || ms < 0)
		return reading_wrong(g, what);
	*out = ms / CLOCK_SECOND > max ? max : (uint32_t)(ms / CLOCK_SECOND);
	return true;
}

bool reading_fields(struct reading *g, const char *what, reading_field *field,
		    void *ctx)
{
	enum json_event e;
	while ((e = json_next(&g->r)) == JSON_AT_KEY) {
		bool known = true;
		struct str key = g->r.text;
		if (!field(g, ctx, key, &known))
			return false;
		if (!known && !json_skip(&g->r))
			return reading_wrong(g, what);
	}
	return e == JSON_AT_OBJECT_END ? true : reading_wrong(g, what);
}

bool reading_object(struct reading *g, const char *what, reading_field *field,
		    void *ctx)
{
	if (json_next(&g->r) != JSON_AT_OBJECT)
		return reading_wrong(g, what);
	return reading_fields(g, what, field, ctx);
}

bool reading_end(struct reading *g)
{
	return json_next(&g->r) == JSON_AT_END ? true : reading_wrong(g, "");
}
