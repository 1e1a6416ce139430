/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session-internal.h"

#include "agent/compose.h"
#include "agent/requests.h"
#include "base/clock.h"
#include "base/crypto.h"

#include <stdlib.h>

#define AREA "session"
#define JOB_ARENA_MAX (8u * 1024 * 1024)

/* One template that is not there yet. */
struct job_wait {
	struct open_job *job;
	struct templates_wait *wait; /* NULL: none, or over */
};

/* One OPEN, from the question to the answer. MIM's answer may be there, and be passed
 * on, before it counts: DONE is sent when it does, and nothing is saved before that. */
struct open_job {
	struct session *s;
	uint32_t request;
	struct uplink_call *call; /* NULL: the answer counts */
	struct arena *arena;      /* MIM's answer */
	struct answer_open answer;
	bool is_read; /* the answer is there */
	bool is_sent; /* its actions were passed on */
	/* what cannot be had of them: WIRE_CAUSE_NONE, or why */
	enum wire_cause refused[WIRE_ACTIONS_MAX];
	struct job_wait waits[WIRE_ACTIONS_MAX];
	size_t waiting;
};

static void free_job(struct open_job *job)
{
	job->s->agent->opens--;
	uplink_cancel(job->call);
	for (size_t i = 0; i < WIRE_ACTIONS_MAX; i++)
		templates_cancel(job->waits[i].wait);
	arena_free(job->arena);
	job->s->job = NULL;
	free(job);
}

void session_cancel_open(struct session *s)
{
	if (s->job != NULL)
		free_job(s->job);
}

/* Says that an assigned message cannot be had, so that MIM gives it up at once. */
static void refuse(struct session *s, const struct answer_action *action,
		   enum wire_cause cause)
{
	struct error err = {0};
	struct spool_record r = {.type = WIRE_EVENT_REFUSED,
				 .cause = (uint8_t)cause,
				 .time_ms = clock_real_ms(),
				 .tenant = s->tenant,
				 .user = s->user};
	if (!crypto_unhex(action->instance, r.instance, sizeof r.instance) ||
	    !spool_append(s->agent->spool, &r, &err))
		if (session_may_log(s->agent))
			log_warn(s->agent->log, AREA, "a refusal is lost  error=%s",
				 err.message);
}

/* False: the session must be closed. */
static bool send_message(struct open_job *job, const struct answer_action *action,
			 enum wire_cause *refused)
{
	struct session *s = job->s;
	struct agent *a = s->agent;
	struct compose_config config = {.user = s->user,
					.address_domain = a->settings->address_domain,
					.message_id_domain =
						a->settings->message_id_domain,
					.node = a->settings->node};
	struct error err = {0};
	const struct template *template;
	if (templates_get(a->templates, s->tenant, action->template_sha256,
			  &template) != TEMPLATES_READY) {
		*refused = WIRE_CAUSE_FAILED;
		return true;
	}
	if (!compose_inject(&config, job->request, action, template, clock_real_ms(),
			    &a->parts, &a->message, &a->frame, &err)) {
		if (session_may_log(a))
			log_error(a->log, AREA,
				  "a message cannot be made  campaign=%.*s sha256=%.*s "
				  "place=%s "
				  "error=%s",
				  STR_ARG(action->campaign),
				  STR_ARG(action->template_sha256), err.where,
				  err.message);
		*refused = WIRE_CAUSE_INVALID;
		return true;
	}
	return session_send(s, &a->frame);
}

static bool send_known(struct open_job *job)
{
	struct wire_frame *f = &job->s->agent->frame;
	f->type = WIRE_KNOWN;
	f->known.request = job->request;
	f->known.own_count = job->answer.n_known;
	memcpy(f->known.own, job->answer.known,
	       job->answer.n_known * sizeof *job->answer.known);
	return session_send(job->s, f);
}

static bool send_done(struct open_job *job)
{
	struct wire_frame *f = &job->s->agent->frame;
	f->type = WIRE_DONE;
	f->done = (struct wire_done){.request = job->request,
				     .next_check = job->answer.next_check};
	return session_send(job->s, f);
}

static bool send_actions(struct open_job *job)
{
	struct wire_frame *f = &job->s->agent->frame;
	const struct answer_open *answer = &job->answer;
	/* What is injected makes events: without room for them, only withdraw. */
	bool inject = spool_can_take(job->s->agent->spool);
	bool ok = send_known(job);
	job->is_sent = true;
	for (size_t i = 0; ok && i < answer->n_actions; i++) {
		const struct answer_action *action = &answer->actions[i];
		if (action->op == ANSWER_WITHDRAW) {
			compose_withdraw(&action->withdraw, f);
			ok = session_send(job->s, f);
		} else if (inject) {
			ok = send_message(job, action, &job->refused[i]);
		}
	}
	return ok;
}

static bool has_message(const struct answer_open *answer)
{
	for (size_t i = 0; i < answer->n_actions; i++)
		if (answer->actions[i].op != ANSWER_WITHDRAW)
			return true;
	return false;
}

