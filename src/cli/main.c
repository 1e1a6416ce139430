/* SPDX-License-Identifier: Apache-2.0 */
/* inlay: the operator's command line. Exit codes are those of the kinds of errors
 * (base/error.h); 0 is success. */
#include "base/crypto.h"
#include "base/json.h"
#include "cli/help.h"
#include "cli/session.h"
#include "cli/text-width.h"

#include <curl/curl.h>

#include <signal.h>
#include <stdio.h>

#ifndef INLAY_VERSION
#error "INLAY_VERSION is set by the build"
#endif

#define ERRORS_MAX 1000

/* For programs: a problem document, as the middleware itself would give it. */
static void print_problem(const struct error_list *errors)
{
	const struct error_kind_info *info = error_kind_info(errors->items[0].kind);
	struct json_writer w;
	struct buf out;
	buf_init(&out, 1 << 20);
	json_writer_init(&w, &out);
	json_put_object(&w);
	json_put_key(&w, STR("type"));
	struct buf type;
	buf_init(&type, 128);
	buf_printf(&type, "urn:inlay:problem:%s", info->slug);
	json_put_string(&w, buf_str(&type));
	buf_free(&type);
	json_kv_string(&w, "title", str_of(info->meaning));
	json_kv_i64(&w, "status", info->http_status);
	json_kv_string(&w, "detail", str_of(errors->items[0].message));
	json_put_key(&w, STR("errors"));
	json_put_array(&w);
	for (size_t i = 0; i < errors->n; i++) {
		json_put_object(&w);
		json_kv_string(&w, "pointer", str_of(errors->items[i].where));
		json_kv_string(&w, "message", str_of(errors->items[i].message));
		json_put_object_end(&w);
	}
	json_put_array_end(&w);
	json_put_object_end(&w);
	if (buf_ok(&out))
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&out)));
	buf_free(&out);
}

static void print_errors(const struct error_list *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		const struct error *e = &errors->items[i];
		struct buf b;
		buf_init(&b, 4096);
		text_clean(&b, str_of(e->where));
		if (b.n > 0)
			buf_add_str(&b, STR(": "));
		text_clean(&b, str_of(e->message));
		fprintf(stderr, "inlay: %.*s\n", STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
	if (errors->dropped > 0)
		fprintf(stderr, "inlay: and %zu errors more\n", errors->dropped);
}

static int end(const struct error_list *errors, bool json)
{
	if (errors->n == 0) /* no memory even for the first error */
		return error_kind_info(ERROR_MEMORY)->exit_code;
	if (json)
		print_problem(errors);
	else
		print_errors(errors);
	return error_kind_info(errors->items[0].kind)->exit_code;
}

static int print_help(const struct args *a)
{
	struct buf out;
	bool ok;
	buf_init(&out, 1 << 20);
	if (a->given[OPTION_VERSION] && !a->given[OPTION_HELP])
		ok = buf_add_str(&out, STR("inlay " INLAY_VERSION "\n"));
	else if (a->command != NULL)
		ok = help_write_command(&out, a->command);
	else if (a->group != NULL)
		ok = help_write_group(&out, a->group);
	else
		ok = help_write(&out);
	struct str text = buf_str(&out);
	ok = ok && fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
	buf_free(&out);
	return ok ? 0 : error_kind_info(ERROR_IO)->exit_code;
}

int main(int argc, char **argv)
{
	struct error_list errors;
	struct error err;
	struct args args;
	struct session session;
	int code = 0;

	/* a reader that went away is an error of write(2), said like any other */
	signal(SIGPIPE, SIG_IGN);
	error_list_init(&errors, ERRORS_MAX);
	if (!args_parse(argc, (const char *const *)argv, &args, &err)) {
		error_list_add_error(&errors, &err);
		code = end(&errors, args.given[OPTION_JSON]);
		error_list_free(&errors);
		return code;
	}
	if (args.given[OPTION_HELP] || args.given[OPTION_VERSION])
		return print_help(&args);
	if (!crypto_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return error_kind_info(ERROR_MEMORY)->exit_code;
	session = (struct session){.client = NULL};
	if (!session_init(&session, &args, &err))
		error_list_add_error(&errors, &err);
	else
		args.command->run(&session, &args, &errors);
	if (!error_list_empty(&errors))
		code = end(&errors, args.given[OPTION_JSON]);
	session_free(&session);
	error_list_free(&errors);
	curl_global_cleanup();
	return code;
}
