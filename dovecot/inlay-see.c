/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-see.h"

#include "inlay-clock.h"

#include <unistd.h>

#define LOOK_MAX 1000u /* messages since the index was told */

static bool is_live(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_SAVED;
}

/* It was this process that expunged it, and another one that told of it. */
static bool knows_better(const struct inlay_own *own, const struct inlay_record *record)
{
	return own->expunged && record->state == INLAY_STATE_GONE &&
	       record->cause == WIRE_CAUSE_UNKNOWN;
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
		if ((!own->is_there && !is_live(record) &&
		     !knows_better(own, record)) ||
		    inlay_look_is_users(record)) {
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

	array_clear(&session->own);
	inlay_ledger_init(&ledger);
	if (inlay_ledger_read(&ledger, session->paths.ledger, &error) < 0)
		inlay_session_error(session, error);
	if (ledger.bad > 0)
		mend(session);
	bool cached = inlay_see_take_in(session, box, &ledger);
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

/* With POP3 the flag comes at the end of the session, if it comes at all. */
static bool was_read(const struct inlay_own *own)
{
	return (own->is_there && own->seen) || own->retrieved;
}

/* Something of what was found is news. What is not at its UID may have got another one
 * (replicas that have given one UID twice do that): that is looked for first. */
static bool has_news(const struct inlay_session *session, const struct inlay_own *own)
{
	if (*own->instance == '\0' || own->uid >= session->measure.uid_next)
		return FALSE;
	if (!own->is_there && (own->expunged || !session->must_scan))
		return TRUE;
	return was_read(own) && !own->read_told;
}

static uint8_t cause_of(const struct inlay_own *own)
{
	if (!own->expunged)
		return WIRE_CAUSE_UNKNOWN; /* another process may know better */
	return own->copied ? WIRE_CAUSE_MOVED : WIRE_CAUSE_EXPUNGED;
}

/* Reports one message; the ledger has the last word on whether that is news. */
static int report(struct inlay_session *session, struct inlay_desk *desk,
		  struct inlay_own *own, const char **error_r)
{
	struct inlay_record record;
	const struct inlay_record *old =
		inlay_ledger_by_instance(&desk->ledger, own->instance);

	if (old != NULL && old->state == INLAY_STATE_PREPARED && own->is_there) {
		/* Its UID may still be that of the copy to be replaced. The next look
		 * resolves it, and what was found here is then news again. */
		session->must_scan = TRUE;
		own->read_told = TRUE;
		return 0;
	}
	if (old != NULL) {
		record = *old;
	} else {
		i_zero(&record);
		memcpy(record.instance, own->instance, sizeof(record.instance));
		memcpy(record.guid, own->guid, sizeof(record.guid));
		record.state = INLAY_STATE_SAVED;
	}
	record.uid = own->uid;
	record.uid_validity = session->measure.uid_validity;

	unsigned int read_bit = 1u << WIRE_EVENT_READ, gone_bit = 1u << WIRE_EVENT_GONE;
	uint8_t before = record.due;
	if (was_read(own)) {
		own->read_told = TRUE;
		record.seen = TRUE;
		record.due |= (uint8_t)read_bit;
	}
	if (!own->is_there && record.state != INLAY_STATE_GONE) {
		record.state = INLAY_STATE_GONE;
		record.cause = cause_of(own);
		record.due |= (uint8_t)gone_bit;
	} else if (!own->is_there && record.cause == WIRE_CAUSE_UNKNOWN &&
		   own->expunged) {
		/* somebody else saw it go first; this process did it and knows why */
		record.cause = cause_of(own);
		record.acked &= (uint8_t)~gone_bit;
		before &= (uint8_t)~gone_bit;
	}
	if (before == record.due)
		return 0;
	if (inlay_desk_write(desk, &record, error_r) < 0)
		return -1;
	if (((record.due & ~(unsigned int)before) & read_bit) != 0)
		inlay_session_tell(session, record.instance, record.guid,
				   WIRE_EVENT_READ, TRUE, WIRE_CAUSE_NONE);
	if (((record.due & ~(unsigned int)before) & gone_bit) != 0)
		inlay_session_tell(session, record.instance, record.guid,
				   WIRE_EVENT_GONE, record.seen, record.cause);
	return 0;
}

static void report_all(struct inlay_session *session)
{
	struct inlay_desk desk;
	const char *error;

	int ret = inlay_desk_open(&desk, &session->paths, &error);
	if (ret < 0)
		inlay_session_error(session, error);
	/* Held by somebody, who may be telling that one is gone without knowing why. */
	session->untold = ret == 0;
	if (ret <= 0)
		return;
	for (unsigned int i = array_count(&session->own); i > 0 && ret > 0; i--) {
		struct inlay_own *own = array_idx_modifiable(&session->own, i - 1);
		if (!has_news(session, own))
			continue;
		if (report(session, &desk, own, &error) < 0)
			ret = -1;
		else if (!own->is_there)
			array_delete(&session->own, i - 1, 1);
		session->differs = TRUE;
	}
	if (ret < 0)
		inlay_session_error(session, error);
	inlay_desk_close(&desk);
}

/* Another session may have put one in: the index says so, the ledger who it is. */
static void take_in_new(struct inlay_session *session, struct mailbox *box)
{
	ARRAY_TYPE(inlay_own) now;
	const struct inlay_own *own;
	struct inlay_ledger ledger;
	const char *error;
	bool complete, is_new = FALSE;
	uint32_t seq, unused;

	t_array_init(&now, 4);
	if (!inlay_look_cached(box, &now, &complete, &unused))
		return;
	array_foreach (&now, own) {
		if (inlay_session_own_guid(session, own->guid) == NULL &&
		    mail_index_lookup_seq(box->view, own->uid, &seq))
			is_new = TRUE;
	}
	if (!is_new)
		return;
	inlay_ledger_init(&ledger);
	if (inlay_ledger_read(&ledger, session->paths.ledger, &error) > 0)
		(void)inlay_see_take_in(session, box, &ledger);
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

void inlay_see_last(struct inlay_session *session, int64_t deadline)
{
	inlay_see_again(session);
	while (session->untold && inlay_clock_monotonic() < deadline) {
		usleep(1000);
		inlay_see_again(session);
	}
}
