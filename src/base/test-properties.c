/* SPDX-License-Identifier: Apache-2.0 */
#include "base/properties-internal.h"
#include "base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the format ---------------------------------------------------------- */

static void assert_entry(const char *file, const char *key, const char *value)
{
	struct properties_reader r;
	struct property p;
	properties_reader_init(&r, str_of(file));
	assert_true(properties_next(&r, &p));
	if (p.fault != NULL)
		fail_msg("%s: %s", file, p.fault);
	assert_str(p.key, key);
	assert_str(p.value, value);
	assert_false(properties_next(&r, &p));
	properties_reader_free(&r);
}

static void separates_key_and_value_as_java_does(void **state)
{
	(void)state;
	assert_entry("a=b", "a", "b");
	assert_entry("a:b\n", "a", "b");
	assert_entry("a b\r\n", "a", "b");
	assert_entry("  a \t=\f b ", "a", "b ");
	assert_entry("a==b", "a", "=b");
	assert_entry("a = = b", "a", "= b");
	assert_entry("a", "a", "");
	assert_entry("a=", "a", "");
	assert_entry("=b", "", "b");
	assert_entry("\xef\xbb\xbf"
		     "a=b",
		     "a", "b");
	assert_entry("\n# c = d\n ! e\n\t\na=#b", "a", "#b");
}

static void understands_escapes(void **state)
{
	(void)state;
	assert_entry("a\\ b\\=c\\:=d", "a b=c:", "d");
	assert_entry("a=\\t\\n\\r\\f\\\\\\q", "a", "\t\n\r\f\\q");
	assert_entry("a=\\u00e4\\uD83D\\uDE00", "a", "\xc3\xa4\xf0\x9f\x98\x80");
	assert_entry("a=\\ b", "a", " b");
}

static void a_backslash_continues_a_line(void **state)
{
	(void)state;
	assert_entry("a=b,\\\n    c,\\\r\n\td", "a", "b,c,d");
	assert_entry("a\\\n  b\\\n = \\\n c", "ab", "c");
	assert_entry("a=b\\\\\n#c", "a", "b\\");
	assert_entry("a=b\\\n# not a comment", "a", "b# not a comment");
	assert_entry("# no \\\na=b", "a", "b");
	assert_entry("a=b\\", "a", "b");
	assert_entry("a=b\\\n", "a", "b");
}

static void counts_lines_and_tells_what_is_wrong(void **state)
{
	(void)state;
	struct properties_reader r;
	struct property p;
	properties_reader_init(&r,
			       STR("# x\r\n\r\na=1\\\n2\rb=\\u12\nc=\xff\nd=\\ud800"));
	assert_true(properties_next(&r, &p));
	assert_int_equal(p.line, 3);
	assert_str(p.value, "12");
	for (unsigned line = 5; line <= 7; line++) {
		assert_true(properties_next(&r, &p));
		assert_int_equal(p.line, line);
		assert_non_null(p.fault);
	}
	assert_false(properties_next(&r, &p));
	properties_reader_free(&r);
}

/* --- the table ----------------------------------------------------------- */

static const struct setting table[] = {
	{"server.port", SETTING_INT, "8080", 1, 65535, NULL, NULL,
	 "Port to listen on."},
	{"inlay.store", SETTING_ENUM, NULL, 0, 0, "lmdb|cassandra|local_one", NULL,
	 "Where data is kept."},
	{"inlay.data-dir", SETTING_PATH, "/var/lib/inlay", 0, 0, NULL, NULL, NULL},
	{"inlay.max-size", SETTING_SIZE, "64MiB", 1, INT64_C(1) << 40, NULL, NULL,
	 NULL},
	{"inlay.timeout", SETTING_DURATION, "PT5S", 1, 86400000, NULL, NULL, NULL},
	{"inlay.on", SETTING_BOOL, "true", 0, 0, NULL, NULL, NULL},
	{"inlay.any", SETTING_INT, NULL, 0, 0, NULL, NULL, NULL},
	{"cassandra.contact-points", SETTING_LIST, NULL, 0, 0, NULL, NULL, NULL},
	{"cassandra.password", SETTING_STRING, NULL, 0, 0, NULL, NULL, NULL},
	{"cassandra.fetch-size", SETTING_INT, NULL, 0, 0, NULL,
	 "pages are sized by the store", "Rows of a page."},
	{"logging.level.*", SETTING_ENUM, NULL, 0, 0, "info|debug", NULL, "A level."},
};
#define N_TABLE (sizeof table / sizeof table[0])

static struct error_list errors, warnings;

static int set_up(void **state)
{
	(void)state;
	error_list_init(&errors, 10);
	error_list_init(&warnings, 10);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	error_list_free(&errors);
	error_list_free(&warnings);
	return 0;
}

static struct settings *parse(const char *text)
{
	return settings_parse(table, N_TABLE, str_of(text), "app.properties", &errors,
			      &warnings);
}

static struct settings *parse_good(const char *text)
{
	struct settings *s = parse(text);
	if (s == NULL)
		fail_msg("%s: %s: %s", text, errors.items[0].where,
			 errors.items[0].message);
	return s;
}

