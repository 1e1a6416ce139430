/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include "cli/path.h"
#include "cli/table.h"
#include "cli/text-width.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ARENA_MAX (256u << 20)
#define VALUES_MAX 4

static const char *choose(const char *option, const char *variable,
			  const char *otherwise)
{
	const char *set = getenv(variable);
	if (option != NULL)
		return option;
	return set != NULL && set[0] != '\0' ? set : otherwise;
}

static size_t terminal_width(void)
{
	struct winsize w;
	if (!isatty(STDOUT_FILENO))
		return TABLE_ANY_WIDTH;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return 80;
	return w.ws_col;
}

bool session_init(struct session *s, const struct args *a, struct error *err)
{
	*s = (struct session){
		.url = choose(a->value[OPTION_URL], "INLAY_URL", CLI_DEFAULT_URL),
		.token_file = choose(a->value[OPTION_TOKEN_FILE], "INLAY_TOKEN_FILE",
				     CLI_DEFAULT_TOKEN_FILE),
		.tenant = choose(a->value[OPTION_TENANT], "INLAY_TENANT",
				 CLI_DEFAULT_TENANT),
		.json = a->given[OPTION_JSON],
		.yes = a->given[OPTION_YES],
		.width = terminal_width(),
		.live = isatty(STDERR_FILENO),
	};
	if (!str_is_id(str_of(s->tenant)))
		return error_set(err, ERROR_USAGE, "",
				 "\"%s\" cannot be a tenant: letters, digits, _ and -, "
				 "at most 64",
				 s->tenant);
	s->arena = arena_new(ARENA_MAX);
	return s->arena != NULL || error_set(err, ERROR_MEMORY, "", "out of memory");
}

void session_free(struct session *s)
{
	client_free(s->client);
	arena_free(s->arena);
}

bool session_call_plain(struct session *s, const char *method, const char *path,
			struct str body, struct reply *reply, struct error_list *errors)
{
	struct error err;
	if (s->client == NULL)
		s->client = client_new(s->url, s->token_file, &err);
	if (s->client == NULL)
		return error_list_add_error(errors, &err);
	return client_call(s->client, method, path, body, reply, errors);
}

bool session_call(struct session *s, const char *method, const char *pattern,
		  const struct str *values, size_t n_values, struct str body,
		  struct reply *reply, struct error_list *errors)
{
	struct str all[VALUES_MAX] = {str_of(s->tenant)};
	struct buf path;
	assert(n_values < VALUES_MAX);
	for (size_t i = 0; i < n_values; i++) {
		if (values[i].n == 0)
			return error_list_add(errors, ERROR_USAGE, "",
					      "an empty name names nothing");
		all[i + 1] = values[i];
	}
	buf_init(&path, PATH_MAX_BYTES);
	path_write(&path, pattern, all, n_values + 1);
	const char *text = buf_cstr(&path);
	bool ok = text != NULL
			  ? session_call_plain(s, method, text, body, reply, errors)
			  : error_list_add(errors, ERROR_TOO_LARGE, "",
					   "a name in the call is too long");
	buf_free(&path);
	return ok;
}

bool session_confirm(const struct session *s, const char *question,
		     struct error_list *errors)
{
	char answer[16];
	if (s->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return error_list_add(errors, ERROR_USAGE, "",
				      "%s Not asked, for there is no terminal: say "
				      "--yes if it is meant",
				      question);
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof answer, stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return true;
	return error_list_add(errors, ERROR_USAGE, "", "nothing was done");
}

bool session_print(struct str text, struct error_list *errors)
{
	struct error err;
	if ((text.n == 0 || fwrite(text.p, 1, text.n, stdout) == text.n) &&
	    fflush(stdout) == 0)
		return true;
	error_set_errno(&err, "", errno, "cannot write the result");
	return error_list_add_error(errors, &err);
}

bool session_say(const struct session *s, struct error_list *errors, const char *fmt,
		 ...)
{
	struct buf text, clean;
	va_list ap;
	if (s->json)
		return true;
	buf_init(&text, 4096);
	buf_init(&clean, 8192);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	text_clean(&clean, buf_str(&text));
	buf_add_char(&clean, '\n');
	bool ok = session_print(buf_str(&clean), errors);
	buf_free(&text);
	buf_free(&clean);
	return ok;
}

bool session_print_json(const json_t *value, struct error_list *errors)
{
	char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
	if (text == NULL)
		return error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	bool ok =
		session_print(str_of(text), errors) && session_print(STR("\n"), errors);
	free(text);
	return ok;
}
