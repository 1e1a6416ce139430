/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-act.h"

#include "inlay-clock.h"
#include "inlay-date.h"
#include "inlay-quota.h"
#include "inlay-rank.h"
#include "inlay-save.h"

bool inlay_act_is_late(const struct inlay_action *action)
{
	return inlay_clock_boot() > action->valid_until;
}

/* A copy that is to go is not put in anew either. */
bool inlay_act_is_withdrawn(const struct inlay_action *action)
{
	const struct inlay_action *other = action->next;
	while (other != NULL && (other->type != WIRE_WITHDRAW ||
				 (strcmp(other->guid, action->guid) != 0 &&
				  strcmp(other->guid, action->replaces) != 0)))
		other = other->next;
	return other != NULL;
}

void inlay_act_refuse(struct inlay_session *session, const struct inlay_action *action,
		      uint8_t cause)
{
	struct event_passthrough *e =
		event_create_passthrough(session->event)
			->set_name("inlay_refused")
			->add_str("instance", action->instance)
			->add_str("cause", wire_cause_name(cause));
	e_debug(e->event(), "Not saved: %s", wire_cause_name(cause));
	inlay_session_tell(session, action->instance, action->guid, WIRE_EVENT_REFUSED,
			   FALSE, cause);
}

static void write_record(struct inlay_work *work, struct inlay_record *record)
{
	const char *error;
	if (inlay_desk_write(&work->desk, record, &error) < 0)
		inlay_session_error(work->session, error);
}

/* What has to be said of a save that failed. */
static void write_durably(struct inlay_work *work, struct inlay_record *record)
{
	const char *error;
	if (inlay_desk_write(&work->desk, record, &error) < 0 ||
	    inlay_desk_settle(&work->desk, &error) < 0)
		inlay_session_error(work->session, error);
}

static int sync_again(struct inlay_work *work)
{
	if (mailbox_sync(work->box, 0) == 0)
		return 0;
	inlay_session_error(
		work->session,
		t_strdup_printf("INBOX cannot be synchronised: %s",
				mailbox_get_last_internal_error(work->box, NULL)));
	return -1;
}

/* It was saved once: tells what the ledger says of it. */
static void tell_again(struct inlay_session *session, const struct inlay_record *record)
{
	for (uint8_t type = WIRE_EVENT_INJECTED; type <= WIRE_EVENT_UNCERTAIN; type++)
		if ((record->due >> type & 1) != 0)
			inlay_session_tell(session, record->instance, record->guid,
					   type, record->seen,
					   type == WIRE_EVENT_GONE ? record->cause
								   : WIRE_CAUSE_NONE);
}

/* The message is in the mailbox: ledger, index and agent learn of it. */
static void saved(struct inlay_work *work, struct inlay_record *record, uint32_t uid)
{
	struct inlay_session *session = work->session;
	uint8_t type = record->again ? WIRE_EVENT_REINJECTED : WIRE_EVENT_INJECTED;

	record->state = INLAY_STATE_SAVED;
	record->uid = uid;
	record->uid_validity = mail_index_get_header(work->box->view)->uid_validity;
	record->due |= (uint8_t)(1u << type);
	/* not durable: the prepared record is, and the message can be found */
	write_record(work, record);
	if (uid != 0 && inlay_session_own_guid(session, record->guid) == NULL)
		(void)inlay_session_own_add(session, record);
	inlay_session_tell(session, record->instance, record->guid, type, FALSE,
			   WIRE_CAUSE_NONE);
}

static void record_of(const struct inlay_action *action, struct inlay_record *record_r)
{
	i_zero(record_r);
	memcpy(record_r->instance, action->instance, sizeof(record_r->instance));
	memcpy(record_r->guid, action->guid, sizeof(record_r->guid));
	record_r->again = action->type == WIRE_REINJECT;
}

static void save_error(struct inlay_work *work)
{
	inlay_session_error(
		work->session,
		t_strdup_printf("a message cannot be saved: %s",
				mailbox_get_last_internal_error(work->box, NULL)));
}

static int commit(struct inlay_work *work, struct mailbox_transaction_context **t,
		  uint32_t *uid_r)
{
	if (inlay_save_commit(t, uid_r) == 0)
		return 0;
	save_error(work);
	return -1;
}

