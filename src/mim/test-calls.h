/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the API, without a listener, while everything fails in turn: each is
 * answered once, nothing is half done, and made again it works. For tests that have
 * tables of them. */
#ifndef INLAY_MIM_TEST_CALLS_H
#define INLAY_MIM_TEST_CALLS_H

#include "base/json-tree.h"
#include "mim/handlers.h"
#include "mim/schema-store.h"
#include "mim/test-fault.h"
#include "mim/test-tenant.h"
#include "mim/user-find.h"

struct server {
	struct world *w;
	struct mim mim;
	struct tenant_runtime *t;
	char folder[64];
	size_t descriptors;   /* before */
	long serial;          /* a user of its own for each try */
	uint64_t letter;      /* a dead one's id */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t answered;
	int answers, status;
	char text[1 << 16]; /* of the last answer */
};

static inline struct server *server_new(enum fault_kind kind)
{
	struct server *s = test_calloc(1, sizeof *s);
	struct error err;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->answered, NULL);
	s->descriptors = unit_descriptors();
	make_folder_of_own(s->folder, sizeof s->folder, "calls");
	const struct store_options o = fault_options(kind, s->folder);
	s->w = world_new_on(&o);
	s->mim.store = s->w->store;
	s->mim.jobs = workers_new("test", 1, 1000, WORKERS_PROMPT, &err);
	assert_non_null(s->mim.jobs);
	s->t = world_tenant(s->w, &s->mim);
	world_campaigns(s->w, 2);
	assert_true(tenant_runtime_rebuild(s->t, &err));
	struct buf body;
	buf_init(&body, 100);
	buf_add_str(&body, STR("{\"subject\":\"x\"}"));
	world_put(s->w, STORE_TEMPLATE, STR(WORLD_TEMPLATE), &body);
	return s;
}

static inline void server_free(struct server *s)
{
	workers_free(s->mim.jobs);
	tenant_runtime_release(s->t);
	world_free(s->w);
	remove_folder(s->folder);
	assert_int_equal(unit_descriptors(), s->descriptors);
	pthread_cond_destroy(&s->answered);
	pthread_mutex_destroy(&s->lock);
	test_free(s);
}

static inline void keep_answer(struct request *q)
{
	struct server *s = q->transport;
	pthread_mutex_lock(&s->lock);
	s->answers++;
	s->status = q->status;
	snprintf(s->text, sizeof s->text, "%.*s", STR_ARG(buf_str(&q->out)));
	buf_free(&q->out);
	arena_free(q->arena);
	pthread_cond_signal(&s->answered);
	pthread_mutex_unlock(&s->lock);
}

/* How often, now that it was. */
static inline int wait_for_answer(struct server *s)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&s->lock);
	while (s->answers == 0 &&
	       pthread_cond_timedwait(&s->answered, &s->lock, &until) == 0)
		continue;
	int n = s->answers;
	pthread_mutex_unlock(&s->lock);
	return n;
}

struct call {
	const char *method, *path; /* below /api/tenants/{tenantId} */
	const char *param;         /* "USER": the user of this try */
	const char *body;          /* USER, INSTANCE, LETTER stand for this try's */
	const char *query;         /* name=value */
	int want, also;
	/* Each try finds what it changes as it was at first: done already, there would
	 * be nothing to write, and nothing to fail. NULL: it changes nothing, or what
	 * there is of a new user only. */
	void (*set_back)(struct server *s, const struct call *c);
};

static inline const struct route *route_of(const struct call *c)
{
	char whole[128];
	snprintf(whole, sizeof whole, "/api/tenants/{tenantId}%s", c->path);
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = routes_at(i);
		if (strcmp(r->method, c->method) == 0 && strcmp(r->path, whole) == 0)
			return r;
	}
	fail_msg("no route %s %s", c->method, whole);
	return NULL;
}

