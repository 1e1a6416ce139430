/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant on a memory store for tests of the decision side: campaigns as documents,
 * users with consent, and openings that wait for their end. */
#ifndef INLAY_MIM_TEST_WORLD_H
#define INLAY_MIM_TEST_WORLD_H

#include "base/unit.h"

#include "mim/documents.h"
#include "mim/event-batch.h"
#include "mim/opening.h"
#include "mim/snapshot-build.h"
#include "mim/sync.h"

#include <pthread.h>
#include <stdio.h>

#define WORLD_NOW INT64_C(1700000000000)
#define WORLD_TEMPLATE                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct store *inner, *store; /* store is faulty, around inner */
	struct store_db *db;
	struct arena *arena;
	struct tenant tenant;
	struct conversion_point points[3];
	struct tenant_key key;
	struct snapshot *snapshot;
	struct campaign_variant variant;
	uint64_t serial;
	struct workers *workers; /* of batches; or NULL */
};

static inline struct world *world_new_on(const struct store_options *inner)
{
	struct world *w = test_calloc(1, sizeof *w);
	struct error err;
	assert_true(crypto_init());
	assert_true(store_open(inner, &w->inner, &err));
	struct store_options f = {.backend = "faulty", .inner = w->inner};
	assert_true(store_open(&f, &w->store, &err));
	assert_true(store_db_create(w->store, STR("test"), STR("t"), &w->db, &err));
	w->arena = arena_new(256 << 20);
	w->points[0] = (struct conversion_point){.id = STR("p-injected"),
						 .event_type = STR("injected"),
						 .url = STR("u")};
	w->points[1] = (struct conversion_point){
		.id = STR("p-read"), .event_type = STR("read"), .url = STR("u")};
	w->points[2] = (struct conversion_point){.id = STR("p-expunged"),
						 .event_type = STR("expunged"),
						 .url = STR("u")};
	w->tenant = (struct tenant){.id = STR("t"),
				    .name = STR("t"),
				    .keyspace = STR("test"),
				    .secret_key = STR("secret"),
				    .public_url = STR("https://mail.example.org"),
				    .conversion_points = w->points,
				    .n_conversion_points = 3,
				    .limits = {.max_per_decision = 1,
					       .min_spacing_ms = CLOCK_HOUR,
					       .live_unread = 2,
					       .service_per_decision = 2}};
	memset(w->key.b, 3, sizeof w->key.b);
	w->variant = (struct campaign_variant){.id = STR("a"),
					       .language = STR("en"),
					       .template_name = STR("t"),
					       .template_sha256 = STR(WORLD_TEMPLATE)};
	return w;
}

static inline struct world *world_new(unsigned delay_ms)
{
	const struct store_options o = {.backend = "memory", .delay_ms = delay_ms};
	return world_new_on(&o);
}

static inline void world_free(struct world *w)
{
	snapshot_release(w->snapshot);
	store_db_close(w->db);
	store_close(w->store);
	store_close(w->inner);
	arena_free(w->arena);
	test_free(w);
}

/* Documents -----------------------------------------------------------------------*/

static inline struct campaign world_campaign(struct world *w, const char *id)
{
	return (struct campaign){.id = str_of(id),
				 .name = str_of(id),
				 .version = 1,
				 .type = CAMPAIGN_NEWSLETTER,
				 .legal_class = LEGAL_OWN_MARKETING,
				 .purpose = STR("newsletter"),
				 .label = STR("Ad"),
				 .from = AUDIENCE_EVERYONE,
				 .start_ms = WORLD_NOW - CLOCK_DAY,
				 .end_ms = WORLD_NOW + 30 * CLOCK_DAY,
				 .tier = 5,
				 .weight = 100,
				 .repeat = {.max = 1,
					    .after = REPEAT_AFTER_READ |
						     REPEAT_AFTER_GONE |
						     REPEAT_AFTER_EXPIRED},
				 .variants = &w->variant,
				 .n_variants = 1};
}

static inline void world_put(struct world *w, enum store_collection c, struct str id,
			     struct buf *body)
{
	struct error err;
	assert_true(buf_ok(body));
	if (!sync_document_put(w->db, c, id, buf_str(body), STORE_ANY, NULL, &err))
		fail_msg("%s", err.message);
	buf_free(body);
}

/* Makes the version the active one. load 0: no recipient rows. */
static inline void world_activate(struct world *w, const struct campaign *c,
				  uint64_t load)
{
	struct version_document v = {.campaign = *c,
				     .bundle_sha256 = STR(WORLD_TEMPLATE),
				     .import = STR("i"),
				     .load = load,
				     .imported_ms = WORLD_NOW,
				     .ready = true};
	struct campaign_document d = {.state = {.status = CAMPAIGN_ACTIVE,
						.active_version = c->version,
						.active_load = load,
						.changed_ms = WORLD_NOW},
				      .newest_version = c->version,
				      .shown_version = c->version};
	struct buf body;
	buf_init(&body, STORE_DOCUMENT_MAX);
	version_document_write(&body, &v);
	world_put(w, STORE_VERSION, version_document_id(w->arena, c->id, c->version),
		  &body);
	campaign_document_write(&body, &d);
	world_put(w, STORE_CAMPAIGN, c->id, &body);
}

