/* SPDX-License-Identifier: Apache-2.0 */
/* Character references: the numeric ones and the names that occur in mail. */
#include "message/html.h"

#include <assert.h>

struct entity {
	const char *name;
	uint32_t code;
};

/* The 100 named references of Latin-1 and the punctuation that writing programs
 * use (HTML, "Named character references"), sorted by bytes for the search. */
static const struct entity entities[] = {
	{"AElig", 198},   {"Aacute", 193},  {"Acirc", 194},  {"Agrave", 192},
	{"Aring", 197},   {"Atilde", 195},  {"Auml", 196},   {"Ccedil", 199},
	{"Dagger", 8225}, {"ETH", 208},     {"Eacute", 201}, {"Ecirc", 202},
	{"Egrave", 200},  {"Euml", 203},    {"Iacute", 205}, {"Icirc", 206},
	{"Igrave", 204},  {"Iuml", 207},    {"Ntilde", 209}, {"OElig", 338},
	{"Oacute", 211},  {"Ocirc", 212},   {"Ograve", 210}, {"Oslash", 216},
	{"Otilde", 213},  {"Ouml", 214},    {"Scaron", 352}, {"THORN", 222},
	{"Uacute", 218},  {"Ucirc", 219},   {"Ugrave", 217}, {"Uuml", 220},
	{"Yacute", 221},  {"Yuml", 376},    {"aacute", 225}, {"acirc", 226},
	{"acute", 180},   {"aelig", 230},   {"agrave", 224}, {"amp", 38},
	{"apos", 39},     {"aring", 229},   {"atilde", 227}, {"auml", 228},
	{"bdquo", 8222},  {"brvbar", 166},  {"bull", 8226},  {"ccedil", 231},
	{"cedil", 184},   {"cent", 162},    {"copy", 169},   {"curren", 164},
	{"dagger", 8224}, {"darr", 8595},   {"deg", 176},    {"divide", 247},
	{"eacute", 233},  {"ecirc", 234},   {"egrave", 232}, {"emsp", 8195},
	{"ensp", 8194},   {"eth", 240},     {"euml", 235},   {"euro", 8364},
	{"frac12", 189},  {"frac14", 188},  {"frac34", 190}, {"gt", 62},
	{"hearts", 9829}, {"hellip", 8230}, {"iacute", 237}, {"icirc", 238},
	{"iexcl", 161},   {"igrave", 236},  {"iquest", 191}, {"iuml", 239},
	{"laquo", 171},   {"larr", 8592},   {"ldquo", 8220}, {"lsaquo", 8249},
	{"lsquo", 8216},  {"lt", 60},       {"macr", 175},   {"mdash", 8212},
	{"micro", 181},   {"middot", 183},  {"minus", 8722}, {"nbsp", 160},
	{"ndash", 8211},  {"not", 172},     {"ntilde", 241}, {"oacute", 243},
	{"ocirc", 244},   {"oelig", 339},   {"ograve", 242}, {"ordf", 170},
	{"ordm", 186},    {"oslash", 248},  {"otilde", 245}, {"ouml", 246},
	{"para", 182},    {"permil", 8240}, {"plusmn", 177}, {"pound", 163},
	{"quot", 34},     {"raquo", 187},   {"rarr", 8594},  {"rdquo", 8221},
	{"reg", 174},     {"rsaquo", 8250}, {"rsquo", 8217}, {"sbquo", 8218},
	{"scaron", 353},  {"sect", 167},    {"shy", 173},    {"sup1", 185},
	{"sup2", 178},    {"sup3", 179},    {"szlig", 223},  {"thinsp", 8201},
	{"thorn", 254},   {"times", 215},   {"trade", 8482}, {"uacute", 250},
	{"uarr", 8593},   {"ucirc", 251},   {"ugrave", 249}, {"uml", 168},
	{"uuml", 252},    {"yacute", 253},  {"yen", 165},    {"yuml", 255},
	{"zwj", 8205},    {"zwnj", 8204},
};

static uint32_t find_name(struct str name)
{
	size_t low = 0, high = sizeof entities / sizeof *entities;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = str_cmp(name, str_of(entities[mid].name));
		if (d == 0)
			return entities[mid].code;
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

/* "106" or "x6a"; 0 for what is no character. */
static uint32_t parse_number(struct str s)
{
	bool hex = s.n > 0 && (s.p[0] == 'x' || s.p[0] == 'X');
	uint32_t code = 0;
	for (size_t i = hex; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (hex && c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a' + 10);
		else
			return 0;
		code = code * (hex ? 16 : 10) + digit;
		if (code > 0x10FFFF)
			return 0;
	}
	/* surrogates are no characters, controls have no place in text */
	if ((code >= 0xD800 && code < 0xE000) ||
	    (code < 0x20 && code != '\t' && code != '\n') ||
	    (code >= 0x7F && code < 0xA0))
		return 0;
	return code;
}

static void encode_utf8(uint32_t code, char utf8[8])
{
	unsigned char b[4];
	size_t n;
	if (code < 0x80) {
		b[0] = (unsigned char)code;
		n = 1;
	} else if (code < 0x800) {
		b[0] = (unsigned char)(0xC0 | code >> 6);
		n = 2;
	} else if (code < 0x10000) {
		b[0] = (unsigned char)(0xE0 | code >> 12);
		n = 3;
	} else {
		b[0] = (unsigned char)(0xF0 | code >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		b[i] = (unsigned char)(0x80 | (code >> (6 * (n - 1 - i)) & 0x3F));
	memcpy(utf8, b, n);
	utf8[n] = '\0';
}

size_t html_entity(struct str s, char utf8[8])
{
	assert(s.p != NULL);
	if (s.n < 3 || s.p[0] != '&')
		return 0;
	size_t end = str_find_char(str_slice(s, 0, 16), ';');
	if (end >= s.n || s.p[end] != ';' || end < 2)
		return 0;
	uint32_t code = s.p[1] == '#' ? parse_number(str_slice(s, 2, end))
				      : find_name(str_slice(s, 1, end));
	if (code == 0)
		return 0;
	encode_utf8(code, utf8);
	return end + 1;
}

bool html_unescape(struct buf *out, struct str text)
{
	char utf8[8];
	size_t from = 0;
	for (size_t i = 0; i < text.n;) {
		i += str_find_char(str_slice(text, i, text.n), '&');
		size_t n =
			i < text.n ? html_entity(str_slice(text, i, text.n), utf8) : 0;
		if (n == 0) {
			i++;
			continue;
		}
		buf_add_str(out, str_slice(text, from, i));
		buf_add_str(out, str_of(utf8));
		i += n;
		from = i;
	}
	buf_add_str(out, str_slice(text, from, text.n));
	return buf_ok(out);
}
