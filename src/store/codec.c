/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces and the small records; those of a user are in codec-user.c. */
#include "store/codec.h"

#include "store/codec-internal.h"
#include "store/store-internal.h"

void codec_put_u64(struct buf *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	while (v >= 0x80) {
		bytes[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (uint8_t)v;
	buf_add(out, bytes, n);
}

void codec_put_i64(struct buf *out, int64_t v)
{
	codec_put_u64(out, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void codec_put_text(struct buf *out, struct str s)
{
	codec_put_u64(out, s.p == NULL ? 0 : (uint64_t)s.n + 1);
	buf_add_str(out, s);
}

struct codec_in codec_in(struct str bytes)
{
	const uint8_t *p = (const uint8_t *)(bytes.p != NULL ? bytes.p : "");
	return (struct codec_in){p, p + bytes.n, false};
}

static uint64_t fail(struct codec_in *in)
{
	in->bad = true;
	in->p = in->end;
	return 0;
}

uint8_t codec_byte(struct codec_in *in)
{
	return in->p < in->end ? *in->p++ : (uint8_t)fail(in);
}

uint64_t codec_u64(struct codec_in *in, uint64_t max)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (in->p == in->end)
			return fail(in);
		uint64_t b = *in->p++;
		/* the tenth byte has room for one bit only */
		if (shift == 63 && b > 1)
			return fail(in);
		v |= (b & 0x7f) << shift;
		if (b < 0x80) {
			/* the shortest form does not end in a zero byte */
			if ((b == 0 && shift > 0) || v > max)
				return fail(in);
			return v;
		}
	}
	return fail(in);
}

int64_t codec_i64(struct codec_in *in)
{
	uint64_t v = codec_u64(in, UINT64_MAX);
	return (int64_t)((v >> 1) ^ ((v & 1) != 0 ? UINT64_MAX : 0));
}

const uint8_t *codec_bytes(struct codec_in *in, size_t n)
{
	if (n > (size_t)(in->end - in->p)) {
		fail(in);
		return NULL;
	}
	const uint8_t *p = in->p;
	in->p += n;
	return p;
}

struct str codec_text(struct codec_in *in)
{
	uint64_t n = codec_u64(in, (uint64_t)(in->end - in->p));
	if (n == 0)
		return (struct str){NULL, 0};
	const uint8_t *p = codec_bytes(in, (size_t)n - 1);
	return (struct str){(const char *)p, p != NULL ? (size_t)n - 1 : 0};
}

bool codec_end(const struct codec_in *in, const char *what, struct error *err)
{
	if (!in->bad && in->p == in->end)
		return true;
	return error_set(err, ERROR_CORRUPT, "", "a stored %s is damaged", what);
}

void codec_begin(struct codec_in *in)
{
	if (codec_byte(in) != CODEC_VERSION)
		fail(in);
}

bool codec_flag(struct codec_in *in)
{
	return codec_u64(in, 1) == 1;
}

static void put_outbox(struct buf *out, const struct store_outbox_row *row)
{
	buf_add(out, row->event_id.b, ID_LEN);
	buf_add(out, row->instance.b, ID_LEN);
	codec_put_text(out, row->point);
	codec_put_text(out, row->event_type);
	codec_put_text(out, row->campaign);
	codec_put_i64(out, row->at_ms);
}

void codec_outbox_encode(struct buf *out, const struct store_outbox_row *row)
{
	buf_add_char(out, CODEC_VERSION);
	put_outbox(out, row);
}

static void take_id(struct codec_in *in, struct id16 *out)
{
	const uint8_t *p = codec_bytes(in, ID_LEN);
	if (p != NULL)
		memcpy(out->b, p, ID_LEN);
}

static void take_outbox(struct codec_in *in, struct store_outbox_row *out)
{
	take_id(in, &out->event_id);
	take_id(in, &out->instance);
	out->point = codec_text(in);
	out->event_type = codec_text(in);
	out->campaign = codec_text(in);
	out->at_ms = codec_i64(in);
}

bool codec_outbox_decode(struct str bytes, struct store_outbox_row *out,
			 struct error *err)
{
	struct codec_in in = codec_in(bytes);
	*out = (struct store_outbox_row){0};
	codec_begin(&in);
	take_outbox(&in, out);
	return codec_end(&in, "outbox row", err);
}

static void put_queue(struct buf *out, const struct store_queue_row *row)
{
	put_outbox(out, &row->event);
	codec_put_i64(out, row->queued_ms);
	codec_put_i64(out, row->first_ms);
	codec_put_u64(out, row->attempts);
}

static void take_queue(struct codec_in *in, struct store_queue_row *out)
{
	take_outbox(in, &out->event);
	out->queued_ms = codec_i64(in);
	out->first_ms = codec_i64(in);
	out->attempts = (uint32_t)codec_u64(in, UINT32_MAX);
}

void codec_queue_encode(struct buf *out, const struct store_queue_row *row)
{
	buf_add_char(out, CODEC_VERSION);
	put_queue(out, row);
}

bool codec_queue_decode(struct str bytes, struct store_queue_row *out,
			struct error *err)
{
	struct codec_in in = codec_in(bytes);
	*out = (struct store_queue_row){0};
	codec_begin(&in);
	take_queue(&in, out);
	return codec_end(&in, "row of a queue", err);
}

void codec_dead_encode(struct buf *out, const struct store_dead_row *row)
{
	buf_add_char(out, CODEC_VERSION);
	put_queue(out, &row->row);
	codec_put_i64(out, row->row.due_ms);
	codec_put_text(out, row->error);
}

bool codec_dead_decode(struct str bytes, struct store_dead_row *out, struct error *err)
{
	struct codec_in in = codec_in(bytes);
	*out = (struct store_dead_row){0};
	codec_begin(&in);
	take_queue(&in, &out->row);
	out->row.due_ms = codec_i64(&in);
	out->error = codec_text(&in);
	return codec_end(&in, "dead letter", err);
}

void codec_point_encode(struct buf *out, const struct store_point *p)
{
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, p->waiting);
	codec_put_u64(out, p->dead);
	codec_put_u64(out, p->sent);
	codec_put_u64(out, p->erased);
	codec_put_i64(out, p->state.failing_since_ms);
	codec_put_i64(out, p->state.next_ms);
	codec_put_i64(out, p->state.sent_ms);
	codec_put_i64(out, p->state.error_ms);
	codec_put_text(out, p->state.error);
	codec_put_u64(out, p->state.failures);
}

bool codec_point_decode(struct str bytes, struct store_point *out, struct error *err)
{
	struct codec_in in = codec_in(bytes);
	*out = (struct store_point){0};
	codec_begin(&in);
	out->waiting = codec_u64(&in, UINT64_MAX);
	out->dead = codec_u64(&in, UINT64_MAX);
	out->sent = codec_u64(&in, UINT64_MAX);
	out->erased = codec_u64(&in, UINT64_MAX);
	out->state.failing_since_ms = codec_i64(&in);
	out->state.next_ms = codec_i64(&in);
	out->state.sent_ms = codec_i64(&in);
	out->state.error_ms = codec_i64(&in);
	out->state.error = codec_text(&in);
	out->state.failures = (uint32_t)codec_u64(&in, UINT32_MAX);
	return codec_end(&in, "conversion point", err);
}

void codec_document_encode(struct buf *out, uint64_t revision, struct str body)
{
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, revision);
	buf_add_str(out, body);
}

