/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-adopt.h"

static bool is_to_be_found(struct inlay_session *session,
			   const struct inlay_record *record)
{
	return record->state == INLAY_STATE_PREPARED &&
	       record->uid_validity == session->measure.uid_validity &&
	       inlay_session_own_guid(session, record->guid) == NULL;
}

/* The lowest UID that one of them may have; 0: there is none. */
static uint32_t lowest_uid(struct inlay_session *session,
			   const struct inlay_ledger *ledger)
{
	const struct inlay_record *record;
	uint32_t lowest = 0;

	array_foreach (&ledger->records, record) {
		uint32_t uid = I_MAX(record->uid, 1);
		if (is_to_be_found(session, record) && (lowest == 0 || uid < lowest))
			lowest = uid;
	}
	return lowest;
}

/* No transaction is begun on the client's own handle. This one begins with what that
 * one was synchronised to, they share the index. */
static struct mailbox *second_handle(struct inlay_session *session)
{
	struct mail_namespace *ns =
		mail_namespace_find_inbox(session->user->namespaces);
	struct mailbox *box =
		mailbox_alloc(ns->list, "INBOX", MAILBOX_FLAG_IGNORE_ACLS);

	if (mailbox_open(box) == 0)
		return box;
	const char *error = mailbox_get_last_internal_error(box, NULL);
	inlay_session_error(session,
			    t_strdup_printf("INBOX cannot be opened: %s", error));
	mailbox_free(&box);
	return NULL;
}

static void add_those_among(struct inlay_session *session, struct mailbox *box,
			    const ARRAY_TYPE(uint32_t) * uids,
			    const struct inlay_ledger *ledger)
{
	const struct inlay_record *record;

	array_foreach (&ledger->records, record) {
		if (!is_to_be_found(session, record))
			continue;
		uint32_t uid = inlay_look_which(box, uids, record->guid);
		if (uid != 0)
			inlay_session_own_add(session, record)->uid = uid;
	}
}

bool inlay_adopt(struct inlay_session *session, struct mailbox *box,
		 struct inlay_ledger *ledger)
{
	ARRAY_TYPE(uint32_t) uids;
	uint32_t lowest = lowest_uid(session, ledger);

	if (lowest == 0)
		return FALSE;
	t_array_init(&uids, 4);
	inlay_look_others(box, &session->own, lowest, &uids);
	struct mailbox *second = array_count(&uids) > 0 ? second_handle(session) : NULL;
	if (second == NULL)
		return FALSE;
	unsigned int before = array_count(&session->own);
	add_those_among(session, second, &uids, ledger);
	mailbox_free(&second);
	return array_count(&session->own) > before;
}
