/* SPDX-License-Identifier: Apache-2.0 */
/* What the records of the store look like as bytes, for the backends that keep
 * bytes. A first byte says the version of the form. Numbers are LEB128 varints in
 * their shortest form, signed ones zigzag; a text is its length + 1 (0: absent) and
 * its bytes. Decoders take foreign bytes: they check all, accept only what the
 * encoder would have written, and fail with CORRUPT. Decoded text is borrowed from
 * the bytes given. */
#ifndef INLAY_STORE_CODEC_H
#define INLAY_STORE_CODEC_H

#include "base/buf.h"
#include "store/store.h"

/* The pieces -----------------------------------------------------------------*/
void codec_put_u64(struct buf *out, uint64_t v);
void codec_put_i64(struct buf *out, int64_t v);
void codec_put_text(struct buf *out, struct str s);

struct codec_in {
	const uint8_t *p, *end;
	bool bad; /* sticky: what was read since is zero */
};
struct codec_in codec_in(struct str bytes);
uint64_t codec_u64(struct codec_in *in, uint64_t max);
int64_t codec_i64(struct codec_in *in);
uint8_t codec_byte(struct codec_in *in);
struct str codec_text(struct codec_in *in);
const uint8_t *codec_bytes(struct codec_in *in, size_t n); /* NULL if too short */
/* True if all was read and nothing was bad. */
bool codec_end(const struct codec_in *in, const char *what, struct error *err);

/* The records ----------------------------------------------------------------*/

/* The head of a user's partition: revision, user key, and the profile if known. */
struct codec_head {
	uint64_t revision;
	bool known;
	struct user_profile profile; /* only .user if not known */
};
/* profile NULL: not known. The caller looks at out->state. */
void codec_head_encode(struct buf *out, uint64_t revision, struct str user_key,
		       const struct user_profile *profile);
bool codec_head_decode(struct str bytes, struct arena *arena, struct codec_head *out,
		       struct error *err);
/* Without the profile: revision, user key, and the bytes behind the revision, which
 * codec_head_join puts behind another one. */
bool codec_head_split(struct str bytes, uint64_t *revision, struct str *user_key,
		      struct str *rest, struct error *err);
void codec_head_join(struct buf *out, uint64_t revision, struct str rest);

/* The instance is in the key. */
void codec_assignment_encode(struct buf *out, const struct assignment *a);
bool codec_assignment_decode(struct str bytes, struct assignment *out,
			     struct error *err);

/* The load is in the key. */
void codec_row_encode(struct buf *out, const struct str *values, size_t n);
bool codec_row_decode(struct str bytes, struct arena *arena, struct recipient_row *out,
		      struct error *err);

void codec_outbox_encode(struct buf *out, const struct store_outbox_row *row);
bool codec_outbox_decode(struct str bytes, struct store_outbox_row *out,
			 struct error *err);

/* The same with what the queue adds; sequence and due are in the key. */
void codec_queue_encode(struct buf *out, const struct store_queue_row *row);
bool codec_queue_decode(struct str bytes, struct store_queue_row *out,
			struct error *err);
/* The sequence is in the key. */
void codec_dead_encode(struct buf *out, const struct store_dead_row *row);
bool codec_dead_decode(struct str bytes, struct store_dead_row *out, struct error *err);
/* The id is in the key. */
void codec_point_encode(struct buf *out, const struct store_point *p);
bool codec_point_decode(struct str bytes, struct store_point *out, struct error *err);

/* A document: revision and body. */
void codec_document_encode(struct buf *out, uint64_t revision, struct str body);
bool codec_document_decode(struct str bytes, uint64_t *revision, struct str *body,
			   struct error *err);

/* What an event was counted as, and in which hour (since 1970). */
struct codec_event {
	enum statistic statistic;
	uint32_t hour;
};
void codec_event_encode(struct buf *out, const struct codec_event *e);
bool codec_event_decode(struct str bytes, struct codec_event *out, struct error *err);

struct codec_sums {
	uint64_t count, unique;
};
void codec_sums_encode(struct buf *out, const struct codec_sums *s);
bool codec_sums_decode(struct str bytes, struct codec_sums *out, struct error *err);

/* How many events of a user were counted in which hours, ascending: the first hour
 * is where the user counts as unique. */
struct codec_hour {
	uint32_t hour;
	uint64_t n; /* > 0 */
};
struct codec_hours {
	struct codec_hour *items;
	size_t n;
};
void codec_hours_encode(struct buf *out, const struct codec_hours *h);
/* With room for one more at the end. */
bool codec_hours_decode(struct str bytes, struct arena *arena, struct codec_hours *out,
			struct error *err);

#endif
