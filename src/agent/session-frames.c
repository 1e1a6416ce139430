/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session-internal.h"

#include "agent/requests.h"
#include "agent/upload.h"
#include "base/clock.h"
#include "base/crypto.h"

#include <stdlib.h>

#define AREA "session"
#define HELLO_ANSWER_ARENA 65536

static bool allowed(struct session *s, const struct wire_hello *hello)
{
	struct agent *a = s->agent;
	if (!str_is_id(hello->tenant) || !uplink_has_tenant(a->uplink, hello->tenant)) {
		if (session_may_log(a))
			log_warn(a->log, AREA,
				 "no such tenant is configured  tenant=%.*s",
				 STR_ARG(str_slice(hello->tenant, 0, 64)));
		return false;
	}
	if (!peer_may_speak_for(&a->policy, s->uid, hello->user)) {
		if (session_may_log(a))
			log_warn(a->log, AREA,
				 "a process may not speak for this user; if it is one "
				 "of "
				 "Dovecot's, its uid belongs into inlay.trusted-uids  "
				 "uid=%u",
				 (unsigned)s->uid);
		return false;
	}
	return true;
}

static struct str copy_text(char **at, struct str s)
{
	char *p = *at;
	memcpy(p, s.p, s.n);
	*at += s.n;
	return (struct str){p, s.n};
}

static bool bind_session(struct session *s, const struct wire_hello *hello)
{
	char *at = malloc(hello->tenant.n + hello->user.n + hello->protocol.n + 1);
	if (at == NULL)
		return false;
	s->names = at;
	s->tenant = copy_text(&at, hello->tenant);
	s->user = copy_text(&at, hello->user);
	s->protocol = copy_text(&at, hello->protocol);
	ev_timer_stop(s->agent->loop, &s->hello_timer);
	return true;
}

/* A refusal that MIM has not heard of frees what it holds for pending: an opening is
 * worth its while, as it brings the refusal along. */
static bool holds_refusal(const struct session *s)
{
	const struct spool_event *events[SPOOL_EVENTS_PER_USER];
	size_t n = spool_of_user(s->agent->spool, s->tenant, s->user, events,
				 SPOOL_EVENTS_PER_USER);
	for (size_t i = 0; i < n && i < SPOOL_EVENTS_PER_USER; i++)
		if (events[i]->record.type == WIRE_EVENT_REFUSED)
			return true;
	return false;
}

void session_send_ready(struct session *s, bool open, uint32_t next_check)
{
	struct wire_frame *f = &s->agent->frame;
	f->type = WIRE_READY;
	f->ready = (struct wire_ready){.open = open, .next_check = next_check};
	if (!session_send(s, f))
		session_close(s);
}

static void on_hello_answer(void *ctx, const struct uplink_answer *answer)
{
	struct session *s = ctx;
	struct agent *a = s->agent;
	struct answer_hello read;
	struct error err = {0};
	s->hello_call = NULL;
	if (answer->status == 503) {
		/* so that the mail user does not wait for what will not come */
		session_send_ready(s, false, answer->retry_after);
		return;
	}
	if (answer->status != 200) {
		log_debug(a->log, AREA, "no answer to HELLO  status=%d error=%s",
			  answer->status, answer->err.message);
		return;
	}
	struct arena *arena = arena_new(HELLO_ANSWER_ARENA);
	bool ok =
		arena != NULL && requests_read_hello(answer->body, arena, &read, &err);
	if (ok)
		recalls_name(&s->recall, read.user);
	arena_free(arena);
	if (!ok) {
		if (session_may_log(a))
			log_warn(a->log, AREA,
				 "MIM's answer to HELLO is unusable  error=%s",
				 err.message);
		return;
	}
	session_send_ready(s, read.open || holds_refusal(s), read.next_check);
}

static bool take_hello(struct session *s, const struct wire_hello *hello)
{
	struct agent *a = s->agent;
	if (s->names != NULL) {
		/* bound to the first that it named */
		if (!str_eq(s->tenant, hello->tenant) || !str_eq(s->user, hello->user))
			return false;
	} else if (!allowed(s, hello) || !bind_session(s, hello)) {
		return false;
	}
	if (a->draining ||
	    !limits_request(a->limits, s->uid, s->trusted, clock_mono_us() / 1000))
		return true; /* no answer */
	struct buf body;
	buf_init(&body, REQUESTS_BODY_MAX);
	if (s->recall.lane == NULL)
		recalls_join(a->recalls, &s->recall, s->tenant, s->user,
			     str_eq(s->protocol, STR("imap")));
	uplink_cancel(s->hello_call);
	s->hello_call = NULL;
	if (requests_write_hello(&body, hello))
		s->hello_call = uplink_send(a->uplink, s->tenant, "hello", &body,
					    REQUESTS_ANSWER_MAX, on_hello_answer, s);
	buf_free(&body);
	return true;
}

