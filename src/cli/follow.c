/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"

#include "base/clock.h"
#include "cli/table.h"
#include "cli/text-width.h"

#include <stdio.h>
#include <time.h>

/* Small imports end at once, large ones need no more looks than a person can follow. */
#define LOOK_FIRST_MS 20
#define LOOK_LAST_MS 200
#define ROW_ERRORS_SHOWN 10

static uint64_t number(const json_t *object, const char *part, const char *key)
{
	const json_t *v = json_object_get(json_object_get(object, part), key);
	json_int_t n = json_integer_value(v);
	return n > 0 ? (uint64_t)n : 0;
}

struct progress_sample follow_sample(const json_t *import)
{
	struct progress_sample p = {
		.phase = reply_text(import, "phase"),
		.rows_read = number(import, "rows", "read"),
		.rows_accepted = number(import, "rows", "accepted"),
		.rows_rejected = number(import, "rows", "rejected"),
		.rows_loaded = number(import, "rows", "loaded"),
		.rows_total = number(import, "rows", "total"),
		.bytes_read = number(import, "bytes", "read"),
		.bytes_total = number(import, "bytes", "total"),
		.rows_per_second =
			json_number_value(json_object_get(import, "rowsPerSecond")),
		.left_ms = -1,
	};
	struct str left = reply_text(import, "timeLeft");
	int64_t ms;
	if (left.p != NULL && clock_parse_duration(left, &ms, NULL))
		p.left_ms = ms;
	return p;
}

struct watch {
	struct progress progress;
	char phase[32]; /* the last that was shown */
	bool line;      /* a line that renews itself stands there */
};

static size_t error_width(const struct session *s)
{
	return s->width == TABLE_ANY_WIDTH ? 80 : s->width;
}

static void show(struct session *s, struct watch *w, const json_t *import)
{
	struct buf b;
	w->progress.now = follow_sample(import);
	w->progress.now_us = clock_mono_us();
	struct str phase = w->progress.now.phase;
	if (s->json || phase.p == NULL)
		return;
	buf_init(&b, 1024);
	if (s->live) {
		/* one column less, or some terminals go to the next line */
		progress_line(&b, &w->progress, error_width(s) - 1);
		fprintf(stderr, "\r\x1b[K%.*s", STR_ARG(buf_str(&b)));
		w->line = true;
	} else if (!str_eqz(phase, w->phase)) {
		text_clean(&b, phase);
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&b)));
		snprintf(w->phase, sizeof w->phase, "%.*s", STR_ARG(phase));
	}
	fflush(stderr);
	buf_free(&b);
}

static void end_line(struct watch *w)
{
	if (w->line)
		fprintf(stderr, "\n");
	w->line = false;
}

static void show_row_errors(const json_t *import)
{
	const json_t *list = json_object_get(import, "rowErrors"), *item;
	size_t n = json_array_size(list), i;
	json_array_foreach(list, i, item)
	{
		struct str file = reply_text(item, "file");
		struct buf b;
		if (i == ROW_ERRORS_SHOWN)
			break;
		buf_init(&b, 4096);
		text_clean(&b, reply_text(item, "message"));
		fprintf(stderr, "row rejected: %.*s:%lld: %.*s\n", STR_ARG(file),
			(long long)json_integer_value(json_object_get(item, "line")),
			STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
	if (n > ROW_ERRORS_SHOWN)
		fprintf(stderr, "and %zu more; inlay --json follow shows up to 100\n",
			n - ROW_ERRORS_SHOWN);
}

static bool finish(struct session *s, struct watch *w, const json_t *import,
		   struct error_list *errors)
{
	const struct progress_sample *p = &w->progress.now;
	struct str campaign = reply_text(import, "campaign");
	bool failed = str_eqz(p->phase, "failed");
	bool same = json_is_true(json_object_get(import, "unchanged"));
	long long version = json_integer_value(json_object_get(import, "version"));
	char what[128] = "users";
	end_line(w);
	if (s->json && !session_print_json(import, errors))
		return false;
	if (!s->json)
		show_row_errors(import);
	if (failed) {
		reply_problem(json_object_get(import, "problem"), errors);
		return false;
	}
	if (campaign.p != NULL)
		snprintf(what, sizeof what, "campaign %.*s version %lld",
			 STR_ARG(campaign), version);
	if (same)
		return session_say(s, errors, "%s: loaded already, nothing to do",
				   what);
	bool staged = campaign.p != NULL &&
		      json_is_false(json_object_get(import, "activate"));
	return session_say(s, errors, "%s: %llu rows accepted, %llu rejected%s", what,
			   (unsigned long long)p->rows_accepted,
			   (unsigned long long)p->rows_rejected,
			   staged ? "; staged, inlay campaign activate flips to it"
				  : "");
}

static void wait_a_little(long *ms)
{
	const struct timespec t = {.tv_nsec = *ms * 1000000L};
	nanosleep(&t, NULL);
	*ms = *ms * 2 > LOOK_LAST_MS ? LOOK_LAST_MS : *ms * 2;
}

/* One look; false: it cannot be looked at, *retry tells whether later it may. */
static bool look(struct session *s, struct str id, struct reply *reply, bool *retry,
		 struct error_list *errors)
{
	*retry = false;
	if (session_call(s, "GET", "/api/tenants/{}/imports/{}", &id, 1,
			 (struct str){NULL, 0}, reply, errors))
		return true;
	*retry = errors->n > 0 && error_kind_info(errors->items[0].kind)->retryable;
	return false;
}

bool follow_import(struct session *s, struct str id, int64_t patience_us,
		   struct error_list *errors)
{
	struct watch w = {.phase = ""};
	struct reply reply;
	int64_t seen_us = clock_mono_us();
	long pause_ms = LOOK_FIRST_MS;
	bool ok = false;
	w.progress.started_us = seen_us;
	reply_init(&reply);
	for (;;) {
		bool retry;
		if (look(s, id, &reply, &retry, errors)) {
			patience_us = FOLLOW_PATIENCE_US;
			seen_us = clock_mono_us();
			show(s, &w, reply.json);
			struct str phase = w.progress.now.phase;
			if (str_eqz(phase, "done") || str_eqz(phase, "failed")) {
				ok = finish(s, &w, reply.json, errors);
				break;
			}
		} else if (!retry || clock_mono_us() - seen_us >= patience_us) {
			end_line(&w);
			break;
		} else {
			error_list_free(errors);
		}
		wait_a_little(&pause_ms);
	}
	reply_free(&reply);
	return ok;
}
