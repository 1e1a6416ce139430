/* SPDX-License-Identifier: Apache-2.0 */
/* Is a data source what it should be, and which bundles does it hold? Both ask it now,
 * once, with the tenant's own keys. */
#include "base/clock.h"
#include "mim/handlers.h"
#include "mim/order-body.h"
#include "mim/sources.h"
#include "model/bundle.h"
#include "model/data-source.h"

#include <stdio.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define KEYS_AT_A_TIME 1000
#define PAGES_MAX 20     /* of keys that one call looks through */
#define TIMEOUT_MS 10000 /* without a byte */
#define WITHIN_MS 20000  /* everything: less than a request has for its answer */
#define CHECKS_MAX 3

/* An open data source ------------------------------------------------------------*/

struct opened {
	struct tenant_config *config;
	const struct data_source *source;
	struct object_store *objects;
};

static bool stops(void *ctx)
{
	const struct mim *m = ctx;
	return m->stopping;
}

/* Answers if there is none of the name. */
static bool find(struct request *q, struct opened *o)
{
	o->config = tenant_runtime_config(q->tenant);
	o->source = tenant_data_source(o->config->tenant, q->params[1]);
	if (o->source == NULL)
		request_fail_with(q, ERROR_NOT_FOUND, "",
				  "there is no such data source");
	return o->source != NULL;
}

static bool open_source(struct request *q, struct opened *o, struct error *err)
{
	const struct source_opening how = {.mim = q->mim,
					   .tenant = tenant_runtime_id(q->tenant),
					   .source = o->source,
					   .arena = q->arena,
					   .timeout_ms = TIMEOUT_MS,
					   .within_ms = WITHIN_MS,
					   .tries = 1,
					   .stops = stops,
					   .stops_ctx = q->mim};
	o->objects = source_open(&how, err);
	return o->objects != NULL;
}

static void close_source(struct opened *o)
{
	object_store_close(o->objects);
	tenant_config_release(o->config);
}

static bool key_of(struct request *q, const struct opened *o, struct str prefix,
		   struct str name, struct str *key, struct error *err)
{
	struct buf text;
	buf_init(&text, OBJECT_KEY_MAX + 2);
	bool ok = data_source_key(o->source, prefix, name, &text, err);
	/* what lies beside the source's own prefix is somebody else's */
	if (ok && prefix.n == 0 && name.n == 0 && text.n > 0 &&
	    !str_ends(buf_str(&text), STR("/")))
		ok = buf_add_char(&text, '/') ||
		     error_set(err, ERROR_MEMORY, "", "no memory for a key");
	if (ok)
		*key = arena_str(q->arena, buf_str(&text));
	buf_free(&text);
	return ok && (key->p != NULL ||
		      error_set(err, ERROR_MEMORY, "", "no memory for a key"));
}

/* The test -----------------------------------------------------------------------*/

struct check {
	const char *name;
	bool ok;
	int64_t us;
	uint64_t bytes; /* of a manifest */
	struct error err;
};

struct checks {
	struct check all[CHECKS_MAX];
	size_t n;
};

static struct check *begin_check(struct checks *c, const char *name)
{
	struct check *k = &c->all[c->n++];
	*k = (struct check){.name = name, .us = clock_mono_us()};
	return k;
}

static bool end_check(struct check *k, bool ok)
{
	k->us = clock_mono_us() - k->us;
	k->ok = ok;
	return ok;
}

static bool ignore_object(void *ctx, struct str key, uint64_t size, struct error *err)
{
	(void)ctx;
	(void)key;
	(void)size;
	(void)err;
	return true;
}

static void check_list(struct request *q, const struct opened *o, struct str prefix,
		       struct check *k)
{
	bool more;
	struct object_range range = {.page = 1, .pages = 1};
	end_check(k,
		  key_of(q, o, prefix, (struct str){NULL, 0}, &range.prefix, &k->err) &&
			  object_store_list(o->objects, &range, ignore_object, NULL,
					    &more, &k->err));
}

static void check_bundle(struct request *q, const struct opened *o, struct str prefix,
			 struct check *k)
{
	struct str key;
	end_check(k, key_of(q, o, prefix, STR(BUNDLE_MANIFEST), &key, &k->err) &&
			     object_store_find(o->objects, key, &k->bytes, &k->err));
}

/* Who may read but not list can import: then the last check is what counts. */
static void run_checks(struct request *q, struct opened *o, struct str prefix,
		       struct checks *c)
{
	struct check *k = begin_check(c, "open");
	if (!end_check(k, open_source(q, o, &k->err)))
		return;
	check_list(q, o, prefix, begin_check(c, "list"));
	if (prefix.n > 0)
		check_bundle(q, o, prefix, begin_check(c, "bundle"));
}

static void put_check(struct json_writer *w, const struct check *k)
{
	json_put_object(w);
	json_kv_string(w, "check", str_of(k->name));
	json_kv_bool(w, "ok", k->ok);
	json_kv_u64(w, "milliseconds", (uint64_t)(k->us / 1000));
	if (k->bytes > 0)
		json_kv_u64(w, "bytes", k->bytes);
	if (!k->ok) {
		json_kv_string(w, "kind", str_of(error_kind_info(k->err.kind)->slug));
		json_kv_string(w, "message", str_of(k->err.message));
	}
	json_put_object_end(w);
}