static void assert_refused(const char *text, const char *where, const char *message)
{
	assert_null(parse(text));
	assert_int_equal(errors.n, 1);
	assert_string_equal(errors.items[0].where, where);
	assert_string_equal(errors.items[0].message, message);
	tear_down(NULL);
	set_up(NULL);
}

static void defaults_stand_where_nothing_is_set(void **state)
{
	(void)state;
	struct settings *s = parse_good("");
	assert_int_equal(settings_int(s, "server.port"), 8080);
	assert_int_equal(settings_int(s, "inlay.max-size"), 64 << 20);
	assert_int_equal(settings_int(s, "inlay.timeout"), 5000);
	assert_true(settings_bool(s, "inlay.on"));
	assert_str(settings_str(s, "inlay.data-dir"), "/var/lib/inlay");
	assert_null(settings_str(s, "inlay.store").p);
	assert_false(settings_is_set(s, "server.port"));
	settings_free(s);
}

static void values_are_read_by_their_type(void **state)
{
	(void)state;
	struct settings *s =
		parse_good("server.port=1\nserver.port= 65535 \ninlay.store=LMDB\n"
			   "inlay.max-size=2 GB\ninlay.timeout=50ms\ninlay.on=Off\n"
			   "inlay.any=9223372036854775807\ncassandra.password= x \n"
			   "cassandra.contact-points=a, b ,,c\n");
	struct str list[4];
	assert_int_equal(settings_int(s, "server.port"), 65535);
	assert_true(settings_is_set(s, "server.port"));
	assert_str(settings_str(s, "inlay.store"), "lmdb");
	assert_int_equal(settings_int(s, "inlay.max-size"), INT64_C(2) << 30);
	assert_int_equal(settings_int(s, "inlay.timeout"), 50);
	assert_false(settings_bool(s, "inlay.on"));
	assert_true(settings_int(s, "inlay.any") == INT64_MAX);
	assert_str(settings_str(s, "cassandra.password"), "x ");
	assert_int_equal(settings_list(s, "cassandra.contact-points", list, 4), 3);
	assert_str(list[0], "a");
	assert_str(list[1], "b");
	assert_str(list[2], "c");
	list[2] = STR("untouched");
	assert_int_equal(settings_list(s, "cassandra.contact-points", list, 2), 3);
	assert_str(list[2], "untouched");
	assert_int_equal(strlen(settings_str(s, "inlay.store").p), 4);
	settings_free(s);
}

static void names_are_relaxed(void **state)
{
	(void)state;
	struct settings *s = parse_good("SERVER.PORT=1\ncassandra.contactPoints=a\n"
					"inlay.data_dir=/x\nInlay.Max_Size=1\n"
					"inlay.store=LocalOne\n");
	struct str list[1];
	assert_int_equal(settings_int(s, "server.port"), 1);
	assert_int_equal(settings_list(s, "cassandra.contact-points", list, 1), 1);
	assert_str(settings_str(s, "inlay.data-dir"), "/x");
	assert_int_equal(settings_int(s, "inlay.max-size"), 1);
	assert_str(settings_str(s, "inlay.store"), "local_one");
	settings_free(s);
}

static void a_bad_value_says_what_is_allowed(void **state)
{
	(void)state;
	assert_refused("\nserver.port=0", "app.properties:2",
		       "server.port: \"0\" is not allowed, must be a whole number from "
		       "1 to 65535");
	assert_refused(
		"server.port=", "app.properties:1",
		"server.port: \"\" is not allowed, must be a whole number from 1 "
		"to 65535");
	assert_refused("inlay.store=redis", "app.properties:1",
		       "inlay.store: \"redis\" is not allowed, must be one of lmdb, "
		       "cassandra, local_one");
	assert_refused(
		"inlay.timeout=2d", "app.properties:1",
		"inlay.timeout: \"2d\" is not allowed, must be a time (as 500ms, "
		"10s, 5m, 2h, 7d or PT5M) from 1ms to P1D");
	assert_refused("inlay.max-size=9999999T", "app.properties:1",
		       "inlay.max-size: \"9999999T\" is not allowed, must be a size "
		       "(bytes, or with KiB, MiB, GiB) from 1 bytes to 1024 GiB");
	assert_refused("inlay.on=maybe", "app.properties:1",
		       "inlay.on: \"maybe\" is not allowed, must be true or false");
	assert_refused("inlay.any=-1", "app.properties:1",
		       "inlay.any: \"-1\" is not allowed, must be a whole number");
}

static void an_unknown_name_gets_a_suggestion(void **state)
{
	(void)state;
	assert_refused("inlay.stor=lmdb", "app.properties:1",
		       "unknown setting inlay.stor; did you mean inlay.store?");
	assert_refused("quite.another.thing=1", "app.properties:1",
		       "unknown setting quite.another.thing; --help lists all that are "
		       "known");
	assert_refused("logging.level.=info", "app.properties:1",
		       "unknown setting logging.level.; did you mean logging.level.*?");
}