static time_t date_of(struct inlay_work *work, const struct inlay_action *action,
		      uint32_t replaced)
{
	time_t now = (time_t)(inlay_clock_wall() / 1000);

	if (action->position == WIRE_POSITION_RANK)
		return inlay_rank_date(work->box, action->rank, replaced, now);
	return inlay_date_of(action->position, action->date, now);
}

/* Announced in the ledger, saved but for the commit, and the ledger on the disk: the
 * message's own sync takes the ledger's record along. NULL: said in the log. */
static struct mailbox_transaction_context *save_announced(
	struct inlay_work *work, const struct inlay_action *action,
	struct inlay_record *record)
{
	struct inlay_session *session = work->session;
	const char *error;

	if (inlay_desk_announce(&work->desk, record, &error) < 0) {
		inlay_session_error(session, error);
		return NULL;
	}
	time_t date = date_of(work, action, record->again ? record->uid : 0);
	inlay_date_write(action->message, action->size, action->date_offset,
			 action->date_offset_count, date);
	struct mailbox_transaction_context *t =
		inlay_save(work->box, action->guid, action->message, action->size, date,
			   session->set.notify);
	if (t == NULL) {
		save_error(work);
	} else if (inlay_desk_settle(&work->desk, &error) < 0) {
		inlay_session_error(session, error);
		mailbox_transaction_rollback(&t);
	}
	return t;
}

/* Of a message that is to go: the ledger's record, or one made from what the session
 * knows. False: nobody has confirmed it as ours. */
static bool withdrawn_record(struct inlay_work *work, const char *guid,
			     struct inlay_record *record_r)
{
	const struct inlay_record *old = inlay_ledger_by_guid(&work->desk.ledger, guid);
	const struct inlay_own *own = inlay_session_own_guid(work->session, guid);

	if (old != NULL) {
		*record_r = *old;
		return TRUE;
	}
	if (own == NULL || *own->instance == '\0')
		return FALSE;
	i_zero(record_r);
	memcpy(record_r->guid, own->guid, sizeof(record_r->guid));
	memcpy(record_r->instance, own->instance, sizeof(record_r->instance));
	record_r->state = INLAY_STATE_SAVED;
	return TRUE;
}

/* The last look at its flags before it goes. */
static bool was_read(struct mailbox *box, uint32_t uid)
{
	uint32_t seq;
	if (!mail_index_lookup_seq(box->view, uid, &seq))
		return FALSE;
	return (mail_index_lookup(box->view, seq)->flags &
		(MAIL_SEEN | MAIL_DELETED)) == MAIL_SEEN;
}

void inlay_act_gone(struct inlay_work *work, struct inlay_record *record, uint8_t cause)
{
	struct inlay_session *session = work->session;
	struct inlay_own *own = inlay_session_own_guid(session, record->guid);
	bool told_read = (record->due & 1u << WIRE_EVENT_READ) != 0;

	record->state = INLAY_STATE_GONE;
	record->cause = cause;
	record->due |= 1u << WIRE_EVENT_GONE;
	if (record->seen)
		record->due |= 1u << WIRE_EVENT_READ;
	write_record(work, record);
	if (own != NULL)
		inlay_session_own_remove(session, own);
	if (record->seen && !told_read)
		inlay_session_tell(session, record->instance, record->guid,
				   WIRE_EVENT_READ, TRUE, WIRE_CAUSE_NONE);
	inlay_session_tell(session, record->instance, record->guid, WIRE_EVENT_GONE,
			   record->seen, cause);
}

/* The copy that a reinjection replaces goes; the next synchronisation shows it. */
static int take_out(struct inlay_work *work, uint32_t uid)
{
	struct inlay_session *session = work->session;

	if (inlay_expunge(work->box, uid, session->set.notify) == 0)
		return 0;
	/* there are two until MIM is asked, which has the older one withdrawn */
	inlay_session_error(session, t_strdup_printf("a message cannot be replaced: %s",
						     mailbox_get_last_internal_error(
							     work->box, NULL)));
	return -1;
}

static void replaced(struct inlay_work *work, struct inlay_record *record)
{
	(void)inlay_expunge_lazy(work->box, record->guid);
	inlay_act_gone(work, record, WIRE_CAUSE_REPLACED);
}

