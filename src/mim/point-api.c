/* SPDX-License-Identifier: Apache-2.0 */
/* How the conversion points fare, and their dead letters. */
#include "base/clock.h"
#include "mim/handlers.h"
#include "mim/sync.h"
#include "model/tenant-json.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define ARENA_MAX ((size_t)64 << 20)
/* Letters that one order moves; the answer says when there are more. */
#define ORDER_MAX 100000

/* How they fare ------------------------------------------------------------------*/

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
	if (ms != 0)
		json_kv_time(w, key, ms);
}

static void put_point(struct json_writer *w, const struct conversion_point *c,
		      const struct store_point *s)
{
	json_put_object(w);
	json_kv_string(w, "id", c->id);
	json_kv_string(w, "type", str_of(conversion_point_type_name(c->type)));
	json_kv_string(w, "eventType", c->event_type);
	json_kv_u64(w, "sent", s->sent);
	json_kv_u64(w, "waiting", s->waiting);
	json_kv_u64(w, "dead", s->dead);
	json_kv_u64(w, "erased", s->erased);
	json_kv_u64(w, "failures", s->state.failures);
	put_time(w, "lastSent", s->state.sent_ms);
	put_time(w, "failingSince", s->state.failing_since_ms);
	put_time(w, "nextAttempt", s->state.next_ms);
	put_time(w, "lastErrorAt", s->state.error_ms);
	if (s->state.error.n > 0)
		json_kv_string(w, "lastError", s->state.error);
	json_put_object_end(w);
}

/* What the store says of a point; nothing yet is all zero. */
static struct store_point counts_of(const struct store_point_list *list, struct str id)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->items[i].id, id))
			return list->items[i];
	return (struct store_point){0};
}

static void status_all(struct request *q)
{
	struct store_point_list list;
	struct json_writer w;
	struct error err;
	struct tenant_config *c = tenant_runtime_config(q->tenant);
	bool ok = sync_point_list(q->tenant->db, q->arena, &list, &err);
	json_writer_init(&w, &q->out);
	json_put_array(&w);
	for (size_t i = 0; ok && i < c->tenant->n_conversion_points; i++) {
		const struct conversion_point *p = &c->tenant->conversion_points[i];
		struct store_point s = counts_of(&list, p->id);
		put_point(&w, p, &s);
	}
	json_put_array_end(&w);
	tenant_config_release(c);
	if (ok)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

/* Answers if there is none. */
static const struct conversion_point *point_of(struct request *q,
					       const struct tenant_config *c)
{
	const struct conversion_point *p =
		tenant_conversion_point(c->tenant, q->params[1]);
	if (p == NULL)
		request_fail_with(q, ERROR_NOT_FOUND, "",
				  "there is no such conversion point");
	return p;
}

static bool is_point(struct request *q)
{
	struct tenant_config *c = tenant_runtime_config(q->tenant);
	bool there = point_of(q, c) != NULL;
	tenant_config_release(c);
	return there;
}

static void status_one(struct request *q)
{
	struct store_point_list list;
	struct json_writer w;
	struct error err;
	struct tenant_config *c = tenant_runtime_config(q->tenant);
	const struct conversion_point *p = point_of(q, c);
	bool ok = p != NULL && sync_point_list(q->tenant->db, q->arena, &list, &err);
	if (ok) {
		struct store_point s = counts_of(&list, q->params[1]);
		json_writer_init(&w, &q->out);
		put_point(&w, p, &s);
	}
	tenant_config_release(c);
	if (ok)
		request_reply(q, 200);
	else if (p != NULL)
		request_fail(q, &err);
}

/* Dead letters -------------------------------------------------------------------*/

/* A letter's id is its place in the list. */
static void put_letter(struct json_writer *w, const struct tenant_runtime *t,
		       const struct store_dead_row *d)
{
	const struct store_outbox_row *e = &d->row.event;
	char place[CRYPTO_HEX64_LEN + 1];
	struct id16 id = id_delivery(&t->key, e->point, e->event_id);
	crypto_hex64(d->row.sequence, place);
	json_put_object(w);
	json_kv_string(w, "id", str_of(place));
	json_put_key(w, STR("eventId"));
	json_put_hex(w, id.b, ID_LEN);
	json_kv_string(w, "campaignId", e->campaign);
	json_kv_string(w, "eventType", e->event_type);
	json_put_key(w, STR("instanceId"));
	json_put_hex(w, e->instance.b, ID_LEN);
	json_kv_time(w, "timestamp", e->at_ms);
	json_kv_u64(w, "attempts", d->row.attempts);
	put_time(w, "firstAttempt", d->row.first_ms);
	json_kv_time(w, "diedAt", d->row.due_ms);
	json_kv_string(w, "error", d->error.p != NULL ? d->error : STR(""));
	json_put_object_end(w);
}

static void list_dead(struct request *q)
{
	size_t limit;
	uint64_t after = 0;
	struct store_dead_list list;
	struct json_writer w;
	struct error err;
	struct str place = request_query(q, "after");
	if (!is_point(q) || !request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit))
		return;
	if (place.n > 0 && !crypto_unhex64(place, &after)) {
		request_fail_with(q, ERROR_BAD_VALUE, "/after",
				  "not the id of a dead letter");
		return;
	}
	if (!sync_dead_list(q->tenant->db, q->params[1], after, limit, q->arena, &list,
			    &err)) {
		request_fail(q, &err);
		return;
	}
	json_writer_init(&w, &q->out);
	json_put_array(&w);
	for (size_t i = 0; i < list.n; i++)
		put_letter(&w, q->tenant, &list.items[i]);
	json_put_array_end(&w);
	request_reply(q, 200);
}

