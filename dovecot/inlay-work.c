/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-work.h"

#include "inlay-act.h"
#include "inlay-news.h"
#include "inlay-save.h"
#include "inlay-see.h"

static const char *storage_error(struct mailbox *box)
{
	return mailbox_get_last_internal_error(box, NULL);
}

/* 1: *work is open. 0: the lock is held. -1: said in the log. */
static int work_open(struct inlay_session *session, struct inlay_work *work)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(session->user->namespaces);
	const char *error;

	i_zero(work);
	work->session = session;
	int ret = inlay_desk_open(&work->desk, &session->paths, &error);
	if (ret < 0)
		inlay_session_error(session, error);
	if (ret <= 0)
		return ret;
	work->box = mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	if (mailbox_sync(work->box, MAILBOX_SYNC_FLAG_FULL_READ) == 0) {
		/* what other sessions have done since we looked */
		T_BEGIN
		{
			(void)inlay_see_take_in(session, work->box, &work->desk.ledger);
		}
		T_END;
		return 1;
	}
	inlay_session_error(session, t_strdup_printf("INBOX cannot be synchronised: %s",
						     storage_error(work->box)));
	mailbox_free(&work->box);
	inlay_desk_close(&work->desk);
	return -1;
}

/* What is there now, for the index and for the next OPEN. */
static void work_close(struct inlay_work *work)
{
	struct inlay_session *session = work->session;
	bool complete = session->measure.complete;

	inlay_look_measure(work->box->view, &session->own, &session->measure);
	session->measure.complete = complete;
	session->looked = session->measure.uid_next;
	/* what is to be looked for first, or to be asked of MIM, is not remembered as
	 * looked at */
	if (!session->must_scan && !inlay_session_has_unconfirmed(session) &&
	    inlay_look_store(work->box, &session->own, complete) < 0)
		inlay_session_error(session,
				    t_strdup_printf("the index cannot be written: %s",
						    storage_error(work->box)));
	mailbox_free(&work->box);
	inlay_desk_close(&work->desk);
}

static void write_record(struct inlay_work *work, struct inlay_record *record)
{
	const char *error;
	if (inlay_desk_write(&work->desk, record, &error) < 0)
		inlay_session_error(work->session, error);
}

/* A save of which nobody wrote down how it ended: the process was killed. We have the
 * lock, so nobody is in the middle of it. Or one that was given up as uncertain, and
 * whose message has come to light: Dovecot has built its index anew from the files. */
static void resolve(struct inlay_work *work, const struct inlay_record *prepared)
{
	struct inlay_session *session = work->session;
	struct inlay_record record = *prepared;
	const struct inlay_own *own = inlay_session_own_guid(session, record.guid);
	uint8_t saved = record.again ? WIRE_EVENT_REINJECTED : WIRE_EVENT_INJECTED;
	/* who saw it read knows that it was there */
	bool was_there = own != NULL || (record.due & 1u << WIRE_EVENT_READ) != 0;
	uint8_t type = was_there ? saved : WIRE_EVENT_UNCERTAIN;
	bool same_uids = record.uid_validity == session->measure.uid_validity;

	record.state = was_there ? INLAY_STATE_SAVED : INLAY_STATE_UNCERTAIN;
	record.due |= (uint8_t)(1u << type);
	if (own != NULL) {
		record.uid = own->uid;
		record.uid_validity = session->measure.uid_validity;
	}
	write_record(work, &record);
	inlay_session_tell(session, record.instance, record.guid, type, record.seen,
			   WIRE_CAUSE_NONE);
	if (own == NULL && was_there)
		inlay_act_gone(work, &record, WIRE_CAUSE_UNKNOWN);
	/* the copy that it was to replace, if that is still there */
	if (own != NULL && record.again && prepared->uid != 0 &&
	    prepared->uid != own->uid && same_uids)
		inlay_act_replace(work, prepared->uid);
}

/* A message that the scan has not found. If another one has its UID, the mailbox was
 * restored from a backup without its ledger: nobody has expunged ours, and its UID is
 * worth nothing any more. */
