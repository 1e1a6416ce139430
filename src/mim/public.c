/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/public.h"

#include "base/clock.h"
#include "base/uri.h"
#include "mim/public-page.h"
#include "mim/schema-store.h"
#include "mim/sync.h"
#include "mim/user-find.h"
#include "model/unsubscribe-token.h"

#include <stdlib.h>

#define PREFIX STR("/u/")
#define CLICK_ARENA_MAX (16u << 20)

/* A page or an opt-out that is asked for: made on an HTTP thread, served on a worker
 * thread, for it reads the store. */
struct click {
	struct mim *mim;
	struct http_request *rq;
	struct arena *arena;
	struct tenant_runtime *tenant;
	struct unsubscribe_token token;
	struct unsubscribe what;
	bool post;
};

static void answer(struct http_request *rq, unsigned status, enum public_page kind,
		   const struct public_names *names)
{
	struct buf page;
	buf_init(&page, PUBLIC_PAGE_MAX);
	if (!public_page_write(&page, kind, names))
		buf_clear(&page); /* the status says it, too */
	http_respond(rq, status, PUBLIC_PAGE_TYPE, buf_str(&page), public_page_headers,
		     public_page_n_headers);
	buf_free(&page);
}

static void click_free(struct click *c)
{
	tenant_runtime_release(c->tenant);
	arena_free(c->arena);
	free(c);
}

/* Nothing is written for who said no already, or was erased; unless they are known
 * again. */
static bool opt_out(struct click *c, struct error *err)
{
	struct str key = c->what.user_key;
	struct user_record record;
	bool suppressed = false;
	const struct opt_out entry = {c->what.purpose, clock_real_ms(),
				      arena_printf(c->arena, "unsubscribe link of %.*s",
						   STR_ARG(c->what.campaign))};
	const struct user_change change = {.opt_outs = &entry, .n_opt_outs = 1};

	if (entry.source.p == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for an opt-out");
	if (!sync_user_read(c->tenant->db, key, NULL, 0, c->arena, &record, err) ||
	    !user_is_suppressed(c->tenant, key, c->arena, &suppressed, err))
		return false;
	if (record.known ? user_is_opted_out(&record.profile, entry.purpose,
					     entry.at_ms, NULL)
			 : suppressed)
		return true;
	if (!user_change_commit(c->tenant, key, &change, c->arena, &record, err))
		return false;
	metrics_add(c->mim->metrics, METRIC_UNSUBSCRIBES, 1);
	log_info(c->mim->log, "user",
		 "unsubscribed  tenant=%s campaign=%.*s purpose=%.*s", c->tenant->id,
		 STR_ARG(c->what.campaign), STR_ARG(c->what.purpose));
	return true;
}

/* How purpose and sender are called on the page. */
static bool find_names(struct click *c, struct public_names *names, struct error *err)
{
	struct user_schema schema;
	if (!schema_load(c->tenant->db, c->arena, &schema, err))
		return false;
	struct tenant_config *config = tenant_runtime_config(c->tenant);
	const struct tenant *t = config->tenant;
	names->sender = arena_str(c->arena, t->brand.p != NULL ? t->brand : t->name);
	names->purpose = c->what.purpose;
	tenant_config_release(config);
	const struct purpose *p = schema_purpose(&schema, c->what.purpose);
	for (size_t i = 0; p != NULL && i < p->n_names; i++)
		if (i == 0 || str_eqz(p->names[i].language, "en"))
			names->purpose = p->names[i].text;
	return names->sender.p != NULL ||
	       error_set(err, ERROR_MEMORY, "", "no memory for a name");
}

static void serve(void *ctx)
{
	struct click *c = ctx;
	struct error err = {0};
	struct public_names names;
	bool is_open = tenant_runtime_open(c->tenant, false, &err);
	bool is_known = is_open && unsubscribe_token_open(&c->token, &c->tenant->key,
							  c->arena, &c->what, &err);
	if (is_open && !is_known && err.kind == ERROR_NOT_FOUND) {
		answer(c->rq, 404, PUBLIC_NOT_FOUND, NULL);
	} else if (is_known && (!c->post || opt_out(c, &err)) &&
		   find_names(c, &names, &err)) {
		answer(c->rq, 200, c->post ? PUBLIC_DONE : PUBLIC_ASK, &names);
	} else {
		log_error(c->mim->log, "user",
			  "unsubscribe failed  tenant=%s reason=%s", c->tenant->id,
			  err.message);
		answer(c->rq, 503, PUBLIC_LATER, NULL);
	}
	click_free(c);
}

/* RFC 8058 section 3.2: the body is one of these two, as the client likes. */
static bool is_one_click(struct http_request *rq)
{
	static const char value[] = "One-Click";
	struct str type = http_request_header(rq, "Content-Type");
	struct uri_pair pair;
	size_t n;
	if (str_starts(type, STR("multipart/form-data")))
		return memmem(rq->body.p, rq->body.n, "\"List-Unsubscribe\"", 18) !=
			       NULL &&
		       memmem(rq->body.p, rq->body.n, value, strlen(value)) != NULL;
	return uri_parse_query(rq->arena, rq->body, &pair, 1, &n) && n == 1 &&
	       str_eqz(pair.name, "List-Unsubscribe") && str_eqz(pair.value, value);
}

static struct click *click_new(struct mim *mim, struct http_request *rq, bool post)
{
	struct click *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	*c = (struct click){.mim = mim, .rq = rq, .post = post};
	c->arena = arena_new(CLICK_ARENA_MAX);
	if (c->arena != NULL)
		return c;
	free(c);
	return NULL;
}

/* Takes the token of the path apart and finds its tenant. */
static bool find_tenant(struct click *c, struct str path, struct error *err)
{
	struct str text = str_slice(path, PREFIX.n, path.n);
	if (!str_starts(path, PREFIX))
		return error_set(err, ERROR_NOT_FOUND, "", "there is no such page");
	if (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	if (!unsubscribe_token_parse(text, c->arena, &c->token, err))
		return false;
	c->tenant = tenants_find(c->mim->tenants, c->token.tenant);
	return c->tenant != NULL ||
	       error_set(err, ERROR_NOT_FOUND, "", "there is no such tenant");
}

/* What can be said at once; 0: the store must be asked. A refusal is for good, and who
 * clicked for somebody does not come again: a lack of memory is none. */
static unsigned refuse(struct click *c, enum public_page *page)
{
	struct http_request *rq = c->rq;
	struct error err;
	bool get = str_eqz(rq->method, "GET") || str_eqz(rq->method, "HEAD");
	*page = PUBLIC_LATER;
	if (!find_tenant(c, rq->path, &err)) {
		if (err.kind != ERROR_NOT_FOUND)
			return 503;
		*page = PUBLIC_NOT_FOUND;
		return 404;
	}
	if (get || (c->post && is_one_click(rq)))
		return 0;
	if (c->post && arena_failed(rq->arena))
		return 503;
	*page = PUBLIC_BAD_REQUEST;
	return c->post ? 400 : 405;
}

void public_handle(struct mim *mim, struct http_request *rq)
{
	struct click *c = click_new(mim, rq, str_eqz(rq->method, "POST"));
	enum public_page page = PUBLIC_LATER;
	unsigned status = 503;
	if (c != NULL && mim->not_ready == NULL) {
		status = refuse(c, &page);
		if (status == 0 && workers_run(mim->workers, serve, c))
			return; /* the worker answers and frees it */
	}
	answer(rq, status != 0 ? status : 503, page, NULL);
	if (c != NULL)
		click_free(c);
}
