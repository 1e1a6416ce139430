/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/requests.h"

#include "mim/strict.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool read_user(struct strict *s, enum json_event e, struct str *out)
{
	return strict_text(s, e, 1, REQUESTS_USER_MAX, out);
}

static bool read_protocol(struct strict *s, enum json_event e, bool *pop3)
{
	struct str text;
	if (!strict_text(s, e, 1, 16, &text))
		return false;
	*pop3 = str_eqz(text, "pop3");
	return *pop3 || str_eqz(text, "imap") ||
	       strict_error(s, ERROR_BAD_VALUE, "must be imap or pop3");
}

/* hello */

static bool hello_user(struct strict *s, enum json_event e, void *out)
{
	struct hello_request *h = out;
	return read_user(s, e, &h->user);
}

static bool hello_protocol(struct strict *s, enum json_event e, void *out)
{
	struct hello_request *h = out;
	return read_protocol(s, e, &h->pop3);
}

bool hello_request_parse(struct str json, struct arena *a, struct hello_request *out,
			 struct error *err)
{
	static const struct strict_field fields[] = {
		{"user", hello_user, true},
		{"protocol", hello_protocol, true},
	};
	*out = (struct hello_request){.pop3 = false};
	return strict_document(json, a, fields, COUNT(fields), out, err);
}

/* events */

static bool event_user(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	return read_user(s, e, &u->user);
}

static bool event_instance(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	return strict_hex(s, e, u->event.instance.b, ID_LEN);
}

static bool event_type(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	struct str text;
	if (!strict_text(s, e, 1, 32, &text))
		return false;
	u->event.type = (enum wire_event_type)wire_event_of(text);
	return (unsigned)u->event.type != 0 ||
	       strict_error(s, ERROR_BAD_VALUE, "is no type of event");
}

static bool event_at(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	return strict_time(s, e, &u->event.at_ms);
}

static bool event_seen(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	return strict_bool(s, e, &u->event.seen);
}

static bool event_cause(struct strict *s, enum json_event e, void *out)
{
	struct user_event *u = out;
	struct str text;
	if (!strict_text(s, e, 1, 32, &text))
		return false;
	u->event.cause = (enum wire_cause)wire_cause_of(text);
	return u->event.cause != WIRE_CAUSE_NONE ||
	       strict_error(s, ERROR_BAD_VALUE, "is no cause of an event");
}

/* The type of event that a cause belongs to; 0 for none. */
static unsigned type_of_cause(enum wire_cause cause)
{
	switch (cause) {
#define X(name, number, text, event)                                                   \
	case WIRE_CAUSE_##name:                                                        \
		return WIRE_EVENT_##event;
		WIRE_CAUSES(X)
#undef X
	case WIRE_CAUSE_NONE:
		break;
	}
	return 0;
}

static bool read_event(struct strict *s, enum json_event e, void *out)
{
	static const struct strict_field fields[] = {
		{"user", event_user, false}, {"instance", event_instance, true},
		{"type", event_type, true},  {"at", event_at, true},
		{"seen", event_seen, false}, {"cause", event_cause, false},
	};
	struct user_event *u = out;
	if (!strict_object(s, e, fields, COUNT(fields), out))
		return false;
	return u->event.cause == WIRE_CAUSE_NONE ||
	       type_of_cause(u->event.cause) == (unsigned)u->event.type ||
	       strict_error(s, ERROR_BAD_VALUE, "its cause belongs to another type");
}

static bool events_list(struct strict *s, enum json_event e, void *out)
{
	struct events_request *r = out;
	void *items;
	if (!strict_array(s, e, REQUESTS_EVENTS_MAX, sizeof *r->events, read_event,
			  &items, &r->n))
		return false;
	r->events = items;
	for (size_t i = 0; i < r->n; i++)
		if (r->events[i].user.p == NULL)
			return strict_error(s, ERROR_BAD_VALUE,
					    "has an entry without user");
	return true;
}

bool events_request_parse(struct str json, struct arena *a, struct events_request *out,
			  struct error *err)
{
	static const struct strict_field fields[] = {{"events", events_list, true}};
	*out = (struct events_request){.n = 0};
	return strict_document(json, a, fields, COUNT(fields), out, err);
}