static void reply_checks(struct request *q, const struct checks *c)
{
	struct json_writer w;
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_string(&w, "dataSource", q->params[1]);
	json_kv_bool(&w, "ok", c->all[c->n - 1].ok);
	json_put_key(&w, STR("checks"));
	json_put_array(&w);
	for (size_t i = 0; i < c->n; i++)
		put_check(&w, &c->all[i]);
	json_put_array_end(&w);
	json_put_object_end(&w);
	request_reply(q, 200);
}

static void read_prefix(struct json_table_reader *r, const json_t *v)
{
	json_table_line(r, v, OBJECT_KEY_MAX, r->out);
}

/* {"prefix":...}; no body means no prefix. Answers if it is bad. */
static bool read_body(struct request *q, struct str *prefix)
{
	static const struct json_field fields[] = {
		{"/prefix", read_prefix, JSON_OPTIONAL}};
	*prefix = (struct str){NULL, 0};
	return q->body.n == 0 || order_body_table(q, fields, 1, prefix);
}

/* Answers if it cannot be one. */
static bool check_key(struct request *q, const char *where, struct str key)
{
	struct error err;
	if (key.n == 0 || object_key_check(key, &err))
		return true;
	request_fail_with(q, ERROR_BAD_VALUE, where, "%s", err.message);
	return false;
}

static void test(struct request *q)
{
	struct str prefix;
	struct opened o = {.objects = NULL};
	struct checks c = {.n = 0};
	if (!read_body(q, &prefix) || !check_key(q, "/prefix", prefix))
		return;
	if (find(q, &o)) {
		run_checks(q, &o, prefix, &c);
		log_info(q->mim->log, "source",
			 "tested  tenant=%s source=%.*s ok=%d by=%s", q->tenant->id,
			 STR_ARG(q->params[1]), c.all[c.n - 1].ok, q->who.id);
	}
	close_source(&o);
	if (c.n > 0)
		reply_checks(q, &c);
}

/* Bundles ------------------------------------------------------------------------*/

struct listing {
	struct json_writer *w;
	size_t own; /* length of the source's own prefix, as keys begin with it */
	size_t limit, n;
	bool enough;
	char last[OBJECT_KEY_MAX]; /* key */
	size_t n_last;
};

/* Behind what no user names: prefixes are below the source's own. */
static struct str prefix_of(const struct listing *l, struct str key)
{
	static const struct str name = STR_INIT(BUNDLE_MANIFEST);
	struct str prefix = str_slice(key, 0, key.n - name.n);
	if (str_ends(prefix, STR("/")))
		prefix.n--;
	return str_slice(prefix, l->own, prefix.n);
}

static bool is_manifest(const struct listing *l, struct str key)
{
	return str_ends(key, STR("/" BUNDLE_MANIFEST)) &&
	       key.n > l->own + sizeof BUNDLE_MANIFEST;
}

static bool list_one(void *ctx, struct str key, uint64_t size, struct error *err)
{
	struct listing *l = ctx;
	(void)err;
	l->enough = l->n == l->limit;
	if (l->enough)
		return false;
	if (key.n > sizeof l->last)
		return true; /* no store has such a key */
	memcpy(l->last, key.p, key.n);
	l->n_last = key.n;
	if (!is_manifest(l, key))
		return true;
	json_put_object(l->w);
	json_kv_string(l->w, "prefix", prefix_of(l, key));
	json_kv_u64(l->w, "bytes", size);
	json_put_object_end(l->w);
	l->n++;
	return true;
}

/* The list and, where it may go on, behind what. */
static bool put_bundles(struct request *q, struct opened *o, struct str prefix,
			size_t limit, struct error *err)
{
	struct json_writer w;
	struct listing l = {.w = &w, .limit = limit};
	struct object_range range = {.after = request_query(q, "after"),
				     .page = KEYS_AT_A_TIME,
				     .pages = PAGES_MAX};
	bool more = false;
	l.own = o->source->prefix.n;
	if (l.own > 0 && !str_ends(o->source->prefix, STR("/")))
		l.own++;
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_put_key(&w, STR("bundles"));
	json_put_array(&w);
	bool ok = open_source(q, o, err) &&
		  key_of(q, o, prefix, (struct str){NULL, 0}, &range.prefix, err) &&
		  object_store_list(o->objects, &range, list_one, &l, &more, err);
	json_put_array_end(&w);
	if (l.enough || (more && l.n_last > 0))
		json_kv_string(&w, "next", (struct str){l.last, l.n_last});
	json_put_object_end(&w);
	return ok || l.enough;
}

static void list_bundles(struct request *q)
{
	struct opened o = {.objects = NULL};
	struct error err;
	size_t limit;
	struct str prefix = request_query(q, "prefix");
	if (!request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit) ||
	    !check_key(q, "/prefix", prefix) ||
	    !check_key(q, "/after", request_query(q, "after")))
		return;
	bool there = find(q, &o);
	bool ok = there && put_bundles(q, &o, prefix, limit, &err);
	close_source(&o);
	if (ok)
		request_reply(q, 200);
	else if (there)
		request_fail(q, &err);
}

#define SOURCE "/api/tenants/{tenantId}/dataSources/{dataSourceId}"
static const struct route rows[] = {
	{"POST", SOURCE "/test", ROUTE_TENANT, ROUTE_OUTSIDE, test, 0},
	{"GET", SOURCE "/bundles", ROUTE_TENANT, ROUTE_OUTSIDE, list_bundles, 0},
};
const struct route_table source_routes = ROUTE_TABLE(rows);
