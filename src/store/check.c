/* SPDX-License-Identifier: Apache-2.0 */
#include "store/check.h"

#include "store/store-internal.h"

#include <stdio.h>

bool check_user_key(struct str user_key, struct error *err)
{
	if (user_key.n >= 1 && user_key.n <= STORE_USER_KEY_MAX)
		return true;
	return error_set(err, ERROR_BAD_VALUE, "/user", "a user key has 1 to %d bytes",
			 STORE_USER_KEY_MAX);
}

bool check_name(struct str name, const char *what, struct error *err)
{
	if (name.n >= 1 && name.n <= STORE_NAME_MAX &&
	    memchr(name.p, '\0', name.n) == NULL)
		return true;
	return error_set(err, ERROR_BAD_VALUE, "", "a %s has 1 to %d bytes, none NUL",
			 what, STORE_NAME_MAX);
}

bool check_time(int64_t ms, struct error *err)
{
	if (ms >= 0 && ms <= CLOCK_MAX_MS)
		return true;
	return error_set(err, ERROR_BAD_VALUE, "",
			 "a time lies outside the years 1970 to 9999");
}

bool check_document_id(enum store_collection c, struct str id, struct error *err)
{
	if ((unsigned)c >= STORE_COLLECTIONS_COUNT)
		return error_set(err, ERROR_BAD_VALUE, "", "no such collection");
	if (id.n >= 1 && id.n <= STORE_ID_MAX)
		return true;
	return error_set(err, ERROR_BAD_VALUE, "/id",
			 "a document's id has 1 to %d bytes", STORE_ID_MAX);
}

bool check_document_range(enum store_collection c, struct str prefix, struct str after,
			  struct error *err)
{
	if ((unsigned)c >= STORE_COLLECTIONS_COUNT)
		return error_set(err, ERROR_BAD_VALUE, "", "no such collection");
	if (prefix.n > STORE_ID_MAX || after.n > STORE_ID_MAX)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "a document's id has at most %d bytes", STORE_ID_MAX);
	return true;
}

bool check_document(enum store_collection c, struct str id, struct str body,
		    struct error *err)
{
	if (body.n > STORE_DOCUMENT_MAX)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "a document is over %d bytes", STORE_DOCUMENT_MAX);
	return check_document_id(c, id, err);
}

bool check_loads(const uint64_t *loads, size_t n, struct error *err)
{
	for (size_t i = 1; i < n; i++)
		if (loads[i - 1] >= loads[i])
			return error_set(err, ERROR_BAD_VALUE, "",
					 "loads must be given in ascending order");
	return true;
}

/* "/12": which of a list it was. */
static bool at_item(struct error *err, size_t i, enum error_kind kind, const char *what)
{
	char where[32];
	snprintf(where, sizeof where, "/%zu", i);
	return error_set(err, kind, where, "%s", what);
}

bool check_rows(const struct store_row *rows, size_t n, struct error *err)
{
	if (n > STORE_ROWS_MAX)
		return error_set(err, ERROR_TOO_LARGE, "", "over %d rows in one call",
				 STORE_ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].n_values > STORE_VALUES_MAX)
			return at_item(err, i, ERROR_TOO_LARGE,
				       "a recipient row has too many values");
		size_t bytes = 0;
		for (size_t j = 0; j < rows[i].n_values; j++)
			bytes += rows[i].values[j].n;
		if (bytes > USER_MAX_PARTITION)
			return at_item(err, i, ERROR_TOO_LARGE,
				       "a recipient row is too large");
		if (i > 0 && memcmp(rows[i - 1].sort_key, rows[i].sort_key,
				    sizeof rows[i].sort_key) >= 0)
			return at_item(err, i, ERROR_BAD_VALUE,
				       "rows must ascend by their sort key");
	}
	return true;
}

static bool check_identity(struct str s, const char *where, struct error *err)
{
	if (s.p == NULL || (s.n >= 1 && s.n <= STORE_USER_KEY_MAX))
		return true;
	return error_set(err, ERROR_BAD_VALUE, where, "an identity has 1 to %d bytes",
			 STORE_USER_KEY_MAX);
}

