/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-session.h"

#include "inlay-ask.h"
#include "inlay-clock.h"
#include "inlay-later.h"
#include "inlay-news.h"
#include "inlay-see.h"
#include "inlay-trigger.h"
#include "inlay-work.h"

/* Who has no agent waits so much longer for the lock at logout, when the connection is
 * closed: what it knows it can tell in no other way. */
#define NOBODY_MS 2000

static bool protocol_is_wanted(const struct mail_user *user,
			       const struct inlay_settings *set)
{
	if (strcmp(user->service, "imap") == 0)
		return TRUE;
	return strcmp(user->service, "pop3") == 0 &&
	       (set->triggers & INLAY_TRIGGER_POP3) != 0;
}

struct inlay_session *inlay_session_new(struct mail_user *user)
{
	struct inlay_settings set;
	const char *error;

	if (user->autocreated || user->anonymous ||
	    (user->auth_user != NULL && strcmp(user->auth_user, user->username) != 0))
		return NULL;
	if (strcmp(user->service, "imap") != 0 && strcmp(user->service, "pop3") != 0)
		return NULL;
	if (!inlay_settings_read(user, &set, &error)) {
		e_error(user->event, "inlay: %s: nothing is done", error);
		return NULL;
	}
	if (!protocol_is_wanted(user, &set) ||
	    inlay_settings_excludes(set.exclude, user->username,
				    inlay_setting(user, "acl_groups"),
				    user->conn.remote_ip))
		return NULL;

	struct inlay_session *session = p_new(user->pool, struct inlay_session, 1);
	session->user = user;
	session->set = set;
	session->event = event_create(user->event);
	event_set_append_log_prefix(session->event, "inlay: ");
	/* with several users in one process nobody waits for one of them */
	session->budget = master_service_get_client_limit(master_service) > 1
				  ? 0
				  : (int64_t)set.deadline;
	session->actions_tail = &session->actions;
	session->all_acked = TRUE;
	i_array_init(&session->acked, 4);
	i_array_init(&session->own, 4);
	return session;
}

void inlay_session_greet(struct inlay_session *session)
{
	inlay_ask_hello(session);
}

void inlay_session_error(struct inlay_session *session, const char *error)
{
	e_error(session->event, "%s", error);
}

/* Another session may have found out since why it is gone: that was not told yet. */
static bool is_of_before(const struct inlay_event *event,
			 const struct inlay_record *record)
{
	return event->type == WIRE_EVENT_GONE && event->cause != record->cause;
}

/* Notes acknowledgements in the ledger. Without the lock they stay for later; what
 * is never noted is told once more, which MIM counts once. */
static void note_acknowledged(struct inlay_session *session)
{
	struct inlay_desk desk;
	const struct inlay_event *event;
	const char *error;

	if (array_count(&session->acked) == 0 || session->paths.ledger == NULL)
		return;
	int ret = inlay_desk_open(&desk, &session->paths, &error);
	if (ret < 0)
		inlay_session_error(session, error);
	if (ret <= 0)
		return;
	array_foreach (&session->acked, event) {
		struct inlay_record *old =
			inlay_ledger_by_instance(&desk.ledger, event->instance);
		uint8_t bit = (uint8_t)(1u << event->type);
		if (old == NULL || (old->acked & bit) != 0 || is_of_before(event, old))
			continue;
		struct inlay_record record = *old;
		record.acked |= bit;
		if (inlay_desk_write(&desk, &record, &error) < 0) {
			inlay_session_error(session, error);
			break;
		}
	}
	inlay_desk_close(&desk);
	array_clear(&session->acked);
}

