/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the middleware (or who stands in its place) answers: the errors, the table
 * and the line of progress that are made of it are UTF-8, cannot steer a terminal, and
 * fit the width they were given. */
#include "cli/follow.h"
#include "cli/reply.h"
#include "cli/table.h"
#include "cli/text-width.h"
#include "cli/view.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WIDTH 60

static void must_be_harmless(struct str text, bool lines)
{
	if (!str_is_utf8(text))
		abort();
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if ((c < 0x20 || c == 0x7f) && !(lines && c == '\n'))
			abort();
	}
}

static void show_errors(const struct reply *r)
{
	struct error_list errors;
	error_list_init(&errors, 20);
	reply_errors(r, "http://127.0.0.1", "file", &errors);
	if (error_list_empty(&errors))
		abort(); /* an answer that is no success always has a reason */
	for (size_t i = 0; i < errors.n; i++)
		if (errors.items[i].kind == ERROR_NONE)
			abort();
	error_list_free(&errors);
}

static void show_table(const json_t *json)
{
	static const struct view_field fields[] = {
		{"ID", "id", VIEW_LONG},       {"COUNT", "a.b", VIEW_NUMBER},
		{"LIST", "list", VIEW_LIST},   {"KEYS", "keys", VIEW_KEYS},
		{"PHASE", "phase", VIEW_LONG},
	};
	const size_t n = sizeof fields / sizeof *fields;
	struct arena *a = arena_new(16 << 20);
	json_t *list = json_array();
	struct buf out;
	buf_init(&out, 16 << 20);
	if (a == NULL || list == NULL ||
	    json_array_append(list, (json_t *)(uintptr_t)json))
		abort();
	if (!view_list(&out, a, fields, n, list, WIDTH) ||
	    !view_object(&out, a, fields, n, json, TABLE_ANY_WIDTH))
		abort();
	must_be_harmless(buf_str(&out), true);
	buf_free(&out);
	json_decref(list);
	arena_free(a);
}

static void show_progress(const json_t *json)
{
	struct progress p = {
		.now = follow_sample(json), .started_us = 0, .now_us = 5000000};
	struct buf line;
	buf_init(&line, 4096);
	if (!progress_line(&line, &p, WIDTH) || text_width(buf_str(&line)) > WIDTH)
		abort();
	must_be_harmless(buf_str(&line), false);
	buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply r;
	struct buf clean;
	struct str text = {(const char *)data, size};
	reply_init(&r);
	buf_init(&clean, 3 * size + 1);
	if (!text_clean(&clean, text))
		abort();
	must_be_harmless(buf_str(&clean), false);
	buf_free(&clean);
	r.status = size % 2 == 0 ? 400 : 502;
	memcpy(r.type, "application/problem+json", sizeof "application/problem+json");
	r.json = json_loadb(size > 0 ? text.p : "", size, 0, NULL);
	show_errors(&r);
	if (r.json != NULL) {
		show_table(r.json);
		show_progress(r.json);
	}
	reply_free(&r);
	return 0;
}
