/* SPDX-License-Identifier: Apache-2.0 */
#include "base/properties-internal.h"

static void print_value(const struct setting_value *v, struct str name, struct buf *out)
{
	buf_add_str(out, STR("# "));
	buf_add_str(out, v->where.p != NULL  ? v->where
			 : v->text.p != NULL ? STR("default")
					     : STR("not set"));
	buf_add_char(out, '\n');
	if (v->text.p == NULL)
		buf_add_char(out, '#');
	bool mask = setting_is_secret(v->def) && v->text.p != NULL;
	properties_write(out, name, mask ? STR("********") : v->text);
}

static void print_open(const struct setting_value *v, struct buf *out)
{
	struct str prefix = str_of(v->def->name);
	for (v = v->next; v != NULL; v = v->next) {
		struct buf name;
		buf_init(&name, prefix.n + v->key.n);
		buf_add_str(&name, str_slice(prefix, 0, prefix.n - 1));
		if (buf_add_str(&name, v->key))
			print_value(v, buf_str(&name), out);
		else
			out->state = name.state;
		buf_free(&name);
	}
}

void settings_print(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct setting_value *v = &s->values[i];
		if (setting_is_open(v->def))
			print_open(v, out);
		else if (v->def->ignored_why == NULL)
			print_value(v, str_of(v->def->name), out);
	}
}

/* Words of `text` in lines of at most 80 columns, indented by 8. */
static void put_wrapped(struct buf *out, struct str text)
{
	struct str word;
	size_t column = 0;
	while (str_next_part(&text, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > 80) {
			buf_add_char(out, '\n');
			column = 0;
		}
		buf_add_str(out, column == 0 ? STR("        ") : STR(" "));
		column += (column == 0 ? 8 : 1) + word.n;
		buf_add_str(out, word);
	}
	buf_add_char(out, '\n');
}

void settings_help(const struct setting *table, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct setting *def = &table[i];
		struct buf text;
		buf_init(&text, 4096);
		buf_printf(out, "    %s\n", def->name);
		if (def->help != NULL)
			buf_printf(&text, "%s ", def->help);
		if (def->ignored_why != NULL) {
			buf_printf(&text, "Has no effect: %s.", def->ignored_why);
		} else {
			buf_add_str(&text, STR("Value: "));
			setting_describe(def, &text);
			if (def->default_value != NULL)
				buf_printf(&text, "; default %s.", def->default_value);
			else
				buf_add_str(&text, STR("; not set by default."));
		}
		put_wrapped(out, buf_str(&text));
		if (!buf_ok(&text))
			out->state = text.state;
		buf_free(&text);
	}
}
