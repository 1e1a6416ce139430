/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/path.h"

#include <stdio.h>
#include <stdlib.h>

#define PARSE(a, err, ...)                                                             \
	parse((a), (err), (const char *const[]){"inlay", __VA_ARGS__, NULL})

static bool parse(struct args *a, struct error *err, const char *const *argv)
{
	int argc = 0;
	while (argv[argc] != NULL)
		argc++;
	error_clear(err);
	return args_parse(argc, argv, a, err);
}

static void refused(struct error *err, const char *must_say)
{
	assert_int_equal(err->kind, ERROR_USAGE);
	if (strstr(err->message, must_say) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->message, must_say);
}

static void options_may_stand_anywhere(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_true(PARSE(&a, &err, "--json", "campaign", "--tenant=acme", "recall",
			  "spring", "--scope", "all"));
	assert_string_equal(a.command->words, "campaign recall");
	assert_int_equal(a.n, 1);
	assert_string_equal(a.positional[0], "spring");
	assert_true(args_has(&a, OPTION_JSON));
	assert_false(args_has(&a, OPTION_YES));
	assert_string_equal(a.value[OPTION_TENANT], "acme");
	assert_string_equal(a.value[OPTION_RECALL_SCOPE], "all");
}

static void a_command_may_be_one_word(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_true(PARSE(&a, &err, "import", "campaigns/spring/3", "--no-activate"));
	assert_string_equal(a.command->words, "import");
	assert_string_equal(a.positional[0], "campaigns/spring/3");
	assert_true(args_has(&a, OPTION_NO_ACTIVATE));
}

static void behind_two_dashes_nothing_is_an_option(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_true(PARSE(&a, &err, "user", "show", "--", "--json"));
	assert_string_equal(a.positional[0], "--json");
	assert_false(args_has(&a, OPTION_JSON));
	assert_true(PARSE(&a, &err, "tenant", "create", "-"));
	assert_string_equal(a.positional[0], "-");
}

static void a_slip_is_answered_with_what_is_right(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_false(PARSE(&a, &err, "campagn", "list"));
	refused(&err, "is \"campaign list\" meant?");
	assert_false(PARSE(&a, &err, "campaign", "lst"));
	refused(&err, "is \"campaign list\" meant?");
	assert_false(PARSE(&a, &err, "campaign", "frobnicate"));
	refused(&err, "inlay campaign --help");
	assert_false(PARSE(&a, &err, "campaign"));
	refused(&err, "inlay campaign --help");
	assert_false(PARSE(&a, &err, "xyzzy"));
	refused(&err, "inlay --help");
	assert_false(PARSE(&a, &err, "--no-such", "health"));
	refused(&err, "no option --no-such");
	assert_false(PARSE(&a, &err, "-x", "health"));
	refused(&err, "no option -x");
}

static void arguments_and_options_are_counted(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_false(PARSE(&a, &err, "campaign", "show"));
	refused(&err, "inlay campaign show ID");
	assert_false(PARSE(&a, &err, "campaign", "show", "a", "b"));
	refused(&err, "one word too many: b");
	assert_false(PARSE(&a, &err, "campaign", "show", "a", "--yes"));
	refused(&err, "does not take --yes");
	assert_false(PARSE(&a, &err, "campaign", "show", "a", "--scope", "all"));
	refused(&err, "does not take --scope");
	assert_false(PARSE(&a, &err, "campaign", "list", "--tenant"));
	refused(&err, "--tenant needs a value");
	assert_false(PARSE(&a, &err, "campaign", "list", "--json=yes"));
	refused(&err, "--json takes no value");
	assert_false(PARSE(&a, &err, "a", "b", "c", "d", "e", "f", "g", "h"));
	refused(&err, "too many words");
	assert_true(PARSE(&a, &err, "kill", "on", "--scope", "nonService"));
	assert_string_equal(a.value[OPTION_KILL_SCOPE], "nonService");
	assert_true(PARSE(&a, &err, "tenant", "show"));
	assert_int_equal(a.n, 0);
}

static void help_is_there_at_each_level(void **state)
{
	(void)state;
	struct args a;
	struct error err;
	assert_true(PARSE(&a, &err, "--help"));
	assert_null(a.command);
	assert_true(PARSE(&a, &err, "campaign", "-h"));
	assert_string_equal(a.group, "campaign");
	assert_true(PARSE(&a, &err, "campaign", "recall", "--help"));
	assert_string_equal(a.command->words, "campaign recall");
	assert_true(PARSE(&a, &err, "--version"));
}

/* Each command is in the help of all, of its group and in its own, with every option
 * that it takes. */
