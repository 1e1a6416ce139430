/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-ask.h"

#include "inlay-clock.h"
#include "inlay-later.h"
#include "inlay-work.h"

#define PATIENCE_MS 50       /* an answer is not late before that */
#define OUTSTANDING_MS 60000 /* an OPEN without its DONE is forgotten then */

/* Of the process, not of a session: a process that serves one user after the other
 * must not let each of them run into the same dead agent. */
static int64_t quiet_until;

static bool is_quiet(void)
{
	return inlay_clock_monotonic() < quiet_until;
}

static void miss(struct inlay_session *session, const char *why)
{
	struct event_passthrough *e = event_create_passthrough(session->event)
					      ->set_name("inlay_missed")
					      ->add_str("error", why);
	/* one line in 30 s, and one a session */
	if (is_quiet() || session->warned)
		e_debug(e->event(), "No answer for this session: %s", why);
	else
		e_warning(e->event(), "No answer for this session: %s", why);
	session->warned = TRUE;
	quiet_until = inlay_clock_monotonic() + INLAY_QUIET_MS;
}

/* An answer without its end is no answer: what was assigned may not be written down,
 * and what was cut off could have been a withdrawal of the same message. */
static void drop_half_an_answer(struct inlay_session *session)
{
	struct inlay_action *next;

	for (struct inlay_action *action = session->actions;
	     session->outstanding && action != NULL; action = next) {
		next = action->next;
		if (action->type != WIRE_WITHDRAW)
			inlay_action_remove(session, action);
	}
	session->outstanding = FALSE;
}

void inlay_ask_send_event(struct inlay_session *session,
			  const struct inlay_event *event)
{
	if (!inlay_link_is_up(session->link))
		return;
	struct wire_frame *frame = i_new(struct wire_frame, 1);
	inlay_event_frame(event, frame);
	inlay_link_send(session->link, frame);
	i_free(frame);
}

static void send_hello(struct inlay_session *session)
{
	const struct mail_user *user = session->user;
	const char *address =
		user->conn.remote_ip == NULL ? NULL : net_ip2addr(user->conn.remote_ip);
	struct wire_frame *frame = i_new(struct wire_frame, 1);

	frame->type = WIRE_HELLO;
	frame->hello = (struct wire_hello){
		.tenant = str_of(session->set.tenant),
		.user = str_of(user->username),
		.protocol = str_of(user->service),
		.address = str_of(address),
	};
	if (frame->hello.address.n == 0)
		frame->hello.address.p = NULL;
	inlay_link_send(session->link, frame);
	i_free(frame);
}

void inlay_ask_hello(struct inlay_session *session)
{
	const char *error;

	if (session->link != NULL)
		return;
	if (is_quiet()) {
		inlay_later_connect(session);
		return;
	}
	session->link = inlay_link_connect(session->set.socket, inlay_answer_frame,
					   inlay_session_wake, session, &error);
	if (session->link == NULL) {
		miss(session, error);
		inlay_later_connect(session);
		return;
	}
	session->hello_at = inlay_clock_monotonic();
	session->ready = FALSE;
	session->outstanding = FALSE;
	send_hello(session);
	for (unsigned int i = 0; i < session->events.count; i++)
		inlay_ask_send_event(session, &session->events.kept[i]);
	if (!inlay_link_is_up(session->link))
		inlay_ask_lost(session);
}

void inlay_ask_refused(struct inlay_session *session)
{
	drop_half_an_answer(session);
	session->done = TRUE;
}

void inlay_ask_lost(struct inlay_session *session)
{
	/* an agent that is started anew while nobody wants anything is no trouble */
	if (session->ready && !session->outstanding)
		session->warned = TRUE;
	miss(session, inlay_link_error(session->link));
	drop_half_an_answer(session);
	inlay_link_close(&session->link);
	inlay_later_connect(session);
}