void inlay_session_free(struct inlay_session **_session)
{
	struct inlay_session *session = *_session;

	/* with several users in one process nobody waits for one of them */
	bool waits = master_service_get_client_limit(master_service) == 1;
	int64_t deadline =
		inlay_clock_monotonic() + (waits ? (int64_t)session->set.deadline : 0);

	*_session = NULL;
	session->busy = TRUE;
	inlay_work_give_back(session);
	inlay_news_last(session, waits && !inlay_link_is_up(session->link)
					 ? deadline + NOBODY_MS
					 : deadline);
	if (inlay_link_is_up(session->link) && !session->all_acked)
		inlay_ask_last_acks(session, deadline);
	note_acknowledged(session);
	while (session->actions != NULL)
		inlay_action_remove(session, session->actions);
	inlay_link_close(&session->link);
	inlay_later_free(session);
	array_free(&session->acked);
	array_free(&session->own);
	event_unref(&session->event);
}

/* A link that dies while something is sent wakes nobody. */
static void check_link(struct inlay_session *session)
{
	if (session->link != NULL && !inlay_link_is_up(session->link))
		inlay_ask_lost(session);
}

void inlay_session_synced(struct inlay_session *session, struct mailbox *box)
{
	if (session->busy || session->paths.ledger == NULL)
		return;
	session->busy = TRUE;
	T_BEGIN
	{
		inlay_see_changes(session, box);
		note_acknowledged(session);
	}
	T_END;
	if (session->untold)
		inlay_later(session);
	check_link(session);
	session->busy = FALSE;
}

/* IDLE is a trigger that lasts: what is new need not wait for the next command. */
static bool is_idling(struct inlay_session *session)
{
	return session->selected != NULL &&
	       inlay_trigger_is_wanted(&session->set, session->selected,
				       INLAY_TRIGGER_IDLE) &&
	       inlay_trigger_now(session->selected, 0) == INLAY_TRIGGER_IDLE;
}

/* READY said that there may be a message, and nobody has asked since. */
static bool may_get_something(const struct inlay_session *session)
{
	return session->ready && session->ready_open && !session->opened;
}

/* READY has come before the first trigger, and says that there may be a message: what
 * saving it needs can be made ready while nobody waits. */
static bool must_prepare(const struct inlay_session *session)
{
	return may_get_something(session) && !session->waited && session->budget > 0 &&
	       session->selected == NULL && session->paths.ledger == NULL;
}

/* What is to go must not wait for a command: while a slow reader is sent a message, or
 * another has the lock, it is tried again. */
static void try_later(struct inlay_session *session, bool possible)
{
	if (session->untold)
		inlay_later(session);
	else if (possible)
		inlay_later_done(session);
	else if (inlay_work_is_there(session, TRUE))
		inlay_later(session);
}

/* IDLE has begun, and only now an agent says that there is something. */
static bool wants_to_ask_idling(const struct inlay_session *session)
{
	return session->again || may_get_something(session);
}

/* True if something was carried out. */
static bool work_unasked(struct inlay_session *session)
{
	bool idling = is_idling(session), possible = TRUE, had_actions;

	if (inlay_trigger_is_blocked(session->user)) {
		try_later(session, FALSE);
		return FALSE;
	}
	inlay_news_again(session);
	if (must_prepare(session))
		inlay_work_prepare(session);
	if (idling && wants_to_ask_idling(session))
		inlay_ask(session, session->selected);
	had_actions = session->actions != NULL && inlay_work_find_paths(session);
	if (had_actions)
		possible = inlay_work(session, !idling || session->outstanding);
	try_later(session, possible);
	note_acknowledged(session);
	check_link(session);
	return had_actions && possible;
}

/* Whoever is in IDLE hears of it at once. inotify would say it half a second later, or,
 * where a mail user's processes have used up its instances, half a minute. */
static void tell_idling(struct inlay_session *session)
{
	struct mailbox *box = session->selected;

	if (box != NULL && box->notify_callback != NULL)
		box->notify_callback(box, box->notify_context);
}

void inlay_session_work(struct inlay_session *session)
{
	/* a trigger that is under way sees to it itself */
	if (session->busy || session->user->deinitializing)
		return;
	bool has_changed;
	session->busy = TRUE;
	T_BEGIN
	{
		has_changed = work_unasked(session);
	}
	T_END;
	session->busy = FALSE;
	if (has_changed)
		tell_idling(session);
}