/* decisions */

static bool present_guid(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	return strict_hex(s, e, m->guid.b, ID_LEN);
}

static bool present_uid(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	return strict_u32(s, e, 1, &m->uid);
}

static bool present_seen(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	return strict_bool(s, e, &m->seen);
}

static bool present_newer(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	return strict_u32(s, e, 0, &m->newer);
}

static bool present_proof(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	return strict_text(s, e, 0, REQUESTS_PROOF_MAX, &m->proof);
}

static bool present_instance(struct strict *s, enum json_event e, void *out)
{
	struct present_message *m = out;
	m->confirmed = true;
	return strict_hex(s, e, m->instance.b, ID_LEN);
}

static bool read_present(struct strict *s, enum json_event e, void *out)
{
	static const struct strict_field fields[] = {
		{"guid", present_guid, true},    {"uid", present_uid, true},
		{"seen", present_seen, true},    {"newer", present_newer, true},
		{"proof", present_proof, false}, {"instance", present_instance, false},
	};
	return strict_object(s, e, fields, COUNT(fields), out);
}

static bool decision_node(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return strict_text(s, e, 1, REQUESTS_NODE_MAX, &d->mailbox.node);
}

static bool decision_user(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return read_user(s, e, &d->user);
}

static bool decision_protocol(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return read_protocol(s, e, &d->mailbox.pop3);
}

static bool decision_uidvalidity(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return strict_u32(s, e, 0, &d->mailbox.uidvalidity);
}

static bool decision_uidnext(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return strict_u32(s, e, 0, &d->mailbox.uidnext);
}

static bool decision_complete(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return strict_bool(s, e, &d->mailbox.complete);
}

static bool decision_present(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	void *items;
	if (!strict_array(s, e, REQUESTS_PRESENT_MAX, sizeof(struct present_message),
			  read_present, &items, &d->mailbox.n_present))
		return false;
	d->mailbox.present = items;
	return true;
}

static bool decision_events(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	void *items;
	if (!strict_array(s, e, REQUESTS_EVENTS_MAX, sizeof *d->events, read_event,
			  &items, &d->n_events))
		return false;
	d->events = items;
	return true;
}

static bool decision_early(struct strict *s, enum json_event e, void *out)
{
	struct decision_request *d = out;
	return strict_bool(s, e, &d->early);
}

bool decision_request_parse(struct str json, struct arena *a,
			    struct decision_request *out, struct error *err)
{
	static const struct strict_field fields[] = {
		{"node", decision_node, true},
		{"user", decision_user, true},
		{"protocol", decision_protocol, true},
		{"uidValidity", decision_uidvalidity, true},
		{"uidNext", decision_uidnext, true},
		{"complete", decision_complete, true},
		{"present", decision_present, true},
		{"events", decision_events, true},
		{"early", decision_early, false},
	};
	*out = (struct decision_request){.early = false};
	if (!strict_document(json, a, fields, COUNT(fields), out, err))
		return false;
	for (size_t i = 0; i < out->n_events; i++)
		if (out->events[i].user.p != NULL &&
		    !str_eq(out->events[i].user, out->user))
			return error_set(err, ERROR_BAD_VALUE, "/events",
					 "has an event of another user");
	return true;
}

/* withdrawals */

static bool withdrawals_user(struct strict *s, enum json_event e, void *out)
{
	return read_user(s, e, out);
}

static bool withdrawals_users(struct strict *s, enum json_event e, void *out)
{
	struct withdrawals_request *r = out;
	void *items;
	if (!strict_array(s, e, REQUESTS_USERS_MAX, sizeof *r->users, withdrawals_user,
			  &items, &r->n))
		return false;
	r->users = items;
	return true;
}

bool withdrawals_request_parse(struct str json, struct arena *a,
			       struct withdrawals_request *out, struct error *err)
{
	static const struct strict_field fields[] = {
		{"users", withdrawals_users, true}};
	*out = (struct withdrawals_request){.n = 0};
	return strict_document(json, a, fields, COUNT(fields), out, err);
}
