/* SPDX-License-Identifier: Apache-2.0 */
/* Records as a damaged database could hold them. The first byte chooses the kind.
 * What decodes must encode to the same bytes: there is one form for each record. */
#include "store/codec.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool recode(unsigned kind, struct str in, struct arena *arena, struct buf *out)
{
	struct codec_head head;
	struct assignment a;
	struct recipient_row row;
	struct store_outbox_row outbox;
	struct store_queue_row queue;
	struct store_dead_row dead;
	struct store_point point;
	struct codec_event event;
	struct codec_sums sums;
	struct codec_hours hours;
	struct str text, rest;
	uint64_t revision;
	switch (kind % 12) {
	case 0:
		if (!codec_head_decode(in, arena, &head, NULL))
			return false;
		codec_head_encode(out, head.revision, head.profile.user,
				  head.known ? &head.profile : NULL);
		return true;
	case 1:
		if (!codec_assignment_decode(in, &a, NULL))
			return false;
		codec_assignment_encode(out, &a);
		return true;
	case 2:
		if (!codec_row_decode(in, arena, &row, NULL))
			return false;
		codec_row_encode(out, row.values, row.n_values);
		return true;
	case 3:
		if (!codec_outbox_decode(in, &outbox, NULL))
			return false;
		codec_outbox_encode(out, &outbox);
		return true;
	case 4:
		if (!codec_document_decode(in, &revision, &text, NULL))
			return false;
		codec_document_encode(out, revision, text);
		return true;
	case 5:
		if (!codec_event_decode(in, &event, NULL))
			return false;
		codec_event_encode(out, &event);
		return true;
	case 6:
		if (!codec_sums_decode(in, &sums, NULL))
			return false;
		codec_sums_encode(out, &sums);
		return true;
	case 7:
		if (!codec_hours_decode(in, arena, &hours, NULL))
			return false;
		codec_hours_encode(out, &hours);
		return true;
	case 8:
		if (!codec_queue_decode(in, &queue, NULL))
			return false;
		codec_queue_encode(out, &queue);
		return true;
	case 9:
		if (!codec_dead_decode(in, &dead, NULL))
			return false;
		codec_dead_encode(out, &dead);
		return true;
	case 10:
		if (!codec_point_decode(in, &point, NULL))
			return false;
		codec_point_encode(out, &point);
		return true;
	default:
		if (!codec_head_split(in, &revision, &text, &rest, NULL))
			return false;
		codec_head_join(out, revision, rest);
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str in = {(const char *)data + 1, size - 1};
	struct arena *arena = arena_new((size_t)16 << 20);
	struct buf out;
	buf_init(&out, (size_t)16 << 20);
	if (arena != NULL && recode(data[0], in, arena, &out) &&
	    (!buf_ok(&out) || !str_eq(buf_str(&out), in)))
		abort();
	buf_free(&out);
	arena_free(arena);
	return 0;
}
