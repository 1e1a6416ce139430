/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unicode.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1. */
static int32_t hex4(const char *p, size_t n)
{
	int32_t v = 0;
	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		v = v * 16 + digit;
	}
	return v;
}

int32_t unicode_read_escape(const char *p, size_t n, size_t *len)
{
	int32_t v = n < 2 ? -1 : hex4(p + 2, n - 2);
	*len = 6;
	if (v <= 0 || (v >= 0xdc00 && v <= 0xdfff))
		return -1;
	if (v < 0xd800 || v > 0xdbff)
		return v;
	if (n < 12 || p[6] != '\\' || p[7] != 'u')
		return -1;
	int32_t low = hex4(p + 8, n - 8);
	*len = 12;
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

size_t unicode_put_utf8(char *out, int32_t code_point)
{
	const int32_t v = code_point;
	if (v < 0x80) {
		out[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		out[0] = (char)(0xc0 | v >> 6);
		out[1] = (char)(0x80 | (v & 0x3f));
		return 2;
	}
	if (v < 0x10000) {
		out[0] = (char)(0xe0 | v >> 12);
		out[1] = (char)(0x80 | (v >> 6 & 0x3f));
		out[2] = (char)(0x80 | (v & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | v >> 18);
	out[1] = (char)(0x80 | (v >> 12 & 0x3f));
	out[2] = (char)(0x80 | (v >> 6 & 0x3f));
	out[3] = (char)(0x80 | (v & 0x3f));
	return 4;
}