/* Waits within the session's budget; the first trigger only. */
static void wait_for(struct inlay_session *session, const bool *done, int64_t until)
{
	inlay_link_read(session->link);
	int64_t start = inlay_clock_monotonic();
	if (session->waited || *done || session->budget == 0 || until <= start ||
	    !inlay_link_is_up(session->link))
		return;
	inlay_link_wait(session->link, done, I_MIN(until, start + session->budget));
	int64_t spent = inlay_clock_monotonic() - start;
	session->budget = spent < session->budget ? session->budget - spent : 0;
	struct event_passthrough *e = event_create_passthrough(session->event)
					      ->set_name("inlay_waited")
					      ->add_int("ms", spent);
	e_debug(e->event(), "Waited %" PRId64 " ms for the agent", spent);
}

static bool is_ready(struct inlay_session *session)
{
	if (session->ready)
		return TRUE;
	wait_for(session, &session->ready,
		 session->hello_at + (int64_t)session->set.deadline);
	/* who does not wait gives it time all the same */
	if (!session->ready && inlay_link_is_up(session->link) &&
	    inlay_clock_monotonic() - session->hello_at >=
		    I_MAX((int64_t)session->set.deadline, PATIENCE_MS))
		miss(session, "the agent does not answer HELLO in time");
	return session->ready;
}

static bool wants_to_ask(const struct inlay_session *session)
{
	if (session->outstanding &&
	    inlay_clock_boot() - session->opened_at < OUTSTANDING_MS)
		return FALSE;
	if (session->again || session->differs)
		return TRUE;
	if (session->ready_open && !session->opened)
		return TRUE;
	return inlay_clock_monotonic() >= session->next_check;
}

static void send_open(struct inlay_session *session)
{
	struct wire_frame *frame = i_new(struct wire_frame, 1);
	struct wire_open *open = &frame->open;
	const struct inlay_own *own;

	frame->type = WIRE_OPEN;
	open->request = ++session->request;
	open->uid_validity = session->measure.uid_validity;
	open->uid_next = session->measure.uid_next;
	open->complete = session->measure.complete;
	unsigned int there = 0;
	array_foreach (&session->own, own)
		there += own->is_there ? 1 : 0;
	if (there > WIRE_PRESENT_MAX)
		open->complete = FALSE;
	array_foreach (&session->own, own) {
		/* of too many the newest, which are at the end */
		if (!own->is_there || there-- > WIRE_PRESENT_MAX)
			continue;
		open->present[open->present_count++] = (struct wire_present){
			.guid = str_of(own->guid),
			.uid = own->uid,
			.seen = own->seen,
			.newer = own->newer,
			.proof = *own->proof == '\0' ? (struct str){NULL, 0}
						     : str_of(own->proof),
			.instance = *own->instance == '\0' ? (struct str){NULL, 0}
							   : str_of(own->instance),
		};
	}
	drop_half_an_answer(session); /* of the OPEN before it */
	session->opened_at = inlay_clock_boot();
	session->opened = TRUE;
	session->outstanding = TRUE;
	session->done = FALSE;
	session->again = FALSE;
	session->differs = FALSE;
	session->answer_count = 0;
	inlay_link_send(session->link, frame);
	i_free(frame);
}

void inlay_ask(struct inlay_session *session, struct mailbox *box)
{
	if (session->link == NULL)
		inlay_ask_hello(session);
	if (session->link == NULL)
		return;
	inlay_link_read(session->link);
	if (inlay_link_is_up(session->link) && !is_quiet() && is_ready(session) &&
	    inlay_link_is_up(session->link) && wants_to_ask(session) &&
	    inlay_work_look(session, box)) {
		struct event_passthrough *e = event_create_passthrough(session->event)
						      ->set_name("inlay_decision");
		e_debug(e->event(), "Asking");
		bool waits = !session->waited && session->budget > 0;
		send_open(session);
		wait_for(session, &session->done, INT64_MAX);
		if (waits && !session->done && inlay_link_is_up(session->link))
			miss(session, "the agent does not answer OPEN in time");
	}
	if (!inlay_link_is_up(session->link))
		inlay_ask_lost(session);
}

void inlay_ask_last_acks(struct inlay_session *session, int64_t deadline)
{
	/* what is not acknowledged now is told again by the next session */
	if (!is_quiet())
		inlay_link_wait(session->link, &session->all_acked, deadline);
}
