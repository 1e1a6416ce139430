/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's JSON: what is taken prints as what reads back as the same. */
#include "model/tenant-json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct tenant *t, struct buf *out)
{
	struct json_writer w;
	buf_init(out, 1 << 22);
	json_writer_init(&w, out);
	tenant_print(&w, t, TENANT_STORED);
	if (!buf_ok(out))
		abort();
}

static void read_back(struct arena *arena, const struct tenant *t)
{
	struct buf first, second;
	struct error_list errors;
	struct tenant back, *copy = tenant_copy(arena, t);
	error_list_init(&errors, 4);
	if (copy == NULL)
		return;
	print(copy, &first);
	json_t *doc = json_loadb(first.p, first.n, 0, NULL);
	if (!tenant_parse(doc, TENANT_STORED, arena, &back, &errors))
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
	struct tenant t;
	json_t *doc =
		json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct arena *arena = arena_new(16 << 20);
	error_list_init(&errors, 20);
	if (doc != NULL && arena != NULL) {
		bool ok = tenant_parse(doc, TENANT_GIVEN, arena, &t, &errors);
		if (ok != error_list_empty(&errors))
			abort();
		if (ok)
			read_back(arena, &t);
	}
	json_decref(doc);
	arena_free(arena);
	error_list_free(&errors);
	return 0;
}