struct moving {
	enum store_dead_order order;
	size_t moved;
	bool more;
};

static bool move_page(struct request *q, struct moving *m, uint64_t *after,
		      struct arena *arena, struct error *err)
{
	struct store_dead_list list;
	size_t moved = 0;
	if (!sync_dead_list(q->tenant->db, q->params[1], *after, STORE_SETTLE_MAX,
			    arena, &list, err))
		return false;
	uint64_t *all = arena_array(arena, list.n, sizeof *all);
	if (all == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for dead letters");
	for (size_t i = 0; i < list.n; i++)
		*after = all[i] = list.items[i].row.sequence;
	m->more = list.more;
	if (list.n > 0 && !sync_dead_order(q->tenant->db, q->params[1], all, list.n,
					   m->order, q->now_ms, &moved, err))
		return false;
	m->moved += moved;
	return true;
}

/* From the first to the last that there is now: one that dies anew has its old place.
 */
static bool move_all(struct request *q, struct moving *m, struct error *err)
{
	uint64_t after = 0;
	struct arena *arena = arena_new(ARENA_MAX);
	bool ok = arena != NULL ||
		  error_set(err, ERROR_MEMORY, "", "no memory for dead letters");
	do {
		ok = ok && move_page(q, m, &after, arena, err);
		if (ok)
			arena_reset(arena);
	} while (ok && m->more && m->moved < ORDER_MAX && !q->mim->stopping);
	arena_free(arena);
	return ok;
}

static bool move_these(struct request *q, struct moving *m, json_t *ids,
		       struct error *err)
{
	uint64_t all[STORE_SETTLE_MAX];
	size_t n = json_array_size(ids);
	if (!json_is_array(ids) || n < 1 || n > STORE_SETTLE_MAX)
		return error_set(err, ERROR_BAD_VALUE, "/ids", "1 to %d ids of letters",
				 STORE_SETTLE_MAX);
	for (size_t i = 0; i < n; i++)
		if (!crypto_unhex64(str_of(json_string_value(json_array_get(ids, i))),
				    &all[i]))
			return error_set(err, ERROR_BAD_VALUE, "/ids",
					 "ids are those of the list");
	return sync_dead_order(q->tenant->db, q->params[1], all, n, m->order, q->now_ms,
			       &m->moved, err);
}

/* body: {"ids":[...]}, or {} or NULL: all. */
static bool order(struct request *q, struct moving *m, json_t *body, struct error *err)
{
	json_t *ids = json_object_get(body, "ids");
	if (body != NULL && !json_is_object(body))
		return error_set(err, ERROR_SYNTAX, "", "a JSON object is due");
	if (json_object_size(body) != (ids != NULL))
		return error_set(err, ERROR_UNKNOWN_FIELD, "", "the only field is ids");
	return ids != NULL ? move_these(q, m, ids, err) : move_all(q, m, err);
}

static void give_order(struct request *q, enum store_dead_order what, const char *done)
{
	struct moving m = {.order = what};
	struct json_writer w;
	struct error err;
	if (!is_point(q))
		return;
	json_t *body = q->body.n > 0 ? request_json(q) : NULL;
	if (q->body.n > 0 && body == NULL)
		return; /* and it was answered */
	bool ok = order(q, &m, body, &err);
	json_decref(body);
	if (!ok) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "points",
		 "dead letters %s  tenant=%s point=%.*s n=%zu "
		 "by=%s",
		 done, q->tenant->id, STR_ARG(q->params[1]), m.moved, q->who.id);
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_u64(&w, done, m.moved);
	json_kv_bool(&w, "more", m.more);
	json_put_object_end(&w);
	request_reply(q, 200);
}

static void replay(struct request *q)
{
	give_order(q, STORE_DEAD_REPLAY, "replayed");
}

static void discard(struct request *q)
{
	give_order(q, STORE_DEAD_DISCARD, "discarded");
}

#define POINTS "/api/tenants/{tenantId}/conversionPoints"
#define POINT POINTS "/{pointId}"
static const struct route rows[] = {
	{"GET", POINTS "/status", ROUTE_READ, ROUTE_BLOCKING, status_all, 0},
	{"GET", POINT "/status", ROUTE_READ, ROUTE_BLOCKING, status_one, 0},
	{"GET", POINT "/deadLetters", ROUTE_READ, ROUTE_BLOCKING, list_dead, 0},
	{"POST", POINT "/deadLetters/replay", ROUTE_TENANT, ROUTE_BLOCKING, replay, 0},
	{"POST", POINT "/deadLetters/discard", ROUTE_TENANT, ROUTE_BLOCKING, discard,
	 0},
};
const struct route_table point_routes = ROUTE_TABLE(rows);
