/* SPDX-License-Identifier: Apache-2.0 */
/* inlay bundle ...: bundles that lie in a directory; needs no server. `check` reads
 * one as the middleware's import does, as far as that can be done without its tenant:
 * whether users are known or named twice, senders, brand, purposes and attributes are
 * not looked at. */
#include "cli/bundle-dir.h"
#include "cli/session.h"
#include "cli/text-width.h"
#include "model/bundle-build.h"

#include <stdio.h>

static bool build(struct bundle_dir *d, struct error_list *errors)
{
	const struct bundle_source source = bundle_dir_source(d);
	struct error err;
	struct buf out;
	buf_init(&out, BUNDLE_MANIFEST_MAX);
	bool ok = bundle_build(&source, &out, errors);
	if (ok && !bundle_dir_write(d, BUNDLE_MANIFEST, buf_str(&out), &err))
		ok = error_list_add_error(errors, &err);
	buf_free(&out);
	return ok;
}

bool run_bundle_build(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	const char *path = a->positional[0];
	struct bundle_dir d;
	struct error err;
	if (!bundle_dir_open(&d, path, &err))
		return error_list_add_error(errors, &err);
	bool ok = build(&d, errors);
	bundle_dir_close(&d);
	return ok && session_say(s, errors,
				 "%s/" BUNDLE_MANIFEST " written; inlay bundle check "
				 "%s reads it as an import would",
				 path, path);
}

static void add_all(struct error_list *to, const struct error_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		error_list_add_error(to, &from->items[i]);
	to->dropped += from->dropped;
}

static void show_rejected(const struct error_list *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct buf b;
		buf_init(&b, 4096);
		text_clean(&b, str_of(rows->items[i].where));
		buf_add_str(&b, STR(": "));
		text_clean(&b, str_of(rows->items[i].message));
		fprintf(stderr, "row rejected: %.*s\n", STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
	if (rows->dropped > 0)
		fprintf(stderr, "and %zu rejected rows more\n", rows->dropped);
}

static bool say_checked(const struct session *s, const struct bundle_check *c,
			struct error_list *errors)
{
	struct str id = c->bundle.campaign.id;
	unsigned long version = c->bundle.campaign.version;
	if (s->json) {
		json_t *v = json_pack("{s:s%, s:I, s:{s:I, s:I}}", "campaign", id.p,
				      id.n, "version", (json_int_t)version, "rows",
				      "read", (json_int_t)c->rows_read, "rejected",
				      (json_int_t)c->rows_rejected);
		bool ok = session_print_json(v, errors);
		json_decref(v);
		return ok;
	}
	return session_say(s, errors,
			   "campaign %.*s version %lu: %llu rows, %llu rejected",
			   STR_ARG(id), version, (unsigned long long)c->rows_read,
			   (unsigned long long)c->rows_rejected);
}

static bool check(struct session *s, struct bundle_dir *d, struct error_list *errors)
{
	static const struct bundle_rows_sink nobody = {.ctx = NULL};
	const struct bundle_source source = bundle_dir_source(d);
	struct bundle_check *c = bundle_check_new();
	struct error err;
	if (c == NULL)
		return error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	bool ok = bundle_check_documents(c, &source, NULL) &&
		  bundle_check_rows(c, &source, &nobody);
	if (!s->json)
		show_rejected(&c->row_errors);
	add_all(errors, &c->errors);
	ok = ok && say_checked(s, c, errors) &&
	     (bundle_rejected_check(c->rows_rejected, c->rows_read,
				    BUNDLE_REJECTED_PERCENT, &err) ||
	      error_list_add_error(errors, &err));
	bundle_check_free(c);
	return ok;
}

bool run_bundle_check(struct session *s, const struct args *a,
		      struct error_list *errors)
{
	struct bundle_dir d;
	struct error err;
	if (!bundle_dir_open(&d, a->positional[0], &err))
		return error_list_add_error(errors, &err);
	bool ok = check(s, &d, errors);
	bundle_dir_close(&d);
	return ok;
}