/* Text with this try's user, instance and letter put in. */
static inline struct str fill(struct server *s, const char *text, const char *instance)
{
	struct buf out;
	buf_init(&out, 4096);
	while (text != NULL && *text != '\0') {
		if (strncmp(text, "USER", 4) == 0) {
			buf_printf(&out, "user%ld", s->serial);
			text += 4;
		} else if (strncmp(text, "INSTANCE", 8) == 0) {
			buf_add_str(&out, str_of(instance));
			text += 8;
		} else if (strncmp(text, "LETTER", 6) == 0) {
			char id[CRYPTO_HEX64_LEN + 1];
			crypto_hex64(s->letter, id);
			buf_add_str(&out, str_of(id));
			text += 6;
		} else {
			buf_add_char(&out, *text++);
		}
	}
	struct str copy = arena_str(s->w->arena, buf_str(&out));
	buf_free(&out);
	return copy;
}

/* fault NULL: nothing fails. True if it has come. */
static inline bool make(struct server *s, const struct call *c, const char *instance,
			const struct fault *fault)
{
	struct request q = {.mim = &s->mim,
			    .route = route_of(c),
			    .tenant = s->t,
			    .arena = arena_new(REQUEST_ARENA_MAX),
			    .params = {STR("t"), fill(s, c->param, ""), str_of("1")},
			    .body = fill(s, c->body, instance),
			    .now_ms = WORLD_NOW,
			    .send = keep_answer,
			    .transport = s};
	const char *equals = c->query != NULL ? strchr(c->query, '=') : NULL;
	if (equals != NULL) {
		struct str all = str_of(c->query);
		size_t at = (size_t)(equals - c->query);
		q.query[0] = (struct request_pair){str_slice(all, 0, at),
						   str_slice(all, at + 1, all.n)};
		q.n_query = 1;
	}
	assert_non_null(q.arena);
	buf_init(&q.out, REQUEST_REPLY_MAX);
	s->answers = 0;
	if (fault != NULL)
		fault_arm(fault, s->w->store);
	q.route->handler(&q);
	int answers = wait_for_answer(s);
	bool has_come = fault != NULL && fault_disarm(fault, s->w->store);
	if (answers != 1)
		fail_msg("%s %s: %d answers", c->method, c->path, answers);
	return has_come;
}

static const struct call opening = {
	"POST",
	"/dovecot/decisions",
	"",
	"{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":1,"
	"\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[]}",
	NULL,
	200,
	0,
	NULL};

/* A new user, whom something was given if `given`; the instance. */
static inline const char *new_user(struct server *s, bool given)
{
	char name[32];
	s->serial++;
	snprintf(name, sizeof name, "user%ld", s->serial);
	world_consents(s->w, name);
	if (!given)
		return "";
	make(s, &opening, "", NULL);
	assert_int_equal(s->status, 200);
	const char *at = strstr(s->text, "\"instance\":\"");
	assert_non_null(at);
	return arena_str(s->w->arena, (struct str){at + 12, ID_TEXT_LEN}).p;
}

#define CAMPAIGN "/campaigns/{campaignId}"
#define POINT "/conversionPoints/{pointId}"

static inline bool needs_instance(const struct call *c)
{
	return strcmp(c->method, "DELETE") == 0 ||
	       str_ends(str_of(c->path), STR("/export")) ||
	       (c->body != NULL && strstr(c->body, "INSTANCE") != NULL);
}

/* What there is of the user of this try, of what is declared, of the point, and all
 * counts. */
struct state {
	uint64_t assignments, outbox, counts[STATISTICS_COUNT];
	uint64_t known, names, attributes, words; /* of the user */
	uint64_t erased, declared, waiting, dead;
};

static inline void look_at_user(struct server *s, struct state *now)
{
	char name[32];
	bool erased = false;
	struct error err;
	snprintf(name, sizeof name, "user%ld", s->serial);
	const struct user_record r = world_user(s->w, name);
	const struct user_profile *u = &r.profile;
	now->assignments = r.n_assignments;
	now->known = r.known;
	now->names = u->n_aliases;
	now->names += u->user_id.n > 0;
	now->names += u->email.n > 0;
	now->attributes = u->n_attributes;
	now->words = u->n_consents + u->n_opt_outs;
	assert_true(user_is_suppressed(s->t, str_of(name), s->w->arena, &erased, &err));
	now->erased = erased;
}

