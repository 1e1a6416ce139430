/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/requests-internal.h"

#include "base/clock.h"

#define VARIABLES_MAX 512
#define VALID_FOR_MAX 3600

static bool hello_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct answer_hello *a = ctx;
	if (str_eq(key, STR("open")))
		return reading_bool(g, &a->open, "/open");
	if (str_eq(key, STR("nextCheck")))
		return reading_seconds(g, &a->next_check, REQUESTS_NEXT_CHECK_MAX,
				       "/nextCheck");
	if (str_eq(key, STR("user")))
		return reading_text(g, &a->user, "/user");
	*known = false;
	return true;
}

bool requests_read_hello(struct str json, struct arena *arena,
			 struct answer_hello *answer, struct error *err)
{
	struct reading g = {.arena = arena, .err = err};
	*answer = (struct answer_hello){.next_check = UINT32_MAX};
	json_reader_init(&g.r, json, arena);
	if (!reading_object(&g, "", hello_field, answer) || !reading_end(&g))
		return false;
	return answer->next_check != UINT32_MAX ? true
						: reading_wrong(&g, "/nextCheck");
}

static bool known_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct wire_own *own = ctx;
	if (str_eq(key, STR("guid")))
		return reading_hex(g, &own->guid, 32, "/known/guid");
	if (str_eq(key, STR("instance")))
		return reading_hex(g, &own->instance, 32, "/known/instance");
	*known = false;
	return true;
}

static bool read_known(struct reading *g, struct answer_open *a)
{
	enum json_event e;
	if (json_next(&g->r) != JSON_AT_ARRAY || a->known != NULL)
		return reading_wrong(g, "/known");
	a->known = arena_array(g->arena, WIRE_PRESENT_MAX, sizeof *a->known);
	if (a->known == NULL)
		return reading_wrong(g, "/known");
	while ((e = json_next(&g->r)) == JSON_AT_OBJECT) {
		if (a->n_known == WIRE_PRESENT_MAX)
			return reading_wrong(g, "/known");
		struct wire_own *own = &a->known[a->n_known++];
		if (!reading_fields(g, "/known", known_field, own))
			return false;
		if (own->guid.p == NULL || own->instance.p == NULL)
			return reading_wrong(g, "/known");
	}
	return e == JSON_AT_ARRAY_END ? true : reading_wrong(g, "/known");
}

/* The value of a variable: text, number or boolean; null is no value. */
static bool read_value(struct reading *g, struct mustache_value *v)
{
	switch (json_next(&g->r)) {
	case JSON_AT_STRING:
		*v = (struct mustache_value){MUSTACHE_TEXT, g->r.text};
		return true;
	case JSON_AT_NUMBER:
		*v = (struct mustache_value){MUSTACHE_NUMBER, g->r.text};
		return true;
	case JSON_AT_TRUE:
		*v = (struct mustache_value){MUSTACHE_BOOL, STR("true")};
		return true;
	case JSON_AT_FALSE:
		*v = (struct mustache_value){MUSTACHE_BOOL, STR("false")};
		return true;
	case JSON_AT_NULL:
		*v = (struct mustache_value){0};
		return true;
	default:
		return reading_wrong(g, "/actions/variables");
	}
}

struct variables {
	struct mustache_pair *pairs;
	size_t n;
};

static bool variable_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct variables *v = ctx;
	*known = true; /* whatever its name is */
	if (v->n == VARIABLES_MAX)
		return reading_wrong(g, "/actions/variables");
	v->pairs[v->n].name = key;
	return read_value(g, &v->pairs[v->n++].value);
}

static bool read_variables(struct reading *g, struct mustache_table *table)
{
	struct variables v = {
		.pairs = arena_array(g->arena, VARIABLES_MAX, sizeof *v.pairs)};
	if (v.pairs == NULL ||
	    !reading_object(g, "/actions/variables", variable_field, &v))
		return reading_wrong(g, "/actions/variables");
	if (!mustache_pairs_sort(v.pairs, v.n))
		return reading_wrong(g, "/actions/variables");
	*table = (struct mustache_table){.pairs = v.pairs, .n = v.n};
	return true;
}

static bool read_position(struct reading *g, enum wire_position *out)
{
	struct str text = {0};
	if (!reading_text(g, &text, "/actions/placement/position"))
		return false;
	for (unsigned i = 0; wire_position_name(i) != NULL; i++)
		if (str_eqz(text, wire_position_name(i))) {
			*out = (enum wire_position)i;
			return true;
		}
	return reading_wrong(g, "/actions/placement/position");
}

static bool placement_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct answer_action *a = ctx;
	struct str text = {0};
	int64_t rank;
	if (str_eq(key, STR("position")))
		return read_position(g, &a->position);
	if (str_eq(key, STR("rank"))) {
		if (json_next(&g->r) != JSON_AT_NUMBER ||
		    !json_reader_i64(&g->r, &rank) || rank < 1 || rank > UINT32_MAX)
			return reading_wrong(g, "/actions/placement/rank");
		a->rank = (uint32_t)rank;
		return true;
	}
	if (str_eq(key, STR("date"))) {
		if (!reading_text(g, &text, "/actions/placement/date"))
			return false;
		return clock_parse_rfc3339(text, &a->date_ms, NULL)
			       ? true
			       : reading_wrong(g, "/actions/placement/date");
	}
	*known = false;
	return true;
}

/* An action while it is read: the op may come last. */
struct action {
	struct answer_action a;
	struct str op, cause;
	bool has_placement, has_valid_for, has_variables;
};

static bool read_placement(struct reading *g, struct action *x)
{
	x->has_placement = true;
	return reading_object(g, "/actions/placement", placement_field, &x->a);
}

