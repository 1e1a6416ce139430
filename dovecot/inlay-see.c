/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-see.h"

#include "inlay-adopt.h"
#include "inlay-news.h"

#define LOOK_MAX 1000u /* messages since the index was told */

static bool is_live(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_SAVED;
}

/* Another process told that it is gone, and this one knows more: it has expunged it, or
 * has seen it read. */
static bool knows_better(const struct inlay_own *own, const struct inlay_record *record)
{
	if (record->state != INLAY_STATE_GONE)
		return FALSE;
	if (own->expunged && record->cause == WIRE_CAUSE_UNKNOWN)
		return TRUE;
	return inlay_news_was_read(own) && (record->due & 1u << WIRE_EVENT_READ) == 0;
}

/* Of a prepared one that is a message of ours somebody has seen it. */
static bool was_there(const struct inlay_record *record)
{
	return is_live(record) || record->state == INLAY_STATE_PREPARED;
}

/* Saved, but the index was not told of it any more. Where the mailbox was restored from
 * a backup without its ledger, it ends before that UID, or another message has it. */
static bool is_at_its_uid(struct inlay_session *session, struct mailbox *box,
			  const struct inlay_record *record)
{
	uint32_t seq;

	if (!is_live(record) || record->uid == 0 ||
	    record->uid >= session->measure.uid_next ||
	    record->uid_validity != session->measure.uid_validity)
		return FALSE;
	/* if it is not there, it is gone */
	if (!mail_index_lookup_seq(box->view, record->uid, &seq) ||
	    inlay_look_is_marked(box, seq))
		return TRUE;
	/* our keyword is a hint only: it may be that one, without */
	session->differs = session->must_scan = TRUE;
	return FALSE;
}

/* The ledger's word on what the index remembers: instances, and what was told. */
static void join(struct inlay_session *session, struct mailbox *box,
		 struct inlay_ledger *ledger)
{
	const struct inlay_record *record;

	array_foreach (&ledger->records, record) {
		struct inlay_own *own = inlay_session_own_guid(session, record->guid);
		if (own == NULL && is_at_its_uid(session, box, record))
			own = inlay_session_own_add(session, record);
		if (own == NULL)
			continue;
		/* the index still remembers what is known to be gone */
		if (own->is_there ? inlay_look_is_users(record)
				  : !was_there(record) && !knows_better(own, record)) {
			inlay_session_own_remove(session, own);
			continue;
		}
		memcpy(own->instance, record->instance, sizeof(own->instance));
		own->read_told = (record->due & (1u << WIRE_EVENT_READ)) != 0;
	}
}

