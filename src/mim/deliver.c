/* SPDX-License-Identifier: Apache-2.0 */
/* The thread. */
#include "base/clock.h"
#include "mim/deliver-internal.h"
#include "mim/settings.h"

#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 5000
#define POOL_MAX 64L      /* connections that are kept open */
#define END_MS (5 * 1000) /* for the last writes to the store */

void deliver_replied(void *ctx, const struct error *err)
{
	struct deliver_reply *r = ctx;
	struct deliver *d = r->deliver;
	r->err = err != NULL ? *err : (struct error){0};
	/* under the lock: the thread may end as soon as it has the reply */
	pthread_mutex_lock(&d->lock);
	r->next = d->replies;
	d->replies = r;
	curl_multi_wakeup(d->multi);
	pthread_mutex_unlock(&d->lock);
}

static void take_replies(struct deliver *d)
{
	pthread_mutex_lock(&d->lock);
	struct deliver_reply *r = d->replies, *next;
	d->replies = NULL;
	pthread_mutex_unlock(&d->lock);
	for (; r != NULL; r = next) {
		next = r->next;
		r->take(r);
	}
}

static void take_finished(struct deliver *d)
{
	int left;
	CURLMsg *m;
	while ((m = curl_multi_info_read(d->multi, &left)) != NULL) {
		struct deliver_call *c = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		deliver_call_end(c, code);
	}
}

static void work(struct deliver *d)
{
	for (struct deliver_post *p = d->posts; p != NULL; p = p->next) {
		if (p->queues == NULL)
			continue;
		struct tenant_config *c = tenant_runtime_config(p->tenant);
		for (struct deliver_queue *q = p->queues; q != NULL; q = q->next)
			deliver_queue_work(q, p->wanted ? c : NULL);
		tenant_config_release(c);
	}
}

/* At least a tick of the looks, so that a point's next time is met as well. */
static void wait_for_something(struct deliver *d)
{
	int64_t us = d->look_us - clock_mono_us();
	int ms = us <= 0 ? 0 : (int)(us / 1000) + 1;
	curl_multi_poll(d->multi, NULL, 0, ms, NULL);
}

static void end_calls(struct deliver *d)
{
	for (struct deliver_post *p = d->posts; p != NULL; p = p->next)
		for (struct deliver_queue *q = p->queues; q != NULL; q = q->next) {
			while (q->calls != NULL)
				deliver_call_free(q->calls);
			q->settle_not_before_us = 0; /* one more try at once */
		}
}

static bool all_idle(const struct deliver *d)
{
	for (const struct deliver_post *p = d->posts; p != NULL; p = p->next)
		if (!deliver_post_is_idle(p))
			return false;
	return true;
}

/* What was delivered is settled, so that it is not sent again. A store that does not
 * answer holds nothing up but its own calls, which must come back. */
static void settle_all(struct deliver *d)
{
	int64_t until_us = clock_mono_us() + END_MS * INT64_C(1000);
	do {
		bool is_late = clock_mono_us() > until_us;
		for (struct deliver_post *p = d->posts; p != NULL; p = p->next)
			for (struct deliver_queue *q = p->queues; q != NULL;
			     q = q->next) {
				if (is_late) {
					q->n_finished = 0;
					q->state_changed = false;
				}
				deliver_queue_settle(q);
			}
		if (all_idle(d))
			return;
		curl_multi_poll(d->multi, NULL, 0, DELIVER_LOOK_MS, NULL);
		take_replies(d);
	} while (true);
}

static void *run(void *ctx)
{
	struct deliver *d = ctx;
	int running;
	while (!d->stopping) {
		take_replies(d);
		if (clock_mono_us() >= d->look_us) {
			deliver_look(d);
			d->look_us = clock_mono_us() + DELIVER_LOOK_MS * INT64_C(1000);
		}
		curl_multi_perform(d->multi, &running);
		take_finished(d);
		work(d);
		wait_for_something(d);
	}
	end_calls(d);
	settle_all(d);
	return NULL;
}

void deliver_counts(struct deliver *d, struct deliver_counts *out)
{
	*out = (struct deliver_counts){0};
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	*out = d->counts;
	pthread_mutex_unlock(&d->lock);
}

static bool read_settings(struct deliver *d, struct error *err)
{
	const struct settings *s = d->mim->settings;
	struct deliver_settings *out = &d->settings;
	struct error_list errors;
	out->timeout_ms = settings_int(s, "inlay.points.timeout");
	out->connect_timeout_ms = out->timeout_ms < CONNECT_TIMEOUT_MS
					  ? out->timeout_ms
					  : CONNECT_TIMEOUT_MS;
	out->retry_for_ms = settings_int(s, "inlay.points.retry-for");
	out->warn_after_ms = settings_int(s, "inlay.points.warn-after");
	out->calls_per_point = (size_t)settings_int(s, "inlay.points.requests");
	out->ca_file = settings_str(s, "inlay.points.ca-file").p;
	error_list_init(&errors, 1);
	bool ok = mim_settings_networks(s, &out->allowed, &errors);
	if (!ok)
		error_set(err, ERROR_BAD_VALUE, "", "%s",
			  errors.n > 0 ? errors.items[0].message : "out of memory");
	error_list_free(&errors);
	return ok;
}

static void deliver_free(struct deliver *d)
{
	struct deliver_post *next;
	for (struct deliver_post *p = d->posts; p != NULL; p = next) {
		next = p->next;
		deliver_post_free(p);
	}
	if (d->multi != NULL)
		curl_multi_cleanup(d->multi);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct deliver *deliver_start(struct mim *mim, struct error *err)
{
	struct deliver *d = calloc(1, sizeof *d);
	if (d == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for the conversion points");
		return NULL;
	}
	d->mim = mim;
	pthread_mutex_init(&d->lock, NULL);
	d->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init()
								     : NULL;
	int failed = 0;
	if (d->multi == NULL) {
		error_set(err, ERROR_MEMORY, "", "libcurl cannot start");
	} else if (read_settings(d, err)) {
		curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, POOL_MAX);
		failed = pthread_create(&d->thread, NULL, run, d);
		if (failed == 0)
			return d;
		error_set_errno(err, "", failed, "cannot start a thread");
	}
	deliver_free(d);
	return NULL;
}

void deliver_stop(struct deliver *d)
{
	if (d == NULL)
		return;
	d->stopping = true;
	curl_multi_wakeup(d->multi);
	pthread_join(d->thread, NULL);
	deliver_free(d);
}
