/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as people and programs write it: any blanks, any of the ways to write a
 * character, numbers at the edges of their range, names twice. */
#include "random.h"

#include <jansson.h>
#include <stdlib.h>

#define DEPTH_MAX 7

static void blanks(struct buf *out)
{
	static const struct str some[] = {STR_INIT(" "), STR_INIT("\n"), STR_INIT("\t"),
					  STR_INIT("\r\n"), STR_INIT("  ")};
	if (draw(4) == 0)
		buf_add_str(out, pick(some));
}

static void escaped(struct buf *out)
{
	static const struct str simple[] = {
		STR_INIT("\\n"), STR_INIT("\\t"),  STR_INIT("\\r"),  STR_INIT("\\b"),
		STR_INIT("\\f"), STR_INIT("\\\""), STR_INIT("\\\\"), STR_INIT("\\/")};
	switch (draw(60)) {
	case 0: /* may be NUL or half a pair: bad */
		buf_printf(out, "\\u%04x", (unsigned)draw(0x10000));
		break;
	case 1:
	case 2:
	case 3:
	case 4: /* outside of the first plane, as a pair */
		buf_printf(out, "\\u%04x\\u%04X", 0xd800 + (unsigned)draw(0x400),
			   0xdc00 + (unsigned)draw(0x400));
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		buf_printf(out, "\\u%04X", 1 + (unsigned)draw(0xd7ff));
		break;
	default:
		buf_add_str(out, pick(simple));
	}
}

static void string(struct buf *out)
{
	static const struct str texts[] = {
		STR_INIT("a"),        STR_INIT("b"),
		STR_INIT("name"),     STR_INIT("x y"),
		STR_INIT("\xc3\xa4"), STR_INIT("\xe2\x82\xac"),
		STR_INIT("/"),        STR_INIT("\xf0\x9f\x98\x80"),
		STR_INIT("\x7f"),     STR_INIT("'")};
	buf_add_char(out, '"');
	for (uint64_t n = draw(5); n > 0; n--)
		if (draw(4) == 0)
			escaped(out);
		else
			buf_add_str(out, pick(texts));
	buf_add_char(out, '"');
}

static void number(struct buf *out)
{
	static const struct str edges[] = {STR_INIT("9223372036854775807"),
					   STR_INIT("-9223372036854775808"),
					   STR_INIT("-0"),
					   STR_INIT("-0.0"),
					   STR_INIT("1e308"),
					   STR_INIT("5e-324"),
					   STR_INIT("1e-400"),
					   STR_INIT("0.1"),
					   STR_INIT("9007199254740993.0"),
					   STR_INIT("1E+2")};
	static const struct str bad[] = {
		STR_INIT("9223372036854775808"), STR_INIT("1e309"), STR_INIT("01"),
		STR_INIT("1."), STR_INIT("123456789012345678901234567890")};
	if (draw(40) == 0) {
		buf_add_str(out, pick(bad));
		return;
	}
	switch (draw(4)) {
	case 0:
		buf_add_str(out, pick(edges));
		break;
	case 1:
		buf_printf(out, "%s%llu.%llue%d", draw(2) == 0 ? "-" : "",
			   (unsigned long long)draw(1000),
			   (unsigned long long)draw(UINT64_C(1) << draw(60)),
			   (int)draw(560) - 270);
		break;
	default:
		buf_printf(out, "%s%llu", draw(2) == 0 ? "-" : "",
			   (unsigned long long)draw(UINT64_C(1) << draw(63)));
	}
}

static void value(struct buf *out, unsigned depth);

static void members(struct buf *out, unsigned depth, bool named)
{
	for (uint64_t n = draw(5), i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		blanks(out);
		if (named) {
			string(out);
			blanks(out);
			buf_add_char(out, ':');
			blanks(out);
		}
		value(out, depth + 1);
		blanks(out);
	}
	blanks(out);
}

static void value(struct buf *out, unsigned depth)
{
	static const struct str words[] = {STR_INIT("true"), STR_INIT("false"),
					   STR_INIT("null")};
	/* at the top, what is no array or object is refused */
	switch (depth == 0 && draw(20) > 0 ? 4 + draw(3)
					   : draw(depth < DEPTH_MAX ? 7 : 4)) {
	case 0:
		buf_add_str(out, pick(words));
		break;
	case 1:
		number(out);
		break;
	case 2:
	case 3:
		string(out);
		break;
	case 4:
		buf_add_char(out, '[');
		members(out, depth, false);
		buf_add_char(out, ']');
		break;
	default:
		buf_add_char(out, '{');
		members(out, depth, true);
		buf_add_char(out, '}');
	}
}

/* The document once more as jansson writes it. */
static void rewrite(struct buf *out)
{
	static const size_t flags[] = {0, JSON_ENSURE_ASCII, JSON_ESCAPE_SLASH,
				       JSON_INDENT(3), JSON_COMPACT};
	json_t *doc =
		json_loadb(out->p, out->n, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	char *text =
		doc != NULL ? json_dumps(doc, pick(flags) | JSON_ENCODE_ANY) : NULL;
	if (text != NULL) {
		buf_clear(out);
		buf_add_str(out, str_of(text));
	}
	free(text);
	json_decref(doc);
}

void random_document(struct buf *out)
{
	blanks(out);
	value(out, 0);
	blanks(out);
	if (draw(3) == 0)
		rewrite(out);
}
