/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire-internal.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Tags are one space for all frames, so that a dump can be read without context. */
enum {
	TAG_TENANT = 1,
	TAG_USER,
	TAG_PROTOCOL,
	TAG_ADDRESS,
	TAG_OPEN,
	TAG_NEXT_CHECK,
	TAG_REQUEST,
	TAG_UID_VALIDITY,
	TAG_UID_NEXT,
	TAG_COMPLETE,
	TAG_PRESENT,
	TAG_GUID,
	TAG_UID,
	TAG_SEEN,
	TAG_NEWER,
	TAG_PROOF,
	TAG_OWN,
	TAG_INSTANCE,
	TAG_REPLACES,
	TAG_POSITION,
	TAG_RANK,
	TAG_DATE,
	TAG_DATE_OFFSET,
	TAG_VALID_FOR,
	TAG_MESSAGE,
	TAG_CAUSE,
	TAG_LAZY,
	TAG_NUMBER,
	TAG_TYPE,
	TAG_TIME,
};

#define ONE(st, tag_, kind_, need_, member)                                            \
	{                                                                              \
		.tag = TAG_##tag_, .kind = WIRE_KIND_##kind_, .need = WIRE_##need_,    \
		.offset = offsetof(struct st, member)                                  \
	}

static const struct wire_field hello_fields[] = {
	ONE(wire_hello, TENANT, TEXT, REQUIRED, tenant),
	ONE(wire_hello, USER, TEXT, REQUIRED, user),
	ONE(wire_hello, PROTOCOL, TEXT, REQUIRED, protocol),
	ONE(wire_hello, ADDRESS, TEXT, OPTIONAL, address),
};

static const struct wire_field ready_fields[] = {
	ONE(wire_ready, OPEN, BOOL, REQUIRED, open),
	ONE(wire_ready, NEXT_CHECK, U32, REQUIRED, next_check),
};

static const struct wire_field present_fields[] = {
	ONE(wire_present, GUID, HEX, REQUIRED, guid),
	ONE(wire_present, UID, U32, REQUIRED, uid),
	ONE(wire_present, SEEN, BOOL, REQUIRED, seen),
	ONE(wire_present, NEWER, U32, REQUIRED, newer),
	ONE(wire_present, PROOF, TEXT, OPTIONAL, proof),
	ONE(wire_present, INSTANCE, HEX, OPTIONAL, instance),
};
static const struct wire_schema present_schema = {present_fields,
						  COUNT(present_fields)};

static const struct wire_field open_fields[] = {
	ONE(wire_open, REQUEST, U32, REQUIRED, request),
	ONE(wire_open, UID_VALIDITY, U32, REQUIRED, uid_validity),
	ONE(wire_open, UID_NEXT, U32, REQUIRED, uid_next),
	ONE(wire_open, COMPLETE, BOOL, REQUIRED, complete),
	{
		.tag = TAG_PRESENT,
		.kind = WIRE_KIND_GROUP,
		.offset = offsetof(struct wire_open, present),
		.count_offset = offsetof(struct wire_open, present_count),
		.count_max = WIRE_PRESENT_MAX,
		.item_size = sizeof(struct wire_present),
		.group = &present_schema,
	},
};

static const struct wire_field own_fields[] = {
	ONE(wire_own, GUID, HEX, REQUIRED, guid),
	ONE(wire_own, INSTANCE, HEX, REQUIRED, instance),
};
static const struct wire_schema own_schema = {own_fields, COUNT(own_fields)};

static const struct wire_field known_fields[] = {
	ONE(wire_known, REQUEST, U32, REQUIRED, request),
	{
		.tag = TAG_OWN,
		.kind = WIRE_KIND_GROUP,
		.offset = offsetof(struct wire_known, own),
		.count_offset = offsetof(struct wire_known, own_count),
		.count_max = WIRE_PRESENT_MAX,
		.item_size = sizeof(struct wire_own),
		.group = &own_schema,
	},
};

#define INJECT_FIELDS                                                                  \
	ONE(wire_inject, REQUEST, U32, REQUIRED, request),                             \
		ONE(wire_inject, INSTANCE, HEX, REQUIRED, instance),                   \
		ONE(wire_inject, GUID, HEX, REQUIRED, guid),                           \
		ONE(wire_inject, POSITION, U8, REQUIRED, position),                    \
		ONE(wire_inject, RANK, U32, OPTIONAL, rank),                           \
		ONE(wire_inject, DATE, I64, OPTIONAL, date),                           \
		ONE(wire_inject, VALID_FOR, U32, REQUIRED, valid_for),                 \
		ONE(wire_inject, MESSAGE, MESSAGE, REQUIRED, message),                 \
	{                                                                              \
		.tag = TAG_DATE_OFFSET, .kind = WIRE_KIND_U32S,                        \
		.offset = offsetof(struct wire_inject, date_offset),                   \
		.count_offset = offsetof(struct wire_inject, date_offset_count),       \
		.count_max = WIRE_DATE_OFFSETS_MAX                                     \
	}

static const struct wire_field inject_fields[] = {INJECT_FIELDS};
static const struct wire_field reinject_fields[] = {
	INJECT_FIELDS,
	ONE(wire_inject, REPLACES, HEX, REQUIRED, replaces),
};