static inline void look_at_tenant(struct server *s, struct state *now)
{
	struct user_schema schema;
	struct store_point_list points;
	struct error err;
	assert_true(schema_load(s->w->db, s->w->arena, &schema, &err));
	now->declared = schema.n_attributes + schema.n_purposes;
	assert_true(sync_point_list(s->w->db, s->w->arena, &points, &err));
	for (size_t i = 0; i < points.n; i++) {
		now->waiting += points.items[i].waiting;
		now->dead += points.items[i].dead;
	}
}

static inline struct state look(struct server *s)
{
	struct state now;
	memset(&now, 0, sizeof now); /* compared as bytes */
	look_at_user(s, &now);
	look_at_tenant(s, &now);
	now.outbox = store_outbox_count(s->w->db);
	for (enum statistic i = 0; i < STATISTICS_COUNT; i++)
		now.counts[i] = world_count(s->w, "c0", i) + world_count(s->w, "c1", i);
	return now;
}

/* What came between. */
static inline struct state minus(struct state a, const struct state *b)
{
	uint64_t *to = (uint64_t *)&a;
	const uint64_t *from = (const uint64_t *)b;
	for (size_t i = 0; i < sizeof a / sizeof *to; i++)
		to[i] -= from[i];
	return a;
}

static inline bool is_same(const struct state *a, const struct state *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline void check_status(const struct server *s, const struct call *c,
				const struct fault *f, bool failed)
{
	bool excused = failed && s->status >= 500;
	if (s->status != c->want && s->status != c->also && !excused)
		fail_msg("%s %s: %d at %s: %s", c->method, c->path, s->status,
			 fault_text(f), s->text);
}

/* What the call changes when nothing fails. */
static inline struct state effect_of(struct server *s, const struct call *c)
{
	const char *instance = new_user(s, needs_instance(c));
	if (c->set_back != NULL)
		c->set_back(s, c);
	struct state before = look(s);
	make(s, c, instance, NULL);
	return minus(look(s), &before);
}

/* Until the call goes through; how many faults came. */
static inline long torture(struct server *s, const struct call *c, enum fault_kind kind)
{
	static const struct state nothing;
	const struct state whole = effect_of(s, c);
	struct fault f = {.kind = kind, .nth = 1};
	for (bool failed = true; failed; f.nth++) {
		const char *instance = new_user(s, needs_instance(c));
		if (c->set_back != NULL)
			c->set_back(s, c);
		struct state before = look(s);
		failed = make(s, c, instance, &f);
		check_status(s, c, &f, failed);
		struct state effect = minus(look(s), &before);
		if (!is_same(&effect, &whole) &&
		    !(failed && is_same(&effect, &nothing)))
			fail_msg("%s %s: half done at %s", c->method, c->path,
				 fault_text(&f));
		/* a decision may come to nothing: its events are told once more apart
		 */
		if (s->status == c->want && strcmp(c->path, opening.path) != 0 &&
		    !is_same(&effect, &whole))
			fail_msg("%s %s: not done at %s", c->method, c->path,
				 fault_text(&f));
		if (!failed)
			break;
		/* an answer that could not be written says nothing of what was done */
		make(s, c, instance, NULL);
		check_status(s, c, &f, false);
		effect = minus(look(s), &before);
		if (!is_same(&effect, &whole))
			fail_msg("%s %s: not made good after %s", c->method, c->path,
				 fault_text(&f));
	}
	return f.nth - 1;
}

/* Each of them with each fault of such kinds; begin NULL: on what server_new() made. */
static inline void torture_all(const struct call *calls, size_t n,
			       void (*begin)(struct server *s), enum fault_kind from,
			       enum fault_kind to)
{
	for (enum fault_kind kind = from; kind <= to; kind++) {
		struct server *s = server_new(kind);
		if (begin != NULL)
			begin(s);
		for (size_t i = 0; i < n; i++)
			if (torture(s, &calls[i], kind) == 0 &&
			    (calls[i].set_back != NULL || kind == FAULT_ALLOCATION))
				fail_msg("%s %s: no %s", calls[i].method, calls[i].path,
					 fault_text(&(struct fault){kind, 1}));
		server_free(s);
	}
}
#define TORTURE(calls, begin, from, to)                                                \
	torture_all(calls, sizeof(calls) / sizeof *(calls), begin, FAULT_##from,       \
		    FAULT_##to)

#endif
