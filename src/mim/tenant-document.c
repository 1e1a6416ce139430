/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/tenant-document.h"

#include "base/json-tree.h"

struct pass {
	const struct master_key *key;
	struct arena *arena;
	struct str tenant;
	struct error *err;
	bool sealing;
};

static bool convert(void *ctx, const char *list, struct str id, const char *field,
		    struct str *value)
{
	struct pass *p = ctx;
	const struct secret_place place = {p->tenant, list, id, field};
	struct buf out;
	buf_init(&out, 2 * value->n + 256);
	bool ok = p->sealing ? secret_seal(p->key, &place, *value, &out) ||
				       error_set(p->err, ERROR_MEMORY, "",
						 "no memory to seal a secret")
			     : secret_open(p->key, &place, *value, &out, p->err);
	if (ok) {
		*value = arena_str(p->arena, buf_str(&out));
		if (value->p == NULL)
			ok = error_set(p->err, ERROR_MEMORY, "",
				       "no memory for a secret");
	}
	if (out.p != NULL)
		crypto_wipe(out.p, out.n);
	buf_free(&out);
	return ok;
}

bool tenant_document_write(struct buf *out, const struct master_key *key,
			   const struct tenant *t, struct error *err)
{
	struct arena *arena = arena_new(TENANT_ARENA_MAX);
	struct tenant *copy = arena != NULL ? tenant_copy(arena, t) : NULL;
	struct pass pass = {key, arena, t->id, err, true};
	struct json_writer w;
	bool ok = copy != NULL ||
		  error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	if (ok && (ok = tenant_each_secret(copy, convert, &pass))) {
		json_writer_init(&w, out);
		tenant_print(&w, copy, TENANT_STORED);
		if (out->state == BUF_NOMEM)
			ok = error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
		else if (!buf_ok(out))
			ok = error_set(err, ERROR_TOO_LARGE, "",
				       "the tenant's configuration is too large");
	}
	arena_free(arena);
	return ok;
}

bool tenant_document_parse(struct str body, const struct master_key *key,
			   struct arena *arena, struct tenant *out, struct error *err)
{
	struct error_list errors;
	struct pass pass = {key, arena, {NULL, 0}, err, false};
	error_list_init(&errors, 1);
	struct error why = {0};
	json_t *doc = json_tree_read(body, &why);
	bool ok = doc != NULL && tenant_parse(doc, TENANT_STORED, arena, out, &errors);
	if (ok) {
		pass.tenant = out->id;
		ok = tenant_each_secret(out, convert, &pass);
	} else if (arena_failed(arena) || why.kind == ERROR_MEMORY) {
		error_set(err, ERROR_MEMORY, "", "no memory for a tenant");
	} else {
		error_set(err, ERROR_CORRUPT, errors.n > 0 ? errors.items[0].where : "",
			  "a stored tenant cannot be read: %s",
			  errors.n > 0 ? errors.items[0].message : "it is not JSON");
	}
	json_decref(doc);
	error_list_free(&errors);
	return ok;
}
