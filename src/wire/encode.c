/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire-internal.h"

static void put_number(char *p, uint64_t value, size_t width)
{
	for (size_t i = width; i > 0; i--) {
		p[i - 1] = (char)(value & 0xff);
		value >>= 8;
	}
}

static void add_number(struct buf *out, uint64_t value, size_t width)
{
	char bytes[8];
	put_number(bytes, value, width);
	buf_add(out, bytes, width);
}

static void add_scalar(struct buf *out, uint8_t tag, uint64_t value, size_t width)
{
	add_number(out, tag, 1);
	add_number(out, width, 4);
	add_number(out, value, width);
}

/* Reads a scalar member of the given kind. */
static uint64_t scalar_at(enum wire_kind kind, const void *at, size_t *width)
{
	uint64_t value = 0;
	switch (kind) {
	case WIRE_KIND_BOOL:
		*width = 1;
		return *(const bool *)at ? 1 : 0;
	case WIRE_KIND_U8:
		*width = 1;
		return *(const uint8_t *)at;
	case WIRE_KIND_U32:
		*width = 4;
		return *(const uint32_t *)at;
	default: /* U64, I64 */
		*width = 8;
		memcpy(&value, at, sizeof value);
		return value;
	}
}

static enum wire_status encode_fields(struct buf *out, const struct wire_schema *schema,
				      const char *base);

static enum wire_status encode_list(struct buf *out, const struct wire_field *field,
				    const char *base)
{
	size_t count = *(const size_t *)(const void *)(base + field->count_offset);
	if (count > field->count_max)
		return WIRE_TOO_MANY;
	if (field->kind == WIRE_KIND_U32S) {
		const uint32_t *items =
			(const uint32_t *)(const void *)(base + field->offset);
		for (size_t i = 0; i < count; i++)
			add_scalar(out, field->tag, items[i], 4);
		return WIRE_OK;
	}
	for (size_t i = 0; i < count; i++) {
		size_t start = out->n;
		add_number(out, field->tag, 1);
		add_number(out, 0, 4); /* the length, known when the fields are there */
		enum wire_status status = encode_fields(
			out, field->group, base + field->offset + i * field->item_size);
		if (status != WIRE_OK)
			return status;
		if (!buf_ok(out))
			return WIRE_NO_ROOM;
		put_number(out->p + start + 1, out->n - start - 5, 4);
	}
	return WIRE_OK;
}

static enum wire_status encode_field(struct buf *out, const struct wire_field *field,
				     const char *base)
{
	const void *at = base + field->offset;
	switch (field->kind) {
	case WIRE_KIND_TEXT:
	case WIRE_KIND_HEX:
	case WIRE_KIND_MESSAGE: {
		const struct str *text = at;
		if (text->p == NULL)
			return field->need == WIRE_OPTIONAL ? WIRE_OK : WIRE_MISSING;
		enum wire_status status = wire_text_check(field->kind, *text);
		if (status != WIRE_OK)
			return status;
		add_number(out, field->tag, 1);
		add_number(out, text->n, 4);
		buf_add_str(out, *text);
		return WIRE_OK;
	}
	case WIRE_KIND_U32S:
	case WIRE_KIND_GROUP:
		return encode_list(out, field, base);
	default: {
		size_t width;
		uint64_t value = scalar_at(field->kind, at, &width);
		if (value != 0 || field->need == WIRE_REQUIRED)
			add_scalar(out, field->tag, value, width);
		return WIRE_OK;
	}
	}
}

static enum wire_status encode_fields(struct buf *out, const struct wire_schema *schema,
				      const char *base)
{
	enum wire_status status = WIRE_OK;
	for (size_t i = 0; i < schema->count && status == WIRE_OK; i++)
		status = encode_field(out, &schema->fields[i], base);
	return status;
}

enum wire_status wire_frame_encode(struct buf *out, const struct wire_frame *frame)
{
	const struct wire_schema *schema = wire_schema_of(frame->type);
	size_t start = out->n;
	size_t length;

	if (schema == NULL)
		return WIRE_SKIP;
	enum wire_status status = wire_frame_check(frame);
	if (status != WIRE_OK)
		return status;
	add_number(out, 0, 4);
	add_number(out, WIRE_VERSION, 1);
	add_number(out, frame->type, 1);
	/* every member of the union starts where the union does */
	status = encode_fields(out, schema, (const char *)&frame->hello);
	if (status == WIRE_OK && !buf_ok(out))
		status = WIRE_NO_ROOM;
	if (status == WIRE_OK) {
		put_number(out->p + start, out->n - start - 4, 4);
		status = wire_frame_find((struct str){out->p + start, out->n - start},
					 &length);
	}
	if (status != WIRE_OK)
		out->n = start;
	return status;
}
