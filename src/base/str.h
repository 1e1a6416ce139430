/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed text: a pointer and a length, never NUL-terminated by promise.
 * The bytes belong to somebody else (an arena, a buffer, a literal); whoever
 * hands out a struct str says for how long. {NULL,0} is "absent"; {"",0} is
 * "present and empty". All comparisons are on bytes; case folding is ASCII. */
#ifndef INLAY_BASE_STR_H
#define INLAY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* From a literal, in an expression and in a static initialiser. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_INIT(lit)                                                                  \
	{                                                                              \
		"" lit, sizeof(lit) - 1                                                \
	}
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, ((s).p != NULL ? (s).p : "")

static inline struct str str_of(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

/* Order of the bytes as unsigned; a proper prefix comes first. */
static inline int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n == 0 ? 0 : memcmp(a.p, b.p, n);
	if (d != 0)
		return d;
	return a.n < b.n ? -1 : a.n > b.n;
}

/* Likewise of two elements of an array of struct str: for qsort and bsearch. */
static inline int str_cmp_items(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Bytes [from, to), clamped to s. */
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){s.p != NULL ? s.p + from : NULL, to - from};
}

static inline char str_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline char str_upper_char(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Equal when ASCII letters are folded. */
bool str_ieq(struct str a, struct str b);
/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);
/* Index of the first c, or s.n. */
size_t str_find_char(struct str s, char c);
/* Cuts *rest at the first sep: returns what is before it and leaves what is
 * behind it; false when nothing is left (*rest becomes absent at the end). */
bool str_next_part(struct str *rest, char sep, struct str *part);
/* Whole string as a decimal number without sign or blanks; false on anything
 * else and on overflow of max. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);
/* Length of the UTF-8 sequence that begins at p[0] of n > 0 bytes, or 0 if none
 * does (RFC 3629 section 4; NUL is not taken as one). */
size_t str_utf8_sequence(const unsigned char *p, size_t n);
/* True for well-formed UTF-8 (RFC 3629 section 4) without NUL. */
bool str_is_utf8(struct str s);
/* Ids of tenants, campaigns, variants, templates, data sources, purposes:
 * [A-Za-z0-9][A-Za-z0-9_-]{0,63}. */
bool str_is_id(struct str s);

#endif
