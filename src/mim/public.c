/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/public.h"

#include "base/clock.h"
#include "mim/public-page.h"
#include "mim/schema-store.h"
#include "mim/sync.h"
#include "mim/uri.h"
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
	public_page_write(&page, kind, names);
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

/* Nothing is written for who said no already, or was erased. */
static bool opt_out(struct click *c, struct error *err)
{
	struct str key = c->what.user_key;
	struct user_record record;
	bool suppressed;
	const struct opt_out entry = {c->what.purpose, clock_real_ms(),
				      arena_printf(c->arena, "unsubscribe link of %.*s",
						   STR_ARG(c->what.campaign))};
	const struct user_change change = {.opt_outs = &entry, .n_opt_outs = 1};

	if (!sync_user_read(c->tenant->db, key, NULL, 0, c->arena, &record, err) ||
	    !user_is_suppressed(c->tenant, key, c->arena, &suppressed, err))
		return false;
	if (suppressed ||
	    (record.known &&
	     user_is_opted_out(&record.profile, entry.purpose, entry.at_ms, NULL)))
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
	return true;
}

static void serve(void *ctx)
{
	struct click *c = ctx;
	struct error err = {0};
	struct public_names names;
	if (tenant_runtime_open(c->tenant, false, &err) &&
	    !unsubscribe_token_open(&c->token, &c->tenant->key, c->arena, &c->what)) {
		answer(c->rq, 404, PUBLIC_NOT_FOUND, NULL);
	} else if (err.kind == ERROR_NONE && (!c->post || opt_out(c, &err)) &&
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
static bool find_tenant(struct click *c, struct str path)
{
	struct str text = str_slice(path, PREFIX.n, path.n);
	if (!str_starts(path, PREFIX))
		return false;
	if (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	if (!unsubscribe_token_parse(text, c->arena, &c->token))
		return false;
	c->tenant = tenants_find(c->mim->tenants, c->token.tenant);
	return c->tenant != NULL;
}

void public_handle(struct mim *mim, struct http_request *rq)
{
	bool post = str_eqz(rq->method, "POST");
	bool get = str_eqz(rq->method, "GET") || str_eqz(rq->method, "HEAD");
	struct click *c = click_new(mim, rq, post);
	bool busy = c == NULL || mim->not_ready != NULL;
	if (!busy && !find_tenant(c, rq->path)) {
		answer(rq, 404, PUBLIC_NOT_FOUND, NULL);
	} else if (!busy && !get && !post) {
		answer(rq, 405, PUBLIC_BAD_REQUEST, NULL);
	} else if (!busy && post && !is_one_click(rq)) {
		answer(rq, 400, PUBLIC_BAD_REQUEST, NULL);
	} else if (busy || !workers_run(mim->workers, serve, c)) {
		answer(rq, 503, PUBLIC_LATER, NULL);
	} else {
		return; /* the worker answers and frees it */
	}
	if (c != NULL)
		click_free(c);
}
