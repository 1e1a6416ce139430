/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-see.h"

#include "inlay-adopt.h"
#include "inlay-clock.h"
#include "inlay-trigger.h"
#include "inlay-work.h"

#include <unistd.h>

#define LOOK_MAX 1000u /* messages since the index was told */

static bool is_live(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_SAVED;
}

/* With POP3 the flag comes at the end of the session, if it comes at all. */
static bool was_read(const struct inlay_own *own)
{
	return own->read || own->retrieved;
}

/* Another process told that it is gone, and this one knows more: it has expunged it, or
 * has seen it read. */
static bool knows_better(const struct inlay_own *own, const struct inlay_record *record)
{
	if (record->state != INLAY_STATE_GONE)
		return FALSE;
	return (own->expunged && record->cause == WIRE_CAUSE_UNKNOWN) ||
	       (was_read(own) && (record->due & (1u << WIRE_EVENT_READ)) == 0);
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

	inlay_see_again(session);
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

/* What is not at its UID may have got another one (replicas that have given one UID
 * twice do that): that is looked for first. */
static bool is_gone(const struct inlay_session *session, const struct inlay_own *own)
{
	return !own->is_there && own->uid < session->measure.uid_next &&
	       (own->expunged || !session->must_scan);
}

/* Something of what was found is news. */
static bool has_news(const struct inlay_session *session, const struct inlay_own *own)
{
	if (*own->instance == '\0' || own->uid >= session->measure.uid_next)
		return FALSE;
	return is_gone(session, own) || (was_read(own) && !own->read_told);
}

static uint8_t cause_of(const struct inlay_own *own)
{
	if (!own->expunged)
		return WIRE_CAUSE_UNKNOWN; /* another process may know better */
	return own->copied ? WIRE_CAUSE_MOVED : WIRE_CAUSE_EXPUNGED;
}

/* What the ledger says of it, or would. */
static void record_of(const struct inlay_own *own, const struct inlay_record *old,
		      struct inlay_record *record_r)
{
	if (old != NULL) {
		*record_r = *old;
		return;
	}
	i_zero(record_r);
	memcpy(record_r->instance, own->instance, sizeof(record_r->instance));
	memcpy(record_r->guid, own->guid, sizeof(record_r->guid));
	record_r->state = INLAY_STATE_SAVED;
}

/* Nobody will note any more that it was put in. */
static void note_saved(struct inlay_record *record)
{
	if (record->state == INLAY_STATE_PREPARED)
		record->due |= (uint8_t)(1u << (record->again ? WIRE_EVENT_REINJECTED
							      : WIRE_EVENT_INJECTED));
}

static void note_gone(const struct inlay_own *own, struct inlay_record *record)
{
	const unsigned int bit = 1u << WIRE_EVENT_GONE;

	if (record->state != INLAY_STATE_GONE) {
		record->state = INLAY_STATE_GONE;
		record->cause = cause_of(own);
	} else if (record->cause == WIRE_CAUSE_UNKNOWN && own->expunged) {
		/* somebody else saw it go first; this process did it and knows why */
		record->cause = cause_of(own);
		record->acked &= (uint8_t)~bit;
	}
	record->due |= (uint8_t)bit;
}

static bool is_other(const struct inlay_record *a, const struct inlay_record *b)
{
	return a->due != b->due || a->cause != b->cause;
}

static void tell_news(struct inlay_session *session, const struct inlay_record *record,
		      uint8_t told)
{
	for (uint8_t type = WIRE_EVENT_INJECTED; type <= WIRE_EVENT_UNCERTAIN; type++) {
		bool ends = type == WIRE_EVENT_GONE;
		if (((record->due & ~(unsigned int)told) >> type & 1) != 0)
			inlay_session_tell(session, record->instance, record->guid,
					   type, ends && record->seen,
					   ends ? record->cause : WIRE_CAUSE_NONE);
	}
}

/* Reports one message; the ledger has the last word on whether that is news. */
static int report(struct inlay_session *session, struct inlay_desk *desk,
		  struct inlay_own *own, const char **error_r)
{
	struct inlay_record record, before;
	const struct inlay_record *old =
		inlay_ledger_by_instance(&desk->ledger, own->instance);
	bool gone = is_gone(session, own);

	if (old != NULL && old->state == INLAY_STATE_PREPARED && !gone) {
		/* Who put it in was killed, and the record's UID may still be that of
		 * the copy to be replaced: a scan resolves that first. */
		session->must_scan = session->unsettled = TRUE;
		return 0;
	}
	record_of(own, old, &record);
	before = record;
	record.uid = own->uid;
	record.uid_validity = session->measure.uid_validity;
	note_saved(&record);
	if (was_read(own)) {
		own->read_told = TRUE;
		record.seen = TRUE;
		record.due |= (uint8_t)(1u << WIRE_EVENT_READ);
	}
	if (gone)
		note_gone(own, &record);
	if (!is_other(&record, &before))
		return 0;
	if (inlay_desk_write(desk, &record, error_r) < 0)
		return -1;
	if (record.cause != before.cause)
		before.due &= (uint8_t) ~(1u << WIRE_EVENT_GONE);
	tell_news(session, &record, before.due);
	return 0;
}

bool inlay_see_tell(struct inlay_session *session, struct inlay_desk *desk,
		    const char **error_r)
{
	for (unsigned int i = array_count(&session->own); i > 0; i--) {
		struct inlay_own *own = array_idx_modifiable(&session->own, i - 1);
		if (!has_news(session, own))
			continue;
		if (report(session, desk, own, error_r) < 0)
			return FALSE;
		if (is_gone(session, own))
			array_delete(&session->own, i - 1, 1);
		session->differs = TRUE;
	}
	return TRUE;
}

static void report_all(struct inlay_session *session)
{
	struct inlay_desk desk;
	const char *error;

	session->unsettled = FALSE;
	int ret = inlay_desk_open(&desk, &session->paths, &error);
	/* Held by somebody, who may be telling that one is gone without knowing why. */
	session->untold = ret == 0;
	if (ret > 0) {
		ret = inlay_see_tell(session, &desk, &error) ? 1 : -1;
		inlay_desk_close(&desk);
	}
	if (ret < 0)
		inlay_session_error(session, error);
	/* the scan tells what there is to tell of those */
	if (session->unsettled &&
	    (inlay_trigger_is_blocked(session->user) || !inlay_work_scan(session)))
		session->untold = TRUE;
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
		if (has_news(session, own))
			news = TRUE;
	}
	if (news)
		report_all(session);
}

void inlay_see_again(struct inlay_session *session)
{
	if (session->untold)
		report_all(session);
}

/* Who has the lock stands still. What the ledger then lacks the middleware may hear
 * once more from who finds it out, which counts once. */
static void tell_unwritten(struct inlay_session *session)
{
	const struct inlay_own *own;

	array_foreach (&session->own, own) {
		if (!has_news(session, own))
			continue;
		if (was_read(own) && !own->read_told)
			inlay_session_tell(session, own->instance, own->guid,
					   WIRE_EVENT_READ, FALSE, WIRE_CAUSE_NONE);
		if (is_gone(session, own))
			inlay_session_tell(session, own->instance, own->guid,
					   WIRE_EVENT_GONE, was_read(own),
					   cause_of(own));
	}
}

void inlay_see_last(struct inlay_session *session, int64_t deadline)
{
	inlay_see_again(session);
	while (session->untold && inlay_clock_monotonic() < deadline) {
		usleep(1000);
		inlay_see_again(session);
	}
	if (session->untold)
		tell_unwritten(session);
}
