/* SPDX-License-Identifier: Apache-2.0 */
#include "net/problem.h"

#include "base/json.h"

#include <assert.h>
#include <stdio.h>

static void put_error(struct json_writer *w, const struct error *e)
{
	bool pointer = e->where[0] == '/' || e->where[0] == '\0';
	char text[sizeof e->where + sizeof e->message + 4];
	json_put_object(w);
	json_kv_string(w, "pointer", str_of(pointer ? e->where : ""));
	if (pointer) {
		json_kv_string(w, "message", str_of(e->message));
	} else {
		snprintf(text, sizeof text, "%s: %s", e->where, e->message);
		json_kv_string(w, "message", str_of(text));
	}
	json_put_object_end(w);
}

void problem_write(struct buf *out, int status, const struct error *errors, size_t n,
		   size_t dropped)
{
	assert(n > 0);
	const struct error_kind_info *info = error_kind_info(errors[0].kind);
	struct json_writer w;
	char type[64], detail[64];
	snprintf(type, sizeof type, "urn:inlay:problem:%s", info->slug);
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "type", str_of(type));
	json_kv_string(&w, "title", str_of(info->meaning));
	json_kv_i64(&w, "status", status);
	if (n + dropped == 1) {
		json_kv_string(&w, "detail", str_of(errors[0].message));
	} else {
		snprintf(detail, sizeof detail, "%zu errors", n + dropped);
		json_kv_string(&w, "detail", str_of(detail));
	}
	json_put_key(&w, STR("errors"));
	json_put_array(&w);
	for (size_t i = 0; i < n; i++)
		put_error(&w, &errors[i]);
	json_put_array_end(&w);
	json_put_object_end(&w);
}