static bool take_open(struct session *s, const struct wire_open *open)
{
	struct agent *a = s->agent;
	if (s->names == NULL)
		return false;
	if (a->draining ||
	    !limits_request(a->limits, s->uid, s->trusted, clock_mono_us() / 1000))
		return true;
	return session_open(s, open);
}

void session_list_unconfirmed(struct session *s)
{
	struct agent *a = s->agent;
	if (s->n_unconfirmed++ > 0)
		return;
	s->previous_unconfirmed = NULL;
	s->next_unconfirmed = a->unconfirmed;
	if (a->unconfirmed != NULL)
		a->unconfirmed->previous_unconfirmed = s;
	a->unconfirmed = s;
}

void session_unlist_unconfirmed(struct session *s)
{
	if (s->n_unconfirmed == 0)
		return;
	s->n_unconfirmed = 0;
	if (s->previous_unconfirmed != NULL)
		s->previous_unconfirmed->next_unconfirmed = s->next_unconfirmed;
	else
		s->agent->unconfirmed = s->next_unconfirmed;
	if (s->next_unconfirmed != NULL)
		s->next_unconfirmed->previous_unconfirmed = s->previous_unconfirmed;
}

static bool take_event(struct session *s, const struct wire_event *event)
{
	struct agent *a = s->agent;
	struct error err = {0};
	struct spool_record r = {.type = event->type,
				 .seen = event->seen,
				 .cause = event->cause,
				 .time_ms = event->time,
				 .tenant = s->tenant,
				 .user = s->user};
	if (s->names == NULL || s->n_unconfirmed == WIRE_EVENTS_MAX ||
	    event->number <= s->last_number ||
	    !crypto_unhex(event->instance, r.instance, sizeof r.instance))
		return false;
	if (!spool_append(a->spool, &r, &err)) {
		/* The plugin keeps what was not confirmed and sends it again when it
		 * comes back: a later one must not be confirmed before it. */
		if (session_may_log(a))
			log_warn(a->log, AREA, "an event was not taken  error=%s",
				 err.message);
		return false;
	}
	s->last_number = event->number;
	s->unconfirmed[s->n_unconfirmed] =
		(struct unconfirmed){.sequence = r.sequence, .number = event->number};
	session_list_unconfirmed(s);
	return true;
}

/* Sends the ACK of what is on disk. */
static void confirm(struct session *s, uint64_t sequence)
{
	size_t n = 0, total = s->n_unconfirmed;
	while (n < total && s->unconfirmed[n].sequence <= sequence)
		n++;
	if (n == 0)
		return;
	struct wire_frame *f = &s->agent->frame;
	f->type = WIRE_ACK;
	f->ack.number = s->unconfirmed[n - 1].number;
	memmove(s->unconfirmed, s->unconfirmed + n,
		(total - n) * sizeof *s->unconfirmed);
	if (n == total)
		session_unlist_unconfirmed(s);
	else
		s->n_unconfirmed = total - n;
	if (!session_send(s, f))
		session_close(s);
}

void sessions_synced(void *ctx, uint64_t sequence, bool ok)
{
	struct agent *a = ctx;
	struct session *next;
	for (struct session *s = a->unconfirmed; s != NULL; s = next) {
		next = s->next_unconfirmed;
		if (ok)
			confirm(s, sequence);
		else
			session_close(s);
	}
	upload_kick(a->upload);
}

bool session_take_frame(struct session *s, const struct wire_frame *frame)
{
	switch (frame->type) {
	case WIRE_HELLO:
		return take_hello(s, &frame->hello);
	case WIRE_OPEN:
		return take_open(s, &frame->open);
	case WIRE_EVENT:
		return take_event(s, &frame->event);
	default: /* those that only an agent sends */
		if (session_may_log(s->agent))
			log_warn(s->agent->log, AREA, "an unexpected frame  frame=%s",
				 wire_type_name(frame->type));
		return false;
	}
}