static void not_found(struct inlay_work *work, const struct inlay_record *old)
{
	const struct inlay_measure *measure = &work->session->measure;
	struct inlay_record record = *old;
	uint32_t seq;

	if (old->state != INLAY_STATE_SAVED || !measure->complete || old->uid == 0 ||
	    old->uid >= measure->uid_next || old->uid_validity != measure->uid_validity)
		return;
	if (!mail_index_lookup_seq(work->box->view, old->uid, &seq)) {
		inlay_act_gone(work, &record, inlay_look_absence(old));
		return;
	}
	record.uid = 0;
	write_record(work, &record);
}

/* Brings the ledger to what the scan has found. */
static void repair_ledger(struct inlay_work *work)
{
	struct inlay_session *session = work->session;
	ARRAY(struct inlay_record) before;
	const struct inlay_record *old;

	t_array_init(&before, array_count(&work->desk.ledger.records));
	array_append_array(&before, &work->desk.ledger.records);
	array_foreach (&before, old) {
		const struct inlay_own *own =
			inlay_session_own_guid(session, old->guid);
		if (old->state == INLAY_STATE_PREPARED ||
		    (old->state == INLAY_STATE_UNCERTAIN && own != NULL)) {
			resolve(work, old);
		} else if (own != NULL && old->state == INLAY_STATE_SAVED &&
			   (old->uid != own->uid ||
			    old->uid_validity != session->measure.uid_validity)) {
			struct inlay_record record = *old;
			record.uid = own->uid;
			record.uid_validity = session->measure.uid_validity;
			write_record(work, &record);
		} else if (own == NULL) {
			not_found(work, old);
		}
	}
}

bool inlay_work_find_paths(struct inlay_session *session)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(session->user->namespaces);

	if (session->paths.ledger != NULL)
		return TRUE;
	struct mailbox *box =
		mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	bool found = inlay_can_keep(box) && mailbox_open(box) == 0 &&
		     inlay_paths_find(box, session->user->pool, &session->paths);
	mailbox_free(&box);
	return found;
}

void inlay_work_prepare(struct inlay_session *session)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(session->user->namespaces);
	struct mailbox *box =
		mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);
	enum mailbox_existence existence;
	const char *error;
	/* an INBOX is not made by a login */
	bool is_there = mailbox_exists(box, FALSE, &existence) == 0 &&
			existence == MAILBOX_EXISTENCE_SELECT;

	mailbox_free(&box);
	if (is_there && inlay_work_find_paths(session) &&
	    inlay_desk_prepare(&session->paths, &error) < 0)
		e_debug(session->event, "Not prepared: %s", error);
}

/* What this process has done to them, and seen, does not show in a mailbox. */
static void keep_marks(struct inlay_session *session,
		       const ARRAY_TYPE(inlay_own) * before)
{
	const struct inlay_own *old;

	array_foreach (before, old) {
		struct inlay_own *own = inlay_session_own_guid(session, old->guid);
		if (own == NULL)
			continue;
		own->read = own->read || old->read;
		own->copied = old->copied;
		own->expunged = old->expunged;
		own->retrieved = old->retrieved;
	}
}

/* False: the mailbox has an error set. */
static bool scan(struct inlay_work *work)
{
	struct inlay_session *session = work->session;
	ARRAY_TYPE(inlay_own) before;
	const char *error;

	if (!inlay_news_tell(session, &work->desk, &error))
		inlay_session_error(session, error);
	t_array_init(&before, array_count(&session->own) + 1);
	array_append_array(&before, &session->own);
	array_clear(&session->own);
	if (inlay_look_scan(work->box, &work->desk.ledger, &session->own) < 0)
		return FALSE;
	keep_marks(session, &before);
	session->measure.complete = array_count(&session->own) < INLAY_OWN_MAX;
	inlay_look_measure(work->box->view, &session->own, &session->measure);
	repair_ledger(work);
	session->must_scan = FALSE;
	if (!inlay_news_tell(session, &work->desk, &error))
		inlay_session_error(session, error);
	session->untold = FALSE;
	return TRUE;
}

/* Looks at the messages, under the lock, and brings ledger and index to what is there;
 * first it tells what was known. False: not now. */
