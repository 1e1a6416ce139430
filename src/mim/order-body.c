/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/order-body.h"

#include <stdio.h>

#define ERRORS_MAX 20

bool order_body_table(struct request *q, const struct json_field *fields, size_t n,
		      void *out)
{
	struct json_table_reader r;
	struct error_list errors;
	json_t *doc = request_json(q);
	if (doc == NULL)
		return false;
	error_list_init(&errors, ERRORS_MAX);
	json_table_init(&r, fields, n, q->arena, &errors, "", out);
	json_table_object(&r, doc);
	json_decref(doc);
	bool ok = error_list_empty(&errors);
	if (!ok)
		request_fail_all(q, &errors);
	error_list_free(&errors);
	return ok;
}

struct order_body {
	const char *const *values;
	size_t n;
	unsigned *choice;
};

static void read_choice(struct json_table_reader *r, const json_t *value)
{
	const struct order_body *b = r->out;
	json_table_choice(r, value, b->values, b->n, b->choice);
}

bool order_body_read(struct request *q, const char *name, const char *const *values,
		     size_t n, unsigned *choice)
{
	struct order_body b = {values, n, choice};
	char pointer[64];
	snprintf(pointer, sizeof pointer, "/%s", name != NULL ? name : "");
	const struct json_field field = {pointer, read_choice, JSON_OPTIONAL};
	return q->body.n == 0 || order_body_table(q, &field, name != NULL ? 1 : 0, &b);
}
