/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text-width.h"

#include <assert.h>

struct range {
	uint32_t first, last;
};

/* Unicode general categories Mn, Me, Cf: those that names are likely to have. */
static const struct range zero_width[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
	{0x064b, 0x065f}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x0e31, 0x0e31},
	{0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x2066, 0x2069},
	{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
};

/* UAX #11: wide and fullwidth, in blocks; and the emoji that are shown wide. */
static const struct range double_width[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
	{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97c},
	{0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
	{0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
};

/* Marks that change the order of text on its line (UAX #9): a value must not. */
static const struct range reordering[] = {
	{0x200e, 0x200f},
	{0x202a, 0x202e},
	{0x2066, 0x2069},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}
#define IN(c, ranges) in_ranges((c), (ranges), sizeof(ranges) / sizeof *(ranges))

/* The character at the start of s (n > 0) and its length; ill-formed: false, 1. */
static bool decode(struct str s, uint32_t *c, size_t *length)
{
	const unsigned char *p = (const unsigned char *)s.p;
	assert(p != NULL);
	size_t n = str_utf8_sequence(p, s.n);
	*length = n == 0 ? 1 : n;
	*c = p[0];
	if (n == 0)
		return p[0] == '\0';
	if (n > 1) {
		*c = p[0] & (0xffu >> (n + 1));
		for (size_t i = 1; i < n; i++)
			*c = *c << 6 | (p[i] & 0x3fu);
	}
	return true;
}

static size_t character_width(uint32_t c)
{
	return IN(c, zero_width) ? 0 : IN(c, double_width) ? 2 : 1;
}

struct str text_fit(struct str s, size_t columns)
{
	size_t at = 0, used = 0;
	while (at < s.n) {
		uint32_t c;
		size_t length;
		bool good = decode(str_slice(s, at, s.n), &c, &length);
		size_t width = good ? character_width(c) : 1;
		if (used + width > columns)
			break;
		used += width;
		at += length;
	}
	return str_slice(s, 0, at);
}

size_t text_width(struct str s)
{
	size_t used = 0;
	for (size_t at = 0; at < s.n;) {
		uint32_t c;
		size_t length;
		bool good = decode(str_slice(s, at, s.n), &c, &length);
		used += good ? character_width(c) : 1;
		at += length;
	}
	return used;
}

bool text_clean(struct buf *out, struct str s)
{
	for (size_t at = 0; at < s.n;) {
		uint32_t c;
		size_t length;
		if (!decode(str_slice(s, at, s.n), &c, &length))
			buf_add_str(out, STR("\xef\xbf\xbd"));
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || IN(c, reordering))
			buf_add_char(out, '?');
		else
			buf_add(out, s.p + at, length);
		at += length;
	}
	return buf_ok(out);
}
