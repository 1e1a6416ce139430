/* SPDX-License-Identifier: Apache-2.0 */
/* A user's JSON: what is taken, merged and printed is taken again, and merging it a
 * second time changes nothing. */
#include "model/user-json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attribute_schema attributes[] = {
	{.name = STR_INIT("plan"), .type = ATTRIBUTE_STRING},
	{.name = STR_INIT("age"), .type = ATTRIBUTE_NUMBER},
	{.name = STR_INIT("vip"), .type = ATTRIBUTE_BOOLEAN},
	{.name = STR_INIT("born"), .type = ATTRIBUTE_DATE},
};
static const struct wording wordings[] = {{.version = STR_INIT("1")}};
static const struct purpose purposes[] = {
	{.id = STR_INIT("news"), .wordings = wordings, .n_wordings = 1},
};
static const struct user_schema schema = {attributes, 4, purposes, 1};
static const struct user_rules rules = {&schema, false, CLOCK_MAX_MS};

static void print(const struct user_profile *p, struct buf *out)
{
	struct json_writer w;
	buf_init(out, 4 << 20);
	json_writer_init(&w, out);
	user_print(&w, p, &schema);
	if (!buf_ok(out))
		abort();
}

static void take_again(struct arena *arena, const struct user_profile *p)
{
	struct buf first, second;
	struct error_list errors;
	struct user_change change;
	struct user_profile back;
	struct str name;
	error_list_init(&errors, 4);
	print(p, &first);
	json_t *doc = json_loadb(first.p, first.n, 0, NULL);
	if (doc == NULL ||
	    !user_parse(doc, USER_PUT, &rules, arena, &name, &change, &errors) ||
	    !user_merge(p, name, &change, arena, &back, NULL))
		abort();
	print(&back, &second);
	if (!str_eq(buf_str(&first), buf_str(&second)))
		abort();
	json_decref(doc);
	buf_free(&first);
	buf_free(&second);
	error_list_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error_list errors;
	struct user_change change;
	struct user_profile p;
	struct str name;
	json_t *doc =
		json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct arena *arena = arena_new(64 << 20);
	error_list_init(&errors, 20);
	if (doc != NULL && arena != NULL) {
		bool ok = user_parse(doc, USER_PUT, &rules, arena, &name, &change,
				     &errors);
		if (ok != error_list_empty(&errors))
			abort();
		if (ok && user_merge(NULL, name, &change, arena, &p, NULL))
			take_again(arena, &p);
	}
	json_decref(doc);
	arena_free(arena);
	error_list_free(&errors);
	return 0;
}