static bool look_at_messages(struct inlay_session *session)
{
	struct inlay_work work;
	bool done;

	if (work_open(session, &work) <= 0)
		return FALSE;
	T_BEGIN
	{
		done = scan(&work);
	}
	T_END;
	if (done) {
		work_close(&work);
		return TRUE;
	}
	inlay_session_error(session, t_strdup_printf("INBOX cannot be searched: %s",
						     storage_error(work.box)));
	mailbox_free(&work.box);
	inlay_desk_close(&work.desk);
	return FALSE;
}

bool inlay_work_look(struct inlay_session *session, struct mailbox *box)
{
	if (session->must_scan)
		return look_at_messages(session);
	bool complete = session->measure.complete;
	inlay_look_measure(box->view, &session->own, &session->measure);
	session->measure.complete = complete;
	return TRUE;
}

/* False: the ledger knows it as well as MIM. */
static bool has_learned(const struct inlay_own *own, const struct inlay_record *old)
{
	if (*own->instance == '\0')
		return FALSE;
	if (old == NULL)
		return TRUE;
	/* a Maildir that has lost the GUID shows another one for good */
	return old->state != INLAY_STATE_GONE && strcmp(own->guid, old->guid) != 0;
}

/* MIM knows messages that this ledger does not: it was lost, or they came from
 * another machine; or it knows them by another GUID. */
static void write_learned(struct inlay_work *work)
{
	struct inlay_session *session = work->session;
	const struct inlay_own *own;

	array_foreach (&session->own, own) {
		const struct inlay_record *old =
			inlay_ledger_by_instance(&work->desk.ledger, own->instance);
		struct inlay_record record;
		if (!has_learned(own, old))
			continue;
		i_zero(&record);
		if (old != NULL)
			record = *old;
		if (record.state != INLAY_STATE_SAVED)
			record.due = record.acked =
				(uint8_t)(1u << (record.again ? WIRE_EVENT_REINJECTED
							      : WIRE_EVENT_INJECTED));
		memcpy(record.instance, own->instance, sizeof(record.instance));
		memcpy(record.guid, own->guid, sizeof(record.guid));
		record.state = INLAY_STATE_SAVED;
		record.uid = own->uid;
		record.uid_validity = session->measure.uid_validity;
		write_record(work, &record);
	}
	session->must_note = FALSE;
}

bool inlay_work_is_there(const struct inlay_session *session, bool withdrawals_only)
{
	for (const struct inlay_action *action = session->actions; action != NULL;
	     action = action->next)
		if (!withdrawals_only || action->type == WIRE_WITHDRAW)
			return TRUE;
	return session->must_note && !withdrawals_only;
}

static void drop_late(struct inlay_session *session)
{
	struct inlay_action *next;
	for (struct inlay_action *action = session->actions; action != NULL;
	     action = next) {
		next = action->next;
		if (action->type != WIRE_WITHDRAW && inlay_act_is_late(action)) {
			inlay_act_refuse(session, action, WIRE_CAUSE_LATE);
			inlay_action_remove(session, action);
		}
	}
}

bool inlay_work(struct inlay_session *session, bool withdrawals_only)
{
	struct inlay_work work;
	struct inlay_action *next;

	drop_late(session);
	if (!inlay_work_is_there(session, withdrawals_only))
		return TRUE;
	int ret = work_open(session, &work);
	if (ret <= 0)
		return ret < 0;
	if (session->must_note)
		write_learned(&work);
	for (struct inlay_action *action = session->actions; action != NULL;
	     action = next) {
		next = action->next;
		if (withdrawals_only && action->type != WIRE_WITHDRAW &&
		    !inlay_act_is_withdrawn(action))
			continue;
		T_BEGIN
		{
			inlay_act(&work, action);
		}
		T_END;
		inlay_action_remove(session, action);
	}
	work_close(&work);
	return TRUE;
}

void inlay_work_give_back(struct inlay_session *session)
{
	for (const struct inlay_action *action = session->actions; action != NULL;
	     action = action->next)
		if (action->type != WIRE_WITHDRAW)
			inlay_act_refuse(session, action, WIRE_CAUSE_LATE);
}
