/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-news.h"

#include "inlay-clock.h"

#include <unistd.h>

/* With POP3 the flag comes at the end of the session, if it comes at all. */
bool inlay_news_was_read(const struct inlay_own *own)
{
	return own->read || own->retrieved;
}

/* What is not at its UID may have got another one (replicas that have given one UID
 * twice do that): that is looked for first. */
static bool is_gone(const struct inlay_session *session, const struct inlay_own *own)
{
	return !own->is_there && own->uid < session->measure.uid_next &&
	       (own->expunged || !session->must_scan);
}

/* Something of what was found is news. */
bool inlay_news_has(const struct inlay_session *session, const struct inlay_own *own)
{
	if (*own->instance == '\0' || own->uid >= session->measure.uid_next)
		return FALSE;
	return is_gone(session, own) || (inlay_news_was_read(own) && !own->read_told);
}

/* record NULL: what the ledger says of it is not known. */
static uint8_t cause_of(const struct inlay_own *own, const struct inlay_record *record)
{
	if (!own->expunged) /* another process may know better */
		return record != NULL ? inlay_look_absence(record)
				      : (uint8_t)WIRE_CAUSE_UNKNOWN;
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
		record->cause = cause_of(own, record);
		record->state = INLAY_STATE_GONE;
	} else if (record->cause == WIRE_CAUSE_UNKNOWN && own->expunged) {
		/* somebody else saw it go first; this process did it and knows why */
		record->cause = cause_of(own, record);
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

	record_of(own, old, &record);
	before = record;
	if (record.state == INLAY_STATE_PREPARED && !gone) {
		/* Who put it in was killed, and the record's UID may still be that of
		 * the copy to be replaced: the next look resolves that. */
		session->must_scan = TRUE;
	} else {
		record.uid = own->uid;
		record.uid_validity = session->measure.uid_validity;
		note_saved(&record);
	}
	if (inlay_news_was_read(own)) {
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

bool inlay_news_tell(struct inlay_session *session, struct inlay_desk *desk,
		     const char **error_r)
{
	for (unsigned int i = array_count(&session->own); i > 0; i--) {
		struct inlay_own *own = array_idx_modifiable(&session->own, i - 1);
		if (!inlay_news_has(session, own))
			continue;
		if (report(session, desk, own, error_r) < 0)
			return FALSE;
		if (is_gone(session, own))
			array_delete(&session->own, i - 1, 1);
		session->differs = TRUE;
	}
	return TRUE;
}

void inlay_news_report(struct inlay_session *session)
{
	struct inlay_desk desk;
	const char *error;

	int ret = inlay_desk_open(&desk, &session->paths, &error);
	/* Held by somebody, who may be telling that one is gone without knowing why. */
	session->untold = ret == 0;
	if (ret > 0) {
		ret = inlay_news_tell(session, &desk, &error) ? 1 : -1;
		inlay_desk_close(&desk);
	}
	if (ret < 0)
		inlay_session_error(session, error);
}

void inlay_news_again(struct inlay_session *session)
{
	if (session->untold)
		inlay_news_report(session);
}

/* Who has the lock stands still. What the ledger then lacks the middleware may hear
 * once more from who finds it out, which counts once. */
static void tell_unwritten(struct inlay_session *session)
{
	const struct inlay_own *own;

	array_foreach (&session->own, own) {
		if (!inlay_news_has(session, own))
			continue;
		if (inlay_news_was_read(own) && !own->read_told)
			inlay_session_tell(session, own->instance, own->guid,
					   WIRE_EVENT_READ, FALSE, WIRE_CAUSE_NONE);
		if (is_gone(session, own))
			inlay_session_tell(session, own->instance, own->guid,
					   WIRE_EVENT_GONE, inlay_news_was_read(own),
					   cause_of(own, NULL));
	}
}

void inlay_news_last(struct inlay_session *session, int64_t deadline)
{
	inlay_news_again(session);
	while (session->untold && inlay_clock_monotonic() < deadline) {
		usleep(1000);
		inlay_news_again(session);
	}
	if (session->untold)
		tell_unwritten(session);
}
