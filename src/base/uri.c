/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uri.h"

#include "base/crypto.h"

static bool decode(struct arena *arena, struct str raw, bool plus, struct str *out)
{
	char *p = arena_alloc(arena, raw.n + 1);
	size_t n = 0;
	if (p == NULL || (raw.p == NULL && raw.n > 0))
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];
		if (c == '%') {
			if (raw.n - i < 3 ||
			    !crypto_unhex(str_slice(raw, i + 1, i + 3), &c, 1))
				return false;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		p[n++] = c;
	}
	*out = (struct str){p, n};
	return str_is_utf8(*out);
}

bool uri_decode(struct arena *arena, struct str raw, struct str *out)
{
	return decode(arena, raw, false, out);
}

bool uri_decode_form(struct arena *arena, struct str raw, struct str *out)
{
	return decode(arena, raw, true, out);
}

bool uri_parse_query(struct arena *arena, struct str raw, struct uri_pair *out,
		     size_t max, size_t *n)
{
	struct str pair;
	*n = 0;
	while (str_next_part(&raw, '&', &pair)) {
		if (pair.n == 0)
			continue;
		if (*n == max)
			return false;
		size_t eq = str_find_char(pair, '=');
		struct uri_pair *to = &out[(*n)++];
		if (!decode(arena, str_slice(pair, 0, eq), true, &to->name) ||
		    !decode(arena, str_slice(pair, eq + 1, pair.n), true, &to->value))
			return false;
	}
	return true;
}