static void finish(struct open_job *job)
{
	for (size_t i = 0; i < job->answer.n_actions; i++)
		if (job->refused[i] != WIRE_CAUSE_NONE)
			refuse(job->s, &job->answer.actions[i], job->refused[i]);
	bool ok = send_done(job);
	bool message = has_message(&job->answer);
	struct session *s = job->s;
	free_job(job);
	if (!ok)
		session_close(s);
	else if (message)
		recalls_opened(&s->recall);
}

/* The answer is read, or counts, or a template has come. */
static void go_on(struct open_job *job)
{
	if (job->waiting > 0)
		return;
	if (!job->is_sent && !send_actions(job))
		session_close(job->s); /* the job goes with it */
	else if (job->call == NULL)
		finish(job);
}

static void on_template(void *ctx)
{
	struct job_wait *w = ctx;
	w->wait = NULL;
	w->job->waiting--;
	go_on(w->job);
}

/* Starts to fetch what is not there. */
static void fetch_templates(struct open_job *job)
{
	struct agent *a = job->s->agent;
	const struct template *template;
	for (size_t i = 0; i < job->answer.n_actions; i++) {
		const struct answer_action *action = &job->answer.actions[i];
		if (action->op == ANSWER_WITHDRAW ||
		    templates_get(a->templates, job->s->tenant, action->template_sha256,
				  &template) != TEMPLATES_ABSENT)
			continue;
		struct job_wait *w = &job->waits[i];
		w->job = job;
		w->wait = templates_fetch(a->templates, job->s->tenant,
					  action->template_sha256, on_template, w);
		job->waiting += w->wait != NULL;
	}
}

static bool read_answer(struct open_job *job, const struct uplink_answer *answer)
{
	struct agent *a = job->s->agent;
	struct error err = {0};
	if (answer->status != 200) {
		/* MIM being away is said once, by the uplink */
		if (answer->status != 0 && session_may_log(a))
			log_warn(a->log, AREA, "MIM does not decide  status=%d",
				 answer->status);
		return false;
	}
	struct str body = arena_str(job->arena, answer->body);
	if (arena_failed(job->arena) ||
	    !requests_read_open(body, job->arena, &job->answer, &err)) {
		if (session_may_log(a))
			log_warn(a->log, AREA,
				 "MIM's decision is unusable  place=%s error=%s",
				 err.where, err.message);
		return false;
	}
	if (job->answer.n_skipped > 0 && session_may_log(a))
		log_warn(a->log, AREA,
			 "MIM asks for what this agent cannot do  actions=%zu",
			 job->answer.n_skipped);
	return true;
}

static void on_early(void *ctx, const struct uplink_answer *answer)
{
	struct open_job *job = ctx;
	job->is_read = read_answer(job, answer);
	if (!job->is_read)
		return; /* it is judged when it counts */
	fetch_templates(job);
	go_on(job);
}

static void on_answer(void *ctx, const struct uplink_answer *answer)
{
	struct open_job *job = ctx;
	bool is_read = job->is_read && answer->status == 200;
	job->call = NULL;
	if (!is_read && !read_answer(job, answer)) {
		struct session *s = job->s;
		bool is_half = job->is_sent;
		free_job(job);
		/* what was passed on does not count */
		if (answer->status == 503 || is_half)
			session_send_ready(s, false, answer->retry_after);
		return; /* else nothing is sent */
	}
	if (!is_read)
		fetch_templates(job);
	go_on(job);
}

static bool write_question(struct session *s, const struct wire_open *open,
			   struct buf *body)
{
	const struct spool_event *events[SPOOL_EVENTS_PER_USER];
	const struct spool_record *records[SPOOL_EVENTS_PER_USER];
	size_t n = spool_of_user(s->agent->spool, s->tenant, s->user, events,
				 SPOOL_EVENTS_PER_USER);
	for (size_t i = 0; i < n; i++)
		records[i] = &events[i]->record;
	struct requests_open q = {.node = s->agent->settings->node,
				  .user = s->user,
				  .protocol = s->protocol,
				  .open = open,
				  .events = records,
				  .n_events = n,
				  .early = true};
	return requests_write_open(body, &q);
}

bool session_open(struct session *s, const struct wire_open *open)
{
	struct agent *a = s->agent;
	session_cancel_open(s); /* the newer question counts */
	struct open_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return false;
	struct buf body;
	buf_init(&body, REQUESTS_BODY_MAX);
	job->s = s;
	job->request = open->request;
	s->job = job;
	a->opens++;
	job->arena = arena_new(JOB_ARENA_MAX);
	if (job->arena != NULL && write_question(s, open, &body))
		job->call = uplink_send(a->uplink, s->tenant, "decisions", &body,
					REQUESTS_ANSWER_MAX, on_answer, job);
	if (job->call == NULL)
		free_job(job);
	else
		uplink_want_early(job->call, on_early);
	buf_free(&body);
	return true;
}
