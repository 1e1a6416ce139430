/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/answers.h"

#include "base/json.h"
#include "model/unsubscribe-token.h"

#define URL_MAX 4096

static void put_id(struct json_writer *w, const char *key, struct id16 id)
{
	json_put_key(w, str_of(key));
	json_put_hex(w, id.b, sizeof id.b);
}

bool answer_hello(struct buf *out, const struct opening *o)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_bool(&w, "open", o->decision.n > 0 || o->decision.must_look);
	json_kv_duration(&w, "nextCheck", o->decision.next_check_ms);
	json_kv_string(&w, "user", o->user_key);
	json_put_object_end(&w);
	return buf_ok(out);
}

static void put_variables(struct json_writer *w, const struct action *a)
{
	json_put_key(w, STR("variables"));
	json_put_object(w);
	for (size_t i = 0; i < a->n_variables; i++) {
		json_put_key(w, a->variables[i].name);
		json_put_string(w, a->variables[i].value);
	}
	json_put_object_end(w);
}

/* A date that is not past is now (contracts.md §5). */
static void put_placement(struct json_writer *w, const struct campaign *c,
			  int64_t now_ms)
{
	json_put_key(w, STR("placement"));
	json_put_object(w);
	if (c->position == PLACEMENT_RANK) {
		json_kv_string(w, "position", STR("rank"));
		json_kv_u64(w, "rank", c->rank);
	} else if (c->position == PLACEMENT_DATE && c->date_ms < now_ms) {
		json_kv_string(w, "position", STR("date"));
		json_kv_time(w, "date", c->date_ms);
	} else {
		json_kv_string(w, "position", STR("top"));
	}
	json_put_object_end(w);
}

static void put_unsubscribe(struct json_writer *w, const struct opening *o,
			    const struct action *a)
{
	const struct tenant *t = o->snapshot->tenant;
	const struct campaign *c = a->campaign->definition;
	const struct unsubscribe what = {
		.user_key = o->user_key, .purpose = c->purpose, .campaign = c->id};
	struct buf url;
	if (campaign_is_service(c) || t->public_url.n == 0)
		return;
	buf_init(&url, URL_MAX);
	buf_add_str(&url, t->public_url);
	if (!str_ends(t->public_url, STR("/")))
		buf_add_char(&url, '/');
	buf_add_str(&url, STR("u/"));
	if (unsubscribe_token_make(&o->snapshot->key, t->id, &what, &url))
		json_kv_string(w, "unsubscribe", buf_str(&url));
	else
		w->out->state = url.state;
	buf_free(&url);
}

static void put_inject(struct json_writer *w, const struct opening *o,
		       const struct action *a)
{
	const struct campaign *c = a->campaign->definition;
	uint8_t proof[CRYPTO_SHA256_LEN];
	id_proof(&o->snapshot->key, o->user_key, a->assignment.instance, proof);
	json_put_object(w);
	json_kv_string(w, "op",
		       a->op == ACTION_REINJECT ? STR("reinject") : STR("inject"));
	json_kv_string(w, "campaign", c->id);
	put_id(w, "instance", a->assignment.instance);
	put_id(w, "guid", a->guid);
	if (a->op == ACTION_REINJECT)
		put_id(w, "replaces", a->replaces);
	json_put_key(w, STR("proof"));
	json_put_hex(w, proof, sizeof proof);
	json_kv_string(w, "template", a->variant->template_sha256);
	put_variables(w, a);
	if (c->label.p != NULL)
		json_kv_string(w, "label", c->label);
	put_unsubscribe(w, o, a);
	put_placement(w, c, o->now_ms);
	json_kv_duration(w, "validFor", ASSIGNMENT_VALID_FOR_MS);
	json_put_object_end(w);
}

static void put_withdraw(struct json_writer *w, const struct action *a)
{
	json_put_object(w);
	json_kv_string(w, "op", STR("withdraw"));
	put_id(w, "guid", a->guid);
	json_kv_string(w, "cause", str_of(wire_withdraw_cause_name(a->cause)));
	json_kv_bool(w, "lazy", true);
	json_kv_bool(w, "read", a->takes_read);
	json_put_object_end(w);
}

bool answer_decision(struct buf *out, const struct opening *o)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_put_key(&w, STR("known"));
	json_put_array(&w);
	for (size_t i = 0; i < o->reconciled.n_known; i++) {
		json_put_object(&w);
		put_id(&w, "guid", o->reconciled.known_message[i]->guid);
		put_id(&w, "instance", o->reconciled.known[i]->instance);
		json_put_object_end(&w);
	}
	json_put_array_end(&w);
	json_put_key(&w, STR("actions"));
	json_put_array(&w);
	for (size_t i = 0; i < o->decision.n; i++) {
		const struct action *a = &o->decision.actions[i];
		if (action_assigns(a))
			put_inject(&w, o, a);
		else
			put_withdraw(&w, a);
	}
	json_put_array_end(&w);
	json_kv_duration(&w, "nextCheck", o->decision.next_check_ms);
	json_put_object_end(&w);
	return buf_ok(out);
}

void answer_withdrawals_begin(struct json_writer *w)
{
	json_put_object(w);
	json_put_key(w, STR("users"));
	json_put_array(w);
}

void answer_withdrawals_of(struct json_writer *w, struct str user,
			   const struct action *actions, size_t n)
{
	json_put_object(w);
	json_kv_string(w, "user", user);
	json_put_key(w, STR("actions"));
	json_put_array(w);
	for (size_t i = 0; i < n; i++)
		put_withdraw(w, &actions[i]);
	json_put_array_end(w);
	json_put_object_end(w);
}

void answer_withdrawals_end(struct json_writer *w)
{
	json_put_array_end(w);
	json_put_object_end(w);
}

bool answer_events(struct buf *out, const struct event_batch_result *r)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_u64(&w, "stored", r->stored);
	json_kv_u64(&w, "dropped", r->dropped);
	json_put_object_end(&w);
	return buf_ok(out);
}