static void help_names_every_command_and_option(void **state)
{
	(void)state;
	struct buf all, one;
	buf_init(&all, 1 << 20);
	buf_init(&one, 1 << 20);
	assert_true(help_write(&all));
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = commands_at(i);
		char word[32];
		const char *text = buf_cstr(&all);
		assert_non_null(strstr(text, c->words));
		snprintf(word, sizeof word, "%s", c->words);
		word[strcspn(word, " ")] = '\0';
		buf_clear(&one);
		assert_true(help_write_group(&one, word));
		if (strchr(c->words, ' ') != NULL)
			assert_non_null(strstr(buf_cstr(&one), c->words));
		buf_clear(&one);
		assert_true(help_write_command(&one, c));
		text = buf_cstr(&one);
		assert_non_null(strstr(text, c->words));
		assert_non_null(strstr(text, c->help));
		for (unsigned o = 0; o < OPTIONS_COUNT; o++) {
			char option[64];
			snprintf(option, sizeof option, "  --%s",
				 option_info((enum cli_option)o)->name);
			if (command_takes(c, (enum cli_option)o))
				assert_non_null(strstr(text, option));
		}
	}
	buf_free(&all);
	buf_free(&one);
}

static void help_fits_eighty_columns(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1 << 20);
	help_write(&b);
	for (size_t i = 0; i < commands_count(); i++)
		help_write_command(&b, commands_at(i));
	struct str rest = buf_str(&b), line;
	while (str_next_part(&rest, '\n', &line))
		/* the sentence of a command's own help is one line */
		if (line.n > 80 && line.p[0] == ' ')
			fail_msg("too long: %.*s", STR_ARG(line));
	buf_free(&b);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = calloc(1, 1 << 18);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
	fclose(f);
	return text;
}

/* To renew it: inlay help --mdoc */
static void the_manual_page_lists_the_same_commands(void **state)
{
	(void)state;
	static const char begin[] = ".\\\" commands, made by: inlay help --mdoc\n";
	static const char end[] = ".\\\" end of commands\n";
	char *page = read_file(SOURCE_ROOT "/docs/man/inlay.1");
	char *from = strstr(page, begin);
	assert_non_null(from);
	from += sizeof begin - 1;
	char *to = strstr(from, end);
	assert_non_null(to);
	*to = '\0';
	struct buf b;
	buf_init(&b, 1 << 20);
	assert_true(help_write_mdoc(&b));
	assert_string_equal(from, buf_cstr(&b));
	buf_free(&b);
	free(page);
}

static void every_common_option_is_in_the_manual_page(void **state)
{
	(void)state;
	char *page = read_file(SOURCE_ROOT "/docs/man/inlay.1");
	for (unsigned o = 0; o < OPTIONS_COUNT; o++) {
		char item[64];
		snprintf(item, sizeof item, ".It Fl -%s",
			 option_info((enum cli_option)o)->name);
		if (strstr(page, item) == NULL)
			fail_msg("the manual page has no %s", item);
	}
	free(page);
}

static void every_exit_code_is_in_the_manual_page(void **state)
{
	(void)state;
	char *page = read_file(SOURCE_ROOT "/docs/man/inlay.1");
	for (int kind = 0; kind < ERROR_KINDS_COUNT; kind++) {
		char item[32];
		snprintf(item, sizeof item, ".It %d\n",
			 error_kind_info((enum error_kind)kind)->exit_code);
		if (strstr(page, item) == NULL)
			fail_msg("the manual page has no %s", item);
	}
	free(page);
}

static void names_are_percent_encoded_in_paths(void **state)
{
	(void)state;
	const struct str values[] = {STR("default"), STR("a/b ä@?%~-._")};
	struct buf b;
	buf_init(&b, PATH_MAX_BYTES);
	assert_true(path_write(&b, "/api/tenants/{}/users/{}/why", values, 2));
	assert_str(buf_str(&b),
		   "/api/tenants/default/users/a%2Fb%20%C3%A4%40%3F%25~-._/why");
	assert_true(path_query(&b, "from", "2026-05-01T08:00:00+02:00"));
	assert_true(path_query(&b, "to", NULL));
	assert_true(path_query(&b, "x", "&"));
	assert_true(str_ends(buf_str(&b),
			     STR("why?from=2026-05-01T08%3A00%3A00%2B02%3A00&x=%26")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(a_command_may_be_one_word),
		cmocka_unit_test(behind_two_dashes_nothing_is_an_option),
		cmocka_unit_test(a_slip_is_answered_with_what_is_right),
		cmocka_unit_test(arguments_and_options_are_counted),
		cmocka_unit_test(help_is_there_at_each_level),
		cmocka_unit_test(help_names_every_command_and_option),
		cmocka_unit_test(help_fits_eighty_columns),
		cmocka_unit_test(the_manual_page_lists_the_same_commands),
		cmocka_unit_test(every_common_option_is_in_the_manual_page),
		cmocka_unit_test(every_exit_code_is_in_the_manual_page),
		cmocka_unit_test(names_are_percent_encoded_in_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