void inlay_session_trigger(struct inlay_session *session, struct mailbox *box,
			   bool *loaded)
{
	if (session->busy || inlay_trigger_is_blocked(session->user))
		return;
	if (session->paths.ledger == NULL &&
	    !inlay_paths_find(box, session->user->pool, &session->paths))
		return;
	session->busy = TRUE;
	if (!*loaded) {
		inlay_see_load(session, box);
		*loaded = TRUE;
	}
	inlay_ask(session, box);
	session->waited = TRUE;
	try_later(session, inlay_work(session, session->outstanding));
	note_acknowledged(session);
	check_link(session);
	session->busy = FALSE;
}

void inlay_session_wake(void *context)
{
	struct inlay_session *session = context;

	if (!inlay_link_is_up(session->link)) {
		inlay_ask_lost(session);
		return;
	}
	inlay_session_work(session);
}

void inlay_session_expunging(struct inlay_session *session, uint32_t uid)
{
	struct inlay_own *own = inlay_session_own_uid(session, uid);
	if (own != NULL && !session->busy)
		own->expunged = TRUE;
}

void inlay_session_copied(struct inlay_session *session, uint32_t uid)
{
	struct inlay_own *own = inlay_session_own_uid(session, uid);
	if (own != NULL && !session->busy)
		own->copied = TRUE;
}

void inlay_session_retrieved(struct inlay_session *session, uint32_t uid)
{
	struct inlay_own *own = inlay_session_own_uid(session, uid);
	if (own != NULL && !session->busy)
		own->retrieved = TRUE;
}

void inlay_session_tell(struct inlay_session *session, const char *instance,
			const char *guid, uint8_t type, bool seen, uint8_t cause)
{
	uint64_t before = session->events.last;
	const struct inlay_event *event =
		inlay_events_add(&session->events, instance, guid, type, seen, cause,
				 inlay_clock_wall());
	if (event == NULL || session->events.last == before)
		return;
	session->all_acked = FALSE;
	inlay_ask_send_event(session, event);
}

struct inlay_own *inlay_session_own(struct inlay_session *session, unsigned int i)
{
	return array_idx_modifiable(&session->own, i);
}

struct inlay_own *inlay_session_own_add(struct inlay_session *session,
					const struct inlay_record *record)
{
	struct inlay_own own = {.uid = record->uid};

	memcpy(own.guid, record->guid, sizeof(own.guid));
	memcpy(own.instance, record->instance, sizeof(own.instance));
	array_push_back(&session->own, &own);
	return inlay_session_own(session, array_count(&session->own) - 1);
}

void inlay_session_own_remove(struct inlay_session *session,
			      const struct inlay_own *own)
{
	array_delete(&session->own, (unsigned int)(own - array_front(&session->own)),
		     1);
}

bool inlay_session_has_unconfirmed(const struct inlay_session *session)
{
	const struct inlay_own *own;
	array_foreach (&session->own, own) {
		if (*own->instance == '\0')
			return TRUE;
	}
	return FALSE;
}

struct inlay_own *inlay_session_own_uid(struct inlay_session *session, uint32_t uid)
{
	struct inlay_own *own;
	array_foreach_modifiable (&session->own, own) {
		if (own->uid == uid)
			return own;
	}
	return NULL;
}

struct inlay_own *inlay_session_own_guid(struct inlay_session *session,
					 const char *guid)
{
	struct inlay_own *own;
	array_foreach_modifiable (&session->own, own) {
		if (strcmp(own->guid, guid) == 0)
			return own;
	}
	return NULL;
}

void inlay_action_remove(struct inlay_session *session, struct inlay_action *action)
{
	struct inlay_action **at = &session->actions;
	while (*at != action)
		at = &(*at)->next;
	*at = action->next;
	if (action->next == NULL)
		session->actions_tail = at;
	session->action_count--;
	i_free(action->message);
	i_free(action);
}