static bool read_id(struct reading *g, struct str *out)
{
	return reading_text(g, out, "/actions/campaign") &&
	       (str_is_id(*out) ? true : reading_wrong(g, "/actions/campaign"));
}

static bool action_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct action *x = ctx;
	struct answer_action *a = &x->a;
	if (str_eq(key, STR("op")))
		return reading_text(g, &x->op, "/actions/op");
	if (str_eq(key, STR("guid")))
		return reading_hex(g, &a->guid, 32, "/actions/guid");
	if (str_eq(key, STR("campaign")))
		return read_id(g, &a->campaign);
	if (str_eq(key, STR("instance")))
		return reading_hex(g, &a->instance, 32, "/actions/instance");
	if (str_eq(key, STR("proof")))
		return reading_hex(g, &a->proof, 64, "/actions/proof");
	if (str_eq(key, STR("replaces")))
		return reading_hex(g, &a->replaces, 32, "/actions/replaces");
	if (str_eq(key, STR("template")))
		return reading_hex(g, &a->template_sha256, 64, "/actions/template");
	if (str_eq(key, STR("variables"))) {
		x->has_variables = true;
		return read_variables(g, &a->variables);
	}
	if (str_eq(key, STR("label")))
		return reading_text(g, &a->label, "/actions/label");
	if (str_eq(key, STR("unsubscribe")))
		return reading_text(g, &a->unsubscribe, "/actions/unsubscribe");
	if (str_eq(key, STR("placement")))
		return read_placement(g, x);
	if (str_eq(key, STR("validFor"))) {
		x->has_valid_for = true;
		return reading_seconds(g, &a->valid_for, VALID_FOR_MAX,
				       "/actions/validFor");
	}
	if (str_eq(key, STR("cause")))
		return reading_text(g, &x->cause, "/actions/cause");
	if (str_eq(key, STR("lazy")))
		return reading_bool(g, &a->withdraw.lazy, "/actions/lazy");
	if (str_eq(key, STR("read")))
		return reading_bool(g, &a->withdraw.read, "/actions/read");
	*known = false;
	return true;
}

static bool check_inject(struct reading *g, const struct action *x)
{
	const struct answer_action *a = &x->a;
	if (a->instance.p == NULL || a->proof.p == NULL ||
	    a->template_sha256.p == NULL || !x->has_placement || !x->has_valid_for ||
	    !x->has_variables)
		return reading_wrong(g, "/actions");
	if (a->op == ANSWER_REINJECT && a->replaces.p == NULL)
		return reading_wrong(g, "/actions/replaces");
	if (a->position == WIRE_POSITION_RANK && a->rank == 0)
		return reading_wrong(g, "/actions/placement/rank");
	return true;
}

/* What a whole action must have; *skip: its op is not known here. */
static bool finish_action(struct reading *g, struct action *x, bool *skip)
{
	if (x->op.p == NULL)
		return reading_wrong(g, "/actions/op");
	*skip = false;
	if (str_eq(x->op, STR("inject"))) {
		x->a.op = ANSWER_INJECT;
	} else if (str_eq(x->op, STR("reinject"))) {
		x->a.op = ANSWER_REINJECT;
	} else if (str_eq(x->op, STR("withdraw"))) {
		x->a.op = ANSWER_WITHDRAW;
	} else {
		*skip = true;
		return true;
	}
	if (x->a.guid.p == NULL)
		return reading_wrong(g, "/actions/guid");
	if (x->a.op != ANSWER_WITHDRAW)
		return check_inject(g, x);
	x->a.withdraw.guid = x->a.guid;
	x->a.withdraw.cause =
		(enum wire_withdraw_cause)wire_withdraw_cause_of(x->cause);
	return x->a.withdraw.cause != 0 ? true : reading_wrong(g, "/actions/cause");
}

bool requests_read_action(struct reading *g, struct answer_action *action, bool *skip)
{
	struct action x = {0};
	if (!reading_fields(g, "/actions", action_field, &x) ||
	    !finish_action(g, &x, skip))
		return false;
	*action = x.a;
	return true;
}

static bool read_actions(struct reading *g, struct answer_open *answer)
{
	enum json_event e;
	bool skip = false;
	if (json_next(&g->r) != JSON_AT_ARRAY || answer->n_actions > 0)
		return reading_wrong(g, "/actions");
	while ((e = json_next(&g->r)) == JSON_AT_OBJECT) {
		struct answer_action action;
		if (!requests_read_action(g, &action, &skip))
			return false;
		if (skip) {
			answer->n_skipped++;
			continue;
		}
		if (answer->n_actions == WIRE_ACTIONS_MAX)
			return reading_wrong(g, "/actions");
		answer->actions[answer->n_actions++] = action;
	}
	return e == JSON_AT_ARRAY_END ? true : reading_wrong(g, "/actions");
}

static bool open_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct answer_open *a = ctx;
	if (str_eq(key, STR("known")))
		return read_known(g, a);
	if (str_eq(key, STR("actions")))
		return read_actions(g, a);
	if (str_eq(key, STR("nextCheck")))
		return reading_seconds(g, &a->next_check, REQUESTS_NEXT_CHECK_MAX,
				       "/nextCheck");
	*known = false;
	return true;
}

bool requests_read_open(struct str json, struct arena *arena,
			struct answer_open *answer, struct error *err)
{
	struct reading g = {.arena = arena, .err = err};
	*answer = (struct answer_open){.next_check = UINT32_MAX};
	json_reader_init(&g.r, json, arena);
	if (!reading_object(&g, "", open_field, answer) || !reading_end(&g))
		return false;
	if (answer->known == NULL || answer->next_check == UINT32_MAX)
		return reading_wrong(&g,
				     answer->known == NULL ? "/known" : "/nextCheck");
	return true;
}
