/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#define WIDTH 80
#define COLUMN 26 /* where explanations begin */

/* Adds text broken into lines, each but the first indented to COLUMN. */
static void write_wrapped(struct buf *out, size_t at, const char *text)
{
	struct str rest = str_of(text), word;
	while (str_next_part(&rest, ' ', &word)) {
		if (at + 1 + word.n > WIDTH) {
			buf_printf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		} else if (at > COLUMN) {
			buf_add_char(out, ' ');
			at++;
		}
		buf_add_str(out, word);
		at += word.n;
	}
	buf_add_char(out, '\n');
}

/* "  term      what it is"; a long term has a line of its own. */
static void write_entry(struct buf *out, const char *a, const char *b, const char *c,
			const char *text)
{
	size_t before = out->n;
	buf_printf(out, "  %s%s%s", a, b, c);
	size_t used = out->n - before;
	if (used + 2 > COLUMN) {
		buf_add_char(out, '\n');
		used = 0;
	}
	buf_printf(out, "%*s", (int)(COLUMN - used), "");
	write_wrapped(out, COLUMN, text);
}

static void write_command_line(struct buf *out, const struct command *c)
{
	write_entry(out, c->words, c->arguments[0] != '\0' ? " " : "", c->arguments,
		    c->help);
}

static void write_option(struct buf *out, enum cli_option o)
{
	const struct option_info *i = option_info(o);
	char term[64];
	struct buf b;
	buf_init(&b, sizeof term - 1);
	buf_printf(&b, "--%s%s%s", i->name, i->value != NULL ? " " : "",
		   i->value != NULL ? i->value : "");
	const char *text = buf_cstr(&b);
	write_entry(out, text != NULL ? text : i->name, "", "", i->help);
	buf_free(&b);
}

static void write_options(struct buf *out, unsigned bits)
{
	for (unsigned i = 0; i < OPTIONS_COUNT; i++)
		if ((bits & (1u << i)) != 0)
			write_option(out, (enum cli_option)i);
}

bool help_write(struct buf *out)
{
	buf_add_str(out,
		    STR("inlay: what an operator needs of the middleware, by hand\n\n"
			"usage: inlay [options] COMMAND [arguments]\n\n"
			"commands:\n"));
	for (size_t i = 0; i < commands_count(); i++)
		write_command_line(out, commands_at(i));
	buf_add_str(out, STR("\noptions of every command:\n"));
	write_options(out, OPTIONS_EVERYWHERE);
	buf_add_str(out, STR("\ninlay COMMAND --help says more; see also inlay(1).\n"));
	return buf_ok(out);
}

bool help_write_group(struct buf *out, const char *group)
{
	buf_printf(out, "usage: inlay %s COMMAND [arguments]\n\ncommands:\n", group);
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = commands_at(i);
		struct str words = str_of(c->words);
		size_t end = str_find_char(words, ' ');
		if (end < words.n && str_eqz(str_slice(words, 0, end), group))
			write_command_line(out, c);
	}
	return buf_ok(out);
}

bool help_write_command(struct buf *out, const struct command *c)
{
	buf_printf(out, "usage: inlay %s%s%s%s\n\n", c->words,
		   c->options != 0 ? " [options]" : "",
		   c->arguments[0] != '\0' ? " " : "", c->arguments);
	buf_printf(out, "%s.\n", c->help);
	if (c->options != 0) {
		buf_add_str(out, STR("\noptions:\n"));
		write_options(out, c->options);
	}
	buf_add_str(out, STR("\noptions of every command:\n"));
	write_options(out, OPTIONS_EVERYWHERE);
	return buf_ok(out);
}

/* Text in mdoc, in lines of at most WIDTH: a line must not begin with a control
 * character of roff, and a backslash begins an escape. */
static void write_mdoc_text(struct buf *out, const char *text)
{
	struct str rest = str_of(text), word;
	size_t at = 0;
	while (str_next_part(&rest, ' ', &word)) {
		if (at > 0 && at + 1 + word.n > WIDTH - 2) {
			buf_add_char(out, '\n');
			at = 0;
		}
		if (at > 0)
			buf_add_char(out, ' ');
		else if (word.n > 0 && (word.p[0] == '.' || word.p[0] == '\''))
			buf_add_str(out, STR("\\&"));
		for (size_t i = 0; i < word.n; i++) {
			if (word.p[i] == '\\')
				buf_add_str(out, STR("\\e"));
			else
				buf_add_char(out, word.p[i]);
		}
		at += word.n + 1;
	}
}

static void write_mdoc_arguments(struct buf *out, const char *arguments)
{
	struct str rest = str_of(arguments), word;
	while (rest.n > 0 && str_next_part(&rest, ' ', &word)) {
		bool optional = word.p[0] == '[';
		if (optional)
			word = str_slice(word, 1, word.n - 1);
		buf_printf(out, optional ? " Op Ar %.*s" : " Ar %.*s", STR_ARG(word));
	}
}

bool help_write_mdoc(struct buf *out)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = commands_at(i);
		buf_printf(out, ".It Cm %s", c->words);
		for (unsigned o = 0; o < OPTIONS_COUNT; o++) {
			const struct option_info *info =
				option_info((enum cli_option)o);
			if ((c->options & (1u << o)) == 0)
				continue;
			buf_printf(out, " Oo Fl -%s", info->name);
			if (info->value != NULL)
				buf_printf(out, " Ar %s", info->value);
			buf_add_str(out, STR(" Oc"));
		}
		write_mdoc_arguments(out, c->arguments);
		buf_add_char(out, '\n');
		write_mdoc_text(out, c->help);
		buf_add_str(out, STR(".\n"));
	}
	return buf_ok(out);
}
