/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/requests-internal.h"

#include <stdlib.h>

/* Questions ------------------------------------------------------------------------*/

bool requests_recalls_path(struct buf *out, struct str cursor, unsigned wait_s)
{
	buf_add_str(out, STR("recalls"));
	if (cursor.n > 0) {
		buf_add_str(out, STR("?since="));
		buf_add_percent(out, cursor);
		buf_printf(out, "&wait=%u", wait_s);
	}
	return buf_ok(out);
}

bool requests_write_withdrawals(struct buf *out, const struct str *users, size_t n)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_put_key(&w, STR("users"));
	json_put_array(&w);
	for (size_t i = 0; i < n; i++)
		json_put_string(&w, users[i]);
	json_put_array_end(&w);
	json_put_object_end(&w);
	return buf_ok(out);
}

/* Recalls --------------------------------------------------------------------------*/

struct recalls_reading {
	struct answer_recalls *answer;
	struct str *users;
	bool has_entries;
};

struct entry {
	struct str campaign, user;
};

static bool entry_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct entry *e = ctx;
	if (str_eq(key, STR("campaign")))
		return reading_text(g, &e->campaign, "/entries/campaign");
	if (str_eq(key, STR("user")))
		return reading_text(g, &e->user, "/entries/user");
	*known = false;
	return true;
}

static bool read_entries(struct reading *g, struct recalls_reading *x)
{
	enum json_event e;
	if (json_next(&g->r) != JSON_AT_ARRAY || x->has_entries)
		return reading_wrong(g, "/entries");
	x->has_entries = true;
	while ((e = json_next(&g->r)) == JSON_AT_OBJECT) {
		struct entry entry = {0};
		if (!reading_fields(g, "/entries", entry_field, &entry))
			return false;
		/* of a newer MIM there may be other kinds: rather ask too often */
		if (entry.campaign.p != NULL || entry.user.n == 0 ||
		    x->answer->n_users == REQUESTS_RECALLS_MAX) {
			x->answer->all = true;
			continue;
		}
		if (x->users == NULL)
			x->users = arena_array(g->arena, REQUESTS_RECALLS_MAX,
					       sizeof *x->users);
		if (x->users == NULL)
			return reading_wrong(g, "/entries");
		x->users[x->answer->n_users++] = entry.user;
	}
	return e == JSON_AT_ARRAY_END ? true : reading_wrong(g, "/entries");
}

static bool recalls_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct recalls_reading *x = ctx;
	if (str_eq(key, STR("cursor")))
		return reading_text(g, &x->answer->cursor, "/cursor");
	if (str_eq(key, STR("reset")))
		return reading_bool(g, &x->answer->reset, "/reset");
	if (str_eq(key, STR("entries")))
		return read_entries(g, x);
	*known = false;
	return true;
}

bool requests_read_recalls(struct str json, struct arena *arena,
			   struct answer_recalls *answer, struct error *err)
{
	struct reading g = {.arena = arena, .err = err};
	struct recalls_reading x = {.answer = answer};
	*answer = (struct answer_recalls){0};
	json_reader_init(&g.r, json, arena);
	if (!reading_object(&g, "", recalls_field, &x) || !reading_end(&g))
		return false;
	if (answer->cursor.n == 0 || answer->cursor.n > REQUESTS_CURSOR_MAX)
		return reading_wrong(&g, "/cursor");
	if (!x.has_entries)
		return reading_wrong(&g, "/entries");
	if (answer->n_users > 0)
		qsort(x.users, answer->n_users, sizeof *x.users, str_cmp_items);
	answer->users = x.users;
	return true;
}

bool requests_recalls_concern(const struct answer_recalls *answer, struct str key)
{
	if (answer->reset || answer->all)
		return true;
	if (answer->n_users == 0)
		return false;
	return key.p == NULL || bsearch(&key, answer->users, answer->n_users,
					sizeof *answer->users, str_cmp_items) != NULL;
}

/* Withdrawals ----------------------------------------------------------------------*/

struct withdrawals_reading {
	struct answer_withdrawals *answer;
	size_t max;
};

static bool read_actions_of(struct reading *g, struct answer_withdrawal *u)
{
	enum json_event e;
	if (json_next(&g->r) != JSON_AT_ARRAY || u->n > 0)
		return reading_wrong(g, "/users/actions");
	while ((e = json_next(&g->r)) == JSON_AT_OBJECT) {
		struct answer_action action;
		bool skip;
		if (!requests_read_action(g, &action, &skip))
			return false;
		if (skip || action.op != ANSWER_WITHDRAW)
			continue; /* nothing else was asked for */
		if (u->n == WIRE_ACTIONS_MAX) {
			u->more = true;
			continue;
		}
		u->withdraw[u->n++] = action.withdraw;
	}
	return e == JSON_AT_ARRAY_END ? true : reading_wrong(g, "/users/actions");
}

static bool user_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	struct answer_withdrawal *u = ctx;
	if (str_eq(key, STR("user")))
		return reading_text(g, &u->user, "/users/user");
	if (str_eq(key, STR("actions")))
		return read_actions_of(g, u);
	*known = false;
	return true;
}

static bool read_users(struct reading *g, struct withdrawals_reading *x)
{
	enum json_event e;
	struct answer_withdrawals *a = x->answer;
	if (json_next(&g->r) != JSON_AT_ARRAY || a->users != NULL)
		return reading_wrong(g, "/users");
	a->users = arena_array(g->arena, x->max, sizeof *a->users);
	if (a->users == NULL)
		return reading_wrong(g, "/users");
	while ((e = json_next(&g->r)) == JSON_AT_OBJECT) {
		if (a->n == x->max)
			return reading_wrong(g, "/users");
		struct answer_withdrawal *u = &a->users[a->n++];
		*u = (struct answer_withdrawal){0};
		if (!reading_fields(g, "/users", user_field, u))
			return false;
		if (u->user.n == 0)
			return reading_wrong(g, "/users/user");
	}
	return e == JSON_AT_ARRAY_END ? true : reading_wrong(g, "/users");
}

static bool withdrawals_field(struct reading *g, void *ctx, struct str key, bool *known)
{
	if (str_eq(key, STR("users")))
		return read_users(g, ctx);
	*known = false;
	return true;
}

static int compare_users(const void *a, const void *b)
{
	return str_cmp(((const struct answer_withdrawal *)a)->user,
		       ((const struct answer_withdrawal *)b)->user);
}

bool requests_read_withdrawals(struct str json, size_t max, struct arena *arena,
			       struct answer_withdrawals *answer, struct error *err)
{
	struct reading g = {.arena = arena, .err = err};
	struct withdrawals_reading x = {.answer = answer, .max = max};
	*answer = (struct answer_withdrawals){0};
	json_reader_init(&g.r, json, arena);
	if (!reading_object(&g, "", withdrawals_field, &x) || !reading_end(&g))
		return false;
	if (answer->users == NULL)
		return reading_wrong(&g, "/users");
	qsort(answer->users, answer->n, sizeof *answer->users, compare_users);
	return true;
}

const struct answer_withdrawal *requests_withdrawals_of(
	const struct answer_withdrawals *answer, struct str user)
{
	const struct answer_withdrawal key = {.user = user};
	return answer->n == 0 ? NULL
			      : bsearch(&key, answer->users, answer->n,
					sizeof *answer->users, compare_users);
}