void inlay_act_replace(struct inlay_work *work, uint32_t uid)
{
	const struct inlay_own *own = inlay_session_own_uid(work->session, uid);
	struct inlay_record record;

	if (own == NULL || !own->is_there ||
	    !withdrawn_record(work, own->guid, &record))
		return;
	/* Read since somebody died: two are less harm than a loss. Both stay SAVED and
	 * MIM is told of both; what becomes of the older one is for its rule to say. */
	if (record.seen || was_read(work->box, uid))
		return;
	if (take_out(work, uid) == 0 && sync_again(work) == 0)
		replaced(work, &record);
}

static bool has_uncertain(const struct inlay_ledger *ledger)
{
	const struct inlay_record *record;
	array_foreach (&ledger->records, record) {
		if (record->state == INLAY_STATE_UNCERTAIN)
			return TRUE;
	}
	return FALSE;
}

/* The ledger's record is on the disk before the commit; whoever dies between leaves a
 * prepared record, by which the next one knows that it must look. With `old` a copy
 * goes in the same breath: saved first, so that nobody who dies leaves none, and one
 * synchronisation for both, which shows them as one. */
static void save(struct inlay_work *work, struct inlay_action *action,
		 struct inlay_record *old)
{
	struct inlay_session *session = work->session;
	struct inlay_record record;
	uint32_t uid, next_uid = mail_index_get_header(work->box->view)->next_uid;

	record_of(action, &record);
	record.state = INLAY_STATE_PREPARED;
	record.uid_validity = mail_index_get_header(work->box->view)->uid_validity;
	record.uid = old != NULL ? old->uid : next_uid;
	struct mailbox_transaction_context *t = save_announced(work, action, &record);
	if (t == NULL || commit(work, &t, &uid) < 0) {
		record.state = INLAY_STATE_VOID;
		record.uid = 0;
		write_durably(work, &record);
		inlay_act_refuse(session, action, WIRE_CAUSE_FAILED);
		/* sdbox builds its index anew when it meets the file of a save that was
		 * killed, which is a message then */
		if (has_uncertain(&work->desk.ledger))
			session->must_scan = session->differs = TRUE;
		return;
	}
	bool went = old != NULL && take_out(work, old->uid) == 0;
	if (sync_again(work) == 0 && uid == 0)
		(void)inlay_look_find(work->box, action->guid, next_uid - 1, &uid);
	saved(work, &record, uid);
	if (went)
		replaced(work, old);
	struct event_passthrough *e =
		event_create_passthrough(session->event)
			->set_name(old != NULL ? "inlay_reinjected" : "inlay_injected")
			->add_str("instance", action->instance)
			->add_int("uid", uid)
			->add_int("bytes", (intmax_t)action->size);
	e_debug(e->event(), "Injected instance %s as UID %u", action->instance, uid);
}

/* The copy to be replaced, as it is now: unread and ours, with its UID. False: it has
 * changed since MIM was told of it. */
static bool find_replaced(struct inlay_work *work, const char *guid,
			  struct inlay_record *old_r)
{
	uint32_t uid;

	if (!withdrawn_record(work, guid, old_r) ||
	    inlay_look_find(work->box, guid,
			    old_r->uid == 0 ? UINT32_MAX : old_r->uid - 1, &uid) < 0 ||
	    uid == 0 || was_read(work->box, uid))
		return FALSE;
	old_r->uid = uid;
	old_r->uid_validity = mail_index_get_header(work->box->view)->uid_validity;
	return TRUE;
}

static void inject(struct inlay_work *work, struct inlay_action *action)
{
	struct inlay_session *session = work->session;
	const struct inlay_record *old =
		inlay_ledger_by_instance(&work->desk.ledger, action->instance);
	struct inlay_record record, replaces;
	bool again = action->type == WIRE_REINJECT;
	uint32_t uid;

	if (action->position == WIRE_POSITION_RANK && action->rank > INLAY_RANK_MAX) {
		inlay_act_refuse(session, action, WIRE_CAUSE_INVALID);
		return;
	}
	if (old != NULL && old->state == INLAY_STATE_PREPARED) {
		/* somebody was killed since our look: the next OPEN resolves it */
		session->must_scan = session->differs = TRUE;
		return;
	}
	if (old != NULL && old->state != INLAY_STATE_VOID) {
		tell_again(session, old);
		return;
	}
	/* without ledger, but with its GUID: it is there */
	if (inlay_look_find(work->box, action->guid, UINT32_MAX, &uid) < 0) {
		inlay_act_refuse(session, action, WIRE_CAUSE_FAILED);
	} else if (uid != 0) {
		record_of(action, &record);
		saved(work, &record, uid);
	} else if (inlay_act_is_late(action) || inlay_act_is_withdrawn(action)) {
		inlay_act_refuse(session, action, WIRE_CAUSE_LATE);
	} else if (!inlay_quota_allows(work->box, &session->set, action->size)) {
		inlay_act_refuse(session, action, WIRE_CAUSE_QUOTA);
	} else if (again && !find_replaced(work, action->replaces, &replaces)) {
		inlay_act_refuse(session, action, WIRE_CAUSE_CHANGED);
	} else {
		save(work, action, again ? &replaces : NULL);
	}
}

