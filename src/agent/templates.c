/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/templates.h"

#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define AREA "cache"
#define BUCKETS 4096
/* A failed fetch is not repeated at once; a template that cannot be used will not
 * become better, but the agent may become newer. */
#define FETCH_AGAIN_US (INT64_C(10) * 1000000)
#define UNUSABLE_US (INT64_C(600) * 1000000)
#define ENTRY_OVERHEAD 1024

struct item {
	struct item *next_in_bucket;
	struct item *newer, *older;
	struct template *template; /* NULL: failed */
	int64_t failed_until_us;
	size_t memory;
	char tenant[64 + 1];
	char sha256[TEMPLATE_SHA256_LEN + 1];
};

struct fetch {
	struct fetch *next;
	struct templates *t;
	struct uplink_call *call;
	struct templates_wait *waits;
	char tenant[64 + 1];
	char sha256[TEMPLATE_SHA256_LEN + 1];
};

struct templates_wait {
	struct templates_wait *next;
	struct fetch *fetch;
	void (*done)(void *ctx);
	void *ctx;
};

struct templates {
	struct uplink *uplink;
	struct log *log;
	struct template_disk *disk;
	struct item *buckets[BUCKETS];
	struct item *newest, *oldest;
	uint64_t memory, max_memory;
	struct fetch *fetches;
	struct buf bytes; /* of the file being read */
};