bool check_profile(struct str user_key, const struct user_profile *p, struct error *err)
{
	if (!str_eq(user_key, p->user))
		return error_set(err, ERROR_BAD_VALUE, "/user",
				 "the profile is another user's");
	if (p->n_aliases > USER_MAX_IDENTITIES)
		return error_set(err, ERROR_TOO_LARGE, "/aliases", "over %d aliases",
				 USER_MAX_IDENTITIES);
	if (p->n_attributes > USER_MAX_ATTRIBUTES)
		return error_set(err, ERROR_TOO_LARGE, "/attributes",
				 "over %d attributes", USER_MAX_ATTRIBUTES);
	if (p->n_consents > USER_MAX_CONSENTS)
		return error_set(err, ERROR_TOO_LARGE, "/consents", "over %d consents",
				 USER_MAX_CONSENTS);
	if (p->n_opt_outs > USER_MAX_CONSENTS)
		return error_set(err, ERROR_TOO_LARGE, "/optOuts", "over %d opt-outs",
				 USER_MAX_CONSENTS);
	for (size_t i = 0; i < p->n_aliases; i++)
		if (p->aliases[i].p == NULL ||
		    !check_identity(p->aliases[i], "/aliases", err))
			return error_set(err, ERROR_BAD_VALUE, "/aliases",
					 "an alias has 1 to %d bytes",
					 STORE_USER_KEY_MAX);
	return check_identity(p->user_id, "/userId", err) &&
	       check_identity(p->email, "/email", err);
}

static bool check_assignment(const struct assignment *a, struct error *err)
{
	if ((unsigned)a->state >= ASSIGNMENT_STATES_COUNT ||
	    (unsigned)a->cause > UINT8_MAX)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "an assignment's state is unknown");
	if (a->variant.n > STORE_NAME_MAX || a->node.n > STORE_NODE_MAX)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "a variant's id or a node's name is too long");
	return check_name(a->campaign, "campaign", err) &&
	       check_time(a->assigned_ms, err) && check_time(a->injected_ms, err) &&
	       check_time(a->read_ms, err) && check_time(a->ended_ms, err);
}

bool check_change(struct str user_key, const struct store_user_change *c,
		  struct error *err)
{
	if (c->n_assignments > USER_MAX_ASSIGNMENTS || c->n_forget > STORE_CHANGE_MAX ||
	    c->n_events > STORE_CHANGE_MAX || c->n_outbox > STORE_CHANGE_MAX ||
	    c->n_due > STORE_CHANGE_MAX || c->n_due_done > STORE_CHANGE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "", "too much in one change");
	for (size_t i = 0; i < c->n_assignments; i++)
		if (!check_assignment(&c->assignments[i], err))
			return false;
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		if ((unsigned)e->statistic >= STATISTICS_COUNT)
			return error_set(err, ERROR_BAD_VALUE, "",
					 "an event's statistic is unknown");
		if (!check_name(e->campaign, "campaign", err) ||
		    !check_time(e->assigned_ms, err) || !check_time(e->at_ms, err))
			return false;
	}
	for (size_t i = 0; i < c->n_outbox; i++) {
		const struct store_outbox_row *o = &c->outbox[i];
		if (!check_name(o->point, "conversion point", err) ||
		    !check_name(o->event_type, "type of event", err) ||
		    !check_name(o->campaign, "campaign", err) ||
		    !check_time(o->at_ms, err))
			return false;
	}
	for (size_t i = 0; i < c->n_due; i++)
		if (!check_time(c->due[i].due_ms, err))
			return false;
	for (size_t i = 0; i < c->n_due_done; i++)
		if (!check_time(c->due_done[i].due_ms, err))
			return false;
	return c->profile == NULL || check_profile(user_key, c->profile, err);
}

bool check_resume(struct str resume, struct error *err)
{
	if (resume.p == NULL || (resume.n >= 1 && resume.n <= 64))
		return true;
	return error_set(err, ERROR_BAD_VALUE, "/after", "not a place in this list");
}

bool check_outcomes(const struct store_outcome *outcomes, size_t n, struct error *err)
{
	if (n > STORE_SETTLE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "", "over %d rows in one call",
				 STORE_SETTLE_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct store_outcome *o = &outcomes[i];
		if ((unsigned)o->fate > STORE_FATE_DEAD || o->error.n > STORE_ERROR_MAX)
			return at_item(err, i, ERROR_BAD_VALUE,
				       "an outcome is unknown or its error too long");
		if (!check_time(o->due_ms, err) || !check_time(o->next_ms, err))
			return false;
	}
	return true;
}

bool check_point_state(const struct store_point_state *s, struct error *err)
{
	if (s->error.n > STORE_ERROR_MAX)
		return error_set(err, ERROR_BAD_VALUE, "", "an error is too long");
	return check_time(s->failing_since_ms, err) && check_time(s->next_ms, err) &&
	       check_time(s->sent_ms, err) && check_time(s->error_ms, err);
}
