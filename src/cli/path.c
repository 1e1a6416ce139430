/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/path.h"

bool path_write(struct buf *out, const char *pattern, const struct str *values,
		size_t n_values)
{
	size_t next = 0;
	for (const char *p = pattern; *p != '\0'; p++) {
		if (p[0] == '{' && p[1] == '}') {
			if (next < n_values)
				buf_add_percent(out, values[next]);
			next++;
			p++;
		} else {
			buf_add_char(out, *p);
		}
	}
	return buf_ok(out);
}

bool path_query(struct buf *out, const char *name, const char *value)
{
	struct str so_far = buf_str(out);
	if (value == NULL)
		return buf_ok(out);
	buf_add_char(out, str_find_char(so_far, '?') < so_far.n ? '&' : '?');
	buf_add_str(out, str_of(name));
	buf_add_char(out, '=');
	return buf_add_percent(out, str_of(value));
}
