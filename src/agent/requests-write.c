/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/requests.h"

#include "base/json.h"

bool requests_write_hello(struct buf *out, const struct wire_hello *hello)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "user", hello->user);
	json_kv_string(&w, "protocol", hello->protocol);
	json_put_object_end(&w);
	return buf_ok(out);
}

static void write_event(struct json_writer *w, const struct spool_record *e,
			bool with_user)
{
	json_put_object(w);
	if (with_user)
		json_kv_string(w, "user", e->user);
	json_put_key(w, STR("instance"));
	json_put_hex(w, e->instance, sizeof e->instance);
	json_kv_string(w, "type", str_of(wire_event_name(e->type)));
	json_kv_time(w, "at", e->time_ms);
	if (e->type == WIRE_EVENT_GONE)
		json_kv_bool(w, "seen", e->seen);
	if (e->cause != WIRE_CAUSE_NONE)
		json_kv_string(w, "cause", str_of(wire_cause_name(e->cause)));
	json_put_object_end(w);
}

static void write_event_list(struct json_writer *w,
			     const struct spool_record *const *events, size_t n,
			     bool with_user)
{
	json_put_key(w, STR("events"));
	json_put_array(w);
	for (size_t i = 0; i < n; i++)
		write_event(w, events[i], with_user);
	json_put_array_end(w);
}

static void write_present(struct json_writer *w, const struct wire_present *p)
{
	json_put_object(w);
	json_kv_string(w, "guid", p->guid);
	json_kv_u64(w, "uid", p->uid);
	json_kv_bool(w, "seen", p->seen);
	json_kv_u64(w, "newer", p->newer);
	if (p->proof.p != NULL)
		json_kv_string(w, "proof", p->proof);
	if (p->instance.p != NULL)
		json_kv_string(w, "instance", p->instance);
	json_put_object_end(w);
}

bool requests_write_open(struct buf *out, const struct requests_open *q)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "node", q->node);
	json_kv_string(&w, "user", q->user);
	json_kv_string(&w, "protocol", q->protocol);
	json_kv_u64(&w, "uidValidity", q->open->uid_validity);
	json_kv_u64(&w, "uidNext", q->open->uid_next);
	json_kv_bool(&w, "complete", q->open->complete);
	json_put_key(&w, STR("present"));
	json_put_array(&w);
	for (size_t i = 0; i < q->open->present_count; i++)
		write_present(&w, &q->open->present[i]);
	json_put_array_end(&w);
	write_event_list(&w, q->events, q->n_events, false);
	if (q->early)
		json_kv_bool(&w, "early", true);
	json_put_object_end(&w);
	return buf_ok(out);
}

bool requests_write_events(struct buf *out, const struct spool_record *const *events,
			   size_t n)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_object(&w);
	write_event_list(&w, events, n, true);
	json_put_object_end(&w);
	return buf_ok(out);
}
