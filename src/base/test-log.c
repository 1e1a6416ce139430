/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char folder[64], path[96], aside[96];
	struct log *log;
	char text[8192]; /* as read last */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct error err;
	assert_non_null(f);
	snprintf(f->folder, sizeof f->folder, "/tmp/inlay-test-log-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/log", f->folder);
	snprintf(f->aside, sizeof f->aside, "%s/log.1", f->folder);
	f->log = log_open(f->path, LOG_INFO, &err);
	assert_non_null(f->log);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	log_close(f->log);
	unlink(f->path);
	unlink(f->aside);
	rmdir(f->folder);
	free(f);
	return 0;
}

static const char *text_of(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n = file != NULL ? fread(f->text, 1, sizeof f->text - 1, file) : 0;
	if (file != NULL)
		fclose(file);
	f->text[n] = '\0';
	return f->text;
}

static void each_level_has_a_name_that_is_read_back(void **state)
{
	(void)state;
	enum log_level back;
	for (int l = LOG_OFF; l <= LOG_TRACE; l++) {
		assert_true(log_level_parse(str_of(log_level_name((enum log_level)l)),
					    &back));
		assert_int_equal(back, l);
	}
	assert_true(log_level_parse(STR("WARN"), &back));
	assert_int_equal(back, LOG_WARN);
	assert_false(log_level_parse(STR("loud"), &back));
}

static void an_area_may_have_a_level_of_its_own(void **state)
{
	struct fixture *f = *state;
	assert_true(log_set_area_level(f->log, STR("loud"), LOG_DEBUG));
	assert_true(log_set_area_level(f->log, STR("quiet"), LOG_ERROR));
	assert_true(log_enabled(f->log, LOG_DEBUG, "loud"));
	assert_false(log_enabled(f->log, LOG_TRACE, "loud"));
	assert_false(log_enabled(f->log, LOG_WARN, "quiet"));
	assert_true(log_enabled(f->log, LOG_INFO, "any"));
	assert_false(log_enabled(f->log, LOG_DEBUG, "any"));
	assert_false(log_enabled(NULL, LOG_ERROR, "any"));
	log_debug(f->log, "loud", "first");
	log_warn(f->log, "quiet", "second");
	log_info(f->log, "any", "third");
	const char *text = text_of(f, f->path);
	assert_non_null(strstr(text, "first"));
	assert_null(strstr(text, "second"));
	assert_non_null(strstr(text, "third"));
	char name[500];
	memset(name, 'x', sizeof name);
	assert_false(
		log_set_area_level(f->log, (struct str){name, sizeof name}, LOG_DEBUG));
}

static void a_value_cannot_begin_a_line(void **state)
{
	struct fixture *f = *state;
	log_info(f->log, "any", "name=%s", "a\nINFO forged\x1b[2J\x7f");
	const char *text = text_of(f, f->path);
	assert_non_null(strstr(text, "name=a\\x0aINFO forged\\x1b[2J\\x7f\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
	struct fixture *f = *state;
	char value[6000];
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	log_info(f->log, "any", "value=%s", value);
	log_info(f->log, "any", "next");
	const char *text = text_of(f, f->path), *end = strchr(text, '\n');
	assert_non_null(end);
	assert_non_null(strstr(end + 1, "next\n"));
}

static void a_file_that_was_moved_is_made_anew_by_reopening(void **state)
{
	struct fixture *f = *state;
	struct error err;
	log_info(f->log, "any", "before");
	assert_int_equal(rename(f->path, f->aside), 0);
	log_info(f->log, "any", "between");
	assert_true(log_reopen(f->log, &err));
	log_info(f->log, "any", "after");
	assert_non_null(strstr(text_of(f, f->aside), "between"));
	assert_null(strstr(text_of(f, f->aside), "after"));
	assert_non_null(strstr(text_of(f, f->path), "after"));
	assert_true(log_reopen(NULL, &err));
}

static void a_file_that_cannot_be_opened_is_said_and_the_old_one_kept(void **state)
{
	struct fixture *f = *state;
	struct error err = {.kind = ERROR_NONE};
	assert_null(log_open("/nonexistent/log", LOG_INFO, &err));
	assert_int_equal(err.kind, ERROR_IO);
	assert_string_equal(err.where, "/nonexistent/log");
	char away[96];
	snprintf(away, sizeof away, "%s.away", f->folder);
	assert_int_equal(rename(f->folder, away), 0);
	assert_false(log_reopen(f->log, &err));
	log_info(f->log, "any", "still here");
	assert_int_equal(rename(away, f->folder), 0);
	assert_non_null(strstr(text_of(f, f->path), "still here"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_level_has_a_name_that_is_read_back),
		TEST(an_area_may_have_a_level_of_its_own),
		TEST(a_value_cannot_begin_a_line),
		TEST(a_long_line_is_cut_and_still_a_line),
		TEST(a_file_that_was_moved_is_made_anew_by_reopening),
		TEST(a_file_that_cannot_be_opened_is_said_and_the_old_one_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
