/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ordered/ordered-internal.h"

static bool document_find(struct tables *t, const struct key *k, uint64_t *revision,
			  struct str *body, struct error *err)
{
	struct str value;
	*revision = 0;
	*body = (struct str){NULL, 0};
	if (!tables_get(t, TABLE_DOCUMENTS, key_str(k), &value, err))
		return false;
	return value.p == NULL || codec_document_decode(value, revision, body, err);
}

bool ordered_document_get(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	struct key k = key_document(op->document_get.c, op->document_get.id);
	struct store_document doc = {0};
	if (!document_find(t, &k, &doc.revision, &doc.body, err))
		return false;
	if (doc.revision > 0) {
		doc.id = arena_str(op->arena, op->document_get.id);
		doc.body = arena_str(op->arena, doc.body);
		if (doc.id.p == NULL || doc.body.p == NULL)
			return no_memory(err);
	}
	*op->document_get.out = doc;
	return true;
}

static bool list_one(const struct store_op *op, struct str id, struct str value,
		     struct store_document *out, struct error *err)
{
	struct str body;
	if (!codec_document_decode(value, &out->revision, &body, err))
		return false;
	out->id = arena_str(op->arena, id);
	if (op->document_list.with_body)
		out->body = arena_str(op->arena, body);
	return !arena_failed(op->arena) || no_memory(err);
}

bool ordered_document_list(struct tables *t, const struct store_op *op,
			   struct error *err)
{
	struct store_document_list list = {0};
	struct str prefix = op->document_list.prefix, after = op->document_list.after;
	struct key low = key_document(op->document_list.c, prefix);
	struct key behind = key_document(op->document_list.c, after);
	struct key start = low;
	struct entry e;
	if (after.p != NULL && str_cmp(key_str(&behind), key_str(&low)) >= 0) {
		start = behind;
		start.b[start.n++] = 0; /* the least key greater than it */
	}
	if (!tables_seek(t, TABLE_DOCUMENTS, key_str(&start), &e, err))
		return false;
	while (e.key.p != NULL && str_starts(e.key, key_str(&low))) {
		if (list.n == op->document_list.limit) {
			list.more = true;
			break;
		}
		struct store_document *more =
			one_more(op->arena, list.items, list.n, sizeof *more);
		if (more == NULL)
			return no_memory(err);
		list.items = more;
		if (!list_one(op, str_slice(e.key, 1, e.key.n), e.value,
			      &list.items[list.n], err))
			return false;
		list.n++;
		if (!tables_next(t, TABLE_DOCUMENTS, &e, err))
			return false;
	}
	*op->document_list.out = list;
	return true;
}

static bool document_delete(struct tables *t, const struct key *k, struct error *err)
{
	uint64_t deleted;
	return meta_get_u64(t, META_DELETED, &deleted, err) &&
	       tables_del(t, TABLE_DOCUMENTS, key_str(k), err) &&
	       meta_put_u64(t, META_DELETED, deleted + 1, err);
}

bool document_put(struct tables *t, enum store_collection c, struct str id,
		  struct str body, uint64_t if_revision, uint64_t *revision,
		  struct error *err)
{
	struct key k = key_document(c, id);
	uint64_t now, deleted = 0;
	struct str old, value;
	if (!document_find(t, &k, &now, &old, err))
		return false;
	if (if_revision != STORE_ANY && if_revision != now)
		return error_set(err, ERROR_CONFLICT, "",
				 "the document was changed meanwhile");
	if (body.p == NULL) {
		if (revision != NULL)
			*revision = 0;
		return now == 0 || document_delete(t, &k, err);
	}
	if (now == 0 && !meta_get_u64(t, META_DELETED, &deleted, err))
		return false;
	now += 1 + deleted * META_REVISIONS;
	codec_document_encode(tables_start_value(t), now, body);
	if (revision != NULL)
		*revision = now;
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_DOCUMENTS, key_str(&k), value, err);
}

bool ordered_document_put(struct tables *t, const struct store_op *op,
			  struct error *err)
{
	return document_put(t, op->document_put.c, op->document_put.id,
			    op->document_put.body, op->document_put.if_revision,
			    op->document_put.revision, err);
}