struct templates *templates_new(const struct agent_settings *settings,
				struct uplink *uplink, struct log *log,
				struct error *err)
{
	struct templates *t = calloc(1, sizeof *t);
	if (t == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	t->uplink = uplink;
	t->log = log;
	t->max_memory = settings->cache_memory;
	buf_init(&t->bytes, TEMPLATE_MAX_JSON);
	t->disk = template_disk_open(settings->cache_directory.p, settings->cache_bytes,
				     log, err);
	if (t->disk == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

/* FNV-1a; the hash is no secret, and nobody but MIM chooses keys. */
static size_t bucket_of(struct str sha256)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < sha256.n; i++)
		h = (h ^ (unsigned char)sha256.p[i]) * 16777619u;
	return h % BUCKETS;
}

static void unlink_item(struct templates *t, struct item *i)
{
	if (i->newer != NULL)
		i->newer->older = i->older;
	else
		t->newest = i->older;
	if (i->older != NULL)
		i->older->newer = i->newer;
	else
		t->oldest = i->newer;
}

static void push_newest(struct templates *t, struct item *i)
{
	i->newer = NULL;
	i->older = t->newest;
	if (t->newest != NULL)
		t->newest->newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

static void drop(struct templates *t, struct item *i)
{
	struct item **at = &t->buckets[bucket_of(str_of(i->sha256))];
	while (*at != i) {
		assert(*at != NULL);
		at = &(*at)->next_in_bucket;
	}
	*at = i->next_in_bucket;
	unlink_item(t, i);
	t->memory -= i->memory;
	template_free(i->template);
	free(i);
}

static struct item *find(struct templates *t, struct str tenant, struct str sha256)
{
	struct item *i = t->buckets[bucket_of(sha256)];
	while (i != NULL && !(str_eqz(sha256, i->sha256) && str_eqz(tenant, i->tenant)))
		i = i->next_in_bucket;
	return i;
}

/* Takes the template over; NULL: it failed until then. */
static void keep(struct templates *t, struct str tenant, struct str sha256,
		 struct template *template, int64_t failed_until_us)
{
	struct item *i = find(t, tenant, sha256);
	if (i != NULL)
		drop(t, i);
	i = calloc(1, sizeof *i);
	if (i == NULL) {
		template_free(template);
		return;
	}
	memcpy(i->tenant, tenant.p, tenant.n);
	memcpy(i->sha256, sha256.p, sha256.n);
	i->template = template;
	i->failed_until_us = failed_until_us;
	i->memory = ENTRY_OVERHEAD + (template != NULL ? template_memory(template) : 0);
	t->memory += i->memory;
	size_t b = bucket_of(sha256);
	i->next_in_bucket = t->buckets[b];
	t->buckets[b] = i;
	push_newest(t, i);
	struct item *next;
	for (struct item *old = t->oldest; old != i && t->memory > t->max_memory;
	     old = next) {
		next = old->newer;
		drop(t, old);
	}
}

struct template *templates_compile(struct str bytes, struct str sha256,
				   struct error *err)
{
	struct error_list errors;
	if (!template_hash_is(bytes, sha256)) {
		error_set(err, ERROR_CORRUPT, "", "the bytes do not hash to the name");
		return NULL;
	}
	error_list_init(&errors, 1);
	struct template *template = template_parse(bytes, &errors);
	if (template == NULL && errors.n > 0)
		error_set(err, errors.items[0].kind, errors.items[0].where, "%s",
			  errors.items[0].message);
	else if (template == NULL)
		error_set(err, ERROR_MEMORY, "", "out of memory");
	error_list_free(&errors);
	return template;
}

/* Compiles and remembers; false with err when the bytes are of no use. */
static bool take(struct templates *t, struct str tenant, struct str sha256,
		 struct str bytes, bool to_disk, struct error *err)
{
	struct template *template = templates_compile(bytes, sha256, err);
	if (template == NULL) {
		log_error(t->log, AREA,
			  "a template is unusable  tenant=%.*s sha256=%.*s place=%s "
			  "error=%s",
			  STR_ARG(tenant), STR_ARG(sha256), err->where, err->message);
		/* wrong bytes may be right the next time */
		keep(t, tenant, sha256, NULL,
		     clock_mono_us() +
			     (err->kind == ERROR_CORRUPT || err->kind == ERROR_MEMORY
				      ? FETCH_AGAIN_US
				      : UNUSABLE_US));
		return false;
	}
	if (to_disk)
		template_disk_put(t->disk, tenant, sha256, bytes);
	keep(t, tenant, sha256, template, 0);
	return true;
}

enum templates_state templates_get(struct templates *t, struct str tenant,
				   struct str sha256, const struct template **out)
{
	struct error err = {0};
	struct item *i = find(t, tenant, sha256);
	*out = NULL;
	if (i != NULL && i->template == NULL && clock_mono_us() < i->failed_until_us)
		return TEMPLATES_FAILED;
	if (i == NULL || i->template == NULL) {
		if (!template_disk_get(t->disk, tenant, sha256, &t->bytes))
			return TEMPLATES_ABSENT;
		if (!take(t, tenant, sha256, buf_str(&t->bytes), false, &err))
			return TEMPLATES_FAILED;
		i = find(t, tenant, sha256);
	}
	if (i == NULL) /* no memory to keep it */
		return TEMPLATES_FAILED;
	unlink_item(t, i);
	push_newest(t, i);
	*out = i->template;
	return TEMPLATES_READY;
}

static void unlink_fetch(struct fetch *f)
{
	struct fetch **at = &f->t->fetches;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

static void on_answer(void *ctx, const struct uplink_answer *answer)
{
	struct fetch *f = ctx;
	struct templates *t = f->t;
	struct str tenant = str_of(f->tenant), sha256 = str_of(f->sha256);
	struct error err = {0};
	if (answer->status == 200) {
		take(t, tenant, sha256, answer->body, true, &err);
	} else {
		log_warn(t->log, AREA,
			 "a template cannot be fetched  sha256=%s status=%d error=%s",
			 f->sha256, answer->status, answer->err.message);
		keep(t, tenant, sha256, NULL, clock_mono_us() + FETCH_AGAIN_US);
	}
	/* those who wait may cancel, or fetch anew: not this one again */
	unlink_fetch(f);
	while (f->waits != NULL) {
		struct templates_wait *w = f->waits;
		f->waits = w->next;
		w->done(w->ctx);
		free(w);
	}
	free(f);
}

static struct fetch *start(struct templates *t, struct str tenant, struct str sha256)
{
	char path[16 + TEMPLATE_SHA256_LEN];
	struct fetch *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	f->t = t;
	memcpy(f->tenant, tenant.p, tenant.n);
	memcpy(f->sha256, sha256.p, sha256.n);
	snprintf(path, sizeof path, "templates/%s", f->sha256);
	f->call = uplink_send(t->uplink, tenant, path, NULL, TEMPLATE_MAX_JSON,
			      on_answer, f);
	if (f->call == NULL) {
		free(f);
		return NULL;
	}
	f->next = t->fetches;
	t->fetches = f;
	return f;
}

struct templates_wait *templates_fetch(struct templates *t, struct str tenant,
				       struct str sha256, void (*done)(void *ctx),
				       void *ctx)
{
	struct templates_wait *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	struct fetch *f = t->fetches;
	while (f != NULL && !(str_eqz(sha256, f->sha256) && str_eqz(tenant, f->tenant)))
		f = f->next;
	if (f == NULL)
		f = start(t, tenant, sha256);
	if (f == NULL) {
		free(w);
		return NULL;
	}
	w->fetch = f;
	w->done = done;
	w->ctx = ctx;
	w->next = f->waits;
	f->waits = w;
	return w;
}

void templates_cancel(struct templates_wait *w)
{
	if (w == NULL)
		return;
	struct templates_wait **at = &w->fetch->waits;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	free(w); /* the fetch goes on: others will want it */
}

void templates_free(struct templates *t)
{
	if (t == NULL)
		return;
	while (t->fetches != NULL) {
		struct fetch *f = t->fetches;
		t->fetches = f->next;
		uplink_cancel(f->call);
		while (f->waits != NULL) {
			struct templates_wait *w = f->waits;
			f->waits = w->next;
			free(w);
		}
		free(f);
	}
	struct item *next;
	for (struct item *i = t->newest; i != NULL; i = next) {
		next = i->older;
		template_free(i->template);
		free(i);
	}
	template_disk_close(t->disk);
	buf_free(&t->bytes);
	free(t);
}