/* What lies in the lazy mailbox was not taken back. */
static uint8_t withdrawn_as(const struct inlay_action *action, bool kept)
{
	if (action->cause == WIRE_WITHDRAW_REPLACED)
		return WIRE_CAUSE_REPLACED;
	return kept ? WIRE_CAUSE_MOVED : WIRE_CAUSE_WITHDRAWN;
}

/* It is to go unless it was read, and it was: whoever wants it back did not know. */
static void stays(struct inlay_work *work, struct inlay_record *record, uint32_t uid)
{
	const unsigned int bit = 1u << WIRE_EVENT_READ;
	bool told = (record->due & bit) != 0;
	bool announced = inlay_look_absence(record) != WIRE_CAUSE_UNKNOWN;

	if (told && !announced)
		return;
	record->uid = uid;
	record->uid_validity = mail_index_get_header(work->box->view)->uid_validity;
	record->due |= (uint8_t)bit;
	if (announced)
		record->cause = WIRE_CAUSE_NONE;
	write_record(work, record);
	if (told)
		return;
	inlay_session_tell(work->session, record->instance, record->guid,
			   WIRE_EVENT_READ, TRUE, WIRE_CAUSE_NONE);
}

/* If this process is killed when the message is gone and before that is noted, whoever
 * looks next knows that it was not the user. */
static void announce(struct inlay_work *work, struct inlay_record *record, uint32_t uid,
		     uint8_t cause)
{
	if (record->state != INLAY_STATE_SAVED)
		return;
	record->cause = cause;
	record->uid = uid;
	record->uid_validity = mail_index_get_header(work->box->view)->uid_validity;
	write_record(work, record);
}

static void withdraw(struct inlay_work *work, const struct inlay_action *action)
{
	struct inlay_session *session = work->session;
	struct inlay_record record;
	uint32_t uid;

	if (!withdrawn_record(work, action->guid, &record)) {
		e_debug(session->event, "WITHDRAW of %s, which is not ours",
			action->guid);
		return;
	}
	if (inlay_look_is_users(&record)) {
		tell_again(session, &record);
		return;
	}
	if (inlay_look_find(work->box, action->guid,
			    record.uid == 0 ? UINT32_MAX : record.uid - 1, &uid) < 0) {
		inlay_session_error(session,
				    t_strdup_printf("INBOX cannot be searched: %s",
						    mailbox_get_last_internal_error(
							    work->box, NULL)));
		return;
	}
	if (uid == 0) {
		if (record.state == INLAY_STATE_GONE)
			tell_again(session, &record);
		else
			inlay_act_gone(work, &record, inlay_look_absence(&record));
		return;
	}
	record.seen = record.seen || was_read(work->box, uid);
	if (record.seen && !action->takes_read) {
		stays(work, &record, uid);
		return;
	}
	announce(work, &record, uid, withdrawn_as(action, FALSE));
	if (inlay_expunge(work->box, uid, session->set.notify) < 0 ||
	    sync_again(work) < 0) {
		inlay_session_error(session,
				    t_strdup_printf("a message cannot be withdrawn: %s",
						    mailbox_get_last_internal_error(
							    work->box, NULL)));
		return;
	}
	bool kept = action->lazy && inlay_expunge_lazy(work->box, action->guid);
	struct event_passthrough *e = event_create_passthrough(session->event)
					      ->set_name("inlay_withdrawn")
					      ->add_str("instance", record.instance)
					      ->add_str("kept", kept ? "yes" : "no");
	e_debug(e->event(), "Withdrew instance %s", record.instance);
	inlay_act_gone(work, &record, withdrawn_as(action, kept));
}

void inlay_act(struct inlay_work *work, struct inlay_action *action)
{
	if (action->type == WIRE_WITHDRAW)
		withdraw(work, action);
	else
		inject(work, action);
}
