/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire-internal.h"

/* A schema has fewer fields than this: presence fits a bit mask. */
#define FIELDS_MAX 32

static uint64_t number_at(const char *p, size_t width)
{
	uint64_t value = 0;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | (uint8_t)p[i];
	return value;
}

/* Longest value of a frame's length, or 0 for an unknown type. */
static size_t length_max(unsigned type)
{
	switch (type) {
#define X(name, number, max)                                                           \
	case number:                                                                   \
		return max;
		WIRE_TYPES(X)
#undef X
	default:
		return 0;
	}
}

enum wire_status wire_frame_find(struct str bytes, size_t *length)
{
	*length = WIRE_HEADER;
	if (bytes.n < 4)
		return WIRE_MORE;
	size_t following = (size_t)number_at(bytes.p, 4);
	if (following < WIRE_HEADER - 4 || following > WIRE_FRAME_MAX)
		return WIRE_BAD_LENGTH;
	/* the version is looked at before anything is believed of the rest */
	if (bytes.n >= 5 && (uint8_t)bytes.p[4] != WIRE_VERSION)
		return WIRE_BAD_VERSION;
	if (bytes.n < WIRE_HEADER)
		return WIRE_MORE;
	size_t max = length_max((uint8_t)bytes.p[5]);
	if (following > (max != 0 ? max : WIRE_SMALL_MAX))
		return WIRE_BAD_LENGTH;
	*length = 4 + following;
	if (bytes.n < *length)
		return WIRE_MORE;
	return max != 0 ? WIRE_OK : WIRE_SKIP;
}

static enum wire_status decode_scalar(enum wire_kind kind, struct str value, void *at)
{
	static const size_t widths[] = {
		[WIRE_KIND_BOOL] = 1, [WIRE_KIND_U8] = 1,  [WIRE_KIND_U32] = 4,
		[WIRE_KIND_U64] = 8,  [WIRE_KIND_I64] = 8,
	};

	if (value.n != widths[kind])
		return WIRE_BAD_LENGTH;
	uint64_t number = number_at(value.p, value.n);
	switch (kind) {
	case WIRE_KIND_BOOL:
		if (number > 1)
			return WIRE_BAD_VALUE;
		*(bool *)at = number == 1;
		break;
	case WIRE_KIND_U8:
		*(uint8_t *)at = (uint8_t)number;
		break;
	case WIRE_KIND_U32:
		*(uint32_t *)at = (uint32_t)number;
		break;
	case WIRE_KIND_U64:
		*(uint64_t *)at = number;
		break;
	default:
		memcpy(at, &number, sizeof number);
		break;
	}
	return WIRE_OK;
}

static enum wire_status decode_fields(const struct wire_schema *schema, struct str rest,
				      char *base);

static enum wire_status decode_list(const struct wire_field *field, struct str value,
				    char *base)
{
	size_t *count = (size_t *)(void *)(base + field->count_offset);
	if (*count == field->count_max)
		return WIRE_TOO_MANY;
	enum wire_status status;
	if (field->kind == WIRE_KIND_U32S) {
		uint32_t *items = (uint32_t *)(void *)(base + field->offset);
		status = decode_scalar(WIRE_KIND_U32, value, &items[*count]);
	} else {
		char *item = base + field->offset + *count * field->item_size;
		memset(item, 0, field->item_size);
		status = decode_fields(field->group, value, item);
	}
	if (status == WIRE_OK)
		++*count;
	return status;
}

static enum wire_status decode_field(const struct wire_field *field, struct str value,
				     char *base)
{
	void *at = base + field->offset;
	switch (field->kind) {
	case WIRE_KIND_TEXT:
	case WIRE_KIND_HEX:
	case WIRE_KIND_MESSAGE: {
		enum wire_status status = wire_text_check(field->kind, value);
		if (status == WIRE_OK)
			*(struct str *)at = value;
		return status;
	}
	case WIRE_KIND_U32S:
	case WIRE_KIND_GROUP:
		return decode_list(field, value, base);
	default:
		return decode_scalar(field->kind, value, at);
	}
}

static bool is_list(const struct wire_field *field)
{
	return field->kind == WIRE_KIND_U32S || field->kind == WIRE_KIND_GROUP;
}

/* Cuts one field off; false when its length does not fit what is left. */
static bool next_field(struct str *rest, uint8_t *tag, struct str *value)
{
	if (rest->n < 5)
		return false;
	*tag = (uint8_t)rest->p[0];
	size_t n = (size_t)number_at(rest->p + 1, 4);
	if (n > rest->n - 5)
		return false;
	*value = (struct str){rest->p + 5, n};
	*rest = (struct str){rest->p + 5 + n, rest->n - 5 - n};
	return true;
}

static enum wire_status decode_fields(const struct wire_schema *schema, struct str rest,
				      char *base)
{
	uint32_t found = 0;
	_Static_assert(FIELDS_MAX <= 32, "presence is kept in 32 bits");

	while (rest.n > 0) {
		uint8_t tag;
		struct str value;
		if (!next_field(&rest, &tag, &value))
			return WIRE_BAD_LENGTH;
		size_t i = 0;
		while (i < schema->count && schema->fields[i].tag != tag)
			i++;
		bool known = i < schema->count;
		bool is_message = known && schema->fields[i].kind == WIRE_KIND_MESSAGE;
		if (value.n > WIRE_FIELD_MAX && !is_message)
			return WIRE_BAD_LENGTH;
		if (!known)
			continue;
		if ((found >> i & 1) != 0 && !is_list(&schema->fields[i]))
			return WIRE_TWICE;
		found |= (uint32_t)1 << i;
		enum wire_status status = decode_field(&schema->fields[i], value, base);
		if (status != WIRE_OK)
			return status;
	}
	for (size_t i = 0; i < schema->count; i++)
		if (schema->fields[i].need == WIRE_REQUIRED && (found >> i & 1) == 0)
			return WIRE_MISSING;
	return WIRE_OK;
}

enum wire_status wire_frame_decode(struct str bytes, struct wire_frame *frame)
{
	size_t length;
	enum wire_status status = wire_frame_find(bytes, &length);
	if (status == WIRE_MORE || (status == WIRE_OK && length != bytes.n))
		return WIRE_BAD_LENGTH;
	if (status != WIRE_OK)
		return status;

	memset(frame, 0, sizeof *frame);
	frame->type = (uint8_t)bytes.p[5];
	/* every member of the union starts where the union does */
	status = decode_fields(wire_schema_of(frame->type),
			       str_slice(bytes, WIRE_HEADER, bytes.n),
			       (char *)&frame->hello);
	return status == WIRE_OK ? wire_frame_check(frame) : status;
}
