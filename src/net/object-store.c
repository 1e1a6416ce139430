/* SPDX-License-Identifier: Apache-2.0 */
#include "net/object-store-internal.h"

bool object_key_check(struct str key, struct error *err)
{
	struct str rest = key, part;
	if (key.n == 0 || key.n > OBJECT_KEY_MAX || !str_is_utf8(key))
		return error_set(err, ERROR_BAD_VALUE, "",
				 "must be 1 to %d bytes of UTF-8", OBJECT_KEY_MAX);
	for (size_t i = 0; i < key.n; i++)
		if ((unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f)
			return error_set(err, ERROR_BAD_VALUE, "",
					 "must hold no control characters");
	if (str_ends(rest, STR("/")))
		rest.n--;
	while (str_next_part(&rest, '/', &part))
		if (part.n == 0 || str_eqz(part, ".") || str_eqz(part, ".."))
			return error_set(err, ERROR_BAD_VALUE, "",
					 "must not begin with \"/\" and hold no empty, "
					 "\".\" or \"..\" segment");
	return true;
}

bool object_store_read(struct object_store *s, struct str key, object_fn *take,
		       void *ctx, struct error *err)
{
	return object_key_check(key, err) && s->backend->read(s, key, take, ctx, err);
}

bool object_store_find(struct object_store *s, struct str key, uint64_t *size,
		       struct error *err)
{
	return object_key_check(key, err) && s->backend->find(s, key, size, err);
}

bool object_store_list(struct object_store *s, const struct object_range *range,
		       object_seen_fn *seen, void *ctx, bool *more, struct error *err)
{
	*more = false;
	return (range->prefix.n == 0 || object_key_check(range->prefix, err)) &&
	       s->backend->list(s, range, seen, ctx, more, err);
}

void object_store_close(struct object_store *s)
{
	if (s != NULL)
		s->backend->close(s);
}