static void all_errors_are_found(void **state)
{
	(void)state;
	assert_null(parse("server.port=x\ninlay.on=x\nfoo=1\na=\\u1\n"));
	assert_int_equal(errors.n, 4);
	assert_string_equal(errors.items[3].where, "app.properties:4");
}

static void an_ignored_setting_is_a_warning(void **state)
{
	(void)state;
	struct settings *s = parse_good("cassandra.fetchSize=what");
	assert_int_equal(warnings.n, 1);
	assert_string_equal(warnings.items[0].where, "app.properties:1");
	assert_string_equal(
		warnings.items[0].message,
		"cassandra.fetch-size has no effect: pages are sized by the store");
	settings_free(s);
}

static void join(void *ctx, struct str key, struct str value)
{
	buf_printf(ctx, "%.*s->%.*s;", STR_ARG(key), STR_ARG(value));
}

static void open_names_keep_what_stands_for_the_star(void **state)
{
	(void)state;
	struct settings *s =
		parse_good("logging.level.com.openwave.MIM=debug\nLOGGING.level.http="
			   "INFO\nlogging.level.com.openwave.MIM=info\n");
	struct buf out;
	buf_init(&out, 1000);
	settings_each(s, "logging.level.*", join, &out);
	assert_str(buf_str(&out), "com.openwave.MIM->info;http->info;");
	buf_free(&out);
	settings_free(s);
}

static void the_command_line_overrides(void **state)
{
	(void)state;
	struct settings *s = parse_good("server.port=1");
	struct error err;
	assert_true(settings_set(s, STR("serverPort"), STR("x"), "--set", &err) ==
		    false);
	assert_true(settings_set(s, STR("server.port"), STR("7"), "--set", &err));
	assert_int_equal(settings_int(s, "server.port"), 7);
	assert_false(settings_set(s, STR("server.port"), STR("70000"), "--set", &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	assert_string_equal(err.where, "--set");
	assert_int_equal(settings_int(s, "server.port"), 7);
	settings_free(s);
}

static void what_is_printed_reads_back(void **state)
{
	(void)state;
	struct settings *s = parse_good(
		"server.port=81\ninlay.data-dir=C:\\\\a b#\\n\ncassandra.password=p\n"
		"logging.level.a\\:b=debug\n");
	struct buf out;
	buf_init(&out, 10000);
	settings_print(s, &out);
	assert_str(buf_str(&out),
		   "# app.properties:1\nserver.port=81\n# not set\n#inlay.store=\n"
		   "# app.properties:2\ninlay.data-dir=C:\\\\a b#\n"
		   "# default\ninlay.max-size=64MiB\n# default\ninlay.timeout=PT5S\n"
		   "# default\ninlay.on=true\n# not set\n#inlay.any=\n"
		   "# not set\n#cassandra.contact-points=\n"
		   "# app.properties:3\ncassandra.password=********\n"
		   "# app.properties:4\nlogging.level.a\\:b=debug\n");
	struct settings *again = parse_good(buf_cstr(&out));
	assert_str(settings_str(again, "inlay.data-dir"), "C:\\a b#");
	assert_int_equal(settings_int(again, "server.port"), 81);
	settings_free(again);
	settings_free(s);
	buf_free(&out);
}

static void help_tells_type_and_default(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 10000);
	settings_help(table, 2, &out);
	assert_str(buf_str(&out),
		   "    server.port\n"
		   "        Port to listen on. Value: a whole number from 1 to 65535; "
		   "default 8080.\n"
		   "    inlay.store\n"
		   "        Where data is kept. Value: one of lmdb, cassandra, "
		   "local_one; not set by\n"
		   "        default.\n");
	buf_free(&out);
}

static void a_file_is_read_whole(void **state)
{
	(void)state;
	char path[] = "/tmp/test-properties-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "server.port=99\nfoo=1\n", 21), 21);
	close(fd);
	assert_null(settings_load(table, N_TABLE, path, &errors, NULL));
	assert_int_equal(errors.n, 1);
	char where[64];
	snprintf(where, sizeof where, "%s:2", path);
	assert_string_equal(errors.items[0].where, where);
	unlink(path);
	assert_null(settings_load(table, N_TABLE, path, &errors, NULL));
	assert_int_equal(errors.items[1].kind, ERROR_IO);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(separates_key_and_value_as_java_does),
		T(understands_escapes),
		T(a_backslash_continues_a_line),
		T(counts_lines_and_tells_what_is_wrong),
		T(defaults_stand_where_nothing_is_set),
		T(values_are_read_by_their_type),
		T(names_are_relaxed),
		T(a_bad_value_says_what_is_allowed),
		T(an_unknown_name_gets_a_suggestion),
		T(all_errors_are_found),
		T(an_ignored_setting_is_a_warning),
		T(open_names_keep_what_stands_for_the_star),
		T(the_command_line_overrides),
		T(what_is_printed_reads_back),
		T(help_tells_type_and_default),
		T(a_file_is_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