bool codec_document_decode(struct str bytes, uint64_t *revision, struct str *body,
			   struct error *err)
{
	struct codec_in in = codec_in(bytes);
	codec_begin(&in);
	*revision = codec_u64(&in, UINT64_MAX);
	size_t n = (size_t)(in.end - in.p);
	*body = (struct str){(const char *)codec_bytes(&in, n), n};
	return codec_end(&in, "document", err);
}

void codec_event_encode(struct buf *out, const struct codec_event *e)
{
	codec_put_u64(out, (uint64_t)e->statistic);
	codec_put_u64(out, e->hour);
}

bool codec_event_decode(struct str bytes, struct codec_event *out, struct error *err)
{
	struct codec_in in = codec_in(bytes);
	out->statistic = (enum statistic)codec_u64(&in, STATISTICS_COUNT - 1);
	out->hour = (uint32_t)codec_u64(&in, UINT32_MAX);
	return codec_end(&in, "event", err);
}

void codec_sums_encode(struct buf *out, const struct codec_sums *s)
{
	codec_put_u64(out, s->count);
	codec_put_u64(out, s->unique);
}

bool codec_sums_decode(struct str bytes, struct codec_sums *out, struct error *err)
{
	struct codec_in in = codec_in(bytes);
	out->count = codec_u64(&in, UINT64_MAX);
	out->unique = codec_u64(&in, UINT64_MAX);
	return codec_end(&in, "statistic", err);
}

/* Each hour as the difference to the one before, so that they ascend by form. */
void codec_hours_encode(struct buf *out, const struct codec_hours *h)
{
	for (size_t i = 0; i < h->n; i++) {
		uint32_t before = i > 0 ? h->items[i - 1].hour : 0;
		codec_put_u64(out, h->items[i].hour - before);
		codec_put_u64(out, h->items[i].n);
	}
}

bool codec_hours_decode(struct str bytes, struct arena *arena, struct codec_hours *out,
			struct error *err)
{
	struct codec_in in = codec_in(bytes);
	/* two bytes at least for each */
	out->items = arena_array(arena, bytes.n / 2 + 1, sizeof *out->items);
	out->n = 0;
	if (out->items == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a user's hours");
	uint64_t hour = 0;
	while (in.p < in.end) {
		uint64_t step = codec_u64(&in, UINT32_MAX - hour);
		uint64_t n = codec_u64(&in, UINT64_MAX);
		if (in.bad || n == 0 || (step == 0 && out->n > 0)) {
			fail(&in);
			break;
		}
		hour += step;
		out->items[out->n++] = (struct codec_hour){(uint32_t)hour, n};
	}
	return codec_end(&in, "count of a user", err);
}