static const struct wire_field withdraw_fields[] = {
	ONE(wire_withdraw, GUID, HEX, REQUIRED, guid),
	ONE(wire_withdraw, CAUSE, U8, REQUIRED, cause),
	ONE(wire_withdraw, LAZY, BOOL, REQUIRED, lazy),
	ONE(wire_withdraw, SEEN, BOOL, OPTIONAL, seen),
};

static const struct wire_field done_fields[] = {
	ONE(wire_done, REQUEST, U32, REQUIRED, request),
	ONE(wire_done, NEXT_CHECK, U32, REQUIRED, next_check),
};

static const struct wire_field event_fields[] = {
	ONE(wire_event, NUMBER, U64, REQUIRED, number),
	ONE(wire_event, INSTANCE, HEX, REQUIRED, instance),
	ONE(wire_event, GUID, HEX, REQUIRED, guid),
	ONE(wire_event, TYPE, U8, REQUIRED, type),
	ONE(wire_event, SEEN, BOOL, REQUIRED, seen),
	ONE(wire_event, CAUSE, U8, OPTIONAL, cause),
	ONE(wire_event, TIME, I64, REQUIRED, time),
};

static const struct wire_field ack_fields[] = {
	ONE(wire_ack, NUMBER, U64, REQUIRED, number),
};

static const struct wire_schema schemas[] = {
	[WIRE_HELLO] = {hello_fields, COUNT(hello_fields)},
	[WIRE_READY] = {ready_fields, COUNT(ready_fields)},
	[WIRE_OPEN] = {open_fields, COUNT(open_fields)},
	[WIRE_KNOWN] = {known_fields, COUNT(known_fields)},
	[WIRE_INJECT] = {inject_fields, COUNT(inject_fields)},
	[WIRE_REINJECT] = {reinject_fields, COUNT(reinject_fields)},
	[WIRE_WITHDRAW] = {withdraw_fields, COUNT(withdraw_fields)},
	[WIRE_DONE] = {done_fields, COUNT(done_fields)},
	[WIRE_EVENT] = {event_fields, COUNT(event_fields)},
	[WIRE_ACK] = {ack_fields, COUNT(ack_fields)},
	[WIRE_OPEN_AGAIN] = {NULL, 0},
};

const struct wire_schema *wire_schema_of(unsigned type)
{
	return wire_type_name(type) != NULL ? &schemas[type] : NULL;
}

static bool is_hex32(struct str s)
{
	if (s.n != 32)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

enum wire_status wire_text_check(enum wire_kind kind, struct str value)
{
	switch (kind) {
	case WIRE_KIND_TEXT:
		if (value.n == 0 || value.n > WIRE_TEXT_MAX)
			return WIRE_BAD_LENGTH;
		return str_is_utf8(value) ? WIRE_OK : WIRE_BAD_TEXT;
	case WIRE_KIND_HEX:
		return is_hex32(value) ? WIRE_OK : WIRE_BAD_TEXT;
	default: /* MESSAGE */
		return value.n > 0 && value.n <= WIRE_MESSAGE_MAX ? WIRE_OK
								  : WIRE_BAD_LENGTH;
	}
}

static enum wire_status inject_check(const struct wire_inject *inject, unsigned type)
{
	if (wire_position_name(inject->position) == NULL)
		return WIRE_BAD_VALUE;
	if (inject->position == WIRE_POSITION_RANK && inject->rank == 0)
		return WIRE_MISSING;
	if (type == WIRE_INJECT && inject->replaces.p != NULL)
		return WIRE_BAD_VALUE;
	if (inject->date_offset_count > WIRE_DATE_OFFSETS_MAX)
		return WIRE_TOO_MANY;
	for (size_t i = 0; i < inject->date_offset_count; i++) {
		uint32_t at = inject->date_offset[i];
		if (inject->message.n < WIRE_DATE_WIDTH ||
		    at > inject->message.n - WIRE_DATE_WIDTH)
			return WIRE_BAD_VALUE;
	}
	return WIRE_OK;
}

static unsigned event_of_cause(unsigned cause)
{
	switch (cause) {
#define X(name, number, text, event)                                                   \
	case number:                                                                   \
		return WIRE_EVENT_##event;
		WIRE_CAUSES(X)
#undef X
	default:
		return 0;
	}
}

static enum wire_status event_check(const struct wire_event *event)
{
	if (wire_event_name(event->type) == NULL)
		return WIRE_BAD_VALUE;
	/* what no calendar writes in four digits of a year */
	if (event->time < 0 || event->time > WIRE_TIME_MAX)
		return WIRE_BAD_VALUE;
	bool has_cause =
		event->type == WIRE_EVENT_GONE || event->type == WIRE_EVENT_REFUSED;
	if (has_cause != (event->cause != WIRE_CAUSE_NONE))
		return WIRE_BAD_VALUE;
	if (has_cause && event_of_cause(event->cause) != event->type)
		return WIRE_BAD_VALUE;
	return WIRE_OK;
}

enum wire_status wire_frame_check(const struct wire_frame *frame)
{
	switch (frame->type) {
	case WIRE_INJECT:
	case WIRE_REINJECT:
		return inject_check(&frame->inject, frame->type);
	case WIRE_WITHDRAW:
		return wire_withdraw_cause_name(frame->withdraw.cause) != NULL
			       ? WIRE_OK
			       : WIRE_BAD_VALUE;
	case WIRE_EVENT:
		return event_check(&frame->event);
	default:
		return WIRE_OK;
	}
}
