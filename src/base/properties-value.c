/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/properties-internal.h"

#include <assert.h>

struct unit {
	struct str name;
	int64_t factor;
};

#define KIB INT64_C(1024)
static const struct unit size_units[] = {
	{STR_INIT(""), 1},
	{STR_INIT("B"), 1},
	{STR_INIT("K"), KIB},
	{STR_INIT("KB"), KIB},
	{STR_INIT("KiB"), KIB},
	{STR_INIT("M"), KIB *KIB},
	{STR_INIT("MB"), KIB *KIB},
	{STR_INIT("MiB"), KIB *KIB},
	{STR_INIT("G"), KIB *KIB *KIB},
	{STR_INIT("GB"), KIB *KIB *KIB},
	{STR_INIT("GiB"), KIB *KIB *KIB},
	{STR_INIT("T"), KIB *KIB *KIB *KIB},
	{STR_INIT("TB"), KIB *KIB *KIB *KIB},
	{STR_INIT("TiB"), KIB *KIB *KIB *KIB},
};

static const struct unit duration_units[] = {
	{STR_INIT(""), 1},
	{STR_INIT("ms"), 1},
	{STR_INIT("s"), CLOCK_SECOND},
	{STR_INIT("m"), CLOCK_MINUTE},
	{STR_INIT("h"), CLOCK_HOUR},
	{STR_INIT("d"), CLOCK_DAY},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

bool setting_is_open(const struct setting *def)
{
	return str_ends(str_of(def->name), STR(".*"));
}

bool setting_is_secret(const struct setting *def)
{
	struct str name = str_of(def->name);
	return str_ends(name, STR("password")) || str_ends(name, STR("secret"));
}

static size_t skip_dashes(struct str s, size_t at)
{
	while (at < s.n && (s.p[at] == '-' || s.p[at] == '_'))
		at++;
	return at;
}

bool setting_names_equal(struct str a, struct str b)
{
	size_t i = 0, j = 0;
	for (;;) {
		i = skip_dashes(a, i);
		j = skip_dashes(b, j);
		if (i == a.n || j == b.n)
			return i == a.n && j == b.n;
		if (str_lower_char(a.p[i++]) != str_lower_char(b.p[j++]))
			return false;
	}
}

static bool parse_bool(struct str value, int64_t *number)
{
	static const struct unit words[] = {
		{STR_INIT("true"), 1}, {STR_INIT("false"), 0}, {STR_INIT("yes"), 1},
		{STR_INIT("no"), 0},   {STR_INIT("on"), 1},    {STR_INIT("off"), 0},
		{STR_INIT("1"), 1},    {STR_INIT("0"), 0},
	};
	for (size_t i = 0; i < N(words); i++) {
		if (str_ieq(value, words[i].name)) {
			*number = words[i].factor;
			return true;
		}
	}
	return false;
}

static bool in_range(const struct setting *def, int64_t v)
{
	return def->min == 0 && def->max == 0 ? v >= 0 : v >= def->min && v <= def->max;
}

static bool parse_int(struct str value, int64_t *number)
{
	bool negative = str_starts(value, STR("-"));
	uint64_t v;
	if (!str_to_u64(str_slice(value, negative ? 1 : 0, value.n), INT64_MAX, &v))
		return false;
	*number = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

/* Digits and one of the units; blanks may stand between them. */
static bool parse_with_unit(struct str value, const struct unit *units, size_t n,
			    int64_t *number)
{
	size_t digits = 0;
	uint64_t v;
	while (digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9')
		digits++;
	struct str unit = str_trim(str_slice(value, digits, value.n));
	if (!str_to_u64(str_slice(value, 0, digits), INT64_MAX, &v))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!str_ieq(unit, units[i].name))
			continue;
		if ((int64_t)v > INT64_MAX / units[i].factor)
			return false;
		*number = (int64_t)v * units[i].factor;
		return true;
	}
	return false;
}

static bool parse_duration(struct str value, int64_t *number)
{
	if (str_starts(value, STR("P")))
		return clock_parse_duration(value, number, NULL);
	return parse_with_unit(value, duration_units, N(duration_units), number);
}

static bool parse_enum(const char *allowed, struct str value, struct str *text)
{
	struct str rest = str_of(allowed), word;
	while (str_next_part(&rest, '|', &word)) {
		if (setting_names_equal(word, value)) {
			*text = word;
			return true;
		}
	}
	return false;
}

static bool parse(const struct setting *def, struct str value, struct str *text,
		  int64_t *number)
{
	*number = 0;
	/* blanks at the end belong to a STRING, as in Java */
	*text = def->type == SETTING_STRING ? value : str_trim(value);
	switch (def->type) {
	case SETTING_STRING:
	case SETTING_LIST:
		return true;
	case SETTING_PATH:
		return text->n > 0;
	case SETTING_BOOL:
		return parse_bool(*text, number);
	case SETTING_INT:
		return parse_int(*text, number) && in_range(def, *number);
	case SETTING_SIZE:
		return parse_with_unit(*text, size_units, N(size_units), number) &&
		       in_range(def, *number);
	case SETTING_DURATION:
		return parse_duration(*text, number) && in_range(def, *number);
	case SETTING_ENUM:
		return parse_enum(def->allowed, *text, text);
	}
	assert(!"a type that is not in the table");
	return false;
}

bool setting_parse(const struct setting *def, struct str value, struct str *text,
		   int64_t *number, struct error *err)
{
	if (parse(def, value, text, number))
		return true;
	struct buf allowed;
	buf_init(&allowed, 512);
	setting_describe(def, &allowed);
	struct str shown = setting_is_secret(def) ? STR("********") : value;
	error_set(err, ERROR_BAD_VALUE, "", "\"%.*s\" is not allowed, must be %.*s",
		  STR_ARG(str_slice(shown, 0, 64)), STR_ARG(buf_str(&allowed)));
	buf_free(&allowed);
	return false;
}

static void describe_size(struct buf *out, int64_t v)
{
	static const struct unit shown[] = {{STR_INIT(" GiB"), KIB * KIB * KIB},
					    {STR_INIT(" MiB"), KIB * KIB},
					    {STR_INIT(" KiB"), KIB}};
	for (size_t i = 0; i < N(shown); i++) {
		if (v > 0 && v % shown[i].factor == 0) {
			buf_add_u64(out, (uint64_t)(v / shown[i].factor));
			buf_add_str(out, shown[i].name);
			return;
		}
	}
	buf_printf(out, "%lld bytes", (long long)v);
}

static void describe_bound(const struct setting *def, struct buf *out, int64_t v)
{
	if (def->type == SETTING_SIZE)
		describe_size(out, v);
	else if (def->type == SETTING_DURATION && v % CLOCK_SECOND == 0)
		clock_format_duration(out, v);
	else if (def->type == SETTING_DURATION)
		buf_printf(out, "%lldms", (long long)v);
	else
		buf_printf(out, "%lld", (long long)v);
}

static void describe_range(const struct setting *def, struct buf *out)
{
	if (def->min == 0 && def->max == 0)
		return;
	buf_add_str(out, STR(" from "));
	describe_bound(def, out, def->min);
	buf_add_str(out, STR(" to "));
	describe_bound(def, out, def->max);
}

void setting_describe(const struct setting *def, struct buf *out)
{
	struct str rest = str_of(def->allowed), word;
	switch (def->type) {
	case SETTING_STRING:
		buf_add_str(out, STR("text"));
		return;
	case SETTING_PATH:
		buf_add_str(out, STR("a path"));
		return;
	case SETTING_LIST:
		buf_add_str(out, STR("a list separated by commas"));
		return;
	case SETTING_BOOL:
		buf_add_str(out, STR("true or false"));
		return;
	case SETTING_INT:
		buf_add_str(out, STR("a whole number"));
		break;
	case SETTING_SIZE:
		buf_add_str(out, STR("a size (bytes, or with KiB, MiB, GiB)"));
		break;
	case SETTING_DURATION:
		buf_add_str(out, STR("a time (as 500ms, 10s, 5m, 2h, 7d or PT5M)"));
		break;
	case SETTING_ENUM:
		buf_add_str(out, STR("one of"));
		for (const char *comma = " "; str_next_part(&rest, '|', &word);
		     comma = ", ") {
			buf_add_str(out, str_of(comma));
			buf_add_str(out, word);
		}
		return;
	}
	describe_range(def, out);
}