static inline void world_rebuild(struct world *w)
{
	struct error err;
	snapshot_release(w->snapshot);
	w->snapshot = snapshot_build(w->db, &w->tenant, &w->key, ++w->serial, &err);
	if (w->snapshot == NULL)
		fail_msg("%s", err.message);
}

/* n campaigns "c0", "c1", ... of everyone, active. */
static inline void world_campaigns(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct campaign c =
			world_campaign(w, arena_printf(w->arena, "c%zu", i).p);
		world_activate(w, &c, 0);
	}
	world_rebuild(w);
}

static inline void world_consents(struct world *w, const char *user)
{
	struct consent consent = {.purpose = STR("newsletter"),
				  .granted = true,
				  .at_ms = WORLD_NOW - CLOCK_DAY};
	struct user_profile p = {
		.user = str_of(user), .consents = &consent, .n_consents = 1};
	struct store_user_change change = {.profile = &p};
	struct error err;
	if (!sync_user_commit(w->db, p.user, STORE_ANY, &change, NULL, &err))
		fail_msg("%s", err.message);
}

/* Looking -------------------------------------------------------------------------*/

static inline struct user_record world_user(struct world *w, const char *user)
{
	struct user_record r;
	struct error err;
	if (!sync_user_read(w->db, str_of(user), NULL, 0, w->arena, &r, &err))
		fail_msg("%s", err.message);
	return r;
}

static inline uint64_t world_count(struct world *w, const char *campaign,
				   enum statistic s)
{
	struct store_statistic *all;
	size_t n;
	uint64_t sum = 0;
	struct error err;
	if (!sync_statistics_read(w->db, str_of(campaign), 0, CLOCK_MAX_MS, w->arena,
				  &all, &n, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < n; i++)
		if (all[i].statistic == s)
			sum += all[i].count;
	return sum;
}

/* Openings ------------------------------------------------------------------------*/

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool over, failed;
	struct error err;
	struct event_batch_result result;
};

static inline void waiting_init(struct waiting *x)
{
	memset(x, 0, sizeof *x);
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->done, NULL);
}

static inline void waiting_ends(struct waiting *x, const struct error *err)
{
	pthread_mutex_lock(&x->lock);
	if (err != NULL)
		x->err = *err;
	x->failed = err != NULL;
	x->over = true;
	pthread_cond_signal(&x->done);
	pthread_mutex_unlock(&x->lock);
}

/* True if it succeeded. */
static inline bool waiting_wait(struct waiting *x)
{
	pthread_mutex_lock(&x->lock);
	while (!x->over)
		pthread_cond_wait(&x->done, &x->lock);
	pthread_mutex_unlock(&x->lock);
	pthread_mutex_destroy(&x->lock);
	pthread_cond_destroy(&x->done);
	return !x->failed;
}

static inline void world_opened(struct opening *o, const struct error *err)
{
	waiting_ends(o->ctx, err);
}

/* request NULL: hello. False: the error is in *err. */
static inline bool world_opens(struct world *w, const char *user,
			       const struct decision_request *request, int64_t now_ms,
			       struct arena *arena, struct opening *o,
			       struct error *err)
{
	struct waiting x;
	waiting_init(&x);
	*o = (struct opening){.db = w->db,
			      .snapshot = w->snapshot,
			      .request = request,
			      .user_key = str_of(user),
			      .arena = arena,
			      .now_ms = now_ms,
			      .done = world_opened,
			      .ctx = &x};
	opening_start(o);
	bool ok = waiting_wait(&x);
	if (!ok && err != NULL)
		*err = x.err;
	return ok;
}

/* An opening of an empty, complete INBOX. */
static inline struct opening world_decides(struct world *w, const char *user,
					   int64_t now_ms)
{
	struct decision_request request = {.mailbox = {.node = STR("mail1"),
						       .uidvalidity = 1,
						       .uidnext = 10,
						       .complete = true}};
	struct opening o;
	struct error err;
	if (!world_opens(w, user, &request, now_ms, w->arena, &o, &err))
		fail_msg("%s", err.message);
	o.request = NULL;
	return o;
}

static inline void world_batch_done(void *ctx, const struct event_batch_result *r,
				    const struct error *err)
{
	struct waiting *x = ctx;
	x->result = *r;
	waiting_ends(x, err);
}

static inline bool world_events(struct world *w, const struct keyed_event *events,
				size_t n, int64_t now_ms, struct event_batch_result *r)
{
	struct waiting x;
	waiting_init(&x);
	event_batch_start(w->db, w->snapshot, events, n, now_ms, w->workers,
			  world_batch_done, &x);
	bool ok = waiting_wait(&x);
	*r = x.result;
	return ok;
}

/* One event of one user. */
static inline void world_happens(struct world *w, const char *user,
				 struct id16 instance, enum wire_event_type type,
				 enum wire_cause cause, int64_t at_ms)
{
	struct instance_event e = {
		.instance = instance, .type = type, .cause = cause, .at_ms = at_ms};
	struct keyed_event keyed = {str_of(user), &e};
	struct event_batch_result r;
	assert_true(world_events(w, &keyed, 1, at_ms, &r));
	assert_int_equal(r.stored, 1);
}

#endif
