/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's frames mean. Nothing is carried out here: a frame may come while
 * the mailbox is in use. */
#include "inlay-ask.h"

#include "inlay-clock.h"

static void copy_id(char to[INLAY_ID_SIZE], struct str id)
{
	i_assert(id.n == INLAY_ID_SIZE - 1);
	memcpy(to, id.p, id.n);
	to[id.n] = '\0';
}

static void set_next_check(struct inlay_session *session, uint32_t seconds)
{
	/* 0 would be a question at every trigger */
	session->next_check =
		inlay_clock_monotonic() + (int64_t)I_MAX(seconds, 1) * 1000;
}

static void take_ready(struct inlay_session *session, const struct wire_ready *ready)
{
	if (session->outstanding)
		inlay_ask_refused(session);
	session->ready = TRUE;
	session->ready_open = ready->open;
	session->opened = FALSE;
	set_next_check(session, ready->next_check);
}

static struct inlay_action *new_action(struct inlay_session *session, uint8_t type)
{
	struct inlay_action *action = i_new(struct inlay_action, 1);
	action->type = type;
	*session->actions_tail = action;
	session->actions_tail = &action->next;
	session->action_count++;
	return action;
}

static bool take_inject(struct inlay_session *session, const struct wire_frame *frame)
{
	const struct wire_inject *inject = &frame->inject;

	if (inject->request != session->request || !session->outstanding)
		return TRUE; /* of an OPEN that was given up */
	if (++session->answer_count > WIRE_ACTIONS_MAX ||
	    session->action_count >= INLAY_ACTIONS_MAX)
		return FALSE;
	struct inlay_action *action = new_action(session, frame->type);
	copy_id(action->instance, inject->instance);
	copy_id(action->guid, inject->guid);
	if (frame->type == WIRE_REINJECT)
		copy_id(action->replaces, inject->replaces);
	action->position = inject->position;
	action->rank = inject->rank;
	action->date = inject->date;
	action->date_offset_count = inject->date_offset_count;
	memcpy(action->date_offset, inject->date_offset, sizeof(action->date_offset));
	action->valid_until = session->opened_at + (int64_t)inject->valid_for * 1000;
	action->size = inject->message.n;
	action->message = i_malloc(action->size);
	memcpy(action->message, inject->message.p, action->size);
	return TRUE;
}

static bool take_withdraw(struct inlay_session *session,
			  const struct wire_withdraw *withdraw)
{
	char guid[INLAY_ID_SIZE];

	copy_id(guid, withdraw->guid);
	struct inlay_action *action = session->actions;
	while (action != NULL &&
	       (action->type != WIRE_WITHDRAW || strcmp(action->guid, guid) != 0))
		action = action->next;
	if (action == NULL && session->action_count >= INLAY_ACTIONS_MAX)
		return FALSE;
	if (action == NULL)
		action = new_action(session, WIRE_WITHDRAW);
	/* the newest word counts */
	memcpy(action->guid, guid, sizeof(guid));
	action->cause = withdraw->cause;
	action->lazy = withdraw->lazy;
	action->takes_read = withdraw->seen;
	return TRUE;
}

/* What KNOWN does not confirm is a stranger's. */
static void take_known(struct inlay_session *session, const struct wire_known *known)
{
	struct inlay_own *own;
	char guid[INLAY_ID_SIZE];

	if (known->request != session->request)
		return;
	for (size_t i = 0; i < known->own_count; i++) {
		copy_id(guid, known->own[i].guid);
		own = inlay_session_own_guid(session, guid);
		if (own == NULL || *own->instance != '\0')
			continue;
		copy_id(own->instance, known->own[i].instance);
		session->must_note = TRUE;
	}
}

static void drop_strangers(struct inlay_session *session)
{
	for (unsigned int i = array_count(&session->own); i > 0; i--) {
		if (*inlay_session_own(session, i - 1)->instance != '\0')
			continue;
		array_delete(&session->own, i - 1, 1);
		/* or the next session would look at it again */
		session->must_note = TRUE;
	}
}

static void take_done(struct inlay_session *session, const struct wire_done *done)
{
	if (done->request != session->request)
		return;
	session->done = TRUE;
	session->outstanding = FALSE;
	set_next_check(session, done->next_check);
	drop_strangers(session);
}

static void take_ack(struct inlay_session *session, uint64_t number)
{
	struct inlay_event acked[WIRE_EVENTS_MAX];
	unsigned int count = inlay_events_ack(&session->events, number, acked);
	array_append(&session->acked, acked, count);
	session->all_acked = session->events.count == 0;
}

bool inlay_answer_frame(const struct wire_frame *frame, void *context)
{
	struct inlay_session *session = context;

	switch (frame->type) {
	case WIRE_READY:
		take_ready(session, &frame->ready);
		return TRUE;
	case WIRE_KNOWN:
		take_known(session, &frame->known);
		return TRUE;
	case WIRE_INJECT:
	case WIRE_REINJECT:
		return take_inject(session, frame);
	case WIRE_WITHDRAW:
		return take_withdraw(session, &frame->withdraw);
	case WIRE_DONE:
		take_done(session, &frame->done);
		return TRUE;
	case WIRE_ACK:
		take_ack(session, frame->ack.number);
		return TRUE;
	case WIRE_OPEN_AGAIN:
		session->again = TRUE;
		return TRUE;
	default: /* what only a plugin sends */
		return FALSE;
	}
}