static int own_uid_cmp(const struct inlay_own *a, const struct inlay_own *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* Tells again what the ledger has due and nobody has acknowledged. */
static void tell_due(struct inlay_session *session, struct inlay_ledger *ledger)
{
	const struct inlay_record *record;

	array_foreach (&ledger->records, record) {
		unsigned int due = record->due & ~(unsigned int)record->acked;
		for (uint8_t type = WIRE_EVENT_INJECTED; type <= WIRE_EVENT_UNCERTAIN;
		     type++) {
			if ((due >> type & 1) == 0)
				continue;
			inlay_session_tell(session, record->instance, record->guid,
					   type, record->seen,
					   type == WIRE_EVENT_GONE ? record->cause
								   : WIRE_CAUSE_NONE);
		}
	}
}

static bool has_unresolved(const struct inlay_session *session,
			   const struct inlay_ledger *ledger, bool cached)
{
	const struct inlay_record *record;

	array_foreach (&ledger->records, record) {
		if (record->state == INLAY_STATE_PREPARED)
			return TRUE;
		if (cached)
			continue;
		/* the index was built anew, and what was given up may be in it now */
		if (record->state == INLAY_STATE_UNCERTAIN)
			return TRUE;
		/* the index knows nothing and the ledger's UIDs are worth nothing */
		if (is_live(record) &&
		    record->uid_validity != session->measure.uid_validity)
			return TRUE;
	}
	return FALSE;
}

/* Has a message come in that may be ours, and that none of our sessions has put there?
 */
static void look_for_others(struct inlay_session *session, struct mailbox *box,
			    uint32_t from_uid)
{
	if (inlay_look_has_other(box, &session->own, from_uid))
		session->differs = session->must_scan = TRUE;
	/* so that not every session has to look at so many */
	if (session->measure.uid_next - from_uid > LOOK_MAX)
		session->must_note = TRUE;
	session->looked = session->measure.uid_next;
}

/* In a mailbox that was made anew no UID of ours is worth anything. */
static void forget_if_another(struct inlay_session *session, uint32_t uid_validity)
{
	if (uid_validity == 0 || session->measure.uid_validity == 0 ||
	    uid_validity == session->measure.uid_validity)
		return;
	array_clear(&session->own);
	session->looked = 0;
	session->differs = session->must_scan = TRUE;
}

/* Where nothing ever had the keyword there is nothing to find. */
static void find_nothing(struct inlay_session *session, struct mailbox *box)
{
	session->measure.complete =
		session->measure.uid_validity != 0 && !inlay_look_has_hint(box);
	if (session->measure.complete)
		session->looked = session->measure.uid_next;
}

bool inlay_see_take_in(struct inlay_session *session, struct mailbox *box,
		       struct inlay_ledger *ledger)
{
	ARRAY_TYPE(inlay_own) remembered;
	const struct inlay_own *own;
	uint32_t seq, next_uid;
	bool complete;

	t_array_init(&remembered, 4);
	bool cached = inlay_look_cached(box, &remembered, &complete, &next_uid);
	forget_if_another(session, mail_index_get_header(box->view)->uid_validity);
	array_foreach (&remembered, own) {
		if (inlay_session_own_guid(session, own->guid) == NULL &&
		    mail_index_lookup_seq(box->view, own->uid, &seq))
			array_push_back(&session->own, own);
	}
	inlay_look_measure(box->view, &session->own, &session->measure);
	join(session, box, ledger);
	array_sort(&session->own, own_uid_cmp);
	inlay_look_measure(box->view, &session->own, &session->measure);
	/* what this session has looked at itself it knows, too */
	if (cached)
		session->measure.complete = complete;
	else if (session->looked == 0)
		find_nothing(session, box);
	if (cached)
		look_for_others(session, box, I_MAX(next_uid, session->looked));
	return cached;
}

/* The same in a handle of the client's, while another process may be at work. */
static bool take_in(struct inlay_session *session, struct mailbox *box,
		    struct inlay_ledger *ledger)
{
	bool cached = inlay_see_take_in(session, box, ledger);

	if (inlay_adopt(session, box, ledger)) {
		array_sort(&session->own, own_uid_cmp);
		inlay_look_measure(box->view, &session->own, &session->measure);
	}
	return cached;
}

/* Said by who writes the ledger anew without them, and so once. */
static void mend(struct inlay_session *session)
{
	struct inlay_desk desk;
	const char *error;

	int ret = inlay_desk_open(&desk, &session->paths, &error);
	if (ret > 0) {
		ret = inlay_desk_mend(&desk, &error);
		inlay_desk_close(&desk);
	}
	if (ret < 0)
		inlay_session_error(session, error);
	else if (ret > 0)
		e_warning(session->event, "%s: %d damaged records are left out",
			  session->paths.ledger, ret);
}

void inlay_see_load(struct inlay_session *session, struct mailbox *box)
{
	struct inlay_ledger ledger;
	const char *error;

	inlay_news_again(session);
	if (!session->untold)
		array_clear(&session->own);
	inlay_ledger_init(&ledger);
	if (inlay_ledger_read(&ledger, session->paths.ledger, &error) < 0)
		inlay_session_error(session, error);
	if (ledger.bad > 0)
		mend(session);
	bool cached = take_in(session, box, &ledger);
	tell_due(session, &ledger);
	if (has_unresolved(session, &ledger, cached))
		session->differs = session->must_scan = TRUE;
	if (!session->measure.complete && !cached)
		session->must_scan = TRUE;
	/* ledger or index were lost: MIM may not know of them either */
	if (inlay_session_has_unconfirmed(session) ||
	    (!cached && inlay_look_has_hint(box)))
		session->differs = TRUE;
	inlay_ledger_free(&ledger);
	inlay_see_changes(session, box);
}

static bool index_has_new(struct inlay_session *session, struct mailbox *box)
{
	ARRAY_TYPE(inlay_own) now;
	const struct inlay_own *own;
	bool complete;
	uint32_t seq, unused;

	t_array_init(&now, 4);
	if (!inlay_look_cached(box, &now, &complete, &unused))
		return FALSE;
	array_foreach (&now, own) {
		if (inlay_session_own_guid(session, own->guid) == NULL &&
		    mail_index_lookup_seq(box->view, own->uid, &seq))
			return TRUE;
	}
	return FALSE;
}

/* One that bears our keyword has come since the last look. */
static bool mailbox_has_new(struct inlay_session *session, struct mailbox *box)
{
	uint32_t from =
		session->looked != 0 ? session->looked : session->measure.uid_next;

	return inlay_look_has_other(box, &session->own, I_MAX(from, 1));
}

/* Another session may have put one in: the index says so, or the message, if that
 * session has not got so far; the ledger says who it is. */
static void take_in_new(struct inlay_session *session, struct mailbox *box)
{
	struct inlay_ledger ledger;
	const char *error;

	if (!index_has_new(session, box) && !mailbox_has_new(session, box))
		return;
	inlay_ledger_init(&ledger);
	if (inlay_ledger_read(&ledger, session->paths.ledger, &error) > 0)
		(void)take_in(session, box, &ledger);
	inlay_ledger_free(&ledger);
}

void inlay_see_changes(struct inlay_session *session, struct mailbox *box)
{
	const struct inlay_own *own;
	bool news = FALSE;

	T_BEGIN
	{
		take_in_new(session, box);
	}
	T_END;
	bool complete = session->measure.complete;
	inlay_look_measure(box->view, &session->own, &session->measure);
	session->measure.complete = complete;
	if (session->looked != 0 && session->measure.uid_next > session->looked)
		look_for_others(session, box, session->looked);
	array_foreach (&session->own, own) {
		if (inlay_news_has(session, own))
			news = TRUE;
	}
	if (news)
		inlay_news_report(session);
}
