/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of fields: of which frame, under which tag, of which kind, in
 * which member. Encoder and decoder walk it; there is no other list. */
#ifndef INLAY_WIRE_WIRE_INTERNAL_H
#define INLAY_WIRE_WIRE_INTERNAL_H

#include "wire/wire.h"

enum wire_kind {
	WIRE_KIND_BOOL,    /* 1 byte, 0 or 1; bool */
	WIRE_KIND_U8,      /* 1 byte; uint8_t */
	WIRE_KIND_U32,     /* 4 bytes; uint32_t */
	WIRE_KIND_U64,     /* 8 bytes; uint64_t */
	WIRE_KIND_I64,     /* 8 bytes, two's complement; int64_t */
	WIRE_KIND_TEXT,    /* UTF-8 without NUL, 1..WIRE_TEXT_MAX bytes; struct str */
	WIRE_KIND_HEX,     /* 32 lower-case hex digits; struct str */
	WIRE_KIND_MESSAGE, /* 1..WIRE_MESSAGE_MAX bytes; struct str */
	WIRE_KIND_U32S,    /* repeated u32; uint32_t[] and count */
	WIRE_KIND_GROUP,   /* repeated, made of fields; struct[] and count */
};

enum wire_need {
	WIRE_OPTIONAL, /* left out when zero or absent */
	WIRE_REQUIRED,
};

struct wire_schema;

struct wire_field {
	uint8_t tag;
	enum wire_kind kind;
	enum wire_need need;
	size_t offset;       /* in the frame's struct */
	size_t count_offset; /* lists */
	size_t count_max;    /* lists */
	size_t item_size;    /* groups */
	const struct wire_schema *group;
};

struct wire_schema {
	const struct wire_field *fields;
	size_t count;
};

/* NULL for an unknown type. */
const struct wire_schema *wire_schema_of(unsigned type);
/* Limits and form of a TEXT, HEX or MESSAGE value. */
enum wire_status wire_text_check(enum wire_kind kind, struct str value);
/* Rules that concern more than one field: enumerations, causes of their event,
 * offsets inside the message. */
enum wire_status wire_frame_check(const struct wire_frame *frame);

#endif
