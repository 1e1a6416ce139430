/* SPDX-License-Identifier: Apache-2.0 */
/* How agents with open sessions hear of recalls: they wait for news, and then ask what
 * is to be taken back from the users who are there (contracts.md §3). */
#include "base/clock.h"
#include "mim/answers.h"
#include "mim/feed.h"
#include "mim/handlers.h"
#include "mim/requests.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#define WAIT_DEFAULT_S 20
#define WAIT_MAX_S (ROUTE_WAIT_MS / 1000)
/* Of one user; the rest follows at the next opening. */
#define WITHDRAWALS_MAX 32

/* News ---------------------------------------------------------------------------*/

static void recalls(struct request *q)
{
	struct str text = request_query(q, "wait");
	struct str since = request_query(q, "since");
	uint64_t wait_s = WAIT_DEFAULT_S;
	if (text.p != NULL && (!str_to_u64(text, WAIT_MAX_S, &wait_s) || wait_s == 0)) {
		request_fail_with(q, ERROR_USAGE, "",
				  "the query's wait must be a number of seconds from 1 "
				  "to %d",
				  WAIT_MAX_S);
		return;
	}
	feed_ask(q->tenant->feed, q, since,
		 clock_mono_us() + (int64_t)wait_s * CLOCK_SECOND * 1000);
}

/* Withdrawals --------------------------------------------------------------------*/

struct users {
	struct request *q;
	const struct snapshot *snapshot;
	struct arena *arena; /* of one user */
	struct json_writer w;
};

static bool put_user(struct users *u, struct str name, struct error *err)
{
	const struct tenant *t = u->snapshot->tenant;
	struct action actions[WITHDRAWALS_MAX];
	struct user_record record = {.known = false};
	arena_reset(u->arena);
	struct str key = user_key_from_name(u->arena, name, t->hashed_email_addresses,
					    t->secret_key);
	if (key.p == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a user");
	if (!sync_user_read(u->q->tenant->db, key, NULL, 0, u->arena, &record, err))
		return false;
	record.profile.user = key;
	size_t n = decision_withdrawals(u->snapshot, &record, u->q->now_ms, actions,
					WITHDRAWALS_MAX);
	if (n > 0)
		answer_withdrawals_of(&u->w, name, actions, n);
	return true;
}

static bool put_users(struct users *u, const struct withdrawals_request *r,
		      struct error *err)
{
	json_writer_init(&u->w, &u->q->out);
	answer_withdrawals_begin(&u->w);
	for (size_t i = 0; i < r->n; i++)
		if (!put_user(u, r->users[i], err))
			return false;
	answer_withdrawals_end(&u->w);
	return true;
}

static void withdrawals(struct request *q)
{
	struct error err;
	struct withdrawals_request r;
	struct users u = {.q = q, .arena = arena_new(USER_ARENA_MAX)};
	struct snapshot *s = tenant_runtime_snapshot(q->tenant);
	u.snapshot = s;
	bool ok = false;
	if (u.arena == NULL)
		error_set(&err, ERROR_MEMORY, "", "no memory for a request");
	else if (s == NULL)
		error_set(&err, ERROR_UNAVAILABLE, "",
			  "the tenant's campaigns are not loaded yet");
	else
		ok = withdrawals_request_parse(q->body, q->arena, &r, &err) &&
		     put_users(&u, &r, &err);
	arena_free(u.arena);
	snapshot_release(s);
	if (ok)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

#define PREFIX "/api/tenants/{tenantId}/dovecot"
static const struct route rows[] = {
	{"GET", PREFIX "/recalls", ROUTE_DOVECOT, ROUTE_WAITS, recalls, 0},
	{"POST", PREFIX "/withdrawals", ROUTE_DOVECOT, ROUTE_BLOCKING, withdrawals,
	 2 * ROUTE_MAX_BODY},
};
const struct route_table recall_routes = ROUTE_TABLE(rows);
