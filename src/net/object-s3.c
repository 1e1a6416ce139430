/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of an S3 store: their answers go on piece by piece, so that memory does not
 * depend on the object. What breaks off is taken up where it ended, of the same version
 * of the object, a few times (s3-call.c); never is a part passed on as whole. */
#include "base/clock.h"
#include "net/object-store-internal.h"
#include "net/s3-client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ARENA_MAX (3 * S3_ANSWER_MAX)

struct object_s3 {
	struct object_store store;
	struct s3_client client;
};

static const struct object_backend backend;

struct s3_client *s3_client_of(struct object_store *store)
{
	assert(store->backend == &backend);
	return &((struct object_s3 *)store)->client;
}

/* One object ---------------------------------------------------------------------*/

static bool s3_read(struct object_store *store, struct str key, object_fn *take,
		    void *ctx, struct error *err)
{
	struct s3_client *c = s3_client_of(store);
	struct s3_exchange x;
	s3_exchange_init(&x, c);
	x.key = key;
	x.take = take;
	x.ctx = ctx;
	bool ok = s3_call(c, &x, NULL, NULL, err);
	s3_exchange_free(&x);
	return ok;
}

static bool s3_find(struct object_store *store, struct str key, uint64_t *size,
		    struct error *err)
{
	struct s3_client *c = s3_client_of(store);
	struct s3_exchange x;
	s3_exchange_init(&x, c);
	x.method = STR("HEAD");
	x.key = key;
	bool ok = s3_call(c, &x, NULL, NULL, err);
	if (ok && x.length < 0)
		ok = error_set(err, ERROR_UNAVAILABLE, "",
			       "%s does not say how long the object is", c->place.host);
	if (ok)
		*size = (uint64_t)x.length;
	s3_exchange_free(&x);
	return ok;
}

/* Lists --------------------------------------------------------------------------*/

struct listing {
	struct s3_client *c;
	struct arena *arena; /* of one page */
	const struct object_range *range;
	object_seen_fn *seen;
	void *ctx;
	/* Where it goes on; one of them. */
	struct buf token, marker;
	bool version_1; /* of the call, as older stores have it */
	bool more;
};

static bool keep_place(struct buf *to, struct str place, struct error *err)
{
	buf_clear(to);
	return buf_add_str(to, place) ||
	       error_set(err, ERROR_MEMORY, "", "no memory for a list");
}

static bool ask_page(struct listing *l, struct s3_answer *said, struct error *err)
{
	char most[32];
	struct s3_pair query[6];
	struct s3_exchange x;
	size_t n = 0, page = l->range->page;
	snprintf(most, sizeof most, "%zu",
		 page > 0 && page < S3_LIST_MAX ? page : (size_t)S3_LIST_MAX);
	if (l->token.n > 0)
		query[n++] =
			(struct s3_pair){STR("continuation-token"), buf_str(&l->token)};
	query[n++] = (struct s3_pair){STR("encoding-type"), STR("url")};
	if (!l->version_1)
		query[n++] = (struct s3_pair){STR("list-type"), STR("2")};
	query[n++] = (struct s3_pair){STR("max-keys"), str_of(most)};
	query[n++] = (struct s3_pair){STR("prefix"), l->range->prefix};
	if (l->marker.n > 0)
		query[n++] = (struct s3_pair){l->version_1 ? STR("marker")
							   : STR("start-after"),
					      buf_str(&l->marker)};
	s3_exchange_init(&x, l->c);
	x.query = query;
	x.n_query = n;
	bool ok = s3_call(l->c, &x, l->arena, said, err);
	s3_exchange_free(&x);
	if (ok && said->kind != S3_ANSWER_LIST)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "%s answers something else than a list of objects",
				 l->c->place.host);
	return ok;
}

/* Who does not know version 2 of the call begins at the beginning. */
static bool show_page(struct listing *l, const struct s3_answer *said,
		      struct error *err)
{
	for (size_t i = 0; i < said->n_objects; i++) {
		const struct s3_object *o = &said->objects[i];
		if (str_cmp(o->key, l->range->after) > 0 &&
		    !l->seen(l->ctx, o->key, o->size, err))
			return false;
	}
	return true;
}

/* A store that does not know version 2 of the call answers it as version 1. */
static bool note_place(struct listing *l, const struct s3_answer *said,
		       struct error *err)
{
	l->more = said->more;
	if (!said->more)
		return true;
	if (said->token.n > 0) {
		buf_clear(&l->marker);
		return keep_place(&l->token, said->token, err);
	}
	/* what lies before `after` need not be gone through */
	bool first = !l->version_1;
	struct str next = first && str_cmp(said->marker, l->range->after) < 0
				  ? l->range->after
				  : said->marker;
	if (!first && str_cmp(next, buf_str(&l->marker)) <= 0)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "%s: its list does not go on", l->c->place.host);
	l->version_1 = true;
	buf_clear(&l->token);
	return keep_place(&l->marker, next, err);
}

static bool s3_list(struct object_store *store, const struct object_range *range,
		    object_seen_fn *seen, void *ctx, bool *more, struct error *err)
{
	struct listing l = {
		.c = s3_client_of(store), .range = range, .seen = seen, .ctx = ctx};
	struct s3_answer said;
	size_t pages = 0;
	buf_init(&l.token, S3_TEXT_MAX);
	buf_init(&l.marker, S3_TEXT_MAX);
	l.arena = arena_new(LIST_ARENA_MAX);
	bool ok = (l.arena != NULL ||
		   error_set(err, ERROR_MEMORY, "", "no memory for a list")) &&
		  keep_place(&l.marker, range->after, err);
	do {
		ok = ok && ask_page(&l, &said, err) && show_page(&l, &said, err) &&
		     note_place(&l, &said, err);
		if (l.arena != NULL)
			arena_reset(l.arena);
	} while (ok && l.more && ++pages < range->pages);
	*more = l.more;
	buf_free(&l.token);
	buf_free(&l.marker);
	arena_free(l.arena);
	return ok;
}

/* The store ----------------------------------------------------------------------*/

static void s3_close(struct object_store *store)
{
	struct s3_client *c = s3_client_of(store);
	if (c->easy != NULL)
		curl_easy_cleanup(c->easy);
	if (c->multi != NULL)
		curl_multi_cleanup(c->multi);
	free(store);
}

static const struct object_backend backend = {s3_read, s3_find, s3_list, s3_close};

struct object_store *object_store_s3(const struct object_s3_settings *settings,
				     struct error *err)
{
	const struct s3_place_given given = {.endpoint = settings->endpoint,
					     .bucket = settings->bucket,
					     .region = settings->region,
					     .amazon = settings->amazon};
	struct object_s3 *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory");
		return NULL;
	}
	s->store.backend = &backend;
	s->client.settings = *settings;
	s->client.version = settings->signature_version == 2 ? 2 : 4;
	/* Amazon knows version 4 alone */
	s->client.settled = settings->signature_version != 0 || settings->amazon;
	if (settings->within_ms > 0)
		s->client.until_us = clock_mono_us() + settings->within_ms * 1000;
	s->client.multi = curl_multi_init();
	s->client.easy = curl_easy_init();
	bool ok = (s->client.multi != NULL && s->client.easy != NULL) ||
		  error_set(err, ERROR_MEMORY, "", "no memory");
	if (ok && s3_place_set(&s->client.place, &given, err))
		return &s->store;
	s3_close(&s->store);
	return NULL;
}
