/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#undef error_set
#undef error_set_errno
#undef error_list_add

static const struct error_kind_info kinds[] = {
#define X(name, slug, http, code, retry, meaning) {slug, http, code, retry, meaning},
	ERROR_KINDS(X)
#undef X
};

const struct error_kind_info *error_kind_info(enum error_kind kind)
{
	assert((unsigned)kind < ERROR_KINDS_COUNT);
	return &kinds[kind];
}

/* vsnprintf that never leaves half a UTF-8 sequence at the end. */
__attribute__((format(printf, 3, 0))) static void put_text(char *out, size_t size,
							   const char *fmt, va_list ap)
{
	int n = vsnprintf(out, size, fmt, ap);
	if (n < 0) {
		out[0] = '\0';
	} else if ((size_t)n >= size) {
		size_t end = size - 1;
		size_t lead = end;
		while (lead > 0 && ((unsigned char)out[lead - 1] & 0xc0) == 0x80)
			lead--;
		/* out[lead - 1] begins the last sequence: drop it if it is cut */
		if (lead > 0 && (unsigned char)out[lead - 1] >= 0xc0 &&
		    !str_is_utf8((struct str){out + lead - 1, end - lead + 1}))
			out[lead - 1] = '\0';
	}
}

__attribute__((format(printf, 4, 0))) static void set(struct error *err,
						      enum error_kind kind,
						      const char *where,
						      const char *fmt, va_list ap)
{
	err->kind = kind;
	snprintf(err->where, sizeof err->where, "%s", where != NULL ? where : "");
	put_text(err->message, sizeof err->message, fmt, ap);
}

bool error_set(struct error *err, enum error_kind kind, const char *where,
	       const char *fmt, ...)
{
	if (err != NULL) {
		va_list ap;
		va_start(ap, fmt);
		set(err, kind, where, fmt, ap);
		va_end(ap);
	}
	return false;
}

bool error_set_errno(struct error *err, const char *where, int errnum, const char *fmt,
		     ...)
{
	if (err == NULL)
		return false;
	enum error_kind kind = errnum == ENOSPC || errnum == EDQUOT ? ERROR_FULL
			       : errnum == ENOMEM                   ? ERROR_MEMORY
								    : ERROR_IO;
	char text[sizeof err->message];
	va_list ap;
	va_start(ap, fmt);
	put_text(text, sizeof text, fmt, ap);
	va_end(ap);
	char reason[128];
	const char *why = strerror_r(errnum, reason, sizeof reason);
	return error_set(err, kind, where, "%s: %s", text, why);
}

void error_clear(struct error *err)
{
	*err = (struct error){.kind = ERROR_NONE};
}

void error_list_init(struct error_list *l, size_t max)
{
	*l = (struct error_list){.max = max};
}

void error_list_free(struct error_list *l)
{
	free(l->items);
	*l = (struct error_list){.max = l->max};
}

bool error_list_add_error(struct error_list *l, const struct error *err)
{
	if (l->n == l->cap && l->n < l->max) {
		size_t cap = l->cap == 0 ? 8 : l->cap * 2;
		if (cap > l->max)
			cap = l->max;
		struct error *items = realloc(l->items, cap * sizeof *items);
		if (items != NULL) {
			l->items = items;
			l->cap = cap;
		}
	}
	if (l->n < l->cap)
		l->items[l->n++] = *err;
	else
		l->dropped++;
	return false;
}

bool error_list_add(struct error_list *l, enum error_kind kind, const char *where,
		    const char *fmt, ...)
{
	struct error err;
	va_list ap;
	va_start(ap, fmt);
	set(&err, kind, where, fmt, ap);
	va_end(ap);
	return error_list_add_error(l, &err);
}
