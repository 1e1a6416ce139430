/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against jansson: both take a document or both refuse it, and what
 * they read is equal; what the writer makes of it reads back as the same. */
#include "base/json.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *text(const struct json_reader *r)
{
	json_t *v = json_stringn(r->text.p, r->text.n);
	if (v == NULL)
		abort(); /* not UTF-8 after all */
	return v;
}

static json_t *number(const struct json_reader *r)
{
	int64_t i;
	double d;
	if (json_reader_i64(r, &i))
		return json_integer(i);
	if (!json_reader_double(r, &d))
		abort();
	return json_real(d);
}

static void write_number(struct json_writer *w, const json_t *v)
{
	if (json_is_integer(v))
		json_put_i64(w, json_integer_value(v));
	else
		json_put_double(w, json_real_value(v));
}

/* The value whose event was just read; NULL on an error behind it. */
static json_t *build(struct json_reader *r, enum json_event e, struct json_writer *w)
{
	json_t *all, *v;
	switch (e) {
	case JSON_AT_STRING:
		json_put_string(w, r->text);
		return text(r);
	case JSON_AT_NUMBER:
		v = number(r);
		write_number(w, v);
		return v;
	case JSON_AT_TRUE:
	case JSON_AT_FALSE:
		json_put_bool(w, e == JSON_AT_TRUE);
		return json_boolean(e == JSON_AT_TRUE);
	case JSON_AT_NULL:
		json_put_null(w);
		return json_null();
	case JSON_AT_ARRAY:
		json_put_array(w);
		all = json_array();
		while ((e = json_next(r)) != JSON_AT_ARRAY_END) {
			v = e == JSON_AT_ERROR ? NULL : build(r, e, w);
			if (v == NULL || json_array_append_new(all, v) != 0) {
				json_decref(all);
				return NULL;
			}
		}
		json_put_array_end(w);
		return all;
	case JSON_AT_OBJECT:
		json_put_object(w);
		all = json_object();
		while ((e = json_next(r)) != JSON_AT_OBJECT_END) {
			if (e == JSON_AT_ERROR) {
				json_decref(all);
				return NULL;
			}
			if (e != JSON_AT_KEY)
				abort();
			json_t *key = text(r);
			json_put_key(w, r->text);
			e = json_next(r);
			v = e == JSON_AT_ERROR ? NULL : build(r, e, w);
			if (v == NULL ||
			    json_object_set_new(all, json_string_value(key), v) != 0) {
				json_decref(key);
				json_decref(all);
				return NULL;
			}
			json_decref(key);
		}
		json_put_object_end(w);
		return all;
	default:
		abort();
	}
}

/* Skipping must judge a document as reading it does. */
static bool skips(struct str in, struct arena *a)
{
	struct json_reader r;
	json_reader_init(&r, in, a);
	return json_next(&r) != JSON_AT_ERROR && json_skip(&r) &&
	       json_next(&r) == JSON_AT_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {size > 0 ? (const char *)data : "", size};
	struct arena *a = arena_new(64 << 20);
	struct buf again;
	struct json_writer w;
	struct json_reader r;
	json_error_t why;
	if (a == NULL)
		return 0;
	buf_init(&again, 64 << 20);
	json_writer_init(&w, &again);
	json_reader_init(&r, in, a);
	enum json_event e = json_next(&r);
	json_t *ours = e == JSON_AT_ERROR ? NULL : build(&r, e, &w);
	if (ours != NULL && json_next(&r) != JSON_AT_END) {
		json_decref(ours);
		ours = NULL;
	}
	if (skips(in, a) != (ours != NULL))
		abort();
	json_t *theirs = json_loadb(in.p, in.n, 0, &why);
	bool too_deep =
		ours == NULL && str_eqz(str_of(r.err.message), "nested too deep");
	/* jansson overlooks a NUL right behind a number or word */
	bool nul = ours == NULL && str_find_char(in, '\0') < in.n;
	if (!too_deep && !nul && (ours != NULL) != (theirs != NULL))
		abort();
	if (ours != NULL) {
		json_t *back = json_loadb(again.p, again.n, 0, &why);
		if (!json_equal(ours, theirs) || !json_equal(ours, back))
			abort();
		json_decref(back);
	}
	json_decref(ours);
	json_decref(theirs);
	buf_free(&again);
	arena_free(a);
	return 0;
}
